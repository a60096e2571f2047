"""Builds what a test needs, through the real services only."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from ledgerdb.errors import translated
from registry import services
from registry.models import (
    Account,
    Commodity,
    Facility,
    Organisation,
    Region,
    ReplayRun,
    ReplayVariance,
    Request,
    User,
)

PASSWORD = "correct horse battery staple"
numbers = itertools.count(1)


def organisation(kind: str = "participant", **fields: Any) -> Organisation:
    """Make an organisation."""
    n = next(numbers)
    return services.add_organisation(
        **{"code": f"ORG{n}", "name": f"Organisation {n}", "kind": kind, **fields}
    )


def registry() -> Organisation:
    """Return the registry's own organisation."""
    found = Organisation.objects.filter(kind="registry", status="active").first()
    return found or organisation("registry", code="REGISTRY", name="Registry")


def person(organisation: Organisation, role: str = "submitter", **fields: Any) -> User:
    """Make a person; without ``password`` they cannot sign in (hashing one takes its time)."""
    n = next(numbers)
    return services.add_person(
        organisation=organisation,
        role=role,
        **{"name": f"Person {n}", "email": f"person{n}@example.org", **fields},
    )


def approver(**fields: Any) -> User:
    """Return an approver of the registry; a new one when fields are given."""
    found = None if fields else User.objects.filter(role="approver", is_active=True).first()
    return found or person(registry(), "approver", **fields)


def operator() -> User:
    """Return an operator of the registry."""
    return User.objects.filter(role="operator").first() or person(registry(), "operator")


def submitter_for(account: Account) -> User:
    """Return somebody who may submit for the account's organisation."""
    assert account.organisation is not None
    found = account.organisation.people.filter(role="submitter", is_active=True).first()
    return found or person(account.organisation)


def commodity(**rules: Any) -> Commodity:
    """Define a commodity with its system accounts."""
    n = next(numbers)
    return services.define_commodity(**{"code": f"C{n}", "name": f"Commodity {n}", **rules})


def default_commodity() -> Commodity:
    """Return the first commodity, made when there is none."""
    return Commodity.objects.order_by("id").first() or commodity()


def region(**fields: Any) -> Region:
    """Make a region."""
    n = next(numbers)
    return services.add_region(**{"code": f"R{n}", "name": f"Region {n}", **fields})


def facility(organisation: Organisation, **fields: Any) -> Facility:
    """Make a facility, in the first region when none is named."""
    n = next(numbers)
    fields.setdefault("region", Region.objects.order_by("id").first() or region())
    return services.add_facility(
        organisation=organisation, **{"code": f"F{n}", "name": f"Facility {n}", **fields}
    )


def account(
    holding: int = 0,
    *,
    organisation: Organisation | None = None,
    commodity: Commodity | None = None,
    type: str = "trading",
    **fields: Any,
) -> Account:
    """Open an account, and issue certificates into it if it is to hold any."""
    opened = services.open_account(
        organisation=organisation or globals()["organisation"](),
        type=type,
        **{"code": f"ACC-{next(numbers)}", **fields},
    )
    if holding:
        mint(opened, holding, commodity=commodity)
    return opened


def retirement_account(of: Account) -> Account:
    """Open a retirement account for the same organisation."""
    assert of.organisation is not None
    return account(organisation=of.organisation, type="retirement")


def request(kind: str, submitter: User, commodity: Commodity | None = None, **asks: Any) -> Request:
    """Draft and submit a request."""
    drafted = services.draft_request(
        kind=kind, submitter=submitter, commodity=commodity or default_commodity(), **asks
    )
    return services.submit_request(request_id=drafted.id, submitter=submitter)


def approve(request: Request, fingerprint: str = "") -> Request:
    """Record an approval without executing it, as of a preview that the approver was shown."""
    from registry.services.decisions import _decide

    person = approver()
    opened(request, person, fingerprint)
    return _decide(
        request_id=request.id,
        approver=person,
        status=Request.Status.APPROVED,
        approved_fingerprint=fingerprint,
    )


def opened(request: Request, person: User, fingerprint: str) -> None:
    """Record that somebody was shown the blocks of a fingerprint, if there is one."""
    if fingerprint:
        shown = {"fingerprint": fingerprint, "consumed": []}
        services.record_opening(request_id=request.id, person=person, preview=shown)


def mint_request(
    target: Account, volume: int, *, facility: Facility | None = None, **asks: Any
) -> Request:
    """Ask for an issue, for a facility of the account's organisation and a month of its own."""
    assert target.organisation is not None
    plant = facility or globals()["facility"](target.organisation)
    asks.setdefault("production_start", date(2026, 1, 1))
    asks.setdefault("production_end", date(2026, 1, 31))
    return request(
        "mint",
        submitter_for(target) if plant.organisation_id == target.organisation_id else operator(),
        target=target,
        facility=plant,
        volume=volume,
        **asks,
    )


def transfer_request(source: Account, target: Account, volume: int | None, **asks: Any) -> Request:
    """Ask for a transfer."""
    return request(
        "transfer", submitter_for(source), source=source, target=target, volume=volume, **asks
    )


def retire_request(source: Account, volume: int | None, **asks: Any) -> Request:
    """Ask for a retirement."""
    if "target" not in asks:
        asks["target"] = retirement_account(source)
    asks.setdefault("beneficiary", "Town of Exampleton")
    asks.setdefault("reason", "Supply of 2026")
    return request("retire", submitter_for(source), source=source, volume=volume, **asks)


def region_request(
    source: Account, volume: int | None, from_region: Region | None, to_region: Region, **asks: Any
) -> Request:
    """Ask for a change of region."""
    return request(
        "reassign_region",
        submitter_for(source),
        source=source,
        volume=volume,
        filter_region=from_region,
        region=to_region,
        **asks,
    )


def expire_request(commodity: Commodity | None = None, **asks: Any) -> Request:
    """Ask for an expiry run."""
    return request("expire", operator(), commodity, **asks)


def approved_transfer(source: Account, target: Account, volume: int | None, **asks: Any) -> Request:
    """Make a transfer that is approved and not yet executed."""
    return approve(transfer_request(source, target, volume, **asks))


def mint(target: Account, volume: int, **asks: Any) -> Request:
    """Issue certificates into an account."""
    return done(mint_request(target, volume, **asks))


def mint_ending(
    target: Account, volume: int, *, days: int, commodity: Commodity | None = None
) -> Request:
    """Issue certificates of a commodity of 12 months whose last day is so many days ahead."""
    last = datetime.now(UTC).date() + timedelta(days=days)
    # A leap day has no anniversary.
    day = last.replace(year=last.year - 1, day=min(last.day, 28))
    return mint(
        target,
        volume,
        commodity=commodity or globals()["commodity"](months_to_expiry=12),
        production_start=day,
        production_end=day,
    )


def transfer(source: Account, target: Account, volume: int | None, **asks: Any) -> Request:
    """Transfer certificates."""
    return done(transfer_request(source, target, volume, **asks))


def retire(source: Account, volume: int | None, **asks: Any) -> Request:
    """Retire certificates."""
    return done(retire_request(source, volume, **asks))


def done(request: Request) -> Request:
    """Approve and execute a request, and see that it was."""
    executed = services.execute_request(request_id=approve(request).id)
    assert executed.status == "executed", executed.failure_code
    return executed


def replay_run(**fields: Any) -> ReplayRun:
    """Record a run of a replay that waits to be started; of a file that is nowhere."""
    given = {
        "source": "old-registry",
        "adapter": "jsonl",
        "path": "/nowhere/history.jsonl",
        "file_name": "history.jsonl",
        "sha256": "0" * 64,
        "size": 1,
    }
    with translated():
        return ReplayRun.objects.create(**{**given, **fields})


def variance(event_id: str = "issue:1", **fields: Any) -> ReplayVariance:
    """Decide about an event of the old registry: it is left out. Nobody has signed."""
    given = {
        "source": "old-registry",
        "outcome": "variance",
        "action": "skip",
        "reason": "Entered twice by hand; the source confirms it.",
        "author": operator(),
    }
    with translated():
        return ReplayVariance.objects.create(event_id=event_id, **{**given, **fields})


def key() -> Any:
    """Return a fresh idempotency key."""
    return uuid4()
