"""
The mails that hold a link, sent at once; the link is in no table, so no outbox could send them.

A mail that cannot be sent is logged and stops nothing. What happened is told by notices.
"""

import logging
import smtplib
from typing import Any

from django.core.mail import send_mail
from django.template.loader import render_to_string

log = logging.getLogger(__name__)


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
