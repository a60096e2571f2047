"""How tall rows are in true time, and the minutes, days or years beside them. Pure."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# A row that lasted less than this tells is drawn this high nevertheless: nothing vanishes.
LEAST = 64
# What a row has on average, so that there is something to share out.
USUAL = 120
# Two words of the axis are not nearer than this.
APART = 17
MINUTE, HOUR, DAY, MONTH, YEAR = 60, 3600, 86_400, 2_629_746, 31_556_952


def tops(starts: Sequence[datetime], end: datetime, top: int) -> list[int]:
    """Return where each row starts, and where the last one ends: as far apart as in time."""
    ends = [*starts[1:], max(end, starts[-1])]
    spans = [
        max((after - before).total_seconds(), 0.0)
        for before, after in zip(starts, ends, strict=True)
    ]
    found, y = [top], float(top)
    for height in heights(spans, room=USUAL * len(spans), least=LEAST):
        y += height
        found.append(round(y))
    return found


def heights(spans: Sequence[float], *, room: float, least: float) -> list[float]:
    """Share a height out by spans; who would have too little has the least, and the others less."""
    low: set[int] = set()
    while True:
        rest = sum(span for n, span in enumerate(spans) if n not in low)
        if not rest:
            return [least if n in low else room / len(spans) for n in range(len(spans))]
        scale = (room - least * len(low)) / rest
        more = {n for n, span in enumerate(spans) if n not in low and span * scale < least}
        if not more:
            return [least if n in low else span * scale for n, span in enumerate(spans)]
        low |= more


def place(at: datetime, starts: Sequence[datetime], end: datetime, tops: Sequence[int]) -> float:
    """Return how far down a time is."""
    if at <= starts[0]:
        return float(tops[0])
    row = bisect_right(starts, at) - 1
    after = starts[row + 1] if row + 1 < len(starts) else end
    span = (after - starts[row]).total_seconds()
    part = min((at - starts[row]).total_seconds() / span, 1.0) if span > 0 else 1.0
    return tops[row] + part * (tops[row + 1] - tops[row])


def marks(
    starts: Sequence[datetime], end: datetime, tops: Sequence[int], zone: ZoneInfo
) -> list[tuple[float, str]]:
    """Return the words of the time axis: minutes, hours, days, months or years that began."""
    span = (end - starts[0]).total_seconds()
    most = (tops[-1] - tops[0]) / 40
    length, begins, words = next((scale for scale in SCALES if span / scale[0] <= most), SCALES[-1])
    found: list[tuple[float, str]] = []
    for at in begins(starts[0].astimezone(zone), end.astimezone(zone), length):
        y = round(place(at.astimezone(UTC), starts, end, tops), 1)
        if not found or y - found[-1][0] >= APART:
            found.append((y, words(at)))
    return found


def _hours(start: datetime, end: datetime, length: int) -> Iterator[datetime]:
    at = datetime.combine(start.date(), time(), start.tzinfo).astimezone(UTC)
    while at <= end:
        if at >= start:
            yield at.astimezone(start.tzinfo)
        at += timedelta(seconds=length)


def _days(start: datetime, end: datetime, length: int) -> Iterator[datetime]:
    step = length // DAY
    day = start.date()
    while (at := datetime.combine(day, time(), start.tzinfo)) <= end:
        # A month starts anew, so that its first day is always there.
        if at >= start and (day.day - 1) % step == 0 and (day.day < 30 or step == 1):
            yield at
        day += timedelta(days=1)


def _months(start: datetime, end: datetime, length: int) -> Iterator[datetime]:
    step = round(length / MONTH)
    month = start.year * 12 + start.month - 1
    month += -month % step
    while True:
        at = datetime.combine(date(month // 12, month % 12 + 1, 1), time(), start.tzinfo)
        if at > end:
            return
        if at >= start:
            yield at
        month += step


def _hour(at: datetime) -> str:
    return f"{at:%H:%M}" if at.hour or at.minute else f"{at.day} {at:%b}"


def _day(at: datetime) -> str:
    return _month(at) if at.day == 1 else str(at.day)


def _month(at: datetime) -> str:
    return str(at.year) if at.month == 1 else f"{at:%b}"


Scale = tuple[
    int, Callable[[datetime, datetime, int], Iterator[datetime]], Callable[[datetime], str]
]
SCALES: tuple[Scale, ...] = (
    (MINUTE, _hours, _hour),
    (10 * MINUTE, _hours, _hour),
    (HOUR, _hours, _hour),
    (6 * HOUR, _hours, _hour),
    (DAY, _days, _day),
    (5 * DAY, _days, _day),
    (10 * DAY, _days, _day),
    (MONTH, _months, _month),
    (3 * MONTH, _months, _month),
    (YEAR, _months, _month),
    (5 * YEAR, _months, _month),
)
