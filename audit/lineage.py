"""
The whole lineage of some numbers: certificate number across, transactions down. Pure.

A block is as wide as its numbers and as tall as its life, so that a certificate is followed by
reading down, and every holder at a time by reading across. Each row is as wide as the numbers that
were issued. Over so many transactions a row is several, and shows what there was after the last.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import slices
from audit.strata import EM, merged, spaced
from registry import dates, moments

WIDTH, LEFT, PLOT, RIGHT = 1180.0, 250.0, 660.0, 950.0
TOP, ROW = 56.0, 104.0
ROWS = 24
SMALLEST = 6.0
# Of more blocks than this nobody can tell one life from another: rows are drawn as slices.
CROWD = 1500
TONES = ("from", "to", "third", "fourth")
GONE = {"retirement": "retired", "expiry": "expired"}
KINDS = {
    "mint": "Issue", "transfer": "Transfer", "retire": "Retirement",
    "reassign_region": "Region change", "expire": "Expiry",
}  # fmt: skip
Block = Mapping[str, Any]


@dataclass(frozen=True)
class Box:
    """One block as drawn, or several neighbours of one holder that are too narrow to see."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    tint: bool
    block_id: int
    who: str
    numbers: str
    volume: str
    count: int = 1


@dataclass
class Line:
    """One row: what happened, and who held how much afterwards."""

    y: float
    title: str
    when: str
    number: str
    postings: list[str]
    sums: str
    names: str
    # Whether that is as much as was issued of these numbers.
    whole: str
    parts: list[tuple[str, float, float]]


@dataclass(frozen=True)
class Crosshair:
    """A certificate on a date."""

    x: float
    y: float
    number: str
    words: str
    # Where the words stand, so that they stay within the picture.
    label_x: float
    label_width: float

    @property
    def middle(self) -> float:
        """Return the middle of the words."""
        return round(self.label_x + self.label_width / 2, 1)


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
    height: float
    bottom: float
    # Instead of boxes where there are too many: colour, whether pale, and the path.
    slices: list[tuple[str, bool, str]]


class _Plan:
    """The numbers that are shown, the rows, and which colour whose blocks have."""

    def __init__(self, blocks: Sequence[Block], steps: Sequence[Block], first: int, last: int):
        self.first, self.last = first, last
        self.scale = PLOT / (last - first + 1)
        self.blocks = blocks
        size = -(-len(steps) // ROWS) or 1
        self.rows = [list(steps[n : n + size]) for n in range(0, len(steps), size)]
        self.ends = [row[-1]["id"] for row in self.rows]
        self.tones = self._tones()
        self.lives = {block["block_id"]: self._life(block) for block in blocks}
        # What was there at the end of each row, by number; what came in it, and what went.
        self.states: list[list[Block]] = [[] for _ in self.rows]
        self.came: list[list[Block]] = [[] for _ in self.rows]
        self.went: list[list[Block]] = [[] for _ in self.rows]
        for block in sorted(blocks, key=lambda block: block["first"]):
            start, end = self.lives[block["block_id"]]
            for row in range(start, end + 1):
                self.states[row].append(block)
            if start <= end:
                self.came[start].append(block)
                if end + 1 < len(self.rows):
                    self.went[end + 1].append(block)

    def _tones(self) -> dict[str, str]:
        """Give a colour to whoever held most, counted over all blocks."""
        held: dict[str, int] = {}
        for block in self.blocks:
            if block["account_type"] not in GONE:
                held[block["holder"]] = held.get(block["holder"], 0) + self.volume(block)
        most = sorted(held, key=lambda holder: (-held[holder], holder))
        return dict(zip(most, TONES, strict=False))

    def tone(self, block: Block) -> str:
        gone: str | None = GONE.get(block["account_type"])
        return gone or self.tones.get(block["holder"], "other")

    def volume(self, block: Block) -> int:
        low, high = self.clip(block)
        return high - low + 1

    def clip(self, block: Block) -> tuple[int, int]:
        return max(block["first"], self.first), min(block["last"], self.last)

    def x(self, number: int) -> float:
        return LEFT + (number - self.first) * self.scale

    def life(self, block: Block) -> tuple[int, int]:
        """Return the first and the last row that a block was there at the end of."""
        return self.lives[block["block_id"]]

    def _life(self, block: Block) -> tuple[int, int]:
        start, end = bisect_left(self.ends, block["made"]), len(self.ends)
        if block["spent"] is not None:
            end = bisect_left(self.ends, block["spent"])
        return start, end - 1


def draw(
    blocks: Sequence[Block],
    steps: Sequence[Block],
    *,
    first: int,
    last: int,
    number: int | None = None,
    until: int | None = None,
    on: str = "",
    holder: Block | None = None,
) -> Drawing:
    """Draw the lives of blocks between two numbers, and which block one number was in."""
    plan = _Plan(blocks, steps, first, last)
    bottom = TOP + len(plan.rows) * ROW
    crowded = len(blocks) > CROWD
    return Drawing(
        lines=_lines(plan),
        boxes=[] if crowded else _boxes(plan),
        slices=_slices(plan) if crowded else [],
        bars=_bars(plan, SMALLEST if crowded else 0),
        cuts=[] if crowded else _cuts(plan, plan.states),
        ticks=_ticks(plan),
        legend=_legend(plan),
        crosshair=_crosshair(plan, number, until, on, holder),
        height=bottom + 48,
        bottom=bottom,
    )


def _slices(plan: _Plan) -> list[tuple[str, bool, str]]:
    """Return what there was at the end of each row, in one path a colour."""
    drawn = {
        block["block_id"]: (*plan.clip(block), (plan.tone(block), block["spent"] is not None))
        for block in plan.blocks
    }
    rows = [
        slices.cut((drawn[block["block_id"]] for block in state), plan.scale)
        for state in plan.states
    ]
    return slices.paths(rows, left=LEFT, top=TOP, row=ROW, first=plan.first, scale=plan.scale)


def _boxes(plan: _Plan) -> list[Box]:
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


def _joins(plan: _Plan, group: Sequence[Block], block: Block) -> bool:
    before = group[-1]
    return (
        before["last"] + 1 == block["first"]
        and plan.tone(before) == plan.tone(block)
        and min(plan.volume(before), plan.volume(block)) * plan.scale < SMALLEST
    )


def _box(plan: _Plan, life: tuple[int, int], group: Sequence[Block]) -> Box:
    low, high = plan.clip(group[0])[0], plan.clip(group[-1])[1]
    block, width = group[0], (high - low + 1) * plan.scale
    edge = min(1.0, width / 4)
    name = f"{block['holder']}, block {block['block_id']}"
    labels = [f"{len(group)} blocks"] if len(group) > 1 else [name, block["account"]]
    numbers, volume = f"{spaced(low)} \N{EN DASH} {spaced(high)}", f"{high - low + 1:,}"
    room = width - 24
    return Box(
        x=round(plan.x(low) + edge, 2),
        y=TOP + life[0] * ROW + 5,
        width=round(width - 2 * edge, 2),
        height=(life[1] - life[0] + 1) * ROW - 10,
        tone=plan.tone(block),
        tint=block["spent"] is not None,
        block_id=block["block_id"],
        who=next((label for label in labels if _fits(label, 14.5, room)), ""),
        numbers=numbers if _fits(numbers, 13, room) else "",
        volume=volume if _fits(volume, 23, room) else "",
        count=len(group),
    )


def _bars(plan: _Plan, near: float) -> list[tuple[float, float, float]]:
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
            bars.append((x, TOP + row * ROW - 2.5, round(width - 2 * edge, 2)))
    return bars


def _cuts(plan: _Plan, states: Sequence[Sequence[Block]]) -> list[tuple[float, float]]:
    """Return where a range was cut: a block starts below and none starts there above."""
    cuts = []
    for row in range(1, len(states)):
        starts = {block["first"] for block in states[row - 1]}
        cuts += [
            (round(plan.x(block["first"]), 2), TOP + row * ROW)
            for block in states[row]
            if block["first"] > plan.first and block["first"] not in starts
        ]
    return cuts


def _lines(plan: _Plan) -> list[Line]:
    """Return each row, and who held how much after it: added up from what came and went."""
    held: dict[tuple[str, str], int] = {}
    lines = []
    for row in range(len(plan.rows)):
        net: dict[str, int] = {}
        for sign, blocks in ((1, plan.came[row]), (-1, plan.went[row])):
            for block in blocks:
                change = sign * plan.volume(block)
                net[block["account"]] = net.get(block["account"], 0) + change
                key = _holder(plan, block)
                held[key] = held.get(key, 0) + change
        lines.append(_line(plan, row, {name: n for name, n in net.items() if n}, _sums(held)))
    return lines


def _line(
    plan: _Plan, row: int, net: Mapping[str, int], sums: Sequence[tuple[str, str, int]]
) -> Line:
    steps = plan.rows[row]
    moved = sum(amount for amount in net.values() if amount > 0)
    title = f"{len(steps)} transactions"
    if len(steps) == 1:
        # A change of region moves nothing between accounts.
        kind = KINDS[steps[0]["kind"]]
        title = f"{kind} of {moved:,}" if moved else kind
    parts, x = [], RIGHT
    whole = sum(volume for _, _, volume in sums) or 1
    for _, tone, volume in sums:
        width = (WIDTH - RIGHT) * volume / whole
        parts.append((tone, round(x, 2), round(width, 2)))
        x += width
    volumes = " + ".join(f"{volume:,}" for _, _, volume in sums)
    text = f"{volumes} = {whole:,}" if 1 < len(sums) <= 4 else f"{whole:,}"
    missing = plan.last - plan.first + 1 - whole
    names = ", ".join(name for name, _, _ in sums)
    return Line(
        y=TOP + row * ROW,
        title=title,
        when=dates.write_day(steps[-1]["occurred_at"].astimezone(moments.zone()).date()),
        number=steps[-1]["number"],
        postings=_postings(net, issued=steps[0]["kind"] == "mint"),
        sums=text if _fits(text, 15, WIDTH - RIGHT) else f"{whole:,}",
        names=names if _fits(names, 13, WIDTH - RIGHT) else f"{len(sums)} holders",
        whole=f"{missing:,} not accounted for" if missing else f"All {whole:,} accounted for",
        parts=parts,
    )


def _postings(net: Mapping[str, int], *, issued: bool) -> list[str]:
    """Write who gave and who got; together it is nothing, or what was issued."""
    found = sorted(net.items(), key=lambda pair: (pair[1], pair[0]))
    new = sum(net.values())
    if issued and new:
        found.insert(0, ("Issuance", -new))
    signs = {True: "+", False: "\N{MINUS SIGN}"}
    written = [f"{name} {signs[amount > 0]}{abs(amount):,}" for name, amount in found]
    if len(written) > 2:
        return [written[0], f"and {len(written) - 1} more accounts"]
    return written


def _holder(plan: _Plan, block: Block) -> tuple[str, str]:
    """Return under which name and colour a block is added up."""
    tone = plan.tone(block)
    if tone == "other":
        return "Others", tone
    return tone.capitalize() if tone in GONE.values() else block["holder"], tone


def _sums(held: Mapping[tuple[str, str], int]) -> list[tuple[str, str, int]]:
    """Return who held how much: name, colour and volume, by colour."""
    order = [*GONE.values(), *TONES, "other"]
    there = [(name, tone, volume) for (name, tone), volume in held.items() if volume]
    return sorted(there, key=lambda each: order.index(each[1]))


def _legend(plan: _Plan) -> list[tuple[str, str]]:
    used = {plan.tone(block) for block in plan.blocks}
    named = [(tone, holder) for holder, tone in plan.tones.items()]
    rest = [("other", "Others"), ("retired", "Retired"), ("expired", "Expired")]
    return [*named, *(pair for pair in rest if pair[0] in used)]


def _ticks(plan: _Plan) -> list[tuple[float, str]]:
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


def _crosshair(
    plan: _Plan, number: int | None, until: int | None, on: str, holder: Block | None
) -> Crosshair | None:
    if number is None or until is None or holder is None:
        return None
    row = max(n for n, steps in enumerate(plan.rows) if steps[0]["id"] <= until)
    gone = GONE.get(holder["account_type"])
    how = f"{gone} by {holder['holder']}" if gone else f"held by {holder['holder']}"
    words = f"No. {spaced(number)} {on}: {how}, block {holder['block_id']}"
    x = round(plan.x(number) + plan.scale / 2, 2)
    width = len(words) * 14 * EM + 24
    left = min(max(x - width / 2, LEFT), WIDTH - width)
    return Crosshair(
        x, TOP + row * ROW + 84, spaced(number), words, round(left, 1), round(width, 1)
    )


def _fits(text: str, size: float, room: float) -> bool:
    return len(text) * size * EM <= room
