"""Commodities with their rules, regions, and which changes of region are allowed."""

from datetime import date
from typing import Any

from ledgerdb import calls
from registry.models import Account, Commodity, Region, RegionRule, User
from registry.services.desk import writing
from registry.services.reference import add_region, allow_region_change, define_commodity


def register_commodity(*, actor: User, code: str, **rules: Any) -> Commodity:
    """
    Define a commodity with its rules; its system accounts are opened with it.

    :raises Refused: CODE_TAKEN, TIME_ZONE_UNKNOWN
    """
    codes = [f"{code}-{type_.upper()}" for type_ in (Account.Type.ISSUANCE, Account.Type.EXPIRY)]

    def taken() -> bool:
        return (
            Commodity.objects.filter(code=code).exists()
            or Account.objects.filter(code__in=codes).exists()
        )

    return writing.register(actor=actor, add=define_commodity, taken=taken, code=code, **rules)


def edit_commodity(
    *, actor: User, commodity: Commodity, version: int, reason: str, **rules: Any
) -> Commodity:
    """
    Change the rules of a commodity, for what happens from now on.

    :raises Refused: RECORD_CHANGED, RECORD_FIXED (once one was issued), TIME_ZONE_UNKNOWN
    """
    with calls.acting(actor_id=actor.id, reason=reason):
        # First, as a mint does: equal orders cannot deadlock.
        issuance = Account.objects.filter(commodity=commodity, type=Account.Type.ISSUANCE)
        list(issuance.select_for_update(no_key=True, of=("self",)))
        return writing.edit(actor=actor, record=commodity, version=version, reason=reason, **rules)


def register_region(*, actor: User, code: str, name: str) -> Region:
    """
    Add a region.

    :raises Refused: CODE_TAKEN
    """
    return writing.register(
        actor=actor,
        add=add_region,
        taken=Region.objects.filter(code=code).exists,
        code=code,
        name=name,
    )


def register_region_rule(
    *,
    actor: User,
    commodity: Commodity,
    from_region: Region,
    to_region: Region,
    valid_from: date,
    valid_to: date | None = None,
) -> RegionRule:
    """
    Allow a change of region between two dates.

    :raises Refused: CODE_TAKEN: there is one for these regions from that day
    """
    key = {
        "commodity": commodity,
        "from_region": from_region,
        "to_region": to_region,
        "valid_from": valid_from,
    }
    return writing.register(
        actor=actor,
        add=allow_region_change,
        taken=RegionRule.objects.filter(**key).exists,
        valid_to=valid_to,
        **key,
    )


def end_region_rule(
    *, actor: User, rule: RegionRule, version: int, valid_to: date, reason: str
) -> RegionRule:
    """
    Say on which day a change of region is allowed for the last time.

    :raises Refused: RECORD_CHANGED
    """
    return writing.edit(actor=actor, record=rule, version=version, reason=reason, valid_to=valid_to)
