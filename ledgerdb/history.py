"""What a replay asks about the ledger. Only ``registry.selectors`` calls this."""

from collections.abc import Sequence
from typing import Any

from django.db import connections


def is_replay_window_open() -> bool:
    """Say whether past times may be stated now."""
    found = _one(
        "SELECT EXISTS (SELECT FROM ledger.change_windows WHERE purpose = 'replay'"
        " AND clock_timestamp() BETWEEN opened_at AND closes_at)"
    )
    return bool(found and found[0])


def numbers_of_batch(commodity_id: int, source_serial: str) -> tuple[int, int] | None:
    """Return the first and last number of the batch that had this serial in its old system."""
    found = _one(
        "SELECT first_no, last_no FROM ledger.assets"
        " WHERE commodity_id = %s AND source_serial = %s",
        (commodity_id, source_serial),
    )
    return (int(found[0]), int(found[1])) if found else None


def volume_of(transaction_id: int) -> int:
    """Return how many certificates a transaction moved."""
    found = _one(
        "SELECT sum(credit)::bigint FROM ledger.credits_debits WHERE transaction_id = %s",
        (transaction_id,),
    )
    return int(found[0] or 0) if found else 0


def _one(statement: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found
