"""Who holds which blocks, followed in memory, so that the plot asks for what can be done."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Block:
    """Consecutive certificates of one batch in one account."""

    commodity: str
    account: str
    facility: str
    region: str
    first: int
    last: int
    produced_from: date
    produced_to: date
    transferable_until: datetime
    expires_at: datetime

    @property
    def volume(self) -> int:
        """Return how many certificates these are."""
        return self.last - self.first + 1


class Holdings:
    """The unspent blocks in trading accounts; chooses as the ledger does."""

    def __init__(self) -> None:
        """Start empty."""
        self.blocks: set[Block] = set()
        self.next_no: dict[str, int] = {}

    def of(self, account: str, commodity: str, fit: Callable[[Block], bool]) -> list[Block]:
        """Return the blocks of an account that fit, smallest first."""
        found = [
            block
            for block in self.blocks
            if block.account == account and block.commodity == commodity and fit(block)
        ]
        return sorted(found, key=lambda block: (block.volume, block.first))

    def mint(self, block: Block) -> Block:
        """Add a batch of ``block.last`` certificates under the next numbers of its commodity."""
        first = self.next_no.get(block.commodity, 1)
        minted = replace(block, first=first, last=first + block.last - 1)
        self.next_no[block.commodity] = minted.last + 1
        self.blocks.add(minted)
        return minted

    def take(self, blocks: list[Block], volume: int, **changes: Any) -> list[Block]:
        """
        Take a volume out of blocks as the ledger does, and put it back with changes.

        The smallest block that suffices; else whole blocks, cutting only the last. Without changes
        the certificates leave: they are retired or expired.

        :returns: the pieces that moved
        """
        enough = [block for block in blocks if block.volume >= volume]
        moved = []
        for block in enough[:1] or blocks:
            cut = min(block.last, block.first + volume - 1)
            self.blocks.remove(block)
            if cut < block.last:
                self.blocks.add(replace(block, first=cut + 1))
            piece = replace(block, last=cut, **changes)
            moved.append(piece)
            if changes:
                self.blocks.add(piece)
            volume -= piece.volume
            if not volume:
                break
        return moved

    def cut(self, block: Block, first: int, volume: int, account: str) -> None:
        """Move numbers out of the middle of a block to another account."""
        last = first + volume - 1
        self.blocks.remove(block)
        self.blocks.add(replace(block, first=first, last=last, account=account))
        if block.first < first:
            self.blocks.add(replace(block, last=first - 1))
        if last < block.last:
            self.blocks.add(replace(block, first=last + 1))


def month_after(day: date, months: int = 1) -> date:
    """Return the first of the month so many months after a day's month."""
    months += day.year * 12 + day.month - 1
    return date(months // 12, months % 12 + 1, 1)


def last_of_month(day: date) -> date:
    """Return the last day of a day's month."""
    return month_after(day) - timedelta(days=1)
