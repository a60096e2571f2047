"""
What an evidence pack of one transaction says, as rows. Only ``registry.selectors`` calls this.

``organisation_id`` leaves out, in the query, what an organisation took no part in; ``None`` is the
registry or an auditor. Only what never changes is read: what spent a block later is not asked, and
names are those of the moment of recording, from the log of the records.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from ledgerdb.positions import ask
from ledgerdb.reads import Row

# Blocks as the chain names them: by numbers, and by the first one of the block they were cut from.
BLOCK = """
    SELECT i.id AS block_id, i.input_id, i.first_no AS first, i.last_no AS last, i.volume,
           i.region_id, i.account_id, a.organisation_id, a.type AS account_type, i.transaction_id,
           b.first_no AS batch_first, b.last_no AS batch_last, b.facility_id, b.production_start,
           b.production_end, p.first_no AS parent_first
    FROM ledger.transaction_items i
    JOIN ledger.assets b ON b.id = i.asset_id
    JOIN public.registry_account a ON a.id = i.account_id
    LEFT JOIN ledger.transaction_items p ON p.id = i.input_id
    LEFT JOIN public.registry_account pa ON pa.id = p.account_id
"""


def header(commodity: str, height: int) -> Row | None:
    """Return a transaction, its link of the chain, and its request."""
    found = ask(
        """
        SELECT t.id, t.kind, t.request_id, t.actor_id, t.commodity_id, t.occurred_at, t.recorded_at,
               c.code || '-' || ch.height AS number, ch.height,
               encode(ch.prev_hash, 'hex') AS prev_hash, encode(ch.hash, 'hex') AS hash
        FROM public.registry_commodity c
        JOIN ledger.chain ch ON ch.commodity_id = c.id AND ch.height = %s
        JOIN ledger.transactions t ON t.id = ch.transaction_id
        WHERE c.code = %s
        """,
        [height, commodity],
    )
    return found[0] if found else None


def takes_part(transaction_id: int, organisation_id: UUID) -> bool:
    """Say whether an organisation sent or received something in a transaction."""
    return bool(
        ask(
            "SELECT EXISTS (SELECT FROM ledger.credits_debits p"
            " JOIN public.registry_account a ON a.id = p.account_id"
            " WHERE p.transaction_id = %s AND a.organisation_id = %s) AS yes",
            [transaction_id, organisation_id],
        )[0]["yes"]
    )


def request(request_id: UUID) -> Row:
    """Return what was asked for, who asked and who decided: frozen once it was executed."""
    return ask(
        """
        SELECT q.id, q.number, q.kind, q.organisation_id, q.commodity_id, q.source_id, q.target_id,
               (SELECT array_agg(ARRAY[lower(part), upper(part) - 1] ORDER BY lower(part))
                FROM unnest(q.ranges) part) AS numbers,
               q.volume, q.facility_id, q.region_id, q.production_start, q.production_end,
               q.source_serial, q.filter_facility_id, q.filter_region_id,
               q.filter_produced_from, q.filter_produced_to, q.max_blocks, q.beneficiary,
               q.beneficiary_country, q.beneficiary_place, q.reason, q.consumption_start,
               q.consumption_end, q.claim_published, q.note, q.occurred_at, q.source_event,
               q.idempotency_key, q.submitter_id, q.submitted_at, q.submitted_fingerprint,
               q.approver_id, q.decided_at, q.decision_reason, q.approved_fingerprint
        FROM public.registry_request q WHERE q.id = %s
        """,
        [request_id],
    )[0]


def files(request_id: UUID) -> list[Row]:
    """Return the file that was handed in with a request: its name, size and hash."""
    return ask(
        """
        SELECT e.name, e.size, e.sha256
        FROM public.registry_requestevidence r
        JOIN public.registry_evidence e ON e.id = r.evidence_id
        WHERE r.request_id = %s ORDER BY r.id DESC LIMIT 1
        """,
        [request_id],
    )


def batch(transaction_id: int) -> Row | None:
    """Return the batch that a transaction minted."""
    found = ask(
        """
        SELECT facility_id, region_id, production_start, production_end, first_no AS first,
               last_no AS last, volume, transferable_until, expires_at, source_serial
        FROM ledger.assets WHERE transaction_id = %s
        """,
        [transaction_id],
    )
    return found[0] if found else None


def created(transaction_id: int, organisation_id: UUID | None) -> list[Row]:
    """Return the blocks that a transaction created; of a sweep, those cut from one's own."""
    return ask(
        f"""
        {BLOCK}
        JOIN ledger.transactions t ON t.id = i.transaction_id
        WHERE i.transaction_id = %(transaction)s
          AND (%(organisation)s::uuid IS NULL OR t.kind <> 'expire'
               OR pa.organisation_id = %(organisation)s)
        ORDER BY i.first_no
        """,
        {"transaction": transaction_id, "organisation": organisation_id},
    )


def consumed(transaction_id: int, organisation_id: UUID | None) -> list[Row]:
    """Return the blocks that a transaction consumed; of a sweep, one's own."""
    return ask(
        f"""
        {BLOCK}
        JOIN ledger.transactions t ON t.id = %(transaction)s
        WHERE i.id = ANY (ARRAY(SELECT s.item_id FROM ledger.transaction_item_inputs s
                                WHERE s.transaction_id = %(transaction)s))
          AND (%(organisation)s::uuid IS NULL OR t.kind <> 'expire'
               OR a.organisation_id = %(organisation)s)
        ORDER BY i.first_no
        """,
        {"transaction": transaction_id, "organisation": organisation_id},
    )


def postings(transaction_id: int, organisation_id: UUID | None) -> list[Row]:
    """
    Return the postings; of others no balance, and of a sweep nothing but one's own.

    An issuance account holds minus the last number that was minted, which the blocks say too.
    """
    return ask(
        """
        SELECT p.line, p.account_id, p.commodity_id, b.first_no AS batch_first, p.credit, p.debit,
               a.organisation_id,
               CASE WHEN %(organisation)s::uuid IS NULL
                      OR a.organisation_id = %(organisation)s OR a.type = 'issuance'
                    THEN p.balance_after END AS balance_after
        FROM ledger.credits_debits p
        JOIN ledger.transactions t ON t.id = p.transaction_id
        JOIN ledger.assets b ON b.id = p.asset_id
        JOIN public.registry_account a ON a.id = p.account_id
        WHERE p.transaction_id = %(transaction)s
          AND (%(organisation)s::uuid IS NULL OR t.kind <> 'expire'
               OR a.organisation_id = %(organisation)s)
        ORDER BY p.line
        """,
        {"transaction": transaction_id, "organisation": organisation_id},
    )


def is_own(transaction_id: int, organisation_id: UUID) -> bool:
    """Say whether every posting of a transaction is an organisation's own: nobody is left out."""
    return bool(
        ask(
            """
            SELECT t.kind <> 'expire' AND NOT EXISTS (
                       SELECT FROM ledger.credits_debits p
                       JOIN public.registry_account a ON a.id = p.account_id
                       WHERE p.transaction_id = t.id
                         AND a.organisation_id IS DISTINCT FROM %(organisation)s
                         AND a.type <> 'issuance') AS yes
            FROM ledger.transactions t WHERE t.id = %(transaction)s
            """,
            {"transaction": transaction_id, "organisation": organisation_id},
        )[0]["yes"]
    )


def ancestors(transaction_id: int, organisation_id: UUID | None) -> list[Row]:
    """
    Return the blocks that the consumed ones were cut from, back to the mint, by generation.

    An organisation gets those that it held or sent.
    """
    return ask(
        f"""
        WITH RECURSIVE line AS (
            SELECT i.id, i.input_id, 0 AS step
            FROM ledger.transaction_item_inputs s
            JOIN ledger.transaction_items i ON i.id = s.item_id
            WHERE s.transaction_id = %(transaction)s
            UNION
            SELECT i.id, i.input_id, line.step + 1
            FROM line JOIN ledger.transaction_items i ON i.id = line.input_id
        ), old AS (SELECT line.id, min(line.step) AS step FROM line GROUP BY line.id)
        SELECT block.*, old.step, t.kind, t.occurred_at, c.code || '-' || ch.height AS number
        FROM ({BLOCK}
              WHERE i.id = ANY (ARRAY(SELECT old.id FROM old WHERE old.step > 0))
                AND (%(organisation)s::uuid IS NULL OR a.organisation_id = %(organisation)s
                     OR pa.organisation_id = %(organisation)s)) block
        JOIN old ON old.id = block.block_id
        JOIN ledger.transactions t ON t.id = block.transaction_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        JOIN public.registry_commodity c ON c.id = ch.commodity_id
        ORDER BY old.step, block.first
        """,
        {"transaction": transaction_id, "organisation": organisation_id},
    )


# Where each kind of record of the log is kept, its key, and what of it a pack says.
TABLES = {
    "organisation": ("uuid", "code, name"),
    "account": ("uuid", "code, name, type, organisation_id"),
    "facility": ("uuid", "code, name, technology"),
    "region": ("integer", "code, name"),
    "commodity": ("integer", "code, name, unit, unit_per_certificate"),
    "user": ("uuid", "code, name, role, person_id, organisation_id"),
}


def records(kind: str, ids: Iterable[Any], recorded_at: datetime) -> dict[Any, Row]:
    """
    Return records as they were when something was recorded, by id.

    The first change since then says what stood before it; without one, they are as they were.
    """
    key, columns = TABLES[kind]
    found = ask(
        f"""
        SELECT r.id, {columns},
               (SELECT c.before FROM ledger.changes c
                WHERE c.record = %s AND c.record_id = r.id::text AND c.changed_at > %s
                  AND c.before IS NOT NULL
                ORDER BY c.id LIMIT 1)::text AS before
        FROM public.registry_{kind} r WHERE r.id = ANY (%s::{key}[])
        """,
        [kind, recorded_at, list(ids)],
    )
    return {row["id"]: _before(row) for row in found}


def reference(transaction_id: int) -> str:
    """Return what the statement of a retirement is found by."""
    found = ask("SELECT reference FROM ledger.statement(%s)", [transaction_id])
    return str(found[0]["reference"])


def _before(row: Row) -> Row:
    before = json.loads(row["before"] or "{}")
    return {
        name: before.get(name, value)
        for name, value in row.items()
        if name not in ("id", "before", "organisation_id", "person_id")
    } | {name: row[name] for name in ("organisation_id", "person_id") if name in row}
