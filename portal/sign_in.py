"""What our sign-in says and allows, told to allauth."""

from typing import Any
from urllib.parse import quote

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from portal import mail
from registry import access, services
from registry.models import User

WAIT_SECONDS = 5 * 60
WAIT = f"{WAIT_SECONDS // 60} minutes"
NEWEST = "This code is not right, or was used before. Use the newest code."
LOCKED = f"Too many failed attempts. Wait {WAIT}, then try again."


class Adapter(DefaultAccountAdapter):
    """One message for every failure, a wait that is stated, and no sign-up."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "too_many_login_attempts": LOCKED,
        "rate_limited": LOCKED,
        "incorrect_password": "The password is not right.",
        "enter_current_password": "The present password is not right.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse: people come by invitation."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead somebody who must have a second factor, and has none, to set one up."""
        if isinstance(request.user, User) and access.must_set_up_factor(request.user):
            return reverse("portal:app")
        return str(super().get_login_redirect_url(request))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Go back to one's own page."""
        return reverse("portal:me")

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, str]]:
        """Offer the one page that confirms who is there, whatever it asks for."""
        return [{"id": "confirm", "description": "", "url": reverse("account_reauthenticate")}]

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Check a password again, under the same limits as signing in."""
        found = self.authenticate(self.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Say the same as for any failure."""
        return redirect("account_login")

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: our pages show what is now true."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send our own words."""
        mail.send(template_prefix.rpartition("/")[2], email, context)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell somebody that their password has changed; the services tell of all else."""
        if "password" in template_prefix:
            services.tell_new_password(person=user)


class FactorAdapter(DefaultMFAAdapter):
    """Second factors: encrypted at rest, under the name of the registry."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": NEWEST}

    def encrypt(self, text: str) -> str:
        """Encrypt what is stored."""
        return services.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Read what is stored."""
        return services.decrypt(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name the registry where a passkey is made."""
        return {**super().get_public_key_credential_rp_entity(), "name": "Strata"}

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        """Name the person where a passkey is made."""
        return {"id": user.pk.bytes, "display_name": user.name, "name": user.email}


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Sign-in through a provider: for people registered under an address that it has verified."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Refuse: people come by invitation."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """
        Find who is meant; the provider vouches for the address, so its word is needed each time.

        :raises ImmediateHttpResponse: nobody is, or the address is not verified
        """
        person = _person(sociallogin)
        if person is None:
            raise ImmediateHttpResponse(redirect(f"{reverse('account_login')}?provider=unknown"))
        # Nothing is kept of it.
        sociallogin.user = person

    def on_authentication_error(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """
        Say on the sign-in page that it did not work.

        :raises ImmediateHttpResponse: always
        """
        raise ImmediateHttpResponse(redirect(f"{reverse('account_login')}?provider=failed"))


def _person(sociallogin: Any) -> User | None:
    for address in sociallogin.email_addresses:
        if address.verified is True:
            return access.signs_in_as(address.email)
    return None


def confirm_url(path: str) -> str:
    """Return where somebody confirms who they are before they go on to ``path``."""
    return f"{reverse('account_reauthenticate')}?next={quote(path)}"
