"""The kept results of reconciliation. Only ``registry.selectors`` calls this."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ledgerdb.positions import ask
from ledgerdb.reads import Row

RUN = """
    SELECT r.id, r.key, r.login, r.started_at, r.finished_at, r.ok, r.result,
           coalesce(u.name, '') AS asked_by
    FROM ledger.reconciliations r
    LEFT JOIN public.registry_user u ON u.id = r.asked_by
"""


def latest(before: datetime | None = None) -> Row | None:
    """Return the run that started last, or last up to an instant."""
    return _one(
        f"{RUN} WHERE r.started_at <= coalesce(%s, 'infinity'::timestamptz)"
        " ORDER BY r.started_at DESC, r.id DESC LIMIT 1",
        [before],
    )


def run(run_id: int) -> Row | None:
    """Return one run."""
    return _one(f"{RUN} WHERE r.id = %s", [run_id])


def by_key(key: UUID) -> Row | None:
    """Return the run that was asked for under a key."""
    return _one(f"{RUN} WHERE r.key = %s", [key])


def since(moment: datetime, before: datetime | None = None) -> list[Row]:
    """Return when each run since an instant, and up to another, started, and if all was well."""
    return ask(
        "SELECT r.id, r.started_at, r.ok FROM ledger.reconciliations r WHERE r.started_at >= %s"
        " AND r.started_at <= coalesce(%s, 'infinity'::timestamptz) ORDER BY r.started_at",
        [moment, before],
    )


def first() -> datetime | None:
    """Return when the very first run started."""
    found: datetime | None = ask("SELECT min(started_at) AS at FROM ledger.reconciliations")[0][
        "at"
    ]
    return found


def count() -> tuple[int, int]:
    """Return how many runs there were, and how many of them found something."""
    found = ask(
        "SELECT count(*) AS runs, count(*) FILTER (WHERE NOT ok) AS bad FROM ledger.reconciliations"
    )[0]
    return found["runs"], found["bad"]


def account_codes(account_ids: Sequence[str]) -> dict[str, str]:
    """Return the code of each account."""
    found = ask(
        "SELECT id::text, code FROM public.registry_account WHERE id = ANY (%s::uuid[])",
        [list(account_ids)],
    )
    return {row["id"]: row["code"] for row in found}


def _one(statement: str, parameters: list[object]) -> Row | None:
    found = ask(statement, parameters)
    return {**found[0], "result": json.loads(found[0]["result"])} if found else None
