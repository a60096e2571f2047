"""Accounts: where certificates are held."""

import uuid

from django.db import models
from django.db.models import Q

from registry.models.commodities import Commodity
from registry.models.organisations import Organisation


class Account(models.Model):
    """
    A place in the ledger.

    ``trading``: an organisation holds and trades. ``retirement``: its terminal account.
    ``issuance`` and ``expiry``: one each per commodity, the system's.
    """

    class Type(models.TextChoices):
        """What may happen to the certificates in it."""

        TRADING = "trading", "Trading"
        RETIREMENT = "retirement", "Retirement"
        ISSUANCE = "issuance", "Issuance"
        EXPIRY = "expiry", "Expiry"

    class Status(models.TextChoices):
        """Whether certificates may enter and leave."""

        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=16, choices=Type)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    commodity = models.ForeignKey(
        Commodity, models.PROTECT, null=True, blank=True, related_name="system_accounts"
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    # Always 0. PostgreSQL lets a role lock a row only if it may update a column of it: this is the
    # column that the ledger's writer may update, and the constraint leaves it nothing to write.
    ledger_lock = models.SmallIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                condition=Q(type__in=("trading", "retirement", "issuance", "expiry")),
                name="registry_account_type_ck",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("active", "suspended", "closed")),
                name="registry_account_status_ck",
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        type__in=("trading", "retirement"),
                        organisation__isnull=False,
                        commodity__isnull=True,
                    )
                    | Q(
                        type__in=("issuance", "expiry"),
                        organisation__isnull=True,
                        commodity__isnull=False,
                    )
                ),
                name="registry_account_owner_ck",
            ),
            models.CheckConstraint(
                condition=Q(ledger_lock=0), name="registry_account_ledger_lock_ck"
            ),
            models.UniqueConstraint(
                fields=("commodity", "type"),
                condition=Q(commodity__isnull=False),
                name="registry_account_one_per_commodity_uq",
            ),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.name}".strip()
