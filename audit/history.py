"""The picture of a balance over time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

WIDTH, HEIGHT, TOP = 1180.0, 96.0, 10.0
SPAN = timedelta(days=365)


@dataclass(frozen=True)
class History:
    """A step line over a year, in words too."""

    line: str
    area: str
    months: list[str]
    marker: float | None
    words: str


def draw(days: Sequence[Mapping[str, Any]], today: date, marked: date | None) -> History | None:
    """Draw what an account held at the end of each day of a year that ends today."""
    steps = totals(days)
    if not steps:
        return None
    end = today
    start = min(end - SPAN, marked) if marked else end - SPAN
    before = [total for day, total in steps if day < start]
    values = [before[-1] if before else 0, *(total for day, total in steps if day >= start)]
    places = [0.0, *(_across(day, start, end) for day, _ in steps if day >= start)]
    top = max(*values, 1)
    heights = [round(HEIGHT - (HEIGHT - TOP) * value / top, 1) for value in values]
    line = f"M0 {heights[0]}" + "".join(
        f"H{x}V{y}" for x, y in zip(places[1:], heights[1:], strict=True)
    )
    line += f"H{WIDTH:g}"
    return History(
        line=line,
        area=f"{line}V{HEIGHT:g}H0Z",
        months=_months(start, end),
        marker=_across(marked, start, end) if marked else None,
        words=f"Balance at the end of each day, from {values[0]:,} to {values[-1]:,} certificates."
        f" Highest: {max(values):,}.",
    )


def totals(days: Sequence[Mapping[str, Any]]) -> list[tuple[date, int]]:
    """Add up commodities: what was held in all at the end of each day on which it changed."""
    held: dict[str, int] = {}
    steps: dict[date, int] = {}
    for row in sorted(days, key=lambda row: row["day"]):
        held[row["commodity"]] = row["balance"]
        steps[row["day"]] = sum(held.values())
    return list(steps.items())


def _across(day: date, start: date, end: date) -> float:
    return round(WIDTH * (day - start).days / max((end - start).days, 1), 1)


def _months(start: date, end: date) -> list[str]:
    """Return twelve evenly spaced labels: of a year, each of its months once."""
    step = max(round((end - start) / SPAN), 1)
    first = start.month - 1 + (start.day > 15)
    return [f"{date(2000, (first + step * n) % 12 + 1, 1):%b}" for n in range(12)]
