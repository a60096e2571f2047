"""The lineage of a batch: every block there ever was of its numbers, and who held one when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledgerdb import lines, positions
from registry import moments
from registry.dates import DateError
from registry.models import User
from registry.selectors import tracing
from registry.selectors.positions import Standing

Row = dict[str, Any]
# Of more blocks than this the page offers parts of the numbers instead.
MOST = 40_000
FIELDS = ("from", "to", "t0", "t1", "number", "on", "rows", "as_of", "at")


@dataclass
class Lineage:
    """What a page draws and lists."""

    batch: Row
    standing: Standing
    first: int
    last: int
    blocks: list[Row]
    steps: list[Row]
    number: int | None = None
    # The last transaction by the date that was asked for, and the date as it was meant.
    until: int | None = None
    moment: moments.Moment | None = None
    # The last transaction before those that are shown one by one, and the last that is shown.
    after: int | None = None
    before: int | None = None
    mistakes: dict[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> Row:
        """Return where the page stands."""
        return self.standing.marks[0]

    @property
    def is_too_much(self) -> bool:
        """Say whether there are more blocks than can be drawn."""
        return len(self.blocks) > MOST

    @property
    def is_whole(self) -> bool:
        """Say whether all numbers and transactions of the batch are shown."""
        numbers = (self.first, self.last) == (self.batch["first"], self.batch["last"])
        return numbers and self.after is None and self.before is None

    @property
    def shown(self) -> list[Row]:
        """Return the blocks that there were between the transactions that are shown."""
        return [
            block
            for block in self.blocks
            if (self.before is None or block["made"] <= self.before)
            and (self.after is None or block["spent"] is None or block["spent"] > self.after)
        ]

    @property
    def holding(self) -> Row | None:
        """Return the block that held the number on the date."""
        if self.number is None or self.until is None:
            return None
        return next(
            (
                block
                for block in self.blocks
                if block["first"] <= self.number <= block["last"]
                and block["made"] <= self.until
                and (block["spent"] is None or block["spent"] > self.until)
            ),
            None,
        )


def of_batch(user: User, batch_id: int, typed: Mapping[str, str]) -> Lineage:
    """
    Return the lineage of a batch, or of some of its numbers, up to a position.

    :raises Forbidden: the person sees only its own
    :raises Http404: no such batch or position, or not minted by then
    """
    question = tracing.read(user, batch_id, typed)
    batch, stands, mistakes = question.batch, question.standing, question.mistakes
    first = _number("from", typed, batch, mistakes) or batch["first"]
    last = _number("to", typed, batch, mistakes) or batch["last"]
    number = _number("number", typed, batch, mistakes)
    if first > last:
        mistakes["to"] = "The last number comes before the first."
        first, last = batch["first"], batch["last"]
    if number and not first <= number <= last:
        first, last = batch["first"], batch["last"]
    found = Lineage(batch, stands, first, last, [], [], number, mistakes=mistakes)
    if not stands.marks:
        return found
    _date(found, typed.get("on", ""), question.position)
    with positions.one_moment():
        found.blocks = lines.blocks(batch_id, first, last, question.position, limit=MOST + 1)
        if not found.is_too_much:
            found.steps = lines.steps(sorted({block["made"] for block in found.blocks}))
            _between(found, typed)
    return found


def _between(found: Lineage, typed: Mapping[str, str]) -> None:
    """Read between which transactions the picture is: numbers such as ``SOL-12``."""
    ends = {name: _height(name, typed, found) for name in ("t0", "t1")}
    start, end = ends["t0"], ends["t1"]
    steps = [(int(step["number"].rpartition("-")[2]), step["id"]) for step in found.steps]
    if start is not None and end is not None and start > end:
        found.mistakes["t1"] = "The last transaction comes before the first."
    elif end is not None and end < steps[0][0]:
        found.mistakes["t1"] = f"These numbers were minted in {found.steps[0]['number']}."
    else:
        found.after = max((key for height, key in steps if height < (start or 0)), default=None)
        last = max((key for height, key in steps if end is None or height <= end), default=None)
        found.before = None if last == steps[-1][1] else last


def _height(name: str, typed: Mapping[str, str], found: Lineage) -> int | None:
    text, code = typed.get(name, ""), found.batch["commodity"]
    if not text:
        return None
    plain = text.removeprefix(f"{code}-")
    if plain.isascii() and plain.isdigit() and len(plain) < 19:
        return int(plain)
    found.mistakes[name] = f"Type a transaction such as {code}-12."
    return None


def _date(found: Lineage, typed: str, position: int) -> None:
    """Read the date of a certificate; a date alone is of no certificate."""
    try:
        found.moment = moments.parse(typed)
    except DateError as error:
        found.mistakes["on"] = str(error)
        return
    if found.number is None:
        if found.moment:
            found.mistakes["number"] = "Type the number whose holder is asked for."
        return
    found.until = position
    if found.moment:
        marks = positions.at(found.moment.at)
        reached = [m for m in marks if m["commodity"] == found.batch["commodity"]]
        found.until = min(reached[0]["transaction_id"], position) if reached else 0


def _number(
    name: str, typed: Mapping[str, str], batch: Row, mistakes: dict[str, str]
) -> int | None:
    text = "".join(typed.get(name, "").replace(",", "").split())
    if not text:
        return None
    plain = text.isascii() and text.isdigit() and len(text) < 19
    if not (plain and batch["first"] <= int(text) <= batch["last"]):
        mistakes[name] = f"Type a number from {batch['first']} to {batch['last']}."
        return None
    return int(text)
