"""Notices: what a person is told, in the portal and by mail, and what of it they want mailed."""

from django.db import models
from django.db.models import Q

from registry.models.organisations import User
from registry.models.requests import Request


class NoticeKind(models.TextChoices):
    """What happened, in the words of the preferences."""

    SUBMITTED = "submitted", "A request waits for your decision"
    APPROVED = "approved", "Your request was approved and will be executed"
    EXECUTED = "executed", "Your request was executed"
    MOVED = "moved", "Certificates came in, or were moved for your organisation"
    REJECTED = "rejected", "Your request was rejected"
    FAILED = "failed", "The ledger refused your approved request"
    WITHDRAWN = "withdrawn", "A request was withdrawn by somebody else"
    CHANGED = "changed", "The blocks of your request are no longer those that you checked"
    DEADLINE = "deadline", "Certificates are 90 or 30 days from their last day"
    ACCOUNT = "account", "An account was frozen or opened again"
    VARIANCE = "variance", "Decisions about a replay wait for your signature"
    RETURNED = "returned", "Your decision about a replay was sent back"
    ORGANISATION = "organisation", "Your organisation was suspended or may act again"
    INVITED = "invited", "You were given access"
    ROLE = "role", "Your role was changed"
    FACTOR = "factor", "A second factor was added or removed"
    PASSWORD = "password", "Your password was changed"


# Told always and mailed always: whoever takes over a sign-in must not be able to silence them.
SECURITY = (NoticeKind.INVITED, NoticeKind.ROLE, NoticeKind.FACTOR, NoticeKind.PASSWORD)


class Notice(models.Model):
    """
    One event told to one person, once: written in the transaction of what it tells of.

    The mail is part of the row: due, or sent, or neither. ``awaits`` says what the notice is still
    waiting for, until ``closed_at``.
    """

    class Awaits(models.TextChoices):
        """What is left to do; ``outcome`` is the registry's own, the rest is the person's."""

        NOTHING = "", "Nothing"
        DECISION = "decision", "A decision"
        COPY = "copy", "A new request in its place"
        LOOK = "look", "A look at what changed"
        USE = "use", "Certificates to be used in time"
        OUTCOME = "outcome", "The execution"
        SIGNATURE = "signature", "A signature"

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(User, models.PROTECT, related_name="notices", db_index=False)
    # Names the event; the same event tells the same person once.
    event = models.CharField(max_length=160)
    kind = models.CharField(max_length=16, choices=NoticeKind)
    # No constraint of the database: its checks would lock the request and cost each execution time,
    # and requests are never deleted.
    request = models.ForeignKey(
        Request, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    facts = models.JSONField(default=dict)
    awaits = models.CharField(max_length=16, choices=Awaits, default=Awaits.NOTHING, blank=True)
    told_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True)
    mail_tries = models.PositiveSmallIntegerField(default=0)
    mail_sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("person", "event"), name="registry_notice_told_once_uq"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=NoticeKind.values), name="registry_notice_kind_ck"
            ),
            models.CheckConstraint(
                condition=Q(
                    awaits__in=("", "decision", "copy", "look", "use", "outcome", "signature"),
                ),
                name="registry_notice_awaits_ck",
            ),
            models.CheckConstraint(
                condition=Q(mail_due_at__isnull=True) | Q(mail_sent_at__isnull=True),
                name="registry_notice_mailed_once_ck",
            ),
        )
        indexes = (
            models.Index(fields=("person", "id"), name="registry_notice_person_ix"),
            models.Index(
                fields=("person", "id"),
                condition=Q(read_at__isnull=True),
                name="registry_notice_unread_ix",
            ),
            models.Index(
                fields=("request", "awaits"),
                condition=Q(closed_at__isnull=True) & ~Q(awaits=""),
                name="registry_notice_open_ix",
            ),
            models.Index(
                fields=("person", "id"),
                condition=Q(closed_at__isnull=True) & ~Q(awaits=""),
                name="registry_notice_needs_ix",
            ),
            models.Index(
                fields=("mail_due_at",),
                condition=Q(mail_due_at__isnull=False),
                name="registry_notice_mail_due_ix",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.event}"


class NoticePreference(models.Model):
    """Whether a person wants one kind of notice by mail; without a row, the kind decides."""

    person = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=16, choices=NoticeKind)
    mail = models.BooleanField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("person", "kind"), name="registry_noticepreference_one_uq"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=NoticeKind.values),
                name="registry_noticepreference_kind_ck",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=SECURITY),
                name="registry_noticepreference_not_security_ck",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind}: {'mail' if self.mail else 'no mail'}"
