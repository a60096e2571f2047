"""Signing in and out, and showing again who is there."""

import json
from typing import Any

from allauth.account.internal.flows import reauthentication
from allauth.account.views import BaseReauthenticateView, LoginView, LogoutView
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.base.views import AuthenticateView
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from portal.forms.factors import Confirm
from portal.sign_in import LOCKED
from registry.selectors import people

PROVIDER = {
    "unknown": "Nobody is registered here under the address that your provider has verified.",
    "failed": "Signing in through your provider did not work. Try it again.",
}


def refused(form: Any) -> int:
    """Return the status of a form that is not accepted: 429 when too many attempts failed."""
    return 429 if LOCKED in [text for texts in form.errors.values() for text in texts] else 422


class SignIn(LoginView):
    """Sign in with e-mail address and password; who has a second factor gives it next."""

    template_name = "portal/session/sign_in.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show why not: 429 when too many attempts failed, otherwise 422."""
        return self.render_to_response(self.get_context_data(form=form), status=refused(form))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the provider, if there is one, and what it said."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["provider"] = settings.OIDC_LABEL if settings.OIDC_ISSUER else ""
        context["trouble"] = PROVIDER.get(self.request.GET.get("provider", ""), "")
        return context


class Verify(AuthenticateView):
    """The second step of signing in."""

    template_name = "portal/session/verify.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show why not."""
        answer: HttpResponse = super().form_invalid(form)
        answer.status_code = refused(form)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Ask for a passkey only where there is one."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        person = self.stage.login.user
        factors = people.factors(person)
        return context | {
            "form": self.auth_form,
            "by_app": bool(factors.app),
            "codes_left": factors.codes_left,
            "passkey_options": _options(context) if factors.passkeys else "",
            "troubles": [
                text
                for form in (self.auth_form, self.webauthn_form)
                for texts in form.errors.values()
                for text in texts
            ],
        }


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class ConfirmIdentity(BaseReauthenticateView):
    """Show who is there, before something about a sign-in changes."""

    template_name = "portal/session/confirm.html"
    form_class = Confirm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Ask this person."""
        return super().get_form_kwargs() | {"user": self.request.user}

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show why not."""
        return self.render_to_response(self.get_context_data(form=form), status=refused(form))

    def form_valid(self, form: Any) -> HttpResponse:
        """Remember it for some minutes, and go on."""
        if form.factor is None:
            reauthentication.reauthenticate_by_password(self.request)
        else:
            post_authentication(self.request, form.factor, reauthenticated=True)
        return super().form_valid(form)


def _options(context: dict[str, Any]) -> str:
    return json.dumps(context["js_data"]["request_options"])


sign_in = SignIn.as_view()
sign_out = require_POST(LogoutView.as_view())
verify = Verify.as_view()
confirm = ConfirmIdentity.as_view()


@login_not_required
def closed(request: HttpRequest) -> HttpResponse:
    """Answer as if there were no such page: people come by invitation."""
    raise Http404("There is no such page.")
