"""Whose, and of what: what is typed into a filter, narrowed to what a person may see."""

from collections.abc import Mapping
from typing import Any

from registry import access
from registry.models import Account, Commodity, Facility, Organisation, Region, User


def accounts(
    user: User, typed: Mapping[str, str], mistakes: dict[str, str], *, kind: str = ""
) -> list[Account] | None:
    """
    Return the accounts that an organisation and an account code mean; None for everybody's.

    An organisation's people get their own, whatever they type.

    :param kind: only accounts of this type, unless one is named
    """
    own = access.sees_only(user)
    found = Account.objects.select_related("organisation")
    if own:
        found = found.filter(organisation_id=own)
    elif name := typed.get("organisation"):
        named = organisation(name)
        if named is None:
            mistakes["organisation"] = f"There is no organisation “{name}”."
        found = found.filter(organisation=named) if named else found.none()
    if code := typed.get("account"):
        found = found.filter(code__iexact=code)
        if not found and "organisation" not in mistakes:
            mistakes["account"] = f"There is no account “{code}” here."
    elif kind:
        found = found.filter(type=kind)
    return list(found) if own or typed.get("organisation") or typed.get("account") else None


def organisation(name: str) -> Organisation | None:
    """Return an organisation by its code or its name."""
    return (
        Organisation.objects.filter(code__iexact=name).first()
        or Organisation.objects.filter(name__iexact=name).first()
    )


def trading_accounts() -> list[Account]:
    """Return everybody's trading accounts."""
    return list(Account.objects.filter(type=Account.Type.TRADING))


def facility(typed: Mapping[str, str], mistakes: dict[str, str]) -> Facility | None:
    """Return the facility that is meant, by code or name."""
    name = typed.get("facility", "")
    found = name and (
        Facility.objects.filter(code__iexact=name).first()
        or Facility.objects.filter(name__iexact=name).first()
    )
    if name and not found:
        mistakes["facility"] = f"There is no facility “{name}”."
    return found or None


def region(typed: Mapping[str, str], mistakes: dict[str, str]) -> Region | None:
    """Return the region that is meant, by code."""
    code = typed.get("region", "")
    found = Region.objects.filter(code=code).first() if code else None
    if code and not found:
        mistakes["region"] = f"There is no region “{code}”."
    return found


def commodity(typed: Mapping[str, str], mistakes: dict[str, str]) -> Commodity | None:
    """Return the commodity that is meant, by code."""
    code = typed.get("commodity", "")
    found = Commodity.objects.filter(code=code).first() if code else None
    if code and not found:
        mistakes["commodity"] = f"There is no commodity “{code}”."
    return found


def choices(user: User) -> dict[str, Any]:
    """Return what the lists of a filter offer."""
    return {
        "commodities": list(Commodity.objects.values_list("code", "name")),
        "regions": list(Region.objects.values_list("code", "name")),
        "sees_all": access.sees_only(user) is None,
    }
