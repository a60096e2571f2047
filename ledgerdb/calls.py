"""Calls of the functions that write, and of their preview, for ``registry.services`` alone."""

import json
from typing import Any
from uuid import UUID

from django.db import connections

from ledgerdb.errors import translated

KINDS = ("mint", "transfer", "retire", "reassign_region", "expire")


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
