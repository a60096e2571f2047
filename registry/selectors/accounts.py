"""Accounts and what they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404

from ledgerdb import held as now
from ledgerdb import pages, past
from ledgerdb.positions import one_moment
from registry import access, dates
from registry.models import Account, Commodity, User
from registry.selectors.positions import Standing

Row = dict[str, Any]
PAGE = 50
# How far back the picture of a balance goes.
HISTORY = timedelta(days=366)
ACQUIRED = {
    "mint": "Issued",
    "reassign_region": "Region change",
    "retire": "Retirement",
    "expire": "Expiry",
}


@dataclass(frozen=True)
class Sum:
    """Available + reserved = held."""

    held: int
    reserved: int

    @property
    def available(self) -> int:
        """Return what no open request asks for."""
        return self.held - self.reserved


@dataclass(frozen=True)
class Holdings:
    """What one account holds now."""

    total: Sum
    blocks: list[Row]
    all_blocks: int
    all_volume: int
    groups: list[Row]
    days: list[Row]
    positions: list[Row]
    units: list[Row]
    after: str


def visible(user: User) -> QuerySet[Account]:
    """Return the accounts that a person may open."""
    accounts = Account.objects.select_related("organisation", "commodity")
    organisation = access.sees_only(user)
    return accounts.filter(organisation_id=organisation) if organisation else accounts


def get(user: User, code: str) -> Account:
    """
    Return one account.

    :raises Http404: absent, or somebody else's
    """
    found = visible(user).filter(code=code).first()
    if found is None:
        raise Http404("No such account.")
    return found


def overview(user: User) -> list[Row]:
    """Return the accounts that a person may open, each with its sums and its last change."""
    return _summed(list(visible(user).order_by("code")))


def listed(user: User, *, after: str = "") -> tuple[list[Row], str]:
    """Return a page of these accounts, by code, and after which one to go on."""
    found = list(visible(user).filter(code__gt=after).order_by("code")[: PAGE + 1])
    return _summed(found[:PAGE]), found[PAGE - 1].code if len(found) > PAGE else ""


def listed_then(user: User, stands: Standing, *, after: str = "") -> tuple[list[Row], str]:
    """Return a page of the accounts that held something by then, and after which one to go on."""
    organisation = access.sees_only(user)
    with one_moment():
        found = past.accounts(organisation, stands.marks, after=after, limit=PAGE + 1)
    codes = sorted({row["code"] for row in found})
    following = codes[PAGE - 1] if len(codes) > PAGE else ""
    types = dict(Account.Type.choices)
    return [
        {**row, "kind": types[row["type"]]}
        for row in found
        if not following or row["code"] <= following
    ], following


def _summed(accounts: list[Account]) -> list[Row]:
    sums: dict[Any, list[Row]] = {}
    for row in pages.sums([account.id for account in accounts]):
        sums.setdefault(row["account_id"], []).append(
            {**row, "sum": Sum(row["held"], row["reserved"])}
        )
    changed = pages.last_changes([account.id for account in accounts])
    return [
        {"account": account, "sums": sums.get(account.id, []), "changed": changed.get(account.id)}
        for account in accounts
    ]


def sources(user: User) -> list[Row]:
    """Return what a person can take from: each trading account with each commodity it holds."""
    commodities = {each.id: each for each in Commodity.objects.all()}
    return [
        {**row, "account": entry["account"], "market": commodities[row["commodity_id"]]}
        for entry in overview(user)
        if entry["account"].type == Account.Type.TRADING and entry["account"].status == "active"
        for row in entry["sums"]
        if row["held"]
    ]


def available(account_id: UUID, commodity_id: int) -> int:
    """Return what an account holds of a commodity and no open request asks for; below 0: short."""
    mine = [row for row in pages.sums([account_id]) if row["commodity_id"] == commodity_id]
    return sum(Sum(row["held"], row["reserved"]).available for row in mine)


def retirement_account(of: Account) -> Account | None:
    """Return where the owner of an account retires to: the first of its open accounts for it."""
    return (
        Account.objects.filter(
            organisation=of.organisation,
            type=Account.Type.RETIREMENT,
            status=Account.Status.ACTIVE,
        )
        .order_by("code")
        .first()
    )


def picked_blocks(user: User, block_ids: list[int]) -> list[Row]:
    """Return those of the unspent blocks that a person may ask for, lowest number first."""
    return pages.unspent_blocks(access.sees_only(user), block_ids)


def holdings(account: Account, *, chosen: Mapping[str, str], after: str = "") -> Holdings:
    """Return what an account holds: sums, blocks, and the history of its balance; one moment."""
    with pages.one_snapshot(look_up=True):
        found = now.blocks_held(account.id, chosen=chosen, after=_position(after), limit=PAGE + 1)
        groups = now.held_groups(account.id)
        days = now.daily_balances(account.id, settings.REGISTRY_TIME_ZONE, dates.today() - HISTORY)
        sums = pages.sums([account.id])
        positions = pages.positions()
    held = {day["commodity"] for day in days}
    blocks, more = found[:PAGE], len(found) > PAGE
    return Holdings(
        total=_total(sums, chosen.get("commodity", "")),
        blocks=[{**block, "acquired": _acquired(block)} for block in blocks],
        all_blocks=blocks[0]["all_blocks"] if blocks else 0,
        all_volume=blocks[0]["all_volume"] if blocks else 0,
        groups=groups,
        days=[day for day in days if chosen.get("commodity") in (None, "", day["commodity"])],
        positions=[position for position in positions if position["commodity"] in held],
        units=sums,
        after=f"{blocks[-1]['commodity']}-{blocks[-1]['first']}" if more else "",
    )


def _total(found: list[Row], commodity: str) -> Sum:
    mine = [row for row in found if commodity in ("", row["commodity"])]
    return Sum(sum(row["held"] for row in mine), sum(row.get("reserved", 0) for row in mine))


def _acquired(block: Row) -> str:
    """Say where a block came from; a remainder stayed where its parent was."""
    if block["from_account_id"] == block["account_id"] and block["kind"] != "reassign_region":
        return "Remainder"
    if block["kind"] == "transfer":
        return f"From {block['sender']}"
    return ACQUIRED[block["kind"]]


def _position(after: str) -> tuple[str, int]:
    commodity, _, number = after.rpartition("-")
    return (commodity, int(number)) if number.isascii() and number.isdigit() else ("", 0)
