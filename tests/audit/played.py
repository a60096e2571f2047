"""
A random history, and beside it what must come of it: who holds each certificate after each step.

Every act names its numbers, so that the replay knows what moves without asking the ledger.
"""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from registry import services
from registry.models import Account, Commodity, Region, Request
from tests import make
from tests.ledger import look

Where = tuple[str, str]


@dataclass
class Step:
    """One transaction, and account and region of every certificate once it is done."""

    at: datetime
    transaction_id: int
    kind: str
    held: dict[int, Where]


@dataclass
class Played:
    """A commodity with its accounts, and every step."""

    commodity: Commodity
    accounts: list[Account]
    terminals: dict[str, Account]
    regions: list[Region]
    steps: list[Step] = field(default_factory=list)
    minted: dict[int, str] = field(default_factory=dict)

    @property
    def now(self) -> dict[int, Where]:
        """Return where everything is."""
        return self.steps[-1].held if self.steps else {}

    def at(self, moment: datetime) -> dict[int, Where]:
        """Return where everything was."""
        before = [step.held for step in self.steps if step.at <= moment]
        return before[-1] if before else {}

    def moments(self, dice: random.Random, count: int) -> list[datetime]:
        """Return instants on, between and outside of the steps."""
        edges = [step.at for step in self.steps]
        tick = timedelta(microseconds=1)
        near = [edge + way for edge in edges for way in (-tick, timedelta(), tick)]
        return [edges[0] - timedelta(days=1), edges[-1], *dice.sample(near, count)]

    def add(self, request: Request, changes: dict[int, Where]) -> None:
        """Write a step down."""
        header = look.header(request)
        held = {**self.now, **changes}
        self.steps.append(Step(header["occurred_at"], request.transaction_id, request.kind, held))


def play(seed: int, steps: int = 25) -> Played:
    """Issue, transfer, retire and change regions at random."""
    dice = random.Random(seed)
    regions = [make.region(), make.region()]
    commodity = make.commodity(reassignable=True)
    services.allow_region_change(
        commodity=commodity,
        from_region=regions[0],
        to_region=regions[1],
        valid_from=date(2000, 1, 1),
    )
    accounts = [make.account() for _ in range(3)]
    terminals = {account.code: make.retirement_account(account) for account in accounts}
    played = Played(commodity, accounts, terminals, regions)
    for _ in range(steps):
        dice.choice([_mint, _transfer, _transfer, _transfer, _retire, _region])(played, dice)
    return played


def _mint(played: Played, dice: random.Random) -> None:
    account, volume = dice.choice(played.accounts), dice.randint(5, 60)
    first = len(played.now) + 1
    place = make.facility(account.organisation, region=played.regions[0])
    request = make.mint(account, volume, commodity=played.commodity, facility=place)
    numbers = range(first, first + volume)
    played.minted |= dict.fromkeys(numbers, place.code)
    played.add(request, dict.fromkeys(numbers, (account.code, played.regions[0].code)))


def _some(played: Played, dice: random.Random, *, in_region: str = "") -> tuple[Any, list[int]]:
    """Choose an account and up to three runs of numbers that it holds."""
    account = dice.choice(played.accounts)
    mine = sorted(
        number
        for number, (code, region) in played.now.items()
        if code == account.code and in_region in ("", region)
    )
    chosen: set[int] = set()
    for _ in range(dice.randint(1, 3) if mine else 0):
        start = dice.randrange(len(mine))
        chosen |= set(mine[start : start + dice.randint(1, 12)])
    return account, sorted(chosen)


def _ranges(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple((number, number) for number in numbers)


def _transfer(played: Played, dice: random.Random) -> None:
    source, numbers = _some(played, dice)
    target = dice.choice([account for account in played.accounts if account != source])
    if numbers:
        request = make.transfer(
            source, target, None, commodity=played.commodity, ranges=_ranges(numbers)
        )
        regions = {number: played.now[number][1] for number in numbers}
        played.add(request, {number: (target.code, regions[number]) for number in numbers})


def _retire(played: Played, dice: random.Random) -> None:
    source, numbers = _some(played, dice)
    if numbers:
        target = played.terminals[source.code]
        request = make.retire(
            source, None, commodity=played.commodity, ranges=_ranges(numbers), target=target
        )
        played.add(request, {number: (target.code, played.now[number][1]) for number in numbers})


def _region(played: Played, dice: random.Random) -> None:
    source, numbers = _some(played, dice, in_region=played.regions[0].code)
    if numbers:
        request = make.done(
            make.region_request(
                source,
                None,
                None,
                played.regions[1],
                commodity=played.commodity,
                ranges=_ranges(numbers),
            )
        )
        played.add(request, dict.fromkeys(numbers, (source.code, played.regions[1].code)))
