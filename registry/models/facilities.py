"""Facilities: the audited places that certificates are issued for."""

import uuid
from datetime import date

from django.db import models

from registry.models.commodities import Region
from registry.models.organisations import Organisation


class Facility(models.Model):
    """A production device, owned by one organisation and standing in one region."""

    class Status(models.TextChoices):
        """Whether certificates may be issued for it."""

        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="facilities")
    region = models.ForeignKey(Region, models.PROTECT, related_name="facilities")
    technology = models.CharField(max_length=64, blank=True)
    capacity_kw = models.PositiveIntegerField(null=True, blank=True)
    commissioned_on = models.DateField(null=True, blank=True)
    audited_on = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("code",)
        verbose_name_plural = "facilities"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(status__in=("active", "suspended", "closed")),
                name="registry_facility_status_ck",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def makes_at_most(self, first: date, last: date) -> int | None:
        """Return the MWh that it makes at full power in some days; None if nobody said how much."""
        # One of the days may be the one in autumn that has an hour more.
        hours = 24 * ((last - first).days + 1) + 1
        return self.capacity_kw * hours // 1000 if self.capacity_kw else None


class FacilityAudit(models.Model):
    """What an auditor found at a facility. Never changed: a later audit says what is true later."""

    class Outcome(models.TextChoices):
        """What the auditor concluded."""

        PASSED = "passed", "Passed"
        CONDITIONS = "conditions", "Passed with conditions"
        FAILED = "failed", "Failed"

    facility = models.ForeignKey(Facility, models.PROTECT, related_name="audits")
    audited_on = models.DateField()
    auditor = models.CharField(max_length=200)
    outcome = models.CharField(max_length=16, choices=Outcome)
    valid_until = models.DateField(null=True, blank=True)
    # Where the report is filed.
    document = models.CharField(max_length=500, blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-audited_on", "-id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(outcome__in=("passed", "conditions", "failed")),
                name="registry_facilityaudit_outcome_ck",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gte=models.F("audited_on")),
                name="registry_facilityaudit_dates_ordered_ck",
            ),
            models.UniqueConstraint(
                fields=("facility", "audited_on", "auditor"),
                name="registry_facilityaudit_once_uq",
            ),
        )

    def __str__(self) -> str:
        return f"{self.auditor}, {self.audited_on}"
