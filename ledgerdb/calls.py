"""Calls of the functions that write, and of their preview, for ``registry.services`` alone."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from ledgerdb.errors import translated

KINDS = ("mint", "transfer", "retire", "reassign_region", "expire")

# A volatile function is called after the sort, row by row.
EXECUTE_ALL = """
    SELECT CASE e.kind
        WHEN 'mint' THEN ledger_api.mint(e.id, e.actor)
        WHEN 'transfer' THEN ledger_api.transfer(e.id, e.actor)
        WHEN 'retire' THEN ledger_api.retire(e.id, e.actor)
        WHEN 'reassign_region' THEN ledger_api.reassign_region(e.id, e.actor)
        WHEN 'expire' THEN ledger_api.expire(e.id, e.actor) END
    FROM unnest(%s::text[], %s::uuid[], %s::uuid[]) WITH ORDINALITY AS e (kind, id, actor, n)
    ORDER BY e.n
"""


def execute(kind: str, *, request_id: UUID, actor_id: UUID | None, using: str = "ledger") -> int:
    """
    Execute an approved request; execute it again and get the first result.

    :param kind: one of ``KINDS``
    :param actor_id: the approver; somebody else, or nobody, is refused
    :param using: the connection that holds ``ledger_service`` or ``ledger_replay``
    :returns: the transaction's id
    :raises Refused: the codes in the header of the function's SQL file
    :raises InvariantBroken: a guard stopped it
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not one of {KINDS}")
    with translated(), connections[using].cursor() as cursor:
        cursor.execute(f"SELECT ledger_api.{kind}(%s, %s)", (request_id, actor_id))
        return int(cursor.fetchone()[0])


def execute_all(
    events: Sequence[tuple[str, UUID, UUID | None]], *, using: str = "ledger"
) -> list[int]:
    """
    Execute approved requests in this order, in one statement and one commit: all or nothing.

    Each is a call of one of the five functions, and sees what the calls before it did.

    :param events: kind, request and approver of each
    :returns: the transactions' ids
    :raises Refused: one of them; nothing was written
    :raises InvariantBroken: a guard stopped one; nothing was written
    """
    with translated(), connections[using].cursor() as cursor:
        cursor.execute(EXECUTE_ALL, [list(column) for column in zip(*events, strict=True)])
        return [int(row[0]) for row in cursor.fetchall()]


def record_reconciliation(*, key: UUID, asked_by: UUID | None, using: str = "default") -> int:
    """
    Let the database prove the ledger and keep the result; it may take minutes.

    :param key: of the wish: asked twice, it is run once
    :returns: the run's id
    """
    with translated(), connections[using].cursor() as cursor:
        cursor.execute("SELECT ledger.record_reconciliation(%s, %s)", (key, asked_by))
        return int(cursor.fetchone()[0])


def let_go(using: str = "default") -> None:
    """Close a connection: a thread that ends leaves none behind."""
    connections[using].close()


def preview(*, request_id: UUID, using: str = "default") -> dict[str, Any]:
    """
    Say what a request would do if it were executed now. Writes nothing.

    :returns: ``consumed``, ``created``, ``postings``, ``balances`` and ``fingerprint``
    :raises Refused: as the execution would
    """
    with translated(), connections[using].cursor() as cursor:
        cursor.execute("SELECT ledger_api.preview(%s)", (request_id,))
        # Django hands jsonb over as text.
        result: dict[str, Any] = json.loads(cursor.fetchone()[0])
        return result


@contextmanager
def acting(*, actor_id: UUID, reason: str = "", using: str = "default") -> Iterator[None]:
    """
    Name who changes reference records in this block, and why, for the log; all of it or nothing.

    The names are the database transaction's: whatever else uses the connection starts nameless.

    :raises Refused: ACTOR_NOT_AUTHORISED: the person may not; whatever else a guard refuses
    """
    with translated(), transaction.atomic(using=using):
        before = _name(str(actor_id), reason, using)
        yield
        _name(*before, using)


def _name(actor: str, reason: str, using: str) -> tuple[str, str]:
    """Set both names, and return what they were."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(current_setting('ledger.actor', true), ''),"
            " coalesce(current_setting('ledger.reason', true), '')"
        )
        found: tuple[str, str] = cursor.fetchone()
        cursor.execute(
            "SELECT set_config('ledger.actor', %s, true), set_config('ledger.reason', %s, true)",
            (actor, reason),
        )
    return found
