"""What was shown to whom before it was decided, and decisions taken together. Never changed."""

import uuid

from django.db import models
from django.db.models import Q

from registry.models.organisations import User
from registry.models.requests import Request


class PreviewOpening(models.Model):
    """
    One preview that one person opened, and when.

    An approval that carries a fingerprint needs one: a guard of the database looks here
    (``sql/046_previews.sql``). The preview itself is kept, so that a later difference can be shown
    side by side. A request that the ledger would refuse has the name of the refusal instead.
    """

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(Request, models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    fingerprint = models.CharField(max_length=64, blank=True)
    refusal = models.CharField(max_length=64, blank=True)
    # Blocks consumed: says how heavy a preview is without reading it.
    blocks = models.PositiveIntegerField(default=0)
    preview = models.JSONField(null=True, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(fingerprint="", preview__isnull=True) & ~Q(refusal="")
                | Q(refusal="", preview__isnull=False) & ~Q(fingerprint=""),
                name="registry_previewopening_shown_or_refused_ck",
            ),
        )
        indexes = (
            models.Index(fields=("request", "person", "id"), name="registry_previewopening_ix"),
        )

    def __str__(self) -> str:
        return f"{self.request} for {self.person}"


class DecisionRound(models.Model):
    """
    Several requests decided with one form, and what came of each.

    The key of the form is there once: the form sent again leads to the first results.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    approver = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    key = models.UUIDField()
    decision = models.CharField(max_length=16)
    reason = models.CharField(max_length=500, blank=True)
    results = models.JSONField()
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-decided_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("approver", "key"), name="registry_decisionround_key_uq"
            ),
        )

    def __str__(self) -> str:
        return f"Round {self.id}"
