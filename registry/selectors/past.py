"""Holdings as of an instant: of accounts, or of a commodity, a facility or a region."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ledgerdb import past, positions
from registry import dates, moments
from registry.models import Account, User
from registry.selectors import accounts as now
from registry.selectors import scopes
from registry.selectors.positions import Standing, read_standing

Row = dict[str, Any]
PAGE = 50
FIELDS = ("organisation", "account", "commodity", "facility", "region")
# The picture looks up so many balances at most.
LOOKUPS = 4000
YEAR = timedelta(days=365)


@dataclass
class Question:
    """What was typed, what is wrong with it, and what it means."""

    typed: Mapping[str, str]
    standing: Standing
    scope: past.Scope = field(default_factory=past.Scope)
    accounts: list[Account] | None = None
    mistakes: dict[str, str] = field(default_factory=dict)

    @property
    def marks(self) -> list[Row]:
        """Return where the question stands in each commodity."""
        return self.standing.marks

    @property
    def counted(self) -> list[Account]:
        """Return the accounts whose balances make the sum."""
        return scopes.trading_accounts() if self.accounts is None else self.accounts


@dataclass(frozen=True)
class Holdings:
    """The answer: sums, a page of blocks, and the balance over a year."""

    total: now.Sum | None
    sums: list[Row]
    blocks: list[Row]
    days: list[Row]
    end: date
    previous: datetime | None
    next: datetime | None
    after: str


def read(user: User, typed: Mapping[str, str], *, account: Account | None = None) -> Question:
    """
    Read the question of a page.

    :param account: the account that the page is about, already found to be the person's to see
    :raises Http404: the heights of a link that no chain has reached
    """
    mistakes: dict[str, str] = {}
    stands = read_standing(typed, mistakes)
    found = (
        [account]
        if account
        else scopes.accounts(user, typed, mistakes, kind=Account.Type.TRADING.value)
    )
    facility = scopes.facility(typed, mistakes)
    region = scopes.region(typed, mistakes)
    if commodity := scopes.commodity(typed, mistakes):
        stands = stands.only([commodity.code])
    elif found is not None and not stands.fixed:
        stands = stands.only(_codes(found, stands))
    scope = past.Scope(
        accounts=None if found is None else [each.id for each in found],
        facility=facility.id if facility else None,
        region=region.id if region else None,
    )
    return Question(typed, stands, scope, found, mistakes)


def holdings(question: Question, *, after: str = "") -> Holdings:
    """Return what was held: one snapshot."""
    scope, marks = question.scope, question.marks
    ids = [account.id for account in question.counted]
    with positions.one_moment():
        blocks = past.blocks(scope, marks, after=after, limit=PAGE + 1)
        sums = past.balances(ids, marks) if scope.is_whole else []
        total = _total(question, sums)
        days, previous, later = [], None, None
        if scope.is_whole:
            days = _days(question, [account.id for account in question.counted])
        if question.accounts is not None and marks:
            previous, later = past.changes(ids, marks, _before(question.standing))
    return Holdings(
        total=None if total is None else now.Sum(total, 0),
        sums=_by_commodity(sums),
        blocks=[{**block, "acquired": _acquired(block)} for block in blocks[:PAGE]],
        days=days,
        end=_end(question.standing),
        previous=previous,
        next=None if question.standing.fixed else later,
        after=blocks[PAGE - 1]["place"] if len(blocks) > PAGE else "",
    )


def every_block(question: Question, *, after: str = "") -> Iterator[Row]:
    """Return every block that was held; ``after``: the place where a download broke off."""
    for block in past.every_block(question.scope, question.marks, after=after):
        yield {**block, "acquired": _acquired(block)}


def _codes(found: list[Account], stands: Standing) -> list[str]:
    """Return the commodities that accounts ever held, so that a link names no more of them."""
    held = past.balances([account.id for account in found], stands.marks)
    return [row["commodity"] for row in held] or [mark["commodity"] for mark in stands.marks]


def _total(question: Question, sums: list[Row]) -> int | None:
    if question.scope.is_whole:
        return sum(row["held"] for row in sums)
    if question.accounts is None and question.scope.facility is None:
        # Of a region alone: no index leads to its blocks, and a page reads no whole table.
        return None
    return past.volume(question.scope, question.marks)


def _by_commodity(sums: list[Row]) -> list[Row]:
    found: dict[str, Row] = {}
    for row in sums:
        entry = found.setdefault(row["commodity"], {**row, "held": 0})
        entry["held"] += row["held"]
    return list(found.values())


def _end(stands: Standing) -> date:
    """Return the last day of the picture: today, or that of the heights of a link."""
    if not stands.fixed:
        return dates.today()
    last = max(mark["occurred_at"] for mark in stands.marks)
    day: date = last.astimezone(moments.zone()).date()
    return day


def _days(question: Question, ids: list[Any]) -> list[Row]:
    """Return the balance at the end of each day of a year, or of fewer where there are many."""
    marks = question.marks
    if not question.standing.fixed:
        # The picture goes on to the present, with a line where the page stands.
        marks = [mark for mark in positions.at(None) if question.standing.of(mark["commodity"])]
    end = _end(question.standing)
    start = end - YEAR
    if question.standing.moment:
        start = min(start, question.standing.moment.at.astimezone(moments.zone()).date())
    span = (end - start).days + 1
    step = max(1, -(-span * max(1, len(ids) * len(marks)) // LOOKUPS))
    days = [end - timedelta(days=back) for back in range(0, span, step)][::-1]
    ends = {dates.end_of(day).astimezone(UTC): day for day in days}
    found = past.history(ids, marks, list(ends))
    return [{**row, "day": ends[row["at"].astimezone(UTC)]} for row in found]


def _before(stands: Standing) -> datetime:
    """Return the last instant before what the page shows: before its day, or before its last."""
    tick = timedelta(microseconds=1)
    if stands.moment and stands.moment.day:
        return dates.start_of(stands.moment.day).astimezone(UTC) - tick
    if stands.moment:
        return stands.moment.at - tick
    if not stands.fixed:
        return datetime.now(UTC)
    last: datetime = max(mark["occurred_at"] for mark in stands.marks)
    return last - tick


def _acquired(block: Row) -> str:
    if block["stayed"]:
        return "Remainder"
    if block["kind"] == "transfer":
        return f"From {block['sender']}"
    return now.ACQUIRED[block["kind"]]
