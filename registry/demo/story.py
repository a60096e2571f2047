"""
What happened in the demonstration: two years of requests, invented from a seed, day by day.

Pure: the same moment and size give the same events. ``fill`` sends them through the services.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from registry.demo import cast, deals, troubles, waiting
from registry.demo.holdings import month_after
from registry.demo.plot import Event, Plot, Size

Issue = tuple[date, cast.Facility, date]
HAPPENS = deals.HAPPENS + troubles.HAPPENS
# So many days ago expired certificates were swept.
SWEPT = 40


def tell(now: datetime, size: Size) -> list[Event]:
    """Return every event: the past in the order in which it happened, then what is waiting."""
    plot = Plot(now, size)
    acts, weights = zip(*HAPPENS, strict=True)
    issues = list(issues_of(plot))
    swept = False
    for day in working_days(issues[0][0], now.date()):
        plot.at = datetime.combine(day, time(8), UTC)
        while issues and issues[0][0] <= day:
            _, facility, month = issues.pop(0)
            plot.issue(facility, month)
        if not swept and day >= now.date() - timedelta(days=SWEPT):
            deals.expire(plot, "SOL")
            swept = True
        for act in plot.dice.choices(acts, weights, k=int(size.deals + plot.dice.random())):
            act(plot)
    return plot.events + waiting.requests(plot)


def issues_of(plot: Plot) -> Iterator[Issue]:
    """List on which day each plant's month is issued, in order: some days into the next month."""
    # Spread over the list, so that a small size has every commodity.
    step = len(cast.FACILITIES) / plot.size.plants
    plants = [cast.FACILITIES[int(number * step)] for number in range(plot.size.plants)]
    for back in range(plot.size.months, 0, -1):
        month = month_after(plot.now.date(), -back)
        due = [
            (month_after(month) + timedelta(days=5 + position * 7 % 13), plant, month)
            for position, plant in enumerate(plants)
            if (plant, back) != (waiting.LATE, 1)
        ]
        yield from sorted(due, key=lambda issue: (issue[0], issue[1].code))


def working_days(start: date, end: date) -> Iterator[date]:
    """List the days from Monday to Friday, without the last."""
    while start < end:
        if start.weekday() < 5:
            yield start
        start += timedelta(days=1)
