"""What our sign-in says and allows, told to allauth."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

WAIT_SECONDS = 5 * 60
WAIT = f"{WAIT_SECONDS // 60} minutes"


class Adapter(DefaultAccountAdapter):
    """One message for every failure, a wait that is stated, and no sign-up."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "too_many_login_attempts": f"Too many failed attempts. Wait {WAIT}, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse: the registry opens accounts."""
        return False
