"""Commodities and regions, and the rules of the market as data."""

from django.db import models
from django.db.models import F, Q


class Region(models.Model):
    """A place a certificate counts for."""

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name


class Commodity(models.Model):
    """
    One kind of certificate: a ledger of its own, with its own numbers and its own chain.

    A certificate stops being transferable, and later expires, a number of whole months after its
    production period ends: 12 and 18 for guarantees of origin (Directive (EU) 2018/2001,
    Art. 19(3)); empty means never.
    """

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=100)
    unit = models.CharField(max_length=16, default="MWh")
    unit_per_certificate = models.PositiveIntegerField(default=1)
    transferable = models.BooleanField(default=True)
    retirable = models.BooleanField(default=True)
    reassignable = models.BooleanField(default=False)
    periods_may_overlap = models.BooleanField(default=False)
    months_transferable = models.PositiveSmallIntegerField(null=True, blank=True)
    months_to_expiry = models.PositiveSmallIntegerField(null=True, blank=True)
    # Decides on which instant a production day ends.
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                condition=Q(unit_per_certificate__gte=1),
                name="registry_commodity_unit_positive_ck",
            ),
            models.CheckConstraint(
                condition=Q(months_transferable__isnull=True)
                | Q(months_to_expiry__isnull=True)
                | Q(months_transferable__lte=F("months_to_expiry")),
                name="registry_commodity_transfer_ends_before_expiry_ck",
            ),
        )

    def __str__(self) -> str:
        return self.name


class RegionRule(models.Model):
    """Allows certificates of a commodity to move from one region to another between two dates."""

    commodity = models.ForeignKey(Commodity, models.PROTECT, related_name="region_rules")
    from_region = models.ForeignKey(Region, models.PROTECT, related_name="+")
    to_region = models.ForeignKey(Region, models.PROTECT, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("commodity", "from_region", "to_region", "valid_from")
        constraints = (
            models.CheckConstraint(
                condition=~Q(from_region=F("to_region")),
                name="registry_regionrule_regions_differ_ck",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="registry_regionrule_dates_ordered_ck",
            ),
            models.UniqueConstraint(
                fields=("commodity", "from_region", "to_region", "valid_from"),
                name="registry_regionrule_once_uq",
            ),
        )

    def __str__(self) -> str:
        return f"{self.commodity_id}: {self.from_region_id} to {self.to_region_id}"
