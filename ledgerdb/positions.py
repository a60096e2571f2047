"""
Where a question about the past stands: per commodity, its last transaction up to then.

Within a commodity ids, heights and times grow together, so a position is one id, and a height says
the same for ever. Read on the auditor's login, as everything about the past.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections, transaction

from ledgerdb.reads import LOOK_UP, WAYS, Row, rows

USING = "audit"
CHUNK = 2000
# What no height or number is above.
LARGEST = 2**63 - 1

MARK = """
    SELECT c.id AS commodity_id, c.code AS commodity, ch.height,
           c.code || '-' || ch.height AS number, ch.transaction_id, t.occurred_at,
           t.recorded_at, encode(ch.hash, 'hex') AS hash
"""


def ask(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
    """Run a query on the auditor's login."""
    return rows(statement, parameters, using=USING)


@contextmanager
def one_moment(*, passes: bool = False) -> Iterator[None]:
    """
    Let every query of a page see the same snapshot, read only.

    A page asks for few rows of large tables: each is looked up by an index. While a table is small
    the planner would rather pass over the whole of it, and a plan that was good then is kept.

    :param passes: allow that, for what must read everything
    """
    with transaction.atomic(using=USING):
        with connections[USING].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if not passes:
                cursor.execute(LOOK_UP)
        yield


def stream(statement: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
    """
    Run a query whose answer may be long, and hand out its rows without keeping them.

    The server keeps the whole answer (a cursor WITH HOLD): no transaction stays open however slowly
    somebody downloads.
    """
    with connections[USING].chunked_cursor() as cursor, connections[USING].cursor() as session:
        session.execute(LOOK_UP.replace("SET LOCAL", "SET"))
        try:
            cursor.execute(statement, parameters)
        finally:
            session.execute("; ".join(f"RESET enable_{way}" for way in WAYS))
        found = cursor.fetchmany(CHUNK)
        names = [column.name for column in cursor.description]
        while found:
            yield from (dict(zip(names, row, strict=True)) for row in found)
            found = cursor.fetchmany(CHUNK)


def at(moment: datetime | None) -> list[Row]:
    """Return the position of each commodity at an instant, or now."""
    return ask(
        f"""
        {MARK}
        FROM public.registry_commodity c
        CROSS JOIN LATERAL (
            SELECT ledger.position_at(c.id, coalesce(%s, 'infinity'::timestamptz)) AS id) newest
        JOIN ledger.transactions t ON t.id = newest.id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        ORDER BY c.code
        """,
        [moment],
    )


def at_heights(heights: Mapping[str, int]) -> list[Row]:
    """Return the positions that these heights are, by commodity code; those that exist."""
    return ask(
        f"""
        {MARK}
        FROM unnest(%s::text[], %s::bigint[]) AS named (code, height)
        JOIN public.registry_commodity c ON c.code = named.code
        JOIN ledger.chain ch ON ch.commodity_id = c.id AND ch.height = named.height
        JOIN ledger.transactions t ON t.id = ch.transaction_id
        ORDER BY c.code
        """,
        [list(heights), list(heights.values())],
    )


def commodities() -> list[Row]:
    """Return every commodity."""
    return ask("SELECT id, code, name, unit FROM public.registry_commodity ORDER BY code")


def pair(marks: Sequence[Row]) -> dict[str, list[int]]:
    """Return positions as the parameters of ``UPTO``."""
    return {
        "commodities": [mark["commodity_id"] for mark in marks],
        "positions": [mark["transaction_id"] for mark in marks],
    }


# One row per commodity: up to which transaction a question about it looks.
UPTO = (
    "unnest(%(commodities)s::integer[], %(positions)s::bigint[]) AS upto (commodity_id, position)"
)
