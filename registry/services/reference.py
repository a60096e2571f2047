"""
Adding reference records: organisations, people, commodities, regions, accounts and facilities.

Nobody is named as adding them: this is how a registry is founded and how one is migrated. The
registry's desk (``services.desk``) adds the same records in somebody's name, and changes them.
"""

from datetime import date
from typing import Any

from django.db import transaction

from ledgerdb.errors import translated
from registry.identity import id_of
from registry.models import (
    Account,
    Commodity,
    Facility,
    Organisation,
    Region,
    RegionRule,
    User,
)


def add_organisation(
    *, code: str, name: str, kind: str = "participant", **fields: Any
) -> Organisation:
    """Register an organisation."""
    return Organisation.objects.create(code=code, name=name, kind=kind, **fields)


def add_person(
    *,
    organisation: Organisation,
    role: str,
    name: str,
    email: str,
    code: str = "",
    password: str | None = None,
    **fields: Any,
) -> User:
    """Give a person a sign-in; without a password it cannot be used to sign in."""
    user = User(
        organisation=organisation, role=role, name=name, email=email, code=code or email, **fields
    )
    user.set_password(password)
    user.save(force_insert=True)
    return user


def define_commodity(*, code: str, name: str, **rules: Any) -> Commodity:
    """
    Define a commodity with its rules, and open its issuance and expiry accounts.

    :raises Refused: TIME_ZONE_UNKNOWN
    """
    with translated(), transaction.atomic():
        commodity = Commodity.objects.create(code=code, name=name, **rules)
        for type_ in (Account.Type.ISSUANCE, Account.Type.EXPIRY):
            account = f"{code}-{type_.upper()}"
            Account.objects.create(
                # Postings name it, and the chain's hashes cover them.
                id=id_of("account", account),
                code=account,
                name=f"{name}: {type_.label.lower()}",
                type=type_,
                commodity=commodity,
            )
    return commodity


def add_region(*, code: str, name: str, **fields: Any) -> Region:
    """Add a region."""
    return Region.objects.create(code=code, name=name, **fields)


def allow_region_change(
    *,
    commodity: Commodity,
    from_region: Region,
    to_region: Region,
    valid_from: date,
    valid_to: date | None = None,
) -> RegionRule:
    """Allow certificates of a commodity to change region between two dates, both included."""
    return RegionRule.objects.create(
        commodity=commodity,
        from_region=from_region,
        to_region=to_region,
        valid_from=valid_from,
        valid_to=valid_to,
    )


def open_account(
    *, organisation: Organisation, code: str, type: str = "trading", name: str = "", **fields: Any
) -> Account:
    """
    Open a trading or a retirement account for an organisation.

    :raises Refused: ORGANISATION_SUSPENDED
    """
    with translated():
        return Account.objects.create(
            organisation=organisation, code=code, type=type, name=name, **fields
        )


def add_facility(
    *, organisation: Organisation, region: Region, code: str, name: str, **fields: Any
) -> Facility:
    """Register a facility."""
    return Facility.objects.create(
        organisation=organisation, region=region, code=code, name=name, **fields
    )
