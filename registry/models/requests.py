"""Requests: what somebody asks the ledger to do, and who decided."""

import uuid
from hashlib import sha256

from django.db import models
from django.db.models import Func, Q, Value

from ledgerdb.fields import NumberRangesField
from registry.models.accounts import Account
from registry.models.commodities import Commodity, Region
from registry.models.facilities import Facility
from registry.models.organisations import Organisation, User


class Request(models.Model):
    """
    One request for one ledger transaction.

    The content is frozen once submitted, the status moves only along its states, and submitter and
    approver are two people: guards of the database hold all three (``sql/045_requests.sql``), and
    the conditions of a row too, because a CHECK is parsed anew for each statement.
    The five ledger functions read everything they do from this row.
    """

    class Kind(models.TextChoices):
        """The five things that can happen in the ledger."""

        MINT = "mint", "Issue"
        TRANSFER = "transfer", "Transfer"
        RETIRE = "retire", "Retirement"
        REASSIGN_REGION = "reassign_region", "Region change"
        EXPIRE = "expire", "Expiry"

    class Status(models.TextChoices):
        """The states, in the words that people see."""

        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Waiting for approval"
        APPROVED = "approved", "Approved"
        EXECUTED = "executed", "Completed"
        REJECTED = "rejected", "Rejected"
        FAILED = "failed", "Failed"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True,
        editable=False,
        db_default=Func(Value("registry_request_number_seq"), function="nextval"),
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)

    # What is asked for: frozen once submitted.
    kind = models.CharField(max_length=16, choices=Kind)
    # Its index is that of the key, which begins with it.
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="requests", db_index=False
    )
    commodity = models.ForeignKey(Commodity, models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    target = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    volume = models.BigIntegerField(null=True, blank=True)
    ranges = NumberRangesField(null=True, blank=True)
    facility = models.ForeignKey(
        Facility, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    region = models.ForeignKey(
        Region, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    production_start = models.DateField(null=True, blank=True)
    production_end = models.DateField(null=True, blank=True)
    source_serial = models.CharField(max_length=200, blank=True)
    filter_facility = models.ForeignKey(
        Facility, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    filter_region = models.ForeignKey(
        Region, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    filter_produced_from = models.DateField(null=True, blank=True)
    filter_produced_to = models.DateField(null=True, blank=True)
    # No less than none: a guard, not PositiveIntegerField, which would be a CHECK.
    max_blocks = models.IntegerField(null=True, blank=True)
    beneficiary = models.CharField(max_length=200, blank=True)
    beneficiary_country = models.CharField(max_length=2, blank=True)
    beneficiary_place = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    consumption_start = models.DateField(null=True, blank=True)
    consumption_end = models.DateField(null=True, blank=True)
    # Nobody has agreed to the publication of what was retired before this was asked.
    claim_published = models.BooleanField(default=False, db_default=False)
    note = models.TextField(blank=True, max_length=2000)
    # When it happened, stated only for migrated history; empty means "when it is executed".
    occurred_at = models.DateTimeField(null=True, blank=True)
    source_event = models.CharField(max_length=200, null=True, blank=True)

    # Who asked.
    idempotency_key = models.UUIDField(default=uuid.uuid4)
    submitter = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    submitted_fingerprint = models.CharField(max_length=64, blank=True)

    # Who decided, and on which blocks.
    approver = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=500, blank=True)
    approved_fingerprint = models.CharField(max_length=64, blank=True)

    # What came of it.
    executed_at = models.DateTimeField(null=True, blank=True)
    transaction_id = models.BigIntegerField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    failure_code = models.CharField(max_length=64, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("organisation", "idempotency_key"), name="registry_request_idempotency_uq"
            ),
            models.UniqueConstraint(
                fields=("source_event",),
                condition=Q(source_event__isnull=False),
                name="registry_request_source_event_uq",
            ),
        )
        indexes = (
            models.Index(
                fields=("source", "commodity"),
                condition=Q(status__in=("submitted", "approved")),
                name="registry_request_reserved_ix",
            ),
            # Every page counts what is open; of all requests that is very little.
            models.Index(
                fields=("status", "submitted_at"),
                condition=Q(status__in=("draft", "submitted", "approved")),
                name="registry_request_open_ix",
            ),
        )

    def __str__(self) -> str:
        return f"Request {self.number}"

    def version(self) -> str:
        """Return a digest of what is asked for, so that a page can say which answers it showed."""
        content = [(name, str(getattr(self, name))) for name in CONTENT]
        return sha256(repr(content).encode()).hexdigest()[:32]


# What a request asks for, by column: the part that is frozen once it is submitted.
CONTENT = (
    "kind", "commodity_id", "source_id", "target_id", "volume", "ranges", "facility_id",
    "region_id", "production_start", "production_end", "source_serial", "filter_facility_id",
    "filter_region_id", "filter_produced_from", "filter_produced_to", "max_blocks", "beneficiary",
    "beneficiary_country", "beneficiary_place", "reason", "consumption_start", "consumption_end",
    "note", "occurred_at", "source_event",
)  # fmt: skip
