"""What a person may choose from when asking for something."""

from registry import access
from registry.models import Account, Commodity, Facility, User
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
