"""
Sending the mails of notices: after the commit of what they tell of, never inside a transaction.

A mail is claimed by putting its next try off, so that a crash or a second sender leaves it for
later; it is marked sent once. A crash between the sending and the mark may send it twice: the
Message-ID is the same then, and the receiving side can tell.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parseaddr
from smtplib import SMTPException
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from ledgerdb.errors import Refused
from registry.models import Notice, Request
from registry.selectors import notices as selectors
from registry.services import notices
from registry.services.previews import preview_request

log = logging.getLogger(__name__)

# Tries at growing distances, half a day at most; then it is given up. The first is longer than some
# mails can take: settings.EMAIL_TIMEOUT for each.
FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=12)
TRIES = 10
AT_ONCE = 10


def send_mails(*, connection: BaseEmailBackend | None = None) -> tuple[int, int]:
    """
    Send every mail that is due.

    :returns: how many were sent, and how many were not and will be tried again
    """
    sent = unsent = 0
    connection = connection or get_connection()
    while claimed := _claim():
        for notice in claimed:
            if _send(notice, connection):
                sent += 1
            else:
                unsent += 1
    return sent, unsent


def tell_changed_previews() -> int:
    """Tell submitters whose waiting request would now take other blocks; return how many."""
    told = 0
    for request in _waiting_and_checked():
        try:
            now = preview_request(request.id)["fingerprint"]
        except Refused:
            # It would be refused as things stand: other blocks all the same.
            now = ""
        if now != request.submitted_fingerprint:
            notices.changed(request)
            told += 1
    return told


def _waiting_and_checked() -> Iterator[Request]:
    told = Notice.objects.filter(awaits=Notice.Awaits.LOOK, closed_at=None).values("request_id")
    waiting = Request.objects.select_related("submitter").filter(
        status=Request.Status.SUBMITTED, occurred_at=None
    )
    yield from waiting.exclude(submitted_fingerprint="").exclude(id__in=told).order_by("number")


def _claim() -> list[Notice]:
    """Take some due mails; whoever else looks now finds them due later."""
    now = timezone.now()
    with transaction.atomic():
        due = list(
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(mail_due_at__lte=now)
            .order_by("mail_due_at", "id")[:AT_ONCE]
        )
        for notice in due:
            notice.mail_due_at = now + min(FIRST_WAIT * 2**notice.mail_tries, LONGEST_WAIT)
            notice.mail_tries += 1
            if notice.mail_tries >= TRIES:
                notice.mail_due_at = None
        Notice.objects.bulk_update(due, ("mail_due_at", "mail_tries"))
    claimed = Notice.objects.select_related(*selectors.RELATED)
    return list(claimed.filter(id__in=[notice.pk for notice in due]).order_by("id"))


def _send(notice: Notice, connection: BaseEmailBackend) -> bool:
    """Send one mail; say whether it needs no further try."""
    if not notice.person.is_active:
        Notice.objects.filter(id=notice.pk).update(mail_due_at=None)
        return True
    try:
        message = write(notice)
        message.connection = connection
        message.send()
    except (SMTPException, OSError) as error:
        # Never the text: it is nobody's but the person's.
        log.warning("mail of notice %s not sent: %s", notice.pk, type(error).__name__)
        if notice.mail_due_at is None:
            log.error("mail of notice %s given up after %s tries", notice.pk, TRIES)
        return False
    except ValueError:
        log.exception("mail of notice %s cannot be written", notice.pk)
        return False
    Notice.objects.filter(id=notice.pk, mail_sent_at=None).update(
        mail_sent_at=timezone.now(), mail_due_at=None
    )
    return True


def write(notice: Notice) -> EmailMessage:
    """Write the mail of a notice: what happened, what to do, and where."""
    item = selectors.one(notice.person, notice)
    home = settings.PUBLIC_ADDRESS
    preferences = f"{home}{reverse('portal:notice_preferences')}"
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2]
    needs = "Action required: " if item.needs else ""
    context = {
        "item": item,
        "link": f"{home}{item.told.address}",
        "preferences": preferences,
        "kind": notice.get_kind_display(),
    }
    return EmailMessage(
        subject=one_line(f"{needs}{item.told.title}"),
        body=render_to_string("portal/notices/mail.txt", context),
        to=[notice.person.email],
        headers={
            "Message-ID": f"<{uuid5(NAMESPACE_URL, f'{home}/{notice.pk}')}@{domain}>",
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{preferences}>",
        },
    )


def one_line(text: str) -> str:
    """Write a text that people had a hand in as one line, fit for a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
