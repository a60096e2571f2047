"""What the log of the reference records says. Only ``registry.selectors`` calls these."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ledgerdb.reads import Row, rows

# {0} chooses some of the log; the newest come first.
ENTRIES = """
    SELECT c.id, c.changed_at, c.login, c.actor_id, c.reason, c.record, c.record_id, c.parent_id,
           c.before, c.after, u.name AS actor, u.code AS actor_code, o.name AS actor_organisation
    FROM ledger.changes c
    LEFT JOIN public.registry_user u ON u.id = c.actor_id
    LEFT JOIN public.registry_organisation o ON o.id = u.organisation_id
    WHERE {0}
    ORDER BY c.id DESC LIMIT %(limit)s
"""


def page(
    chosen: Mapping[str, Any], *, ids: Sequence[str] | None, before: int | None, limit: int
) -> list[Row]:
    """
    Return some entries, newest first.

    :param chosen: ``record``, ``actor`` (an id, or ``nobody``), ``since`` and ``until`` (instants);
        None means any
    :param ids: of the records they are about, or that these belong to
    :param before: the id of the last entry of the page before
    """
    actor = chosen.get("actor")
    return _entries(
        """
        (%(record)s::text IS NULL OR c.record = %(record)s)
        AND (%(ids)s::text[] IS NULL OR c.record_id = ANY (%(ids)s) OR c.parent_id = ANY (%(ids)s))
        AND (NOT %(nobody)s OR c.actor_id IS NULL)
        AND (%(actor)s::uuid IS NULL OR c.actor_id = %(actor)s)
        AND (%(since)s::timestamptz IS NULL OR c.changed_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR c.changed_at <= %(until)s)
        AND (%(before)s::bigint IS NULL OR c.id < %(before)s)
        """,
        record=chosen.get("record"),
        ids=None if ids is None else list(ids),
        nobody=actor == "nobody",
        actor=None if actor == "nobody" else actor,
        since=chosen.get("since"),
        until=chosen.get("until"),
        before=before,
        limit=limit,
    )


def of_record(record: str, record_id: str, *, after: int = 0, limit: int = 200) -> list[Row]:
    """Return the entries of one record after a certain one, newest first."""
    return _entries(
        "c.record = %(record)s AND c.record_id = %(record_id)s AND c.id > %(after)s",
        record=record,
        record_id=record_id,
        after=after,
        limit=limit,
    )


def version(record: str, record_id: str) -> int:
    """Return the id of the last entry of a record; 0 if the log does not know it."""
    found = rows(
        "SELECT coalesce(max(id), 0) AS id FROM ledger.changes"
        " WHERE record = %s AND record_id = %s",
        (record, record_id),
    )
    return int(found[0]["id"])


def actors() -> list[Row]:
    """Return the people whom the log names, by name."""
    return rows(
        "SELECT u.id, u.name FROM public.registry_user u"
        " WHERE EXISTS (SELECT FROM ledger.changes c WHERE c.actor_id = u.id) ORDER BY u.name, u.id"
    )


def frozen_with(organisation_id: UUID) -> list[str]:
    """Return the accounts whose status last changed when their organisation was suspended."""
    found = rows(
        """
        SELECT last.record_id
        FROM (SELECT DISTINCT ON (c.record_id) c.record_id, c.written_in
              FROM ledger.changes c
              WHERE c.record = 'account' AND c.parent_id = %(organisation)s
                AND c.before ->> 'status' <> c.after ->> 'status'
              ORDER BY c.record_id, c.id DESC) last
        WHERE last.written_in = (
            SELECT c.written_in FROM ledger.changes c
            WHERE c.record = 'organisation' AND c.record_id = %(organisation)s
              AND c.before ->> 'status' <> 'suspended' AND c.after ->> 'status' = 'suspended'
            ORDER BY c.id DESC LIMIT 1)
        """,
        {"organisation": str(organisation_id)},
    )
    return [row["record_id"] for row in found]


def _entries(condition: str, **parameters: Any) -> list[Row]:
    found = rows(ENTRIES.format(condition), parameters)
    for row in found:
        # Django hands jsonb over as text.
        row["before"] = json.loads(row["before"] or "null")
        row["after"] = json.loads(row["after"] or "null")
    return found
