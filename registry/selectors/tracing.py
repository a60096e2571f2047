"""From a batch, such as a faulty issue, forward to everybody who has any of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404

from ledgerdb import positions, tracing
from registry import access
from registry.access import Right
from registry.models import User
from registry.selectors.positions import Standing, since

Row = dict[str, Any]
STATES = {"trading": "held", "retirement": "retired", "expiry": "expired"}


@dataclass(frozen=True)
class Question:
    """Which batch, up to where it is looked at, and what is wrong with the date."""

    batch: Row
    standing: Standing
    mistakes: dict[str, str]

    @property
    def position(self) -> int:
        """Return the last transaction that counts."""
        return int(self.standing.marks[0]["transaction_id"])


def read(user: User, batch_id: int, typed: Mapping[str, str]) -> Question:
    """
    Find a batch, and read up to where a page looks at it.

    :raises Forbidden: the person sees only its own
    :raises Http404: no such batch or position, or not minted by then
    """
    access.require(user, Right.SEE_EVERYTHING)
    mistakes: dict[str, str] = {}
    with positions.one_moment():
        batch = tracing.batch(batch_id) if batch_id < 2**63 else None
        if batch is None:
            raise Http404("No such batch.")
        first = {**batch, "occurred_at": batch["minted_at"]}
        stands = since(typed, mistakes, first=first, what="The batch was minted")
    return Question(batch, stands, mistakes)


def trace(question: Question) -> Row:
    """Return who held, had retired or had let expire any of a batch."""
    with positions.one_moment():
        holders = tracing.holders(question.batch["id"], question.position)
    for row in holders:
        row["state"] = STATES[row["account_type"]]
        row["ranges"] = list(zip(row["firsts"], row["lasts"], strict=True))
    sums = {
        state: sum(row["volume"] for row in holders if row["state"] == state)
        for state in STATES.values()
    }
    return {
        "holders": holders,
        "sums": sums,
        "difference": question.batch["volume"] - sum(sums.values()),
        "mark": question.standing.marks[0],
        "organisations": sorted({row["organisation"] for row in holders if row["organisation"]}),
    }


def every_block(question: Question, *, after: int = 0) -> Iterator[Row]:
    """Return every unspent block of a batch after a number, with its holder."""
    return tracing.blocks(question.batch["id"], question.position, after=after)
