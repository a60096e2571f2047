"""Sums as rectangles: how much is held, retired and expired. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 1180.0
# Whatever is there is seen.
SMALLEST = 2.0


@dataclass(frozen=True)
class Part:
    """One part of a bar."""

    name: str
    volume: int
    x: float
    width: float

    @property
    def label(self) -> str:
        """Say what it is."""
        return f"{self.volume:,} {self.name}"


@dataclass(frozen=True)
class Column:
    """One period of a chart: a bar upwards for each series."""

    label: str
    bars: list[tuple[str, float, float, float, float]]


@dataclass(frozen=True)
class Chart:
    """A row of columns, in words too."""

    columns: list[Column]
    places: list[tuple[str, float]]
    words: str
    top: int
    width: float
    height: float


def bar(sums: Mapping[str, int], width: float = WIDTH) -> list[Part]:
    """Lay parts out side by side; together they are as wide as the bar."""
    there = {name: volume for name, volume in sums.items() if volume > 0}
    whole = sum(there.values())
    small = {name for name, volume in there.items() if volume * width < SMALLEST * whole}
    room = width - SMALLEST * len(small)
    rest = sum(volume for name, volume in there.items() if name not in small)
    parts, x = [], 0.0
    for name, volume in there.items():
        share = SMALLEST if name in small else room * volume / rest
        parts.append(Part(name, volume, round(x, 2), round(share, 2)))
        x += share
    return parts


def lines(
    sums: Mapping[str, int], top: int, width: float = 400.0
) -> list[tuple[str, float, float]]:
    """Lay a bar for each number under the one before, as long as its share of the largest."""
    return [
        (name, 7.0 * n, round(max(width * volume / top, SMALLEST), 1))
        for n, (name, volume) in enumerate(sums.items())
        if volume
    ]


def chart(
    periods: Sequence[str],
    series: Mapping[str, Sequence[int]],
    *,
    width: float = WIDTH,
    height: float = 180.0,
) -> Chart:
    """Draw a few bars for each period, one a series, as high as its number says."""
    top = max((value for values in series.values() for value in values), default=0) or 1
    step = width / max(len(periods), 1)
    thick = step * 0.72 / max(len(series), 1)
    columns = []
    for n, period in enumerate(periods):
        bars = []
        for s, (name, values) in enumerate(series.items()):
            tall = round(height * values[n] / top, 1)
            x = round(n * step + step * 0.14 + s * thick, 1)
            bars.append((name, x, round(height - tall, 1), round(thick - 1, 1), tall))
        columns.append(Column(period, bars))
    words = "; ".join(f"{name}: {sum(values):,} in all" for name, values in series.items())
    places = [(period, round(n * step + step / 2, 1)) for n, period in enumerate(periods)]
    return Chart(columns, places, words, top, width, height)
