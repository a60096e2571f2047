"""What waits at the end of the story: requests for the approvers, and drafts."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from registry.demo import cast
from registry.demo.deals import any_buyer, any_holder, claim
from registry.demo.holdings import last_of_month, month_after
from registry.demo.plot import HOLDER, Event, Plot

APPROVER = cast.REGISTRY.people[1]
# The plant whose last month is asked for and not issued yet.
LATE = cast.FACILITIES[0]
OLD = "Waits for the buyer's new certificate of incorporation."


def requests(plot: Plot) -> list[Event]:
    """Return the open requests, the oldest first."""
    plot.at = plot.now
    return sorted(
        (*_sales(plot), *_retirement(plot), *_issue(plot), *_region(plot), *_expiry(plot)),
        key=lambda event: event.asked_at,
    )


def _sales(plot: Plot) -> Iterator[Event]:
    """Sales: from three weeks to minutes old, one by number, one overtaken, one still a draft."""
    for commodity, ago, part, note in (
        ("WND", timedelta(days=23, hours=3), 0.2, OLD),
        ("SOL", timedelta(days=2, hours=5), 0.3, "Delivery for next quarter"),
        ("BIO", timedelta(hours=19), 0.25, ""),
        ("SOL", timedelta(minutes=48), 0.1, "Spot trade"),
    ):
        source = any_holder(plot, commodity, "transfer", ("producer", "trader"))
        if source:
            held = sum(block.volume for block in plot.usable(source, commodity))
            volume = max(1, int(held * part))
            yield _sale(plot, commodity, source, ago, volume=volume, note=note)
    source = any_holder(plot, "WND", "transfer", ("producer", "trader"))
    if source:
        block = plot.usable(source, "WND")[-1]
        numbers = ((block.first, block.first + block.volume // 2),)
        yield _sale(plot, "WND", source, timedelta(hours=4), ranges=numbers)
        ago = timedelta(hours=1)
        yield _sale(plot, "WND", source, ago, "draft", volume=120, note="Price still open")


def _sale(
    plot: Plot,
    commodity: str,
    source: str,
    ago: timedelta,
    outcome: str = "submitted",
    **asks: Any,
) -> Event:
    parties = {"source": source, "target": any_buyer(plot, source)}
    return _open(
        plot, ago, "transfer", commodity, HOLDER[source].asks(), {**parties, **asks}, outcome
    )


def _retirement(plot: Plot) -> Iterator[Event]:
    source = any_holder(plot, "SOL", "retire", ("supplier", "consumer"))
    if source:
        holder = HOLDER[source]
        volume = sum(block.volume for block in plot.usable(source, "SOL", "retire"))
        asks = {"source": source, "target": holder.retirement, "volume": max(1, volume // 3)}
        asks |= claim(plot, holder, "SOL")
        yield _open(plot, timedelta(days=1, hours=2), "retire", "SOL", holder.asks(), asks)


def _issue(plot: Plot) -> Iterator[Event]:
    """Ask for the month that one plant has not been issued for."""
    owner = next(org for org in cast.PARTICIPANTS if org.code == LATE.owner)
    month = month_after(plot.now.date(), -1)
    asks = {
        "target": owner.trading[0],
        "facility": LATE.code,
        "volume": plot.production(LATE, month),
        "production_start": month,
        "production_end": last_of_month(month),
        "note": "Meter readings that came late",
    }
    yield _open(plot, timedelta(hours=7), "mint", LATE.commodity, owner.asks(), asks)


def _region(plot: Plot) -> Iterator[Event]:
    source = any_holder(plot, "WND", "reassign_region", region="NOR")
    if source:
        asks = {"source": source, "volume": 40, "filter_region": "NOR", "region": "BEN"}
        person = HOLDER[source].asks()
        yield _open(plot, timedelta(days=3), "reassign_region", "WND", person, asks)


def _expiry(plot: Plot) -> Iterator[Event]:
    """Ask, as an approver, for a sweep: now the other approver has to decide."""
    due = [
        block
        for block in plot.holdings.blocks
        if block.commodity == "WND" and block.expires_at <= plot.now
    ]
    if due:
        yield _open(plot, timedelta(days=4), "expire", "WND", APPROVER, {"note": "Wind, due"})


def _open(
    plot: Plot,
    ago: timedelta,
    kind: str,
    commodity: str,
    submitter: cast.Person,
    asks: dict[str, Any],
    outcome: str = "submitted",
) -> Event:
    asked_at: datetime = plot.now - ago
    return Event(
        at=asked_at,
        asked_at=asked_at,
        kind=kind,
        commodity=commodity,
        submitter=submitter,
        outcome=outcome,
        asks=asks,
    )
