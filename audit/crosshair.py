"""A certificate on a date, and where its words stand so that they cover no other. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from audit import times
from audit.lineage_plan import GONE, LEFT, PLOT, TOP, WIDTH, Block, Plan
from audit.strata import EM, spaced

# Left, top, right, bottom.
Area = tuple[float, float, float, float]
PILL = 28
# From the eye to its words.
BESIDE, ABOVE = 16, 14
AWAY = 220
# In rows of one height no time is to scale: the eye stands low, below the words of a block.
LOW = 84
EDGE = 10


@dataclass(frozen=True)
class Question:
    """Which certificate is asked for, when, and which block it was in."""

    number: int
    # The last transaction by then.
    until: int
    on: str
    holder: Block
    at: datetime | None = None


@dataclass(frozen=True)
class Crosshair:
    """A certificate on a date."""

    x: float
    y: float
    number: str
    words: str
    # Where the words stand: within the picture, and on no other words if there is room.
    label_x: float
    label_y: float
    label_width: float

    @property
    def middle(self) -> float:
        """Return the middle of the words."""
        return round(self.label_x + self.label_width / 2, 1)

    @property
    def baseline(self) -> float:
        """Return what the words stand on."""
        return self.label_y + 19


def point(plan: Plan, asked: Question, labels: Sequence[Area]) -> Crosshair | None:
    """
    Point at a certificate; None if that is not among the rows that are shown.

    :param labels: what is written on the blocks
    """
    holder = asked.holder
    row = max((n for n, steps in enumerate(plan.rows) if steps[0]["id"] <= asked.until), default=-1)
    spent = holder["spent"]
    # Whoever held it before the rows that are shown, or after them, is not in the picture.
    past = plan.earlier and row == 0 and spent is not None and spent <= plan.ends[0]
    if row < 0 or past or holder["made"] > plan.ends[-1]:
        return None
    gone = GONE.get(holder["account_type"])
    how = f"{gone} by {holder['holder']}" if gone else f"held by {holder['holder']}"
    words = f"No. {spaced(asked.number)} {asked.on}: {how}, block {holder['block_id']}"
    x, y = round(plan.x(asked.number) + plan.scale / 2, 2), _height(plan, row, asked.at)
    width = len(words) * 14 * EM + 24
    left, top = _aside(x, y, width, plan.tops[-1], labels)
    return Crosshair(
        x, y, spaced(asked.number), words, round(left, 1), round(top, 1), round(width, 1)
    )


def _height(plan: Plan, row: int, at: datetime | None) -> float:
    if not plan.starts or at is None:
        return plan.y(row) + min(LOW, plan.height(row) - EDGE)
    y = times.place(at, plan.starts, plan.end, plan.tops)
    return round(min(max(y, plan.y(row) + EDGE), plan.y(row) + plan.height(row) - EDGE), 1)


def _aside(
    x: float, y: float, width: float, bottom: float, labels: Sequence[Area]
) -> tuple[float, float]:
    """Return the nearest place that covers no label, or the one that covers the least."""
    near = [area for area in labels if area[1] - y < AWAY + PILL and y - area[3] < AWAY + PILL]
    best, least = (max(LEFT, x - width / 2), y - ABOVE - PILL), float("inf")
    for place in _places(x, y, width):
        if TOP <= place[1] <= bottom - PILL:
            covered = sum(_shared(place, width, area) for area in near)
            if covered < least:
                best, least = place, covered
            if not least:
                break
    return best


def _places(x: float, y: float, width: float) -> Iterator[tuple[float, float]]:
    """Offer places: above the eye, then beside it, and then further and further away."""
    most = (LEFT + PLOT if width <= PLOT else WIDTH) - width
    middle = min(max(x - width / 2, LEFT), most)
    beside = [left for left in (x + BESIDE, x - BESIDE - width) if LEFT <= left <= most]
    level = y - PILL / 2
    yield middle, y - ABOVE - PILL
    for away in range(0, AWAY, 2):
        for top in (level + away, level - away):
            for left in (*beside, middle):
                # The eye itself stays free.
                if left != middle or away >= ABOVE + PILL / 2:
                    yield left, top


def _shared(place: tuple[float, float], width: float, label: Area) -> float:
    across = min(place[0] + width, label[2]) - max(place[0], label[0])
    down = min(place[1] + PILL, label[3]) - max(place[1], label[1])
    return max(across, 0.0) * max(down, 0.0)
