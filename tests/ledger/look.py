"""Looks at the rows of the ledger, as the auditor sees them."""

from typing import Any

from django.db import connections

from ledgerdb import calls
from ledgerdb.errors import LedgerError
from registry.models import Account, Commodity, Request

KEYS = {
    "transactions": "id",
    "assets": "id",
    "transaction_items": "id",
    "transaction_item_inputs": "item_id",
    "credits_debits": "transaction_id, line",
    "chain": "commodity_id, height",
    "leaves": "item_id",
    "account_balances": "account_id, commodity_id",
    "heads": "commodity_id",
}


def rows(statement: str, *parameters: Any, using: str = "audit") -> list[tuple]:
    """Run a query and return its rows."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def value(statement: str, *parameters: Any, using: str = "audit") -> Any:
    """Run a query and return the first column of its first row."""
    return rows(statement, *parameters, using=using)[0][0]


def bad_height(commodity: int, first: int = 1, last: int | None = None) -> int | None:
    """Verify a chain at once and link by link, which must say the same."""
    at_once, slowly = (
        value(f"SELECT ledger.{function}(%s, %s, %s)", commodity, first, last)
        for function in ("verify_chain", "verify_chain_slowly")
    )
    assert at_once == slowly
    return at_once


def everything() -> dict[str, list[tuple]]:
    """Return every row of the ledger."""
    return {
        table: rows(f"SELECT * FROM ledger.{table} ORDER BY {key}") for table, key in KEYS.items()
    }


def counts() -> dict[str, int]:
    """Return how many rows each table of the history has."""
    tables = list(KEYS)[:6]
    return {table: int(value(f"SELECT count(*) FROM ledger.{table}")) for table in tables}


def held(account: Account | None, commodity: Commodity | None = None) -> list[tuple[int, int]]:
    """Return the first and last number of each unspent block of an account."""
    return rows(
        "SELECT first_no, last_no FROM ledger.leaves WHERE account_id = %s"
        " AND coalesce(commodity_id = %s, true) ORDER BY commodity_id, first_no",
        account and account.pk,
        commodity and commodity.pk,
    )


def balance(account: Account, commodity: Commodity | None = None) -> int:
    """Return the stored balance of an account."""
    return int(
        value(
            "SELECT coalesce(sum(balance), 0) FROM ledger.account_balances"
            " WHERE account_id = %s AND coalesce(commodity_id = %s, true)",
            account.pk,
            commodity and commodity.pk,
        )
    )


def header(request: Request) -> dict[str, Any]:
    """Return the transaction of an executed request, with its height."""
    return _record(
        "SELECT t.*, c.height FROM ledger.transactions t"
        " JOIN ledger.chain c ON c.transaction_id = t.id WHERE t.request_id = %s",
        request.pk,
    )


def batch(request: Request) -> dict[str, Any]:
    """Return the batch that an executed mint issued."""
    return _record(
        "SELECT a.* FROM ledger.assets a JOIN ledger.transactions t ON t.id = a.transaction_id"
        " WHERE t.request_id = %s",
        request.pk,
    )


def consumed(request: Request) -> list[tuple]:
    """Return account, first and last number of each block that a request consumed."""
    return rows(
        "SELECT i.account_id, i.first_no, i.last_no FROM ledger.transaction_item_inputs s"
        " JOIN ledger.transaction_items i ON i.id = s.item_id"
        " JOIN ledger.transactions t ON t.id = s.transaction_id"
        " WHERE t.request_id = %s ORDER BY i.first_no",
        request.pk,
    )


def created(request: Request) -> list[tuple]:
    """Return account, first and last number of each block that a request created."""
    return rows(
        "SELECT i.account_id, i.first_no, i.last_no FROM ledger.transaction_items i"
        " JOIN ledger.transactions t ON t.id = i.transaction_id"
        " WHERE t.request_id = %s ORDER BY i.first_no",
        request.pk,
    )


def moved(request: Request) -> list[tuple[int, int]]:
    """Return first and last number of each block that a request moved to its target."""
    return [
        (first, last) for account, first, last in created(request) if account == request.target_id
    ]


def regions(request: Request) -> list[tuple]:
    """Return region, first and last number of each block that a request created."""
    return rows(
        "SELECT i.region_id, i.first_no, i.last_no FROM ledger.transaction_items i"
        " JOIN ledger.transactions t ON t.id = i.transaction_id"
        " WHERE t.request_id = %s ORDER BY i.first_no",
        request.pk,
    )


def postings(request: Request) -> list[tuple]:
    """Return account, debit, credit and balance afterwards of each posting, debits first."""
    return rows(
        "SELECT p.account_id, p.debit, p.credit, p.balance_after FROM ledger.credits_debits p"
        " JOIN ledger.transactions t ON t.id = p.transaction_id"
        " WHERE t.request_id = %s ORDER BY p.asset_id, p.credit > 0, p.account_id",
        request.pk,
    )


def system_account(commodity: Commodity, type: str) -> Account:
    """Return a commodity's issuance or expiry account."""
    return Account.objects.get(commodity=commodity, type=type)


def outcome(request: Request, *, using: str = "ledger") -> str:
    """Execute an approved request; return "done" or the name of the refusal."""
    try:
        calls.execute(
            request.kind, request_id=request.pk, actor_id=request.approver_id, using=using
        )
    except LedgerError as refused:
        return refused.code
    return "done"


def _record(statement: str, *parameters: Any) -> dict[str, Any]:
    with connections["audit"].cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description]
        (row,) = cursor.fetchall()
        return dict(zip(names, row, strict=True))
