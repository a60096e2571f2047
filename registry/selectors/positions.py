"""Where a page stands in the past: at what was typed, or at the heights of a permanent link."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404

from ledgerdb import positions
from registry import moments
from registry.dates import DateError
from registry.moments import Moment

Row = dict[str, Any]
HEIGHT = re.compile(r"^(?P<code>[^\x00]{1,16})-(?P<height>[1-9][0-9]{0,17})$", re.ASCII)


@dataclass(frozen=True)
class Standing:
    """
    One position per commodity, and how it was named.

    ``fixed``: by heights, which say the same for ever, and not by a time, which today still moves.
    """

    marks: list[Row]
    moment: Moment | None
    fixed: bool = False

    @property
    def link(self) -> str:
        """Write the heights for a permanent link."""
        return ".".join(mark["number"] for mark in self.marks)

    @property
    def is_past(self) -> bool:
        """Say whether the page shows another moment than now."""
        return self.fixed or self.moment is not None

    @property
    def carried(self) -> str:
        """Write it for the links of a page, leading to the same moment; now is nothing."""
        if self.fixed:
            return f"?{urlencode({'at': self.link})}"
        return f"?{urlencode({'as_of': self.moment.query})}" if self.moment else ""

    def only(self, codes: Sequence[str]) -> "Standing":
        """Keep the positions of these commodities."""
        marks = [mark for mark in self.marks if mark["commodity"] in codes]
        return Standing(marks, self.moment, self.fixed)

    def of(self, code: str) -> Row | None:
        """Return the position of one commodity, if it had a transaction by then."""
        return next((mark for mark in self.marks if mark["commodity"] == code), None)


def standing(*, as_of: str = "", at: str = "") -> Standing:
    """
    Return the positions at a typed time, at the heights of a link, or now.

    :raises DateError: what was typed is no past date or time
    :raises Http404: a height that no chain has reached
    """
    if at:
        return _fixed(at)
    moment = moments.parse(as_of)
    return Standing(positions.at(moment.at if moment else None), moment)


def read_standing(typed: Mapping[str, str], mistakes: dict[str, str]) -> Standing:
    """
    Return the positions that a page's fields mean, and note a date that is none.

    :raises Http404: a height that no chain has reached
    """
    try:
        return standing(as_of=typed.get("as_of", ""), at=typed.get("at", ""))
    except DateError as error:
        mistakes["as_of"] = str(error)
        return Standing([], None)


def since(typed: Mapping[str, str], mistakes: dict[str, str], *, first: Row, what: str) -> Standing:
    """
    Return the position of one commodity that a page's fields mean; note a date before it began.

    :param first: the transaction that the page is about, or that made what it is about, with its
        ``commodity``, ``transaction_id`` and ``occurred_at``
    :param what: what is said of that, such as ``The batch was minted``
    :raises Http404: a height that no chain has reached, or one before it began
    """
    stands = read_standing(typed, mistakes)
    own = stands.only([first["commodity"]])
    if mistakes or (own.marks and own.marks[0]["transaction_id"] >= first["transaction_id"]):
        return own
    if stands.moment is None:
        raise Http404("Not there by then.")
    on = Moment(first["occurred_at"]).field
    mistakes["as_of"] = f"{what} on {on}. Type that day or a later one."
    return Standing([], None)


def _fixed(at: str) -> Standing:
    heights: dict[str, int] = {}
    for part in at.split("."):
        found = HEIGHT.match(part)
        if found is None or found["code"] in heights:
            raise Http404("No such position.")
        heights[found["code"]] = int(found["height"])
    marks = positions.at_heights(heights)
    if len(marks) != len(heights):
        raise Http404("No such position.")
    return Standing(marks, None, fixed=True)
