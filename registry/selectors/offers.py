"""What a person may choose from when asking for something."""

from django.db.models import Q

from registry import access, dates
from registry.models import Account, Commodity, Facility, RegionRule, User
from registry.selectors import accounts


def commodities() -> list[Commodity]:
    """Return every commodity."""
    return list(Commodity.objects.order_by("code"))


def facilities(user: User) -> list[Facility]:
    """Return the active facilities of a person's organisation; of all, for registry staff."""
    active = Facility.objects.filter(status=Facility.Status.ACTIVE).order_by("code")
    organisation = access.sees_only(user)
    return list(active.filter(organisation_id=organisation) if organisation else active)


def trading_accounts(user: User) -> list[Account]:
    """Return the active trading accounts that a person may issue into."""
    return list(
        accounts.visible(user)
        .filter(type=Account.Type.TRADING, status=Account.Status.ACTIVE)
        .order_by("code")
    )


def expiring_commodities() -> list[Commodity]:
    """Return the commodities whose certificates expire."""
    return list(Commodity.objects.exclude(months_to_expiry=None).order_by("code"))


def region_rules() -> list[RegionRule]:
    """Return the changes of region that the rules allow today."""
    today = dates.today()
    return list(
        RegionRule.objects.select_related("commodity", "from_region", "to_region")
        .filter(Q(valid_to=None) | Q(valid_to__gte=today), valid_from__lte=today)
        .order_by("commodity__code", "from_region__code", "to_region__code")
    )
