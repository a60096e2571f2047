"""Transactions: the list, narrowed to what a person may see."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledgerdb import journal, positions
from ledgerdb.positions import LARGEST
from registry import access, dates
from registry.dates import DateError
from registry.models import Commodity, Request, User
from registry.selectors import scopes
from registry.selectors.positions import Standing, read_standing

Row = dict[str, Any]
PAGE = 50
# How far one page looks for what no index answers, per commodity.
LOOK = 2000
EXPORT = 1000
FIELDS = (
    "kind", "commodity", "organisation", "account", "since", "until", "least", "most",
    "as_of", "at",
)  # fmt: skip


@dataclass
class Filter:
    """What was typed into the filter, what is wrong with it, and what is wanted."""

    typed: Mapping[str, str]
    wanted: journal.Wanted = field(default_factory=journal.Wanted)
    mistakes: dict[str, str] = field(default_factory=dict)
    standing: Standing = field(default_factory=lambda: Standing([], None))

    @property
    def is_filtered(self) -> bool:
        """Say whether anything is filtered."""
        return any(value for name, value in self.typed.items() if name not in ("as_of", "at"))


def read_filter(user: User, typed: Mapping[str, str]) -> Filter:
    """
    Read a filter; an organisation's people see the transactions of its own accounts.

    :raises Http404: the heights of a link that no chain has reached
    """
    chosen = Filter({name: typed.get(name, "") for name in FIELDS})
    take = _Taker(chosen)
    organisation = access.sees_only(user)
    accounts = scopes.accounts(user, chosen.typed, chosen.mistakes)
    chosen.standing = read_standing(chosen.typed, chosen.mistakes)
    chosen.wanted = journal.Wanted(
        kind=take.one_of("kind", set(Request.Kind.values), "There is no such kind."),
        commodity=take.one_of(
            "commodity",
            set(Commodity.objects.values_list("code", flat=True)),
            "There is no such commodity.",
        ),
        accounts=None if accounts is None else [account.id for account in accounts],
        organisation=organisation,
        since=take.day("since", first=True),
        until=take.day("until", first=False),
        least=take.number("least", 0),
        most=take.number("most", LARGEST),
        marks=chosen.standing.marks if chosen.standing.is_past else None,
    )
    return chosen


def listed(chosen: Filter, *, after: str = "") -> tuple[list[Row], str]:
    """Return a page of transactions, newest first, and after which one to go on."""
    look = LOOK if chosen.wanted.is_selective else PAGE + 1
    with positions.one_moment():
        return journal.page(chosen.wanted, after=after, limit=PAGE, look=look)


def every(chosen: Filter, *, after: str = "") -> Iterator[Row]:
    """Return every transaction of a filter, newest first, a thousand at a time."""
    look = LOOK if chosen.wanted.is_selective else EXPORT + 1
    while True:
        with positions.one_moment():
            found, after = journal.page(chosen.wanted, after=after, limit=EXPORT, look=look)
        yield from found
        if not after:
            return


def largest(since: datetime) -> list[Row]:
    """Return the largest moves since an instant."""
    with positions.one_moment():
        return journal.largest(since)


def choices(user: User) -> dict[str, Any]:
    """Return what the filter offers."""
    return {
        "kinds": Request.Kind.choices,
        "commodities": list(Commodity.objects.values_list("code", "name")),
        "sees_all": access.sees_only(user) is None,
    }


class _Taker:
    """Takes typed values, and notes what is wrong with them."""

    def __init__(self, chosen: Filter):
        self.chosen = chosen

    def one_of(self, name: str, known: set[str], otherwise: str) -> str:
        text = self.chosen.typed[name]
        if text and text not in known:
            self.chosen.mistakes[name] = otherwise
            return ""
        return text

    def day(self, name: str, *, first: bool) -> datetime | None:
        try:
            day = dates.parse_day(self.chosen.typed[name])
        except DateError as error:
            self.chosen.mistakes[name] = str(error)
            return None
        if day is None:
            return None
        return (dates.start_of(day) if first else dates.start_of_next(day)).astimezone(UTC)

    def number(self, name: str, otherwise: int) -> int:
        text = self.chosen.typed[name].replace(",", "").replace(" ", "")
        if not text:
            return otherwise
        if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST):
            self.chosen.mistakes[name] = "Type a whole number."
            return otherwise
        return int(text)
