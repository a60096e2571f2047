"""Facilities: the audited places that certificates are issued for."""

import uuid

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
