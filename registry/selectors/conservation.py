"""Minted = held + retired + expired: per commodity, facility, batch or region, at any instant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any

from ledgerdb import positions, sums
from registry import access, dates
from registry.access import Right
from registry.models import Facility, User
from registry.selectors import scopes
from registry.selectors.positions import Standing, read_standing

Row = dict[str, Any]
PAGE = 50
# Each question adds up all that happened since the last kept sums.
AT_ONCE = 2000
BY = ("commodity", "facility", "batch", "region")
FIELDS = ("by", "commodity", "facility", "as_of", "at")


@dataclass
class Question:
    """What was typed, what is wrong with it, and what it means."""

    typed: Mapping[str, str]
    by: str
    standing: Standing
    facility: Facility | None = None
    mistakes: dict[str, str] = field(default_factory=dict)


def read(user: User, typed: Mapping[str, str]) -> Question:
    """
    Read the question of a page.

    :raises Forbidden: the person sees only its own
    :raises Http404: the heights of a link that no chain has reached
    """
    access.require(user, Right.SEE_EVERYTHING)
    mistakes: dict[str, str] = {}
    stands = read_standing(typed, mistakes)
    by = typed.get("by") or "commodity"
    if by not in BY:
        mistakes["by"] = "There is no such view."
    if commodity := scopes.commodity(typed, mistakes):
        stands = stands.only([commodity.code])
    facility = scopes.facility(typed, mistakes)
    return Question(typed, by, stands, facility, mistakes)


def rows(question: Question, *, after: str = "", page: int | None = None) -> tuple[list[Row], str]:
    """Return a page of rows with their difference, and after which one to go on."""
    page = page or PAGE
    marks, following = question.standing.marks, ""
    with positions.one_moment():
        if question.by == "batch":
            facility = question.facility.id if question.facility else None
            found = sums.of_batches(marks, facility, after=after, limit=page + 1)
            if len(found) > page:
                found = found[:page]
                following = found[-1]["place"]
        elif question.by == "facility":
            found = sums.of_facilities(marks, after=after, limit=page)
            following = sums.last_facility(after=after, limit=page)
        elif question.by == "region":
            found = sums.of_regions(marks)
        else:
            found = sums.of_commodities(marks)
    return [_checked(row) for row in found], following


def every_row(question: Question, *, after: str = "") -> Iterator[Row]:
    """Return every row of a question, or those after a place."""
    while True:
        found, after = rows(question, after=after, page=AT_ONCE)
        for row in found:
            mark = question.standing.of(row["commodity"]) or {}
            yield {**row, "position": mark.get("number"), "position_hash": mark.get("hash")}
        if not after:
            return


def overview(user: User) -> list[Row]:
    """
    Return the sums of each commodity now.

    :raises Forbidden: the person sees only its own
    """
    return rows(read(user, {}))[0]


def monthly(months: int = 12) -> list[Row]:
    """Return what was issued, retired and expired in each of the last months, and how often."""
    marks = positions.at(None)
    first = _first_of_month(dates.today(), months - 1)
    starts = [_first_of_month(dates.today(), back) for back in range(months - 1, -1, -1)]
    instants = [dates.end_of(first - timedelta(days=1)), *(_end_of_month(day) for day in starts)]
    instants = [instant.astimezone(UTC) for instant in instants]
    found: dict[Any, Row] = {at: dict.fromkeys(_COUNTED, 0) for at in instants}
    with positions.one_moment():
        counted = sums.at_instants(marks, instants)
    for row in counted:
        for name in _COUNTED:
            found[row["at"].astimezone(UTC)][name] += row[name]
    ends = [found[instant] for instant in instants]
    return [
        {"month": start, **{name: later[name] - before[name] for name in _COUNTED}}
        for start, before, later in zip(starts, ends[:-1], ends[1:], strict=True)
    ]


_COUNTED = ("height", "issued", "retired", "expired")


def _checked(row: Row) -> Row:
    came, went = row.get("came", 0), row.get("went", 0)
    there = row["held"] + row["retired"] + row["expired"]
    return {
        "came": came,
        "went": went,
        "first": None,
        "last": None,
        "id": None,
        **row,
        "difference": row["minted"] + came - went - there,
    }


def _first_of_month(day: date, back: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - back, 12)
    return date(years, month + 1, 1)


def _end_of_month(start: date) -> Any:
    return dates.end_of(_first_of_month(start, -1) - timedelta(days=1))
