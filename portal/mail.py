"""The mails that the portal sends. A mail that cannot be sent is logged and stops nothing."""

import logging
import smtplib
from typing import Any

from django.core.mail import send_mail
from django.template.loader import render_to_string

from registry.models import User

log = logging.getLogger(__name__)

NOTICES = {
    "password_changed": "Your password was changed.",
    "password_reset": "Your password was set anew, through a link sent to this address.",
    "app_set_up": "An authenticator app was set up for your sign-in.",
    "passkey_added": "A passkey was added to your sign-in.",
    "factor_removed": "A second factor was removed from your sign-in.",
    "factors_cleared": "Your second factors were removed by somebody who looks after your team.",
    "codes_renewed": "You have new recovery codes; the earlier ones have ended.",
    "role_changed": "Your role was changed by somebody who looks after your team.",
}


def send(name: str, to: str, context: dict[str, Any]) -> bool:
    """Send ``portal/mail/<name>.txt``, whose first line is the subject; say whether it left."""
    subject, _, body = render_to_string(f"portal/mail/{name}.txt", context).partition("\n")
    try:
        # One line, whatever a name holds.
        send_mail(f"Strata: {' '.join(subject.split())}", body.strip() + "\n", None, [to])
    except (OSError, smtplib.SMTPException):
        log.exception("mail %s could not be sent", name)
        return False
    return True


def notify(name: str, person: User) -> None:
    """Tell somebody that their sign-in has changed, in case it was not them."""
    what = NOTICES.get(name, "Your sign-in was changed.")
    send("notice", person.email, {"person": person, "what": what})
