"""The rows of a list as requests: what each asks for, and everything that is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from portal.forms import sheet
from portal.forms.fields import (
    Country,
    Days,
    NumberRanges,
    Numbers,
    Quantity,
    count,
    join_period,
    not_begun,
    take,
)
from portal.forms.sheet import Column, Line, Sheet
from registry.models import Account, Commodity, Request, User
from registry.selectors import uploads

Row = dict[str, Any]
Kind = Request.Kind

FROM = Column(
    "from_account", "From account", "The code of an account of yours.", needed=True, filled=True
)
COMMODITY = Column("commodity", "Commodity", "Its code, such as SOL.", needed=True, filled=True)
QUANTITY = Column(
    "quantity", "Quantity", "Whole certificates; empty where numbers are named.", needed=True
)
NUMBERS = Column("numbers", "Numbers", "Certificate numbers, such as 101-150; 200.")
NOTE = Column("note", "Note", "The registry and the receiver can read it.", longest=2000)
COLUMNS: dict[str, tuple[Column, ...]] = {
    Kind.TRANSFER: (
        FROM,
        Column(
            "to_account", "To account", "The receiver's account code.", needed=True, filled=True
        ),
        COMMODITY,
        QUANTITY,
        NUMBERS,
        NOTE,
    ),
    Kind.RETIRE: (
        FROM,
        COMMODITY,
        QUANTITY,
        NUMBERS,
        Column(
            *("beneficiary", "Beneficiary", "Who may claim the energy."),
            needed=True,
            filled=True,
            longest=200,
        ),
        Column("beneficiary_country", "Country", "Two letters, such as DE."),
        Column("beneficiary_place", "Place", "Where it was consumed.", longest=200),
        Column(
            "purpose",
            "Purpose",
            "Such as disclosure of supply 2026.",
            needed=True,
            filled=True,
            longest=500,
        ),
        Column("consumed_from", "Consumed from", "A date, a month or a year."),
        Column("consumed_to", "Consumed to", "Not needed after a month or a year."),
        Column(
            "publish",
            "Publish",
            "Whether beneficiary and purpose are public: yes or no; empty means no.",
        ),
        Column("note", "Note", "The registry can read it.", longest=2000),
    ),
}
EXAMPLES: dict[str, tuple[str, ...]] = {
    Kind.TRANSFER: ("ABC-01", "XYZ-01", "SOL", "1500", "", "Contract 12"),
    Kind.RETIRE: (
        *("ABC-01", "SOL", "1500", "", "Town of Exampleton", "DE", "Exampleton"),
        *("Disclosure of supply", "2025-01", "2025-06", "yes", ""),
    ),
}
WITHOUT_WHICH_NOTHING = ("source", "target", "commodity", "volume")
RULES = {Kind.TRANSFER: "transferable", Kind.RETIRE: "retirable"}
DONE = {Kind.TRANSFER: "transferred", Kind.RETIRE: "retired"}
QUANTITY_FIELD = Quantity(required=False)
NUMBERS_FIELD = NumberRanges(required=False)
DAYS_FIELD = Days(required=False)
COUNTRY_FIELD = Country(required=False)


@dataclass
class Rows:
    """A list that was read for somebody: its requests, if nothing is wrong."""

    kind: str
    sheet: Sheet
    asks: list[tuple[int, Row]] = field(default_factory=list)


def check(user: User, kind: str, content: bytes) -> Rows:
    """Read a list and compare it with the registry's records and with what is available."""
    read = sheet.read(content, COLUMNS[kind])
    sheet.check_texts(read, COLUMNS[kind])
    rows = Rows(kind, read)
    wrong: dict[int, set[str]] = {}
    for problem in read.problems:
        wrong.setdefault(problem.row, set()).add(problem.column)
    lines = [line for line in read.lines if line.row not in read.shifted]
    named = uploads.named(
        user,
        sources=_codes(lines, "from_account", wrong),
        targets=_codes(lines, "to_account", wrong),
    )
    for line in lines:
        reader = Reader(kind, line, read, named, wrong.get(line.row, set()))
        asked = reader.asks()
        # Where a whole column is missing, so is what it would say.
        if not reader.wrong and None not in [asked[name] for name in WITHOUT_WHICH_NOTHING]:
            rows.asks.append((line.row, asked))
    _check_together(rows, named)
    read.problems.sort(key=lambda problem: problem.row)
    return rows


def _codes(lines: list[Line], column: str, wrong: dict[int, set[str]]) -> set[str]:
    """Return the codes of a column that may be looked up."""
    return {
        line.cells.get(column, "") for line in lines if column not in wrong.get(line.row, set())
    } - {""}


class Reader:
    """Reads the cells of one row; each cell that is wrong is noted, and the others are read."""

    def __init__(self, kind: str, line: Line, read: Sheet, named: uploads.Named, before: set[str]):
        """Remember which cells are known to be wrong as text."""
        self.kind, self.line, self.sheet, self.named = kind, line, read, named
        self.before = before
        self.wrong = bool(self.before)

    def asks(self) -> Row:
        """Return what the row asks for, in the fields of ``Request``."""
        source, commodity = self._source(), self._commodity()
        asked: Row = {
            "source": source,
            "commodity": commodity,
            **self._quantity(),
            "note": self.text("note"),
        }
        if self.kind == Kind.TRANSFER:
            asked["target"] = self._target(source)
        else:
            asked |= self._claim()
            asked["target"] = self._retirement(source)
        return asked

    def text(self, column: str) -> str:
        """Return a cell that is good as text; nothing otherwise."""
        return "" if column in self.before else self.line.cells.get(column, "")

    def note(self, column: str, sentence: str, code: str) -> None:
        """Note a problem of a cell."""
        self.wrong = True
        self.sheet.note(self.line.row, column, sentence, code)

    def clean(self, column: str, reader: forms.Field) -> Any:
        """Return what a field of a form makes of a cell."""
        try:
            return reader.clean(self.text(column))
        except ValidationError as error:
            self.note(column, " ".join(error.messages), "VALUE_INVALID")
            return None

    def _source(self) -> Account | None:
        code = self.text("from_account")
        found = self.named.sources.get(code)
        if found is None:
            if code:
                sentence = f"You have no account {code[:40]}."
                self.note("from_account", sentence, "ACCOUNT_NOT_FOUND")
            return None
        if found.type != Account.Type.TRADING:
            self.note("from_account", f"{code} is no trading account.", "ACCOUNT_TYPE_INVALID")
        elif found.status != Account.Status.ACTIVE:
            sentence = f"{code} is {found.get_status_display().lower()}."
            self.note("from_account", sentence, "ACCOUNT_NOT_ACTIVE")
        return found

    def _target(self, source: Account | None) -> Account | None:
        code = self.text("to_account")
        found = self.named.targets.get(code)
        if found is None and code:
            sentence = f"No account that is open to receive has the code {code[:40]}."
            self.note("to_account", sentence, "ACCOUNT_NOT_FOUND")
        elif found and source and found.id == source.id:
            sentence = "This is the account that the row sends from."
            self.note("to_account", sentence, "SAME_ACCOUNT")
        return found

    def _retirement(self, source: Account | None) -> Account | None:
        if source is None or source.organisation_id is None:
            return None
        found = self.named.retirement.get(source.organisation_id)
        if found is None:
            sentence = "There is no retirement account for it. Ask the registry to open one."
            self.note("from_account", sentence, "ACCOUNT_NOT_FOUND")
        return found

    def _commodity(self) -> Commodity | None:
        code = self.text("commodity")
        found = self.named.commodities.get(code)
        if found is None and code:
            self.note("commodity", f"There is no commodity {code[:40]}.", "VALUE_INVALID")
        elif found and not getattr(found, RULES[Kind(self.kind)]):
            sentence = f"{code} cannot be {DONE[Kind(self.kind)]}."
            self.note("commodity", sentence, "COMMODITY_RULE")
        return found

    def _quantity(self) -> Row:
        volume = self.clean("quantity", QUANTITY_FIELD)
        text = self.text("numbers").replace(";", ",")
        numbers: Numbers = ()
        try:
            numbers = NUMBERS_FIELD.clean(text)
        except ValidationError as error:
            self.note("numbers", " ".join(error.messages), "VALUE_INVALID")
        named = count(numbers)
        if not volume and not text and not {"quantity", "numbers"} & self.before:
            if "quantity" in self.sheet.columns and not self.text("quantity"):
                sentence = "Say how many certificates, or name their numbers."
                self.note("quantity", sentence, "VALUE_MISSING")
        elif volume and named and volume != named:
            sentence = f"The row names {named:,} numbers, and a quantity of {volume:,}."
            self.note("quantity", sentence, "RANGE_INVALID")
        volume = volume or named
        return {"volume": volume, "ranges": take(numbers, volume) or None}

    def _claim(self) -> Row:
        first, last = (self.clean(name, DAYS_FIELD) for name in ("consumed_from", "consumed_to"))
        start = end = None
        if not self.wrong:
            start, end, wrong = join_period(first, last)
            if wrong:
                column = ("consumed_from", "consumed_to")[wrong[0]]
                self.note(column, wrong[1], "RANGE_INVALID")
            elif early := not_begun(start):
                self.note("consumed_from", early, "RANGE_INVALID")
        return {
            "beneficiary": self.text("beneficiary"),
            "beneficiary_country": self.clean("beneficiary_country", COUNTRY_FIELD) or "",
            "beneficiary_place": self.text("beneficiary_place"),
            "reason": self.text("purpose"),
            "claim_published": self._publish(),
            "consumption_start": start,
            "consumption_end": end,
        }

    def _publish(self) -> bool:
        """Say whether the claim is to be published; whoever says nothing has not agreed."""
        text = self.text("publish").lower()
        if text not in ("", "yes", "no"):
            self.note("publish", "Type yes or no.", "VALUE_INVALID")
        return text == "yes"


def _check_together(rows: Rows, named: uploads.Named) -> None:
    """Compare the rows with each other: sums with what is available, numbers with numbers."""
    taken: dict[tuple[UUID, int], int] = {}
    for row, asked in rows.asks:
        key = (asked["source"].id, asked["commodity"].id)
        available = max(named.sums[key].available, 0) if key in named.sums else 0
        before = taken.get(key, 0)
        taken[key] = before + asked["volume"]
        if before <= available < taken[key]:
            sentence = (
                f"With this row {asked['source'].code} would give {taken[key]:,}"
                f" {asked['commodity'].code}; {available:,} are available."
            )
            rows.sheet.note(row, "quantity", sentence, "INSUFFICIENT_TOTAL_BALANCE")
    by_number = [(row, asked) for row, asked in rows.asks if asked["ranges"]]
    for row, other in _overlaps(by_number):
        sentence = f"Row {other} names some of the same numbers."
        rows.sheet.note(row, "numbers", sentence, "NUMBERS_TWICE")
    asked_for = [
        (row, asked["source"].id, asked["commodity"].id, asked["ranges"])
        for row, asked in by_number
    ]
    for row in uploads.not_held(asked_for):
        sentence = "The account does not hold all of these numbers."
        rows.sheet.note(row, "numbers", sentence, "BLOCK_NOT_HELD")


def _overlaps(by_number: list[tuple[int, Row]]) -> Iterator[tuple[int, int]]:
    """Find each row that shares a number with one before it."""
    spans = sorted(
        (asked["commodity"].id, first, last, row)
        for row, asked in by_number
        for first, last in asked["ranges"]
    )
    reach: dict[int, tuple[int, int]] = {}
    found: dict[int, int] = {}
    for commodity, first, last, row in spans:
        until, holder = reach.get(commodity, (0, 0))
        if first <= until and holder != row:
            found.setdefault(max(row, holder), min(row, holder))
        if last > until:
            reach[commodity] = (last, row)
    yield from found.items()
