"""The regulator's overview: what happened in each month, by technology and by region."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any

from django.core.cache import cache

from ledgerdb import activity, positions
from registry import access, dates, moments
from registry.access import Right
from registry.models import User
from registry.selectors import scopes
from registry.selectors.positions import Standing, read_standing

Row = dict[str, Any]
MONTHS = 12
FIELDS = ("commodity", "as_of", "at")
# In the words of the pages, by kind of transaction.
SERIES = {"mint": "issued", "transfer": "transferred", "retire": "retired", "expire": "expired"}
UNNAMED = "Not stated"


@dataclass
class Question:
    """What was typed, what is wrong with it, and where it stands."""

    typed: Mapping[str, str]
    standing: Standing
    mistakes: dict[str, str] = field(default_factory=dict)

    @property
    def end(self) -> date:
        """Return the last day that is shown."""
        stands = self.standing
        if stands.fixed:
            last = max(mark["occurred_at"] for mark in stands.marks)
            day: date = last.astimezone(moments.zone()).date()
            return day
        return (
            stands.moment.at.astimezone(moments.zone()).date() if stands.moment else dates.today()
        )


def read(user: User, typed: Mapping[str, str]) -> Question:
    """
    Read the question of a page.

    :raises Forbidden: the person sees only its own
    :raises Http404: the heights of a link that no chain has reached
    """
    access.require(user, Right.SEE_EVERYTHING)
    mistakes: dict[str, str] = {}
    stands = read_standing(typed, mistakes)
    if commodity := scopes.commodity(typed, mistakes):
        stands = stands.only([commodity.code])
    return Question(typed, stands, mistakes)


def every(question: Question) -> list[Row]:
    """Return the volumes of each month, kind, commodity, technology and region, oldest first."""
    found = []
    with positions.one_moment(passes=True):
        for month in months(question.end):
            found += [{"month": month, **row} for row in _of_month(question, month)]
    for row in found:
        row["act"] = SERIES[row["kind"]]
        row["technology"] = row["technology"] or UNNAMED
    return found


def months(end: date) -> list[date]:
    """Return the first days of the months that end with that of a day."""
    last = end.year * 12 + end.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(last - MONTHS + 1, last + 1)]


def sums(rows: list[Row], name: str) -> list[Row]:
    """Add volumes up by one of their columns, in the order in which it appears."""
    found: dict[Any, Row] = {}
    for row in rows:
        entry = found.setdefault(row[name], {name: row[name], **dict.fromkeys(SERIES.values(), 0)})
        entry[row["act"]] += row["volume"]
    return list(found.values())


def _of_month(question: Question, month: date) -> list[Row]:
    """Return what was counted in a month; one that is over is counted once."""
    start = dates.start_of(month).astimezone(UTC) - timedelta(microseconds=1)
    end = dates.start_of((month + timedelta(days=32)).replace(day=1)).astimezone(UTC)
    end -= timedelta(microseconds=1)
    if month == months(question.end)[-1]:
        return activity.counted(question.standing.marks, start, end)
    marks = {mark["commodity"]: mark for mark in positions.at(end)}
    # A link by heights may stand before the end of a month: it has marks of its own.
    reached = [
        min(marks[mark["commodity"]], mark, key=lambda each: each["height"])
        for mark in question.standing.marks
        if mark["commodity"] in marks
    ]
    # The hash of a position covers all that was before it, and the log every name that is shown.
    stands = [(mark["number"], mark["hash"]) for mark in reached]
    text = f"{month} {stands} {activity.last_change()}"
    key = f"activity-{hashlib.sha256(text.encode()).hexdigest()}"
    found: list[Row] | None = cache.get(key)
    if found is None:
        found = activity.counted(reached, start, end)
        cache.set(key, found, timeout=None)
    return found
