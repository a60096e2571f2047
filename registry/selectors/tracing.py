"""From a batch, such as a faulty issue, forward to everybody who has any of it."""

from collections.abc import Iterator
from typing import Any

from django.http import Http404

from ledgerdb import positions, tracing
from registry import access
from registry.access import Right
from registry.models import User
from registry.selectors.positions import Standing, standing

Row = dict[str, Any]
STATES = {"trading": "held", "retirement": "retired", "expiry": "expired"}


def trace(user: User, batch_id: int, *, at: str = "") -> Row:
    """
    Return a batch, and who holds, retired or let expire any of it.

    :raises Forbidden: the person sees only its own
    :raises Http404: no such batch or position, or not minted by then
    """
    batch, stands, position = find(user, batch_id, at)
    with positions.one_moment():
        holders = tracing.holders(batch_id, position)
    for row in holders:
        row["state"] = STATES[row["account_type"]]
        row["ranges"] = list(zip(row["firsts"], row["lasts"], strict=True))
    sums = {
        state: sum(row["volume"] for row in holders if row["state"] == state)
        for state in STATES.values()
    }
    return {
        "batch": batch,
        "holders": holders,
        "sums": sums,
        "difference": batch["volume"] - sum(sums.values()),
        "standing": stands,
        "mark": stands.marks[0],
        "organisations": sorted({row["organisation"] for row in holders if row["organisation"]}),
    }


def every_block(
    user: User, batch_id: int, *, at: str = "", after: int = 0
) -> tuple[Row, Standing, Iterator[Row]]:
    """
    Return the batch, the position, and every unspent block of it after a number, with its holder.

    :raises Forbidden: the person sees only its own
    :raises Http404: no such batch or position, or not minted by then
    """
    batch, stands, position = find(user, batch_id, at)
    return batch, stands, tracing.blocks(batch_id, position, after=after)


def find(user: User, batch_id: int, at: str) -> tuple[Row, Standing, int]:
    """
    Return a batch, and the position up to which it is looked at.

    :raises Forbidden: the person sees only its own
    :raises Http404: no such batch or position, or not minted by then
    """
    access.require(user, Right.SEE_EVERYTHING)
    batch = tracing.batch(batch_id) if batch_id < 2**63 else None
    if batch is None:
        raise Http404("No such batch.")
    stands = standing(at=at).only([batch["commodity"]])
    if not stands.marks or stands.marks[0]["transaction_id"] < batch["transaction_id"]:
        raise Http404("Not minted by then.")
    return batch, stands, stands.marks[0]["transaction_id"]
