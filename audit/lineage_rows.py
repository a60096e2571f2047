"""What stands beside and below the rows of a lineage: what happened, who held how much. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.lineage_plan import GONE, LEFT, RIGHT, TONES, WIDTH, Block, Plan
from audit.strata import fits
from registry import dates, moments

KINDS = {
    "mint": "Issue", "transfer": "Transfer", "retire": "Retirement",
    "reassign_region": "Region change", "expire": "Expiry",
}  # fmt: skip
# So much height a row needs for its postings and for the sentence that all is accounted for.
ROOMY = 92
# Volumes of a sum, large and small: the size of their letters.
LARGE, SMALL = 20, 14
INSET = 3


@dataclass
class Line:
    """One row: what happened, and who held how much afterwards."""

    y: int
    title: str
    when: str
    number: str
    postings: list[str]
    sums: str
    names: str
    # Whether that is as much as was issued of these numbers.
    whole: str
    parts: list[tuple[str, float, float]]
    # Who held how much: name, colour, volume.
    held: list[tuple[str, str, int]]


@dataclass(frozen=True)
class Bracket:
    """A part of the sum under the picture, as wide as what it counts."""

    left: float
    right: float
    words: str

    @property
    def middle(self) -> float:
        """Return the middle of it."""
        return round((self.left + self.right) / 2, 1)


@dataclass(frozen=True)
class Sum:
    """The sum under the picture: its parts, and what they make together."""

    brackets: list[Bracket]
    # In colours, where the parts are holders and not numbers beside each other.
    parts: list[tuple[str, float, float]]
    total: str
    note: str
    # How large the letters of the brackets are.
    size: int

    @property
    def pluses(self) -> list[float]:
        """Return where a plus stands: between two parts."""
        return [round(bracket.left - INSET, 1) for bracket in self.brackets[1:]]


def lines(plan: Plan) -> list[Line]:
    """Return each row, and who held how much after it: added up from what came and went."""
    held: dict[tuple[str, str], int] = {}
    found = []
    for row in range(len(plan.rows)):
        net: dict[str, int] = {}
        for sign, blocks in ((1, plan.came[row]), (-1, plan.went[row])):
            for block in blocks:
                change = sign * plan.volume(block)
                net[block["account"]] = net.get(block["account"], 0) + change
                key = _holder(plan, block)
                held[key] = held.get(key, 0) + change
        found.append(_line(plan, row, {name: n for name, n in net.items() if n}, _sums(held)))
    return found


def _line(
    plan: Plan, row: int, net: Mapping[str, int], sums: Sequence[tuple[str, str, int]]
) -> Line:
    steps = plan.rows[row]
    moved = sum(amount for amount in net.values() if amount > 0)
    title = f"{len(steps):,} transactions"
    if len(steps) == 1:
        # A change of region moves nothing between accounts.
        kind = KINDS[steps[0]["kind"]]
        title = f"{kind} of {moved:,}" if moved else kind
    elif plan.earlier and not row:
        title += " before"
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
    roomy = plan.height(row) >= ROOMY
    return Line(
        y=plan.y(row),
        title=title,
        when=dates.write_day(steps[-1]["occurred_at"].astimezone(moments.zone()).date()),
        number=steps[-1]["number"],
        postings=_postings(net, issued=steps[0]["kind"] == "mint") if roomy else [],
        sums=text if fits(text, 15, WIDTH - RIGHT) else f"{whole:,}",
        names=names if fits(names, 13, WIDTH - RIGHT) else f"{len(sums)} holders",
        whole=_accounted(whole, missing) if roomy or missing else "",
        parts=parts,
        held=list(sums),
    )


def _accounted(whole: int, missing: int) -> str:
    return f"{missing:,} not accounted for" if missing else f"All {whole:,} accounted for"


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


def _holder(plan: Plan, block: Block) -> tuple[str, str]:
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


def total(plan: Plan, held: Sequence[tuple[str, str, int]], minted: int, *, by_holder: bool) -> Sum:
    """Add up what there is at the end: by number, or by holder where there are too many blocks."""
    parts: list[tuple[str, float, float]] = []
    if by_holder:
        pieces = [volume for _, _, volume in held]
        x = LEFT
        for _, tone, volume in held:
            parts.append((tone, round(x, 2), round(volume * plan.scale, 2)))
            x += volume * plan.scale
    else:
        pieces = [plan.volume(block) for block in plan.states[-1]]
    whole = sum(pieces)
    words = f"= {whole:,}"
    what = "minted" if whole == minted else f"of {minted:,} minted"
    short = fits(f"{words} {what}", 20, WIDTH - RIGHT)
    # Small letters only where they tell apart what large ones would put together.
    large, small = (_groups(pieces, plan.scale, size) for size in (LARGE, SMALL))
    size, groups = (SMALL, small) if len(small) > len(large) else (LARGE, large)
    return Sum(
        brackets=_brackets(groups, plan.scale),
        parts=parts,
        total=f"{words} {what}" if short else words,
        note="" if short else what,
        size=size,
    )


def _groups(pieces: Sequence[int], scale: float, size: int) -> list[int]:
    """Put neighbours together whose volumes would not fit, with a plus between them."""
    groups: list[int] = []
    for piece in pieces:
        legible = [
            fits(f"{volume:,}", size, volume * scale - size - INSET)
            for volume in (*groups[-1:], piece)
        ]
        if groups and not all(legible):
            groups[-1] += piece
        else:
            groups.append(piece)
    return groups


def _brackets(groups: Sequence[int], scale: float) -> list[Bracket]:
    """Write each volume under what it counts."""
    found, x = [], LEFT
    for volume in groups:
        width = volume * scale
        found.append(Bracket(round(x + INSET, 1), round(x + width - INSET, 1), f"{volume:,}"))
        x += width
    return found
