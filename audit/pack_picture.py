"""
The picture of an evidence pack: certificate number across, time down. Pure.

It stands alone: no style sheet, no script, no link. Every row covers the same numbers, those that
were consumed, or issued; an older block is drawn as the part of it that got here. What pages show
is ``audit.strata``; this one is never redrawn, so that an old pack can be made again byte by byte.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

WIDTH, ROW, BETWEEN, LEFT, TOP, GAP = 760.0, 64.0, 12.0, 190.0, 64.0, 12.0
SMALLEST = 3.0
GENERATIONS = 12
LETTER = 0.62
COLOURS = {
    "spent": ("#d9e5f2", "#14201b"),
    "held": ("#10509a", "#ffffff"),
    "moved": ("#a14a10", "#ffffff"),
    "retired": ("#5a2a6d", "#ffffff"),
    "expired": ("#67401f", "#ffffff"),
}
WORDS = {
    "mint": "Issue", "transfer": "Transfer", "retire": "Retirement",
    "reassign_region": "Region change", "expire": "Expiry",
}  # fmt: skip
PATTERNS = (
    '<defs><pattern id="retired" width="8" height="8" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><path d="M0 0V8" stroke="#ffffff" stroke-opacity="0.3"'
    ' stroke-width="3"/></pattern><pattern id="expired" width="8" height="8"'
    ' patternUnits="userSpaceOnUse"><circle cx="3" cy="3" r="1.5" fill="#ffffff"'
    ' fill-opacity="0.4"/></pattern></defs>'
)


@dataclass(frozen=True)
class Cell:
    """A part of a row."""

    first: int
    last: int
    who: str
    tone: str
    count: int = 1


@dataclass(frozen=True)
class Row:
    """What was there after one step."""

    label: str
    note: str
    cells: list[Cell]


def draw(number: str, facts: Mapping[str, Any]) -> str:
    """Return the picture as the text of an SVG file."""
    blocks = facts["blocks.json"]
    whole = [(each["first"], each["last"]) for each in blocks["consumed"] or blocks["created"]]
    panels = _joined(whole)
    gap = min(GAP, WIDTH / 4 / max(len(panels) - 1, 1))
    room = WIDTH - gap * (len(panels) - 1)
    scale = room / max(sum(last - first + 1 for first, last in panels), 1)
    rows = _rows(number, facts)
    height = TOP + len(rows) * (ROW + BETWEEN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 10:g} {height:g}"'
        f' font-family="system-ui, sans-serif" role="img" aria-labelledby="title words">',
        f'<title id="title">Lineage of {escape(number)}</title>',
        f'<desc id="words">{escape(_words(rows))}</desc>',
        PATTERNS,
        f'<rect width="{LEFT + WIDTH + 10:g}" height="{height:g}" fill="#ffffff"/>',
        _text(0, 22, 18, f"Lineage of {number}", weight=600),
        _text(0, 44, 13, "Certificate number across, time down. Pale: consumed later."),
    ]
    for level, row in enumerate(rows):
        y = TOP + level * (ROW + BETWEEN)
        parts += [_text(0, y + 24, 14, row.label, weight=600), _text(0, y + 44, 12, row.note)]
        parts += _drawn(row, y, panels, scale, gap)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _rows(number: str, facts: Mapping[str, Any]) -> list[Row]:
    """Return a row for each generation, oldest first, then what was consumed and created."""
    head, blocks = facts["transaction.json"], facts["blocks.json"]
    rows: list[Row] = []
    for back, cells, made in _generations(blocks["consumed"], facts["lineage.json"]):
        rows.insert(0, Row(_listed(sorted(made)), _plural(back, "generation") + " back", cells))
    if blocks["consumed"]:
        rows.append(Row("Consumed", _sum(blocks["consumed"]), _cells(blocks["consumed"], None)))
    sources = {each["account"]["code"] for each in blocks["consumed"]}
    cells = _cells(blocks["created"], sources)
    return [*rows, Row(f"{WORDS[head['kind']]} {number}", _sum(blocks["created"]), cells)]


def _generations(
    consumed: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[int, list[Cell], set[str]]]:
    """Follow each consumed block back, one cut at a time, and keep the part that got here."""
    known = {each["block"]: each for each in old}
    parts = [(each["first"], each["last"], each["cut_from_block"]) for each in consumed]
    for back in range(1, GENERATIONS + 1):
        parts = [(first, last, key) for first, last, key in parts if key in known]
        if not parts:
            return
        cells: list[Cell] = []
        keys: list[int] = []
        for first, last, key in parts:
            if keys and keys[-1] == key and cells[-1].last + 1 == first:
                cells[-1] = Cell(cells[-1].first, last, cells[-1].who, "spent")
            else:
                cells.append(Cell(first, last, known[key]["account"]["code"], "spent"))
                keys.append(key)
        yield back, cells, {known[key]["made_by"] for _, _, key in parts}
        parts = [(first, last, known[key]["cut_from_block"]) for first, last, key in parts]


def _cells(blocks: Sequence[Mapping[str, Any]], sources: set[str] | None) -> list[Cell]:
    return [
        Cell(each["first"], each["last"], each["account"]["code"], _tone(each, sources))
        for each in blocks
    ]


def _tone(block: Mapping[str, Any], sources: set[str] | None) -> str:
    if sources is None:
        return "spent"
    if block["account"]["type"] in ("retirement", "expiry"):
        return "retired" if block["account"]["type"] == "retirement" else "expired"
    return "held" if block["account"]["code"] in sources or not sources else "moved"


def _drawn(
    row: Row, y: float, panels: Sequence[tuple[int, int]], scale: float, gap: float
) -> list[str]:
    parts = []
    for cell in _merged(row.cells, scale, panels):
        x, width = LEFT + _at(cell.first, panels, scale, gap), (cell.last - cell.first + 1) * scale
        edge = min(1.0, width / 4)
        back, front = COLOURS[cell.tone]
        box = f'x="{x + edge:.2f}" y="{y:g}" width="{width - 2 * edge:.2f}" height="{ROW:g}" rx="3"'
        parts.append(f'<rect {box} fill="{back}"/>')
        if cell.tone in ("retired", "expired"):
            parts.append(f'<rect {box} fill="url(#{cell.tone})"/>')
        volume = f"{cell.last - cell.first + 1:,}"
        who = cell.who if cell.count == 1 else _plural(cell.count, "block")
        lines = ((20, 13, who), (38, 11, f"{cell.first}\N{EN DASH}{cell.last}"), (56, 14, volume))
        parts += [
            _text(x + 8, y + down, size, text, colour=front)
            for down, size, text in lines
            if len(text) * size * LETTER <= width - 12
        ]
    return parts


def _merged(cells: Sequence[Cell], scale: float, panels: Sequence[tuple[int, int]]) -> list[Cell]:
    """Join neighbours that are too narrow to see: nothing is left out."""
    ends = {last for _, last in panels}
    found: list[Cell] = []
    for cell in cells:
        before = found[-1] if found else None
        if (
            before
            and before.last + 1 == cell.first
            and before.last not in ends
            and before.tone == cell.tone
            and min(_volume(before), _volume(cell)) * scale < SMALLEST
        ):
            count = before.count + cell.count
            found[-1] = Cell(before.first, cell.last, "", cell.tone, count)
        else:
            found.append(cell)
    return found


def _volume(cell: Cell) -> int:
    return cell.last - cell.first + 1


def _at(number: int, panels: Sequence[tuple[int, int]], scale: float, gap: float) -> float:
    x = 0.0
    for first, last in panels:
        if number <= last:
            break
        x += (last - first + 1) * scale + gap
    return x + (number - first) * scale


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _text(
    x: float, y: float, size: int, text: str, *, colour: str = "#14201b", weight: int = 400
) -> str:
    return (
        f'<text x="{x:.2f}" y="{y:g}" font-size="{size}" font-weight="{weight}"'
        f' fill="{colour}">{escape(text)}</text>'
    )


def _sum(blocks: Sequence[Mapping[str, Any]]) -> str:
    total = sum(each["volume"] for each in blocks)
    return f"{_plural(len(blocks), 'block')}, {total:,} in all"


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names):,} transactions"


def _words(rows: Sequence[Row]) -> str:
    return ". ".join(f"{row.label}: {row.note}" for row in rows) + "."
