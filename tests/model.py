"""
A small ledger in Python, written from the contract and not from its SQL.

It knows nothing of PostgreSQL, locks or time zones: blocks in a list, rules in order, one refusal
by name. The property test runs it beside the real one and compares every answer.
"""

import calendar
import dataclasses
import datetime
import itertools
from collections.abc import Iterable
from typing import Any

LARGEST = 2**63 - 1
Ranges = tuple[tuple[int, int], ...]


class Refusal(Exception):
    """The model says no, by the name the ledger should use."""


@dataclasses.dataclass(frozen=True)
class Account:
    """An account: who owns it, of which type, and whether it is active."""

    key: Any
    owner: Any
    type: str = "trading"
    active: bool = True


@dataclasses.dataclass(frozen=True)
class Commodity:
    """A commodity's rules."""

    key: Any
    transferable: bool = True
    retirable: bool = True
    reassignable: bool = False
    overlap: bool = False
    months_transferable: int | None = None
    months_to_expiry: int | None = None
    # (from, to) regions between which certificates may move.
    region_rules: frozenset[tuple[Any, Any]] = frozenset()


@dataclasses.dataclass(frozen=True)
class Batch:
    """What was issued at once."""

    commodity: Any
    facility: Any
    start: datetime.date
    end: datetime.date
    first: int
    volume: int
    transferable_until: datetime.date | None
    expires_on: datetime.date | None


@dataclasses.dataclass(frozen=True)
class Block:
    """Certificates with consecutive numbers, in one account and one region; never changed."""

    serial: int
    batch: Batch
    account: Any
    region: Any
    first: int
    last: int

    @property
    def volume(self) -> int:
        """Return how many certificates it holds."""
        return self.last - self.first + 1


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a consumed block, and where it goes; what stays is a part too."""

    block: Block | None
    account: Any
    region: Any
    first: int
    last: int
    moved: bool

    @property
    def volume(self) -> int:
        """Return how many certificates it holds."""
        return self.last - self.first + 1


@dataclasses.dataclass
class Request:
    """What is asked for; the names are those of the request's fields."""

    kind: str
    commodity: Commodity
    source: Account | None = None
    target: Account | None = None
    volume: int | None = None
    ranges: Ranges | None = None
    facility: Any = None
    region: Any = None
    production_start: datetime.date | None = None
    production_end: datetime.date | None = None
    filter_facility: Any = None
    filter_region: Any = None
    filter_produced_from: datetime.date | None = None
    filter_produced_to: datetime.date | None = None
    max_blocks: int | None = None


def months_later(day: datetime.date, months: int | None) -> datetime.date | None:
    """Return the same day some months later, or the last of a shorter month."""
    if months is None:
        return None
    years, month = divmod(day.month - 1 + months, 12)
    last = calendar.monthrange(day.year + years, month + 1)[1]
    return datetime.date(day.year + years, month + 1, min(day.day, last))


def merged(ranges: Ranges) -> list[tuple[int, int]]:
    """Return ranges in order, those that touch or overlap as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


class Ledger:
    """The ledger: the unspent blocks and the batches of each commodity."""

    def __init__(
        self,
        today: datetime.date,
        accounts: Iterable[Account],
        facility_regions: dict[Any, Any],
        inactive_facilities: Iterable[Any],
    ) -> None:
        """Start with accounts and facilities, and nothing issued."""
        self.today = today
        self.accounts = {account.key: account for account in accounts}
        self.facility_regions = facility_regions
        self.inactive = set(inactive_facilities)
        self.serials = itertools.count(1)
        self.blocks: dict[Any, list[Block]] = {}
        self.batches: dict[Any, list[Batch]] = {}

    def holdings(self, account: Any, commodity: Any) -> list[Block]:
        """Return what an account holds, lowest number first."""
        held = [b for b in self.blocks.get(commodity, ()) if b.account == account]
        return sorted(held, key=lambda block: block.first)

    def balance(self, account: Any, commodity: Any) -> int:
        """Return how much an account holds; an issuance account holds minus what was issued."""
        if self.accounts[account].type == "issuance":
            return -sum(batch.volume for batch in self.batches.get(commodity, ()))
        return sum(block.volume for block in self.holdings(account, commodity))

    def system(self, commodity: Any, type_: str) -> Account:
        """Return the commodity's issuance or expiry account."""
        return next(
            account
            for account in self.accounts.values()
            if account.type == type_ and account.owner == commodity
        )

    def plan(self, request: Request) -> list[Part]:
        """
        Say what a request would do now.

        :raises Refusal: the first rule that it breaks, in the order that the contract documents
        """
        return getattr(self, f"_plan_{request.kind}")(request)

    def apply(self, request: Request, parts: list[Part]) -> None:
        """Do what was planned."""
        commodity = request.commodity.key
        blocks = self.blocks.setdefault(commodity, [])
        batch = self._batch(request, parts[0].first) if request.kind == "mint" else None
        if batch:
            self.batches.setdefault(commodity, []).append(batch)
        spent = {part.block.serial for part in parts if part.block}
        self.blocks[commodity] = [b for b in blocks if b.serial not in spent] + [
            Block(
                next(self.serials),
                part.block.batch if part.block else batch,
                part.account,
                part.region,
                part.first,
                part.last,
            )
            for part in parts
        ]

    # -- The rules of each kind, in the order of precedence.

    def _plan_mint(self, request: Request) -> list[Part]:
        self._check(request.target, "trading")
        if request.volume is None or request.volume <= 0:
            raise Refusal("VOLUME_NOT_POSITIVE")
        start, end = request.production_start, request.production_end
        if start is None or end is None or start > end or end > self.today:
            raise Refusal("RANGE_INVALID")
        if request.facility is None or request.facility in self.inactive:
            raise Refusal("FACILITY_NOT_ACTIVE")
        if not request.commodity.overlap and any(
            batch.facility == request.facility and batch.start <= end and batch.end >= start
            for batch in self.batches.get(request.commodity.key, ())
        ):
            raise Refusal("PRODUCTION_PERIOD_OVERLAP")
        first = self._next_number(request.commodity.key)
        if first + request.volume > LARGEST - 1:
            raise Refusal("VOLUME_OVERFLOW")
        region = request.region or self.facility_regions[request.facility]
        last = first + request.volume - 1
        return [Part(None, request.target.key, region, first, last, True)]

    def _plan_transfer(self, request: Request) -> list[Part]:
        if request.source == request.target:
            raise Refusal("SAME_ACCOUNT")
        self._check(request.source, "trading")
        self._check(request.target, "trading")
        if not request.commodity.transferable:
            raise Refusal("COMMODITY_RULE")
        return self._choose(request, request.target.key)

    def _plan_retire(self, request: Request) -> list[Part]:
        self._check(request.source, "trading")
        self._check(request.target, "retirement")
        if request.source.owner != request.target.owner:
            raise Refusal("ACCOUNT_TYPE_INVALID")
        if not request.commodity.retirable:
            raise Refusal("COMMODITY_RULE")
        return self._choose(request, request.target.key)

    def _plan_reassign_region(self, request: Request) -> list[Part]:
        self._check(request.source, "trading")
        if not request.commodity.reassignable:
            raise Refusal("COMMODITY_RULE")
        if request.region is None or (request.ranges is None and request.filter_region is None):
            raise Refusal("REGION_NOT_ALLOWED")
        parts = self._choose(request, request.source.key, request.region)
        moves = {(part.block.region, request.region) for part in parts if part.moved}
        if not moves <= request.commodity.region_rules:
            raise Refusal("REGION_NOT_ALLOWED")
        return parts

    def _plan_expire(self, request: Request) -> list[Part]:
        expiry = self.system(request.commodity.key, "expiry")
        due = sorted(
            (
                block
                for block in self.blocks.get(request.commodity.key, ())
                if self.accounts[block.account].type == "trading" and self._expired(block)
            ),
            key=lambda block: (block.batch.expires_on, block.first),
        )[: request.max_blocks]
        if not due:
            raise Refusal("VOLUME_NOT_POSITIVE")
        return [
            Part(b, expiry.key, b.region, b.first, b.last, True)
            for b in sorted(due, key=lambda block: block.first)
        ]

    # -- What they share.

    def _check(self, account: Account | None, type_: str) -> None:
        if account is None:
            raise Refusal("ACCOUNT_NOT_FOUND")
        if account.type != type_:
            raise Refusal("ACCOUNT_TYPE_INVALID")
        if not account.active:
            raise Refusal("ACCOUNT_NOT_ACTIVE")

    def _expired(self, block: Block) -> bool:
        return block.batch.expires_on is not None and block.batch.expires_on <= self.today

    def _usable(self, block: Block, kind: str) -> bool:
        until = block.batch.transferable_until
        return not self._expired(block) and not (
            kind == "transfer" and until is not None and until <= self.today
        )

    def _choose(self, request: Request, account: Any, region: Any = None) -> list[Part]:
        """Choose blocks by numbers or by quantity, and cut them."""
        if request.ranges is None:
            if request.volume is None or request.volume <= 0:
                raise Refusal("VOLUME_NOT_POSITIVE")
            wanted = self._by_quantity(request)
        else:
            named = sum(last - first + 1 for first, last in merged(request.ranges))
            if request.volume is not None and request.volume != named:
                raise Refusal("RANGE_INVALID")
            wanted = self._by_numbers(request)
        parts = [
            part
            for block, ranges in wanted
            for part in self._cut(block, ranges, account, region or block.region)
        ]
        return sorted(parts, key=lambda part: part.first)

    def _by_numbers(self, request: Request) -> list[tuple[Block, list[tuple[int, int]]]]:
        """Find the blocks that hold the named numbers."""
        ranges = merged(request.ranges)
        found = []
        for block in self.holdings(request.source.key, request.commodity.key):
            inside = [
                (max(first, block.first), min(last, block.last))
                for first, last in ranges
                if first <= block.last and last >= block.first
            ]
            if inside:
                found.append((block, inside))
        held = sum(last - first + 1 for _, inside in found for first, last in inside)
        if held < sum(last - first + 1 for first, last in ranges):
            raise Refusal("BLOCK_NOT_HELD")
        if not all(self._usable(block, request.kind) for block, _ in found):
            raise Refusal("COMMODITY_RULE")
        if not all(self._passes(block, request) for block, _ in found):
            raise Refusal("NUMBERS_OUTSIDE_FILTER")
        return found

    def _by_quantity(self, request: Request) -> list[tuple[Block, list[tuple[int, int]]]]:
        """Choose the smallest block that suffices, or whole blocks, smallest first."""
        usable = sorted(
            (
                block
                for block in self.holdings(request.source.key, request.commodity.key)
                if self._usable(block, request.kind) and self._passes(block, request)
            ),
            key=lambda block: (block.volume, block.first),
        )
        if sum(block.volume for block in usable) < request.volume:
            raise Refusal("INSUFFICIENT_TOTAL_BALANCE")
        for block in usable:
            if block.volume >= request.volume:
                return [(block, [(block.first, block.first + request.volume - 1)])]
        chosen, missing = [], request.volume
        for block in usable:
            taken = min(block.volume, missing)
            chosen.append((block, [(block.first, block.first + taken - 1)]))
            missing -= taken
            if not missing:
                break
        return chosen

    def _passes(self, block: Block, request: Request) -> bool:
        """Tell whether a block is one that the request's filters allow."""
        return (
            request.filter_facility in (None, block.batch.facility)
            and request.filter_region in (None, block.region)
            and (request.filter_produced_from or block.batch.start) <= block.batch.start
            and (request.filter_produced_to or block.batch.end) >= block.batch.end
        )

    def _cut(
        self, block: Block, ranges: list[tuple[int, int]], account: Any, region: Any
    ) -> Iterable[Part]:
        """Cut a block into the ranges that move and the rest that stays."""
        next_number = block.first
        for first, last in ranges:
            if first > next_number:
                yield Part(block, block.account, block.region, next_number, first - 1, False)
            yield Part(block, account, region, first, last, True)
            next_number = last + 1
        if next_number <= block.last:
            yield Part(block, block.account, block.region, next_number, block.last, False)

    def _next_number(self, commodity: Any) -> int:
        return 1 + sum(batch.volume for batch in self.batches.get(commodity, ()))

    def _batch(self, request: Request, first: int) -> Batch:
        """Describe what is issued."""
        ends = request.production_end + datetime.timedelta(days=1)
        return Batch(
            request.commodity.key,
            request.facility,
            request.production_start,
            request.production_end,
            first,
            request.volume,
            months_later(ends, request.commodity.months_transferable),
            months_later(ends, request.commodity.months_to_expiry),
        )
