"""The batches minted for a facility. Only ``registry.selectors`` calls this."""

from uuid import UUID

from ledgerdb.reads import Row, rows


def of_facility(facility_id: UUID, *, before: int | None = None, limit: int = 50) -> list[Row]:
    """Return some batches with the transactions that minted them, newest first."""
    return rows(
        """
        SELECT b.id AS batch_id, c.code AS commodity, b.first_no AS first, b.last_no AS last,
               b.volume, b.production_start, b.production_end, b.expires_at, r.name AS region,
               t.occurred_at, c.code || '-' || ch.height AS number
        FROM ledger.assets b
        JOIN public.registry_commodity c ON c.id = b.commodity_id
        JOIN public.registry_region r ON r.id = b.region_id
        JOIN ledger.transactions t ON t.id = b.transaction_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        WHERE b.facility_id = %(facility)s AND (%(before)s::bigint IS NULL OR b.id < %(before)s)
        ORDER BY b.id DESC LIMIT %(limit)s
        """,
        {"facility": facility_id, "before": before, "limit": limit},
    )
