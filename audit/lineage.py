"""
The whole lineage of some numbers: certificate number across, transactions down. Pure.

A block is as wide as its numbers and as tall as its life, so that a certificate is followed by
reading down, and every holder at a time by reading across. Each row is as wide as the numbers that
were issued. Over so many transactions a row is several, and shows what there was after the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from audit import crosshair, lineage_rows, slices, times, zoom
from audit.crosshair import Area, Crosshair, Question
from audit.lineage_plan import LEFT, Block, Plan, Window
from audit.lineage_rows import Line, Sum
from audit.strata import EM, fits, merged, spaced
from registry import moments

SMALLEST = 6.0
# Of more blocks than this nobody can tell one life from another: rows are drawn as slices.
CROWD = 1500


@dataclass(frozen=True)
class Box:
    """One block as drawn, or several neighbours of one holder that are too narrow to see."""

    x: float
    y: int
    width: float
    height: int
    tone: str
    tint: bool
    block_id: int
    who: str
    numbers: str
    volume: str
    count: int = 1


@dataclass(frozen=True)
class Drawing:
    """Everything that the template draws."""

    lines: list[Line]
    boxes: list[Box]
    bars: list[tuple[float, float, float]]
    cuts: list[tuple[float, float]]
    ticks: list[tuple[float, str]]
    legend: list[tuple[str, str]]
    crosshair: Crosshair | None
    height: int
    bottom: int
    total: Sum
    # Instead of boxes where there are too many: colour, whether pale, and the path.
    slices: list[tuple[str, bool, str]]
    # Only then: what leads to larger pictures.
    zooms: list[zoom.Field] = field(default_factory=list)
    # Rows are as tall as their time, with this beside them.
    in_true_time: bool = False
    clock: list[tuple[float, str]] = field(default_factory=list)


def draw(
    blocks: Sequence[Block],
    steps: Sequence[Block],
    window: Window,
    *,
    minted: int,
    asked: Question | None = None,
) -> Drawing:
    """Draw the lives of blocks between two numbers, and which block one number was in."""
    plan = Plan(blocks, steps, window)
    crowded = len(plan.blocks) > CROWD
    lines = lineage_rows.lines(plan)
    boxes = [] if crowded else _boxes(plan)
    labels = [area for box in boxes for area in _labels(box)]
    return Drawing(
        lines=lines,
        boxes=boxes,
        slices=_slices(plan) if crowded else [],
        bars=_bars(plan, SMALLEST if crowded else 0),
        cuts=[] if crowded else _cuts(plan, plan.states),
        ticks=_ticks(plan),
        clock=times.marks(plan.starts, plan.end, plan.tops, moments.zone()) if plan.starts else [],
        in_true_time=bool(plan.starts),
        legend=_legend(plan),
        crosshair=crosshair.point(plan, asked, labels) if asked else None,
        total=lineage_rows.total(plan, lines[-1].held, minted, by_holder=crowded),
        zooms=zoom.grid(plan) if crowded else [],
        height=plan.tops[-1] + 64,
        bottom=plan.tops[-1],
    )


def _slices(plan: Plan) -> list[tuple[str, bool, str]]:
    """Return what there was at the end of each row, in one path a colour."""
    drawn = {
        block["block_id"]: (*plan.clip(block), (plan.tone(block), block["spent"] is not None))
        for block in plan.blocks
    }
    rows = [
        slices.cut((drawn[block["block_id"]] for block in state), plan.scale)
        for state in plan.states
    ]
    return slices.paths(rows, left=LEFT, tops=plan.tops, first=plan.first, scale=plan.scale)


def _boxes(plan: Plan) -> list[Box]:
    alive = [(plan.life(block), block) for block in plan.blocks]
    # Blocks of one life stand beside each other: neighbours that nobody could tell apart are one.
    alive = sorted(
        (pair for pair in alive if pair[0][0] <= pair[0][1]),
        key=lambda pair: (*pair[0], pair[1]["first"]),
    )
    groups: list[list[Block]] = []
    lives: list[tuple[int, int]] = []
    for life, block in alive:
        if groups and lives[-1] == life and _joins(plan, groups[-1], block):
            groups[-1].append(block)
        else:
            groups.append([block])
            lives.append(life)
    return [_box(plan, life, group) for life, group in zip(lives, groups, strict=True)]


def _joins(plan: Plan, group: Sequence[Block], block: Block) -> bool:
    before = group[-1]
    return (
        before["last"] + 1 == block["first"]
        and plan.tone(before) == plan.tone(block)
        and min(plan.volume(before), plan.volume(block)) * plan.scale < SMALLEST
    )


def _box(plan: Plan, life: tuple[int, int], group: Sequence[Block]) -> Box:
    low, high = plan.clip(group[0])[0], plan.clip(group[-1])[1]
    block, width = group[0], (high - low + 1) * plan.scale
    edge = min(1.0, width / 4)
    name = f"{block['holder']}, block {block['block_id']}"
    labels = [f"{len(group)} blocks"] if len(group) > 1 else [name, block["account"]]
    numbers, volume = f"{spaced(low)} \N{EN DASH} {spaced(high)}", f"{high - low + 1:,}"
    room, y = width - 24, plan.y(life[0]) + 5
    height = plan.tops[life[1] + 1] - 5 - y
    return Box(
        x=round(plan.x(low) + edge, 2),
        y=y,
        width=round(width - 2 * edge, 2),
        height=height,
        tone=plan.tone(block),
        tint=block["spent"] is not None,
        block_id=block["block_id"],
        who=next((label for label in labels if fits(label, 14.5, room)), ""),
        numbers=numbers if fits(numbers, 13, room) and height >= 50 else "",
        volume=volume if fits(volume, 23, room) and height >= 82 else "",
        count=len(group),
    )


def _labels(box: Box) -> list[Area]:
    """Return where the words of a block are."""
    left = box.x + 11
    words = [(box.who, 14.5, 8), (box.numbers, 13, 31), (box.volume, 23, 54)]
    return [
        (left, box.y + down, left + len(text) * size * EM, box.y + down + size + 4)
        for text, size, down in words
        if text
    ]


def _bars(plan: Plan, near: float) -> list[tuple[float, float, float]]:
    """Return a bar above each row, as wide as what its transactions consumed or issued."""
    bars = []
    made: list[list[tuple[int, int]]] = [[] for _ in plan.rows]
    for block in plan.blocks:
        made[plan.life(block)[0]].append(plan.clip(block))
    for row, ranges in enumerate(made):
        # A gap that nobody would see is none.
        for low, high in merged(ranges, int(near / plan.scale)):
            width = (high - low + 1) * plan.scale
            edge = min(1.0, width / 4)
            x = round(plan.x(low) + edge, 2)
            bars.append((x, plan.y(row) - 2.5, round(width - 2 * edge, 2)))
    return bars


def _cuts(plan: Plan, states: Sequence[Sequence[Block]]) -> list[tuple[float, float]]:
    """Return where a range was cut: a block starts below and none starts there above."""
    cuts: list[tuple[float, float]] = []
    for row in range(1, len(states)):
        starts = {block["first"] for block in states[row - 1]}
        cuts += [
            (round(plan.x(block["first"]), 2), plan.y(row))
            for block in states[row]
            if block["first"] > plan.first and block["first"] not in starts
        ]
    return cuts


def _legend(plan: Plan) -> list[tuple[str, str]]:
    used = {plan.tone(block) for block in plan.blocks}
    named = [(tone, holder) for holder, tone in plan.tones.items()]
    rest = [("other", "Others"), ("retired", "Retired"), ("expired", "Expired")]
    return [*named, *(pair for pair in rest if pair[0] in used)]


def _ticks(plan: Plan) -> list[tuple[float, str]]:
    """Return a few numbers along the axis: round ones, the first and the last."""
    room = plan.last - plan.first + 1
    step = 10 ** max(len(str(room)) - 2, 0)
    step *= next(factor for factor in (1, 2, 5, 10, 20) if room / (step * factor) <= 7)
    start = -(-plan.first // step) * step
    near = 90 / plan.scale
    rounds = range(start, plan.last + 1, step)
    middle = [n for n in rounds if n - plan.first > near and plan.last - n > near]
    return [
        (round(plan.x(n) + (plan.scale if n == plan.last else 0), 1), spaced(n))
        for n in dict.fromkeys([plan.first, *middle, plan.last])
    ]
