"""The ledger's answers and the model's, brought to one form so that they can be compared."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from tests import model

Row = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Effect:
    """What a request does: to blocks, to postings and to balances."""

    consumed: list[Row]
    created: list[Row]
    postings: dict[str, Row]
    balances: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Moment:
    """What a commodity's blocks were after one of its transactions."""

    at: datetime
    commodity: int
    blocks: tuple[model.Block, ...]


def planned_effect(ledger: model.Ledger, asked: model.Request, parts: list[model.Part]) -> Effect:
    """Return what the model expects."""
    commodity = asked.commodity.key
    issuance = ledger.system(commodity, "issuance").key
    postings: dict[str, list[int]] = {}
    for part in parts:
        if part.moved:
            giver = part.block.account if part.block else issuance
            postings.setdefault(str(giver), [0, 0])[0] += part.volume
            postings.setdefault(str(part.account), [0, 0])[1] += part.volume
    return Effect(
        sorted({block_row(part.block) for part in parts if part.block}),
        sorted(block_row(part) for part in parts),
        {account: (debit, credit) for account, (debit, credit) in postings.items()},
        {
            account: ledger.balance(UUID(account), commodity) + credit - debit
            for account, (debit, credit) in postings.items()
        },
    )


def block_row(block: model.Block | model.Part) -> Row:
    """Return a block of the model, or a part that will be one."""
    return (block.first, block.last, str(block.account), block.region)


def previewed_effect(shown: dict[str, Any]) -> Effect:
    """Return what the ledger's preview says."""
    rows = {
        name: sorted(
            (each["first"], each["last"], each["account"], each["region"]) for each in shown[name]
        )
        for name in ("consumed", "created")
    }
    for each in shown["balances"]:
        posted = next(p for p in shown["postings"] if p["account"] == each["account"])
        assert each["after"] == each["before"] + posted["credit"] - posted["debit"]
    return Effect(
        rows["consumed"],
        rows["created"],
        {each["account"]: (each["debit"], each["credit"]) for each in shown["postings"]},
        {each["account"]: each["after"] for each in shown["balances"]},
    )


def moved(shown: dict[str, Any]) -> list[Row]:
    """Return which of the new blocks of a preview move, and which stay."""
    return sorted((each["first"], each["moved"]) for each in shown["created"])


def recorded_effect(connection: psycopg.Connection, transaction: int) -> Effect:
    """Return what a transaction did, as the canonical tables have it."""
    blocks = "SELECT i.first_no, i.last_no, i.account_id::text, i.region_id"
    posted = connection.execute(
        "SELECT account_id::text, sum(debit)::bigint, sum(credit)::bigint, max(balance_after)"
        " FROM ledger.credits_debits WHERE transaction_id = %s GROUP BY account_id",
        (transaction,),
    ).fetchall()
    return Effect(
        connection.execute(
            f"{blocks} FROM ledger.transaction_item_inputs s"
            " JOIN ledger.transaction_items i ON i.id = s.item_id"
            " WHERE s.transaction_id = %s ORDER BY 1",
            (transaction,),
        ).fetchall(),
        connection.execute(
            f"{blocks} FROM ledger.transaction_items i WHERE i.transaction_id = %s ORDER BY 1",
            (transaction,),
        ).fetchall(),
        {account: (debit, credit) for account, debit, credit, _ in posted},
        {account: balance for account, *_, balance in posted},
    )


def same_blocks(one: list[model.Part], other: list[model.Part]) -> bool:
    """Tell whether two plans take the same blocks, cut alike, to the same places."""

    def key(parts: list[model.Part]) -> set[Row]:
        return {(part.block and part.block.serial, *block_row(part)) for part in parts}

    # A mint's numbers are not promised: which come next is known only when they are allocated.
    return one[0].block is None or key(one) == key(other)


def blocks_at(history: Iterable[Moment], at: datetime) -> dict[int, tuple[model.Block, ...]]:
    """Return, per commodity, the blocks after its last transaction up to an instant."""
    return {moment.commodity: moment.blocks for moment in history if moment.at <= at}


def compare_holdings(
    connection: psycopg.Connection, history: list[Moment], accounts: list[UUID], at: datetime
) -> None:
    """Compare what every account held at an instant."""
    found = connection.execute(
        "SELECT a, h.commodity_id, h.first_no, h.last_no, h.region_id"
        " FROM unnest(%s::uuid[]) a, LATERAL ledger.holdings_as_of(a, %s) h",
        (accounts, at),
    ).fetchall()
    expected = [
        (block.account, commodity, block.first, block.last, block.region)
        for commodity, blocks in blocks_at(history, at).items()
        for block in blocks
    ]
    assert sorted(found) == sorted(expected)


def compare_holder(
    connection: psycopg.Connection,
    history: list[Moment],
    commodity: int,
    number: int,
    at: datetime,
) -> None:
    """Compare who held one certificate at an instant."""
    found = connection.execute(
        "SELECT account_id FROM ledger.holder_of(%s, %s, %s)", (commodity, number, at)
    ).fetchall()
    expected = [
        (block.account,)
        for block in blocks_at(history, at).get(commodity, ())
        if block.first <= number <= block.last
    ]
    assert found == expected


def compare_balance(
    connection: psycopg.Connection,
    history: list[Moment],
    account: UUID,
    commodity: int,
    at: datetime,
) -> None:
    """Compare an account's balance at an instant."""
    steps = connection.execute(
        "SELECT balance FROM ledger.balance_history(%s, %s) WHERE occurred_at <= %s"
        " ORDER BY transaction_id DESC LIMIT 1",
        (account, commodity, at),
    ).fetchone()
    expected = sum(
        block.volume
        for block in blocks_at(history, at).get(commodity, ())
        if block.account == account
    )
    assert (steps[0] if steps else 0) == expected
