"""What a replay asks about the ledger. Only ``registry.selectors`` calls this."""

from collections.abc import Sequence
from typing import Any

from django.db import connections


def open_window() -> tuple[Any, str] | None:
    """Return until when past times may be stated and why, if they may now."""
    found = _one(
        "SELECT closes_at, reason FROM ledger.change_windows WHERE purpose = 'replay'"
        " AND clock_timestamp() BETWEEN opened_at AND closes_at ORDER BY closes_at DESC LIMIT 1"
    )
    return (found[0], str(found[1])) if found else None


def numbers_of_batch(commodity_id: int, source_serial: str) -> tuple[int, int] | None:
    """Return the first and last number of the batch that had this serial in its old system."""
    found = _one(
        "SELECT first_no, last_no FROM ledger.assets"
        " WHERE commodity_id = %s AND source_serial = %s",
        (commodity_id, source_serial),
    )
    return (int(found[0]), int(found[1])) if found else None


def numbers_of_batches(commodity_id: int, serials: list[str]) -> dict[str, tuple[int, int]]:
    """Return the same for those of several batches that are there, by serial."""
    found = _all(
        "SELECT source_serial, first_no, last_no FROM ledger.assets"
        " WHERE commodity_id = %s AND source_serial = ANY (%s)",
        (commodity_id, serials),
    )
    return {str(serial): (int(first), int(last)) for serial, first, last in found}


def volume_of(transaction_id: int) -> int:
    """Return how many certificates a transaction moved."""
    found = _one(
        "SELECT sum(credit)::bigint FROM ledger.credits_debits WHERE transaction_id = %s",
        (transaction_id,),
    )
    return int(found[0] or 0) if found else 0


def balances(commodity_id: int, account_ids: Sequence[Any]) -> dict[str, int]:
    """Return what these accounts hold of a commodity, by account code."""
    return dict(
        _all(
            "SELECT a.code, coalesce(b.balance, 0) FROM public.registry_account a"
            " LEFT JOIN ledger.account_balances b"
            "   ON b.account_id = a.id AND b.commodity_id = %s"
            " WHERE a.id = ANY (%s) ORDER BY a.code",
            (commodity_id, list(account_ids)),
        )
    )


def holders(commodity_id: int, first: int, last: int, limit: int = 20) -> list[tuple[Any, ...]]:
    """Return who holds these certificates now: account code, first and last number."""
    return _all(
        "SELECT a.code, l.first_no, l.last_no FROM ledger.leaves l"
        " JOIN public.registry_account a ON a.id = l.account_id"
        " WHERE l.commodity_id = %s AND l.first_no <= %s AND l.last_no >= %s"
        " ORDER BY l.first_no LIMIT %s",
        (commodity_id, last, first, limit),
    )


def height(commodity_id: int) -> int:
    """Return how many transactions the chain of a commodity has."""
    found = _one("SELECT max(height) FROM ledger.chain WHERE commodity_id = %s", (commodity_id,))
    return int(found[0] or 0) if found else 0


def closing_balances() -> list[tuple[Any, ...]]:
    """Return commodity code, account code and balance of every account that holds something."""
    return _all(
        "SELECT c.code, a.code, b.balance FROM ledger.account_balances b"
        " JOIN public.registry_account a ON a.id = b.account_id"
        " JOIN public.registry_commodity c ON c.id = b.commodity_id"
        " WHERE b.balance <> 0 AND a.type IN ('trading', 'retirement') ORDER BY c.code, a.code"
    )


def closing_blocks() -> list[tuple[Any, ...]]:
    """Return commodity, serial, account, and first and last number counted from the batch's own."""
    return _all(
        "SELECT c.code, b.source_serial, a.code, l.first_no - b.first_no, l.last_no - b.first_no"
        " FROM ledger.leaves l"
        " JOIN ledger.assets b ON b.id = l.asset_id"
        " JOIN public.registry_account a ON a.id = l.account_id"
        " JOIN public.registry_commodity c ON c.id = l.commodity_id"
        " WHERE a.type IN ('trading', 'retirement') AND b.source_serial IS NOT NULL"
        " ORDER BY c.code, b.source_serial, l.first_no"
    )


def sums() -> list[tuple[Any, ...]]:
    """Return commodity code, type of account and sum of what is held in such accounts."""
    return _all(
        "SELECT c.code, a.type, sum(b.balance)::bigint FROM ledger.account_balances b"
        " JOIN public.registry_account a ON a.id = b.account_id"
        " JOIN public.registry_commodity c ON c.id = b.commodity_id"
        " GROUP BY c.code, a.type ORDER BY c.code, a.type"
    )


def _all(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _one(statement: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found
