"""Which numbers and rows the picture of a lineage has, and how tall those are. Pure."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import times

WIDTH, LEFT, PLOT, RIGHT = 1180.0, 250.0, 660.0, 950.0
TOP, ROW = 56, 104
ROWS = 24
TONES = ("from", "to", "third", "fourth")
GONE = {"retirement": "retired", "expiry": "expired"}
Block = Mapping[str, Any]


@dataclass(frozen=True)
class Window:
    """What of a lineage is shown: numbers, perhaps transactions, and up to when."""

    first: int
    last: int
    # The last transaction before those that are shown one by one, and the last of all.
    after: int | None = None
    until: int | None = None
    # When the picture ends; rows are as tall as their time where this is given.
    end: datetime | None = None


class Plan:
    """The numbers that are shown, the rows, and which colour whose blocks have."""

    def __init__(self, blocks: Sequence[Block], steps: Sequence[Block], window: Window):
        """Sort blocks into rows, each of as many transactions as it takes."""
        self.first, self.last = window.first, window.last
        self.scale = PLOT / (self.last - self.first + 1)
        self.blocks = [b for b in blocks if window.until is None or b["made"] <= window.until]
        self.steps = [s for s in steps if window.until is None or s["id"] <= window.until]
        self.rows, self.earlier = self._rows(window.after)
        self.ends = [row[-1]["id"] for row in self.rows]
        self._measure(window, steps)
        self.tones = self._tones()
        self.lives = {block["block_id"]: self._life(block) for block in self.blocks}
        # What was there at the end of each row, by number; what came in it, and what went.
        self.states: list[list[Block]] = [[] for _ in self.rows]
        self.came: list[list[Block]] = [[] for _ in self.rows]
        self.went: list[list[Block]] = [[] for _ in self.rows]
        for block in sorted(self.blocks, key=lambda block: block["first"]):
            start, end = self.lives[block["block_id"]]
            for row in range(start, end + 1):
                self.states[row].append(block)
            if start <= end:
                self.came[start].append(block)
                if end + 1 < len(self.rows):
                    self.went[end + 1].append(block)

    def _rows(self, after: int | None) -> tuple[list[list[Block]], int]:
        """Return the rows, and whether the first is all that was before those that are asked."""
        count = 0 if after is None else sum(step["id"] <= after for step in self.steps)
        shown = self.steps[count:]
        size = -(-len(shown) // ROWS) or 1
        rows = [list(shown[n : n + size]) for n in range(0, len(shown), size)]
        return ([list(self.steps[:count]), *rows] if count else rows), int(count > 0)

    def _measure(self, window: Window, steps: Sequence[Block]) -> None:
        """Give each row its height: all the same, or as tall as its time."""
        self.starts: list[datetime] = []
        self.tops = [TOP + n * ROW for n in range(len(self.rows) + 1)]
        if window.end is None:
            return
        # Of what was before, only the end is to scale.
        self.starts = [row[0]["occurred_at"] for row in self.rows]
        if self.earlier:
            self.starts[0] = self.rows[0][-1]["occurred_at"]
        left = steps[len(self.steps) :]
        self.end = max(left[0]["occurred_at"] if left else window.end, self.starts[-1])
        self.tops = times.tops(self.starts, self.end, TOP)

    def y(self, row: int) -> int:
        """Return where a row starts."""
        return self.tops[row]

    def height(self, row: int) -> int:
        """Return how tall a row is."""
        return self.tops[row + 1] - self.tops[row]

    def _tones(self) -> dict[str, str]:
        """Give a colour to whoever held most, counted over all blocks."""
        held: dict[str, int] = {}
        for block in self.blocks:
            if block["account_type"] not in GONE:
                held[block["holder"]] = held.get(block["holder"], 0) + self.volume(block)
        most = sorted(held, key=lambda holder: (-held[holder], holder))
        return dict(zip(most, TONES, strict=False))

    def tone(self, block: Block) -> str:
        """Return the colour of a block."""
        gone: str | None = GONE.get(block["account_type"])
        return gone or self.tones.get(block["holder"], "other")

    def volume(self, block: Block) -> int:
        """Return how many of the shown numbers a block has."""
        low, high = self.clip(block)
        return high - low + 1

    def clip(self, block: Block) -> tuple[int, int]:
        """Return the first and the last of the shown numbers that a block has."""
        return max(block["first"], self.first), min(block["last"], self.last)

    def x(self, number: int) -> float:
        """Return the left edge of a number."""
        return LEFT + (number - self.first) * self.scale

    def life(self, block: Block) -> tuple[int, int]:
        """Return the first and the last row that a block was there at the end of."""
        return self.lives[block["block_id"]]

    def _life(self, block: Block) -> tuple[int, int]:
        start, end = bisect_left(self.ends, block["made"]), len(self.ends)
        if block["spent"] is not None:
            end = bisect_left(self.ends, block["spent"])
        return start, end - 1
