"""
From blocks to rectangles: certificate number across, time down. Pure.

A block's place on the axis never moves, so rows of blocks lie under each other without a crossing,
and each row is as wide as the row it came from: conservation is visible. Where the numbers have a
gap, the picture has one too.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 760.0
ROW = 92.0
BETWEEN = 15.0
TOP = 24.0
GAP = 32.0
# Below this a block joins its neighbours: it is merged, never dropped.
SMALLEST = 6.0
# A row of more blocks than this merges what is too narrow whoever holds it, and over narrow gaps:
# nobody can see ten thousand, and no browser should be sent them.
MANY = 200
MIXED = "mixed"
# Letters are never measured: a label is left out when this estimate does not fit.
EM = 0.62


@dataclass(frozen=True)
class Cell:
    """One block to draw."""

    first: int
    last: int
    holder: str = ""
    name: str = ""
    tone: str = "from"
    tint: bool = False
    href: str = ""
    here: bool = False
    count: int = 1
    missing: int = 0

    @property
    def volume(self) -> int:
        """Return how many certificates it holds; merged over a gap, not those of the gap."""
        return self.last - self.first + 1 - self.missing


@dataclass(frozen=True)
class Rect:
    """One block as drawn: each label is empty where it would not fit."""

    x: float
    y: float
    width: float
    cell: Cell
    who: str
    numbers: str
    volume: str


@dataclass(frozen=True)
class Bar:
    """The transaction between two rows, as wide as what it consumed."""

    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Picture:
    """Everything that the template draws."""

    rects: list[Rect]
    bars: list[Bar]
    cuts: list[tuple[float, float]]
    height: float
    width: float


class Axis:
    """Where a certificate number is, across."""

    def __init__(self, cells: Iterable[Cell], width: float):
        """Lay out the contiguous ranges of all cells side by side."""
        self.panels = merged((cell.first, cell.last) for cell in cells)
        numbers = sum(last - first + 1 for first, last in self.panels)
        gaps = len(self.panels) - 1
        self.gap = min(GAP, width / 4 / gaps) if gaps else 0.0
        self.scale = (width - self.gap * gaps) / numbers if numbers else 0.0
        self.starts: list[float] = []
        x = 0.0
        for first, last in self.panels:
            self.starts.append(x)
            x += (last - first + 1) * self.scale + self.gap

    def at(self, number: int) -> float:
        """
        Return the left edge of a number.

        :raises ValueError: no block has the number
        """
        place = bisect_right(self.panels, number, key=lambda panel: panel[0]) - 1
        if place < 0 or number > self.panels[place][1]:
            raise ValueError(f"{number} is on no panel")
        return self.starts[place] + (number - self.panels[place][0]) * self.scale

    def span(self, first: int, last: int) -> tuple[float, float]:
        """Return the left edge and the width of a range that starts and ends on a panel."""
        left = self.at(first)
        return left, self.at(last) + self.scale - left


def merged(ranges: Iterable[tuple[int, int]], near: int = 0) -> list[tuple[int, int]]:
    """Join ranges that touch or overlap, or between which there is no more than a few numbers."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1 + near:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def layout(rows: Sequence[Sequence[Cell]], width: float = WIDTH) -> Picture:
    """Place rows of blocks under each other, oldest first, with a bar for each transaction."""
    rows = [sorted(row, key=lambda cell: cell.first) for row in rows if row]
    axis = Axis((cell for row in rows for cell in row), width)
    rects, bars, cuts = [], [], []
    for level, row in enumerate(rows):
        y = TOP + level * (ROW + BETWEEN)
        rects += [_rect(cell, axis, y) for cell in _readable(row, axis)]
        if level:
            middle = y - BETWEEN / 2
            bars += _bars(row, axis, middle)
            cuts += [(x, middle) for x in _cuts(rows[level - 1], row, axis)]
    height = TOP + len(rows) * (ROW + BETWEEN) - BETWEEN + 8
    return Picture(rects, bars, cuts, height, width)


def _rect(cell: Cell, axis: Axis, y: float) -> Rect:
    x, width = axis.span(cell.first, cell.last)
    # A hair's breadth between neighbours, and never wider than the numbers are.
    edge = min(1.0, width / 4)
    room = width - 2 - 22
    numbers = f"{spaced(cell.first)} \N{EN DASH} {spaced(cell.last)}"
    full = f"{cell.count} blocks" if cell.count > 1 else f"{cell.holder}, {cell.name}"
    labels = [full, cell.holder] if cell.count == 1 else [full]
    volume = f"{cell.volume:,}"
    return Rect(
        x=round(x + edge, 2),
        y=y,
        width=round(width - 2 * edge, 2),
        cell=cell,
        who=next((label for label in labels if fits(label, 14.5, room)), ""),
        numbers=numbers if cell.count == 1 and fits(numbers, 12, room) else "",
        volume=volume if fits(volume, 21, room) else "",
    )


def _readable(row: Sequence[Cell], axis: Axis) -> list[Cell]:
    """Merge neighbours of one kind that are too narrow to see; where many remain, of any kind."""
    found: list[Cell] = []
    for cell in row:
        before = found[-1] if found else None
        if (
            before
            and before.last + 1 == cell.first
            and (before.tone, before.tint) == (cell.tone, cell.tint)
            and min(before.volume, cell.volume) * axis.scale < SMALLEST
        ):
            found[-1] = _together(before, cell)
        else:
            found.append(cell)
    return found if len(found) <= MANY else _crowded(found, axis)


def _crowded(row: Sequence[Cell], axis: Axis) -> list[Cell]:
    """Merge neighbours of any kind, over gaps too, while together they are narrow."""
    found: list[Cell] = []
    for cell in row:
        before = found[-1] if found else None
        if before and axis.span(before.first, cell.last)[1] < 2 * SMALLEST:
            found[-1] = _together(before, cell)
        else:
            found.append(cell)
    return found


def _together(left: Cell, right: Cell) -> Cell:
    return Cell(
        left.first,
        right.last,
        tone=left.tone if left.tone == right.tone else MIXED,
        tint=left.tint and right.tint,
        here=left.here or right.here,
        count=left.count + right.count,
        missing=left.missing + right.missing + right.first - left.last - 1,
    )


def _bars(row: Sequence[Cell], axis: Axis, y: float) -> list[Bar]:
    panels = merged((cell.first, cell.last) for cell in row)
    if len(panels) > MANY:
        panels = _near(panels, axis)
    return [
        Bar(round(left + edge, 2), y - 2.5, round(width - 2 * edge, 2))
        for left, width in (axis.span(first, last) for first, last in panels)
        for edge in [min(1.0, width / 4)]
    ]


def _near(panels: Sequence[tuple[int, int]], axis: Axis) -> list[tuple[int, int]]:
    """Join ranges whose gap would not be seen."""
    found = [panels[0]]
    for first, last in panels[1:]:
        if axis.span(found[-1][1], first)[1] < SMALLEST:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def _cuts(above: Sequence[Cell], below: Sequence[Cell], axis: Axis) -> list[float]:
    """Return where a range was cut: a block starts below and none starts there above."""
    starts = {cell.first for cell in above}
    inside = merged((cell.first, cell.last) for cell in above)
    lows = [low for low, _ in inside]
    found: list[float] = []
    for cell in below:
        place = bisect_right(lows, cell.first - 1) - 1
        if cell.first in starts or place < 0 or cell.first > inside[place][1]:
            continue
        x = round(axis.at(cell.first), 2)
        # Marks on top of each other are one.
        if len(below) <= MANY or not found or x - found[-1] >= SMALLEST:
            found.append(x)
    return found


def fits(text: str, size: float, room: float) -> bool:
    """Estimate whether a label fits: letters are never measured."""
    return len(text) * size * EM <= room


def spaced(number: int) -> str:
    """Group the digits of a certificate number, for eyes and not for copying."""
    return f"{number:,}".replace(",", "\u2009")
