"""What a story is made of: events, and the one that writes them down and knows who holds what."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from registry.demo import cast
from registry.demo.holdings import Block, Holdings, last_of_month, month_after

SEED = 20240607
NEVER = datetime.max.replace(tzinfo=UTC)
RULES = {commodity.code: commodity for commodity in cast.COMMODITIES}
HOLDER = {account: org for org in cast.PARTICIPANTS for account in org.trading}
# Full-load hours a month, and by which of them the seasons swing; 1 in June, -1 in December.
HOURS = {"SOL": (125, 70), "WND": (230, -60), "BIO": (640, -20)}
SEASON = (-0.9, -0.6, -0.1, 0.4, 0.8, 1.0, 0.95, 0.7, 0.2, -0.4, -0.8, -1.0)


@dataclass(frozen=True)
class Size:
    """How much happens: months of production, plants, and deals on a working day."""

    months: int = 24
    plants: int = len(cast.FACILITIES)
    deals: float = 1.3


@dataclass(frozen=True)
class Event:
    """
    One request and what came of it.

    ``outcome`` is the status that it ends in. ``asks`` names records by their codes. ``said`` is
    the approver's reason for a rejection, or the code of a failure.
    """

    at: datetime
    asked_at: datetime
    kind: str
    commodity: str
    submitter: cast.Person
    outcome: str
    asks: dict[str, Any] = field(default_factory=dict)
    approver: cast.Person | None = None
    said: str = ""


class Plot:
    """Invents the events, and knows what everybody holds meanwhile."""

    def __init__(self, now: datetime, size: Size) -> None:
        """Begin before the first event."""
        self.now = now
        self.size = size
        self.dice = random.Random(SEED)  # noqa: S311
        self.holdings = Holdings()
        self.events: list[Event] = []
        self.at = now

    def add(self, kind: str, commodity: str, by: cast.Organisation, **asks: Any) -> None:
        """Add a request that was approved and executed at the next moment of the day."""
        self.end(kind, commodity, by, "executed", **asks)

    def end(
        self,
        kind: str,
        commodity: str,
        by: cast.Organisation,
        outcome: str,
        said: str = "",
        **asks: Any,
    ) -> None:
        """Add a request that ended like this at the next moment of the day."""
        self.at += timedelta(minutes=self.dice.randint(4, 14), seconds=self.dice.randint(0, 59))
        # Some are asked for on the day itself, some wait over a weekend.
        waited = timedelta(hours=self.dice.choice((1, 2, 3, 20, 26, 46, 72)), minutes=17)
        approvers = [person for person in cast.REGISTRY.people if person.role == "approver"]
        decided = outcome != "withdrawn"
        self.events.append(
            Event(
                at=self.at,
                asked_at=self.at - waited,
                kind=kind,
                commodity=commodity,
                submitter=by.asks(),
                outcome=outcome,
                asks=asks,
                approver=self.dice.choice(approvers) if decided else None,
                said=said,
            )
        )

    def issue(self, facility: cast.Facility, month: date) -> None:
        """Issue what a plant produced in a month, to its owner."""
        owner = next(org for org in cast.PARTICIPANTS if org.code == facility.owner)
        volume = self.production(facility, month)
        self.add(
            *("mint", facility.commodity, owner),
            target=owner.trading[0],
            volume=volume,
            facility=facility.code,
            production_start=month,
            production_end=last_of_month(month),
        )
        rules = RULES[facility.commodity]
        self.holdings.mint(
            Block(
                commodity=facility.commodity,
                account=owner.trading[0],
                facility=facility.code,
                region=facility.region,
                first=1,
                last=volume,
                produced_from=month,
                produced_to=last_of_month(month),
                transferable_until=_months_after(month, rules.months_transferable),
                expires_at=_months_after(month, rules.months_to_expiry),
            )
        )

    def production(self, facility: cast.Facility, month: date) -> int:
        """Return how many whole megawatt hours a plant makes in a month."""
        hours, swing = HOURS[facility.commodity]
        weather = self.dice.uniform(0.85, 1.15)
        return int(
            facility.capacity_kw / 1000 * (hours + swing * SEASON[month.month - 1]) * weather
        )

    def usable(self, account: str, commodity: str, kind: str = "transfer") -> list[Block]:
        """Return the blocks of an account that may be used for this kind now, smallest first."""
        return self.holdings.of(account, commodity, self.allows(kind))

    def allows(self, kind: str) -> Callable[[Block], bool]:
        """Return the test of whether a block may be used for this kind now."""
        if kind == "transfer":
            return lambda block: min(block.transferable_until, block.expires_at) > self.at
        return lambda block: block.expires_at > self.at


def _months_after(month: date, months: int | None) -> datetime:
    """Return the instant so many months after the end of a production month."""
    if months is None:
        return NEVER
    return datetime.combine(month_after(month, 1 + months), time(), UTC)
