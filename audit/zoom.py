"""The grid over a picture of very many blocks: each field leads to a larger picture of it. Pure."""

from dataclasses import dataclass

from audit.lineage_plan import Plan

COLUMNS, BANDS = 8, 6


@dataclass(frozen=True)
class Field:
    """A part of the picture, and the numbers and transactions that it shows."""

    x: float
    y: int
    width: float
    height: int
    first: int
    last: int
    since: str
    until: str


def grid(plan: Plan) -> list[Field]:
    """Lay a coarse grid over the picture: numbers across, transactions down."""
    across, down = columns(plan.first, plan.last), bands(plan)
    if len(across) * len(down) < 2:
        return []
    found = []
    for start, end in down:
        y = plan.y(start)
        since, until = plan.rows[start][0]["number"], plan.rows[end][-1]["number"]
        found += [
            Field(
                x=round(plan.x(first), 1),
                y=y,
                width=round((last - first + 1) * plan.scale, 1),
                height=plan.tops[end + 1] - y,
                first=first,
                last=last,
                since=since if len(down) > 1 else "",
                until=until if len(down) > 1 else "",
            )
            for first, last in across
        ]
    return found


def columns(first: int, last: int, most: int = COLUMNS) -> list[tuple[int, int]]:
    """Cut numbers into a few parts of one size."""
    size = -(-(last - first + 1) // most)
    return [(low, min(low + size - 1, last)) for low in range(first, last + 1, size)]


def bands(plan: Plan) -> list[tuple[int, int]]:
    """Cut the rows into a few bands; what was before them is in none."""
    return (
        [
            (low + plan.earlier, high + plan.earlier)
            for low, high in columns(0, len(plan.rows) - plan.earlier - 1, BANDS)
        ]
        if len(plan.rows) > plan.earlier
        else []
    )
