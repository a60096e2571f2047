"""
Minted = held + retired + expired, at a position. Only ``registry.selectors`` calls this.

What was minted comes from the batches; where it is, from the postings (per commodity) or from the
unspent blocks (per facility, batch and region): each side could only be wrong without the other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ledgerdb.positions import UPTO, ask, pair
from ledgerdb.reads import Row

LARGEST = 2**63 - 1

# The unspent blocks of one batch (b) at its commodity's position, by where they are. The type of an
# account is looked up: a join would be repeated for every account. "+ 0": found by the
# batch, and not by all transactions up to the position.
WHERE_IT_IS = f"""
    SELECT coalesce(sum(i.volume) FILTER (WHERE i.type = 'trading'), 0)::bigint AS held,
           coalesce(sum(i.volume) FILTER (WHERE i.type = 'retirement'), 0)::bigint AS retired,
           coalesce(sum(i.volume) FILTER (WHERE i.type = 'expiry'), 0)::bigint AS expired
    FROM (SELECT by_account.volume,
                 (SELECT holder.type FROM public.registry_account holder
                  WHERE holder.id = by_account.account_id) AS type
          FROM (SELECT part.account_id, sum(part.volume) AS volume
                FROM ledger.transaction_items part
                WHERE part.asset_id = b.id AND part.transaction_id + 0 <= upto.position
                  AND coalesce((SELECT s.transaction_id FROM ledger.transaction_item_inputs s
                                WHERE s.item_id = part.id), {LARGEST}) > upto.position
                GROUP BY part.account_id OFFSET 0) by_account) i
"""

# Minted there, moved in and out, and where it is, of each region.
REGIONS = f"""
    WITH upto AS MATERIALIZED (SELECT * FROM {UPTO}), parts AS (
        SELECT b.commodity_id, b.region_id, b.volume AS minted, 0 AS came, 0 AS went,
               0 AS held, 0 AS retired, 0 AS expired
        FROM upto JOIN ledger.assets b
          ON b.commodity_id = upto.commodity_id AND b.transaction_id <= upto.position
        UNION ALL
        SELECT t.commodity_id, side.region_id, 0, side.came, side.went, 0, 0, 0
        FROM upto
        JOIN ledger.transactions t ON t.commodity_id = upto.commodity_id
                                  AND t.id <= upto.position AND t.kind = 'reassign_region'
        JOIN ledger.transaction_items i ON i.transaction_id = t.id
        JOIN ledger.transaction_items p ON p.id = i.input_id AND p.region_id <> i.region_id
        CROSS JOIN LATERAL (VALUES (i.region_id, i.volume, 0), (p.region_id, 0, i.volume))
            AS side (region_id, came, went)
        UNION ALL
        SELECT b.commodity_id, i.region_id, 0, 0, 0,
               CASE a.type WHEN 'trading' THEN i.volume ELSE 0 END,
               CASE a.type WHEN 'retirement' THEN i.volume ELSE 0 END,
               CASE a.type WHEN 'expiry' THEN i.volume ELSE 0 END
        FROM upto
        JOIN ledger.assets b ON b.commodity_id = upto.commodity_id
        JOIN ledger.transaction_items i
          ON i.asset_id = b.id AND i.transaction_id <= upto.position
        JOIN public.registry_account a ON a.id = i.account_id
        LEFT JOIN ledger.transaction_item_inputs s
          ON s.item_id = i.id AND s.transaction_id <= upto.position
        WHERE s.item_id IS NULL
    )
    SELECT r.code, r.name, c.code AS commodity,
           sum(parts.minted)::bigint AS minted, sum(parts.came)::bigint AS came,
           sum(parts.went)::bigint AS went, sum(parts.held)::bigint AS held,
           sum(parts.retired)::bigint AS retired, sum(parts.expired)::bigint AS expired
    FROM parts
    JOIN public.registry_region r ON r.id = parts.region_id
    JOIN public.registry_commodity c ON c.id = parts.commodity_id
    GROUP BY r.code, r.name, c.code ORDER BY r.code, c.code
"""


def of_commodities(marks: Sequence[Row]) -> list[Row]:
    """Return the sums of each commodity: minted from the last batch, the rest from postings."""
    return ask(
        f"""
        SELECT c.code, c.name, c.code AS commodity,
               coalesce((SELECT b.last_no FROM ledger.assets b
                         WHERE b.commodity_id = c.id AND b.transaction_id <= upto.position
                         ORDER BY b.first_no DESC LIMIT 1), 0) AS minted,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'trading'), 0)::bigint
                   AS held,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'retirement'), 0)::bigint
                   AS retired,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'expiry'), 0)::bigint
                   AS expired
        FROM {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN public.registry_account a
        CROSS JOIN LATERAL (
            SELECT p.balance_after FROM ledger.credits_debits p
            WHERE p.account_id = a.id AND p.commodity_id = c.id
              AND p.transaction_id <= upto.position
            ORDER BY p.transaction_id DESC LIMIT 1) last
        GROUP BY c.id, c.code, c.name, upto.position ORDER BY c.code
        """,
        pair(marks),
    )


def of_facilities(marks: Sequence[Row], *, after: str, limit: int) -> list[Row]:
    """Return the sums of each facility and commodity, by the facility's code."""
    return ask(
        f"""
        SELECT f.code, f.name, c.code AS commodity, sum(b.volume)::bigint AS minted,
               sum(i.held)::bigint AS held, sum(i.retired)::bigint AS retired,
               sum(i.expired)::bigint AS expired
        FROM (SELECT * FROM public.registry_facility WHERE code > %(after)s
              ORDER BY code LIMIT %(limit)s) f
        CROSS JOIN {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        JOIN ledger.assets b ON b.facility_id = f.id AND b.commodity_id = upto.commodity_id
                            AND b.transaction_id <= upto.position
        CROSS JOIN LATERAL ({WHERE_IT_IS}) i
        GROUP BY f.code, f.name, c.code ORDER BY f.code, c.code
        """,
        {**pair(marks), "after": after, "limit": limit},
    )


def last_facility(*, after: str, limit: int) -> str:
    """Return the code of the last facility of a page, or nothing when the page is the last."""
    found = ask(
        "SELECT code FROM public.registry_facility WHERE code > %s ORDER BY code LIMIT %s",
        [after, limit + 1],
    )
    return str(found[limit - 1]["code"]) if len(found) > limit else ""


def of_batches(marks: Sequence[Row], facility: Any, *, after: str, limit: int) -> list[Row]:
    """Return the sums of each batch, by commodity and number; ``after`` as ``SOL-1001``."""
    code, _, first = after.rpartition("-")
    number = int(first) if first.isascii() and first.isdigit() and len(first) < 19 else 0
    return ask(
        f"""
        SELECT b.id, f.code, f.name, c.code AS commodity, b.first_no AS first, b.last_no AS last,
               b.production_start, b.volume AS minted, i.held, i.retired, i.expired,
               c.code || '-' || b.first_no AS place
        FROM {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN LATERAL (
            SELECT * FROM ledger.assets part
            WHERE part.commodity_id = upto.commodity_id AND part.transaction_id <= upto.position
              AND part.first_no > CASE WHEN c.code = %(code)s THEN %(number)s::bigint
                                       WHEN c.code > %(code)s THEN 0 ELSE {LARGEST} END
              AND (%(facility)s::uuid IS NULL OR part.facility_id = %(facility)s::uuid)
            ORDER BY part.first_no LIMIT %(limit)s) b
        JOIN public.registry_facility f ON f.id = b.facility_id
        CROSS JOIN LATERAL ({WHERE_IT_IS}) i
        ORDER BY c.code, b.first_no LIMIT %(limit)s
        """,
        {**pair(marks), "facility": facility, "code": code, "number": number, "limit": limit},
    )


def of_regions(marks: Sequence[Row]) -> list[Row]:
    """
    Return the sums of each region and commodity, with what moved between regions.

    Reads every block of the commodities: the region is a block's, and no index is kept for it.
    """
    return ask(
        REGIONS,
        pair(marks),
    )


def at_instants(marks: Sequence[Row], instants: Sequence[datetime]) -> list[Row]:
    """Return, per instant and commodity, the height and what was issued, retired and expired."""
    return ask(
        f"""
        SELECT point.at, c.code AS commodity, coalesce(max(ch.height), 0) AS height,
               coalesce(-sum(last.balance_after) FILTER (WHERE a.type = 'issuance'), 0)::bigint
                   AS issued,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'retirement'), 0)::bigint
                   AS retired,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'expiry'), 0)::bigint
                   AS expired
        FROM unnest(%(instants)s::timestamptz[]) AS point (at)
        CROSS JOIN {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN LATERAL (
            SELECT ledger.position_at(c.id, point.at) AS id OFFSET 0) reached
        LEFT JOIN ledger.chain ch ON ch.transaction_id = reached.id
        LEFT JOIN public.registry_account a ON a.type <> 'trading'
        LEFT JOIN LATERAL (
            SELECT p.balance_after FROM ledger.credits_debits p
            WHERE p.account_id = a.id AND p.commodity_id = c.id AND p.transaction_id <= reached.id
            ORDER BY p.transaction_id DESC LIMIT 1) last ON true
        GROUP BY point.at, c.code ORDER BY point.at, c.code
        """,
        {**pair(marks), "instants": list(instants)},
    )
