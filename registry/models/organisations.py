"""Organisations and the people who act for them."""

import uuid
from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower


class Organisation(models.Model):
    """A legal entity: a participant of the market, the registry itself, or a regulator."""

    class Kind(models.TextChoices):
        """What an organisation is to the registry."""

        PARTICIPANT = "participant", "Participant"
        REGISTRY = "registry", "Registry"
        REGULATOR = "regulator", "Regulator"

    class Status(models.TextChoices):
        """Whether its people may act."""

        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PARTICIPANT)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    country = models.CharField(max_length=2, blank=True)
    registration_no = models.CharField(max_length=64, blank=True)
    vat_no = models.CharField(max_length=32, blank=True, default="", db_default="")
    address = models.CharField(max_length=300, blank=True, default="", db_default="")
    contact = models.EmailField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    # Always 0: what the guards of its accounts and people may update, to lock the row (ADR 10).
    ledger_lock = models.SmallIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(ledger_lock=0), name="registry_organisation_ledger_lock_ck"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=("participant", "registry", "regulator")),
                name="registry_organisation_kind_ck",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=("active", "suspended")),
                name="registry_organisation_status_ck",
            ),
        )

    def __str__(self) -> str:
        return self.name


if TYPE_CHECKING:
    Manager = BaseUserManager["User"]
else:
    Manager = BaseUserManager


class UserManager(Manager):
    """Finds people by e-mail address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """
        Return the person who signs in with this address.

        :raises DoesNotExist: nobody does
        """
        found = self.get(email__iexact=username)
        # PostgreSQL compares capitals, and those of a dotless or a long letter are plain ones: the
        # limits on attempts, and a provider, would take the two for two addresses.
        if found.email.lower() != (username or "").strip().lower():
            raise self.model.DoesNotExist
        return found


class User(AbstractBaseUser):
    """
    One sign-in of one person.

    Two sign-ins of the same human being share ``person_id``: four eyes means two people, and the
    ledger compares persons, not sign-ins.
    """

    class Role(models.TextChoices):
        """What this sign-in may do; ``registry.access`` is the only reader in Python."""

        VIEWER = "viewer", "Viewer"
        SUBMITTER = "submitter", "Submitter"
        TEAM_ADMIN = "team_admin", "Team admin"
        OPERATOR = "operator", "Registry operator"
        APPROVER = "approver", "Registry approver"
        AUDITOR = "auditor", "Read only"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person_id = models.UUIDField(default=uuid.uuid4)
    code = models.CharField(max_length=64, unique=True)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="people")
    role = models.CharField(max_length=16, choices=Role)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Their own clock, shown after UTC; empty: UTC alone.
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name", "code"]

    objects = UserManager()

    class Meta:
        ordering = ("email",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(
                    role__in=(
                        "viewer",
                        "submitter",
                        "team_admin",
                        "operator",
                        "approver",
                        "auditor",
                    )
                ),
                name="registry_user_role_ck",
            ),
            models.UniqueConstraint(Lower("email"), name="registry_user_email_lower_uq"),
        )

    def __str__(self) -> str:
        return self.name
