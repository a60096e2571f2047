"""The ledger's read functions. Only ``registry.selectors`` and ``audit`` call these."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

Row = dict[str, Any]
# A page asks for few rows of large tables: each is found by an index, whatever the planner thinks.
# By one index: a bitmap of all blocks up to a position has been and-ed to the few of one batch.
WAYS = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")
LOOK_UP = "; ".join(f"SET LOCAL enable_{way} = off" for way in WAYS)


def rows(
    statement: str,
    parameters: Sequence[Any] | Mapping[str, Any] = (),
    *,
    using: str = "default",
) -> list[Row]:
    """Run a query and return its rows as dictionaries."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def holdings_as_of(account_id: UUID, at: datetime, *, using: str = "default") -> list[Row]:
    """Return the blocks that an account held at an instant."""
    return rows("SELECT * FROM ledger.holdings_as_of(%s, %s)", (account_id, at), using=using)


def balance_history(account_id: UUID, commodity_id: int, *, using: str = "default") -> list[Row]:
    """Return an account's balance of a commodity after each of its transactions."""
    return rows(
        "SELECT * FROM ledger.balance_history(%s, %s)", (account_id, commodity_id), using=using
    )


def holder_of(
    commodity_id: int, number: int, at: datetime, *, using: str = "default"
) -> Row | None:
    """Return who held one certificate at an instant, or None before it was minted."""
    found = rows(
        "SELECT * FROM ledger.holder_of(%s, %s, %s)", (commodity_id, number, at), using=using
    )
    return found[0] if found else None


def custody(commodity_id: int, number: int, *, using: str = "default") -> list[Row]:
    """Return every block that held one certificate, in order."""
    return rows("SELECT * FROM ledger.custody(%s, %s)", (commodity_id, number), using=using)


def lineage(item_id: int, *, using: str = "default") -> list[Row]:
    """Return a block at level 0, its ancestors below and its descendants above that."""
    return rows("SELECT * FROM ledger.lineage(%s)", (item_id,), using=using)


def conservation(at: datetime, *, using: str = "default") -> list[Row]:
    """Return, per batch, what was minted and what is held, retired and expired of it."""
    return rows("SELECT * FROM ledger.conservation(%s)", (at,), using=using)


def reconcile(*, using: str = "audit") -> Row:
    """Run the four checks on one snapshot."""
    return _json(_value("SELECT ledger.reconcile()", (), using))


def prove(*, using: str = "audit") -> Row:
    """Run the four checks, compare the derived tables, and verify every chain, on one snapshot."""
    return _json(_value("SELECT ledger.prove()", (), using))


def derived_drift(*, using: str = "audit") -> Row:
    """Compare the derived tables with what the history gives."""
    return _json(_value("SELECT ledger.derived_drift()", (), using))


def verify_chain(
    commodity_id: int, first: int = 1, last: int | None = None, *, using: str = "audit"
) -> int | None:
    """Return the first bad height of a commodity's chain, or None."""
    height: int | None = _value(
        "SELECT ledger.verify_chain(%s, %s, %s)", (commodity_id, first, last), using
    )
    return height


def chain_heads(*, using: str = "audit") -> dict[int, tuple[int, bytes]]:
    """Return height and hash of the top of each commodity's chain."""
    found = rows(
        "SELECT DISTINCT ON (commodity_id) commodity_id, height, hash FROM ledger.chain"
        " ORDER BY commodity_id, height DESC",
        using=using,
    )
    return {row["commodity_id"]: (row["height"], bytes(row["hash"])) for row in found}


def rebuild_derived(*, using: str = "migrator") -> Row:
    """Empty the derived tables and fill them from the history; the owner's alone."""
    return _json(_value("SELECT ledger.rebuild_derived()", (), using))


def sums_drift(*, using: str = "audit") -> int:
    """Return how many kept sums differ from what the history gives."""
    return int(_value("SELECT ledger.sums_drift()", (), using))


def rebuild_sums(*, using: str = "migrator") -> int:
    """Keep all sums anew from the history; the owner's alone. Return at how many heights."""
    return int(_value("SELECT ledger.rebuild_sums()", (), using))


def error_codes(*, using: str = "default") -> list[Row]:
    """Return every refusal of the ledger: code, sqlstate, domain, status, title, what to do."""
    return rows("SELECT * FROM ledger.error_codes ORDER BY sqlstate", using=using)


def callers_of(code: str, *, using: str = "default") -> list[Row]:
    """
    Return each function of the ledger: whether it raises a refusal, who calls it, what it guards.

    Read from the text of the functions that run, so that it cannot be out of date.
    """
    return rows(
        r"""
        WITH ours AS (
            SELECT p.oid, p.pronamespace::regnamespace::text || '.' || p.proname AS name,
                   regexp_replace(p.prosrc, '--[^\n]*', '', 'g') AS text
            FROM pg_catalog.pg_proc p
            WHERE p.pronamespace IN ('ledger'::regnamespace, 'ledger_api'::regnamespace)
        )
        SELECT o.name, position(quote_literal(%s) IN o.text) > 0 AS raises,
               array(SELECT c.name FROM ours c
                     WHERE c.text ~ (replace(o.name, '.', '\.') || '\s*\(')) AS callers,
               (SELECT min(t.tgrelid::regclass::text) FROM pg_catalog.pg_trigger t
                WHERE t.tgfoid = o.oid AND NOT t.tgisinternal) AS guards
        FROM ours o
        ORDER BY o.name
        """,
        [code],
        using=using,
    )


def _value(statement: str, parameters: Sequence[Any], using: str) -> Any:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0]


def _json(value: str) -> Row:
    result: Row = json.loads(value)
    return result
