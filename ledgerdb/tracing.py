"""
From a batch forward: where its certificates are. Only ``registry.selectors`` calls this.

Reads the blocks of the one batch, by the index on its numbers.
"""

from collections.abc import Iterator
from typing import Any

from ledgerdb.positions import LARGEST, ask, stream
from ledgerdb.reads import Row

# What was unspent of a batch at a position. "+ 0": found by the batch alone.
UNSPENT = f"""
    SELECT i.* FROM ledger.transaction_items i
    WHERE i.asset_id = %(batch)s AND i.transaction_id + 0 <= %(position)s
      AND coalesce((SELECT s.transaction_id FROM ledger.transaction_item_inputs s
                    WHERE s.item_id = i.id), {LARGEST}) > %(position)s
"""


def batch(batch_id: int) -> Row | None:
    """Return one minted batch."""
    found = ask(
        """
        SELECT b.id, c.id AS commodity_id, c.code AS commodity, c.name AS commodity_name,
               b.first_no AS first, b.last_no AS last, b.volume, b.production_start,
               b.production_end, b.transferable_until, b.expires_at, b.source_serial,
               f.code AS facility_code, f.name AS facility, f.technology, r.name AS region,
               o.name AS owner, t.id AS transaction_id, t.occurred_at AS minted_at,
               c.code || '-' || ch.height AS number, q.number AS request_number
        FROM ledger.assets b
        JOIN public.registry_commodity c ON c.id = b.commodity_id
        JOIN public.registry_facility f ON f.id = b.facility_id
        JOIN public.registry_organisation o ON o.id = f.organisation_id
        JOIN public.registry_region r ON r.id = b.region_id
        JOIN ledger.transactions t ON t.id = b.transaction_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        JOIN public.registry_request q ON q.id = t.request_id
        WHERE b.id = %s
        """,
        [batch_id],
    )
    return found[0] if found else None


def holders(batch_id: int, position: int) -> list[Row]:
    """
    Return who holds, retired or let expire how much of a batch: one row an account.

    Of retirements, one row a beneficiary: each was told something else.
    """
    return ask(
        f"""
        SELECT a.id AS account_id, a.code AS account, a.type AS account_type,
               coalesce(o.name, nullif(a.name, ''), a.code) AS holder,
               coalesce(o.code, '') AS organisation,
               CASE WHEN a.type = 'retirement' THEN q.beneficiary ELSE '' END AS beneficiary,
               sum(i.volume)::bigint AS volume, count(*) AS blocks,
               (array_agg(i.first_no ORDER BY i.first_no))[1:3] AS firsts,
               (array_agg(i.last_no ORDER BY i.first_no))[1:3] AS lasts,
               min(t.occurred_at) AS since
        FROM ({UNSPENT}) i
        JOIN public.registry_account a ON a.id = i.account_id
        LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
        JOIN ledger.transactions t ON t.id = i.transaction_id
        JOIN public.registry_request q ON q.id = t.request_id
        GROUP BY 1, 2, 3, 4, 5, 6
        ORDER BY a.type DESC, sum(i.volume) DESC, a.code
        """,
        {"batch": batch_id, "position": position},
    )


def blocks(batch_id: int, position: int, *, after: int = 0) -> Iterator[Row]:
    """Return the unspent blocks of a batch after a number with their holders; keeps none."""
    return stream(
        f"""
        SELECT c.code AS commodity, i.first_no AS first, i.last_no AS last, i.volume,
               CASE a.type WHEN 'retirement' THEN 'retired' WHEN 'expiry' THEN 'expired'
                           ELSE 'held' END AS state,
               a.code AS account, coalesce(o.name, nullif(a.name, ''), a.code) AS holder,
               coalesce(o.code, '') AS organisation, r.name AS region,
               CASE WHEN t.kind = 'retire' AND a.type = 'retirement' THEN q.beneficiary END
                   AS beneficiary,
               t.occurred_at AS since, c.code || '-' || ch.height AS number, i.id AS block_id,
               c.code || '-' || pos.height AS position, encode(pos.hash, 'hex') AS position_hash
        FROM ({UNSPENT}) i
        JOIN ledger.chain pos ON pos.transaction_id = %(position)s
        JOIN public.registry_commodity c ON c.id = pos.commodity_id
        JOIN public.registry_account a ON a.id = i.account_id
        LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
        JOIN public.registry_region r ON r.id = i.region_id
        JOIN ledger.transactions t ON t.id = i.transaction_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        JOIN public.registry_request q ON q.id = t.request_id
        WHERE i.first_no > %(after)s
        ORDER BY i.first_no
        """,
        {"batch": batch_id, "position": position, "after": after},
    )


def batches(
    commodity_id: int, facility: Any, position: int, *, below: int, limit: int
) -> list[Row]:
    """Return batches of a commodity, and of a facility if one is named, newest first."""
    return ask(
        """
        SELECT b.id, c.code AS commodity, b.first_no AS first, b.last_no AS last, b.volume,
               b.production_start, b.production_end, f.code AS facility_code, f.name AS facility,
               r.name AS region, t.occurred_at AS minted_at, c.code || '-' || ch.height AS number
        FROM ledger.assets b
        JOIN public.registry_commodity c ON c.id = b.commodity_id
        JOIN public.registry_facility f ON f.id = b.facility_id
        JOIN public.registry_region r ON r.id = b.region_id
        JOIN ledger.transactions t ON t.id = b.transaction_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        WHERE b.commodity_id = %(commodity)s AND b.first_no < %(below)s
          AND b.transaction_id <= %(position)s
          AND (%(facility)s::uuid IS NULL OR b.facility_id = %(facility)s::uuid)
        ORDER BY b.first_no DESC LIMIT %(limit)s
        """,
        {
            "commodity": commodity_id,
            "facility": facility,
            "position": position,
            "below": below,
            "limit": limit,
        },
    )
