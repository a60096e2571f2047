"""What one account holds now. Only ``registry.selectors`` calls this."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from ledgerdb.pages import DESCRIBED
from ledgerdb.reads import Row, rows

# The unspent blocks of one account that were chosen. What is asked of a batch is asked once.
CHOSEN = """
    WITH open AS MATERIALIZED (
        SELECT q.number, q.commodity_id, q.ranges FROM public.registry_request q
        WHERE q.source_id = %(account)s AND q.status IN ('submitted', 'approved')
          AND q.ranges IS NOT NULL
    ), fitting AS MATERIALIZED (
        SELECT b.id
        FROM (SELECT DISTINCT own.asset_id FROM ledger.leaves own
              WHERE own.account_id = %(account)s AND %(facility)s || %(month)s <> '') held
        JOIN ledger.assets b ON b.id = held.asset_id
        JOIN public.registry_facility f ON f.id = b.facility_id
        WHERE %(facility)s IN ('', f.code)
          AND %(month)s IN ('', to_char(b.production_start, 'YYYY-MM'))
    ), chosen AS MATERIALIZED (
        SELECT l.item_id, c.code, l.first_no, l.volume
        FROM ledger.leaves l JOIN public.registry_commodity c ON c.id = l.commodity_id
        WHERE l.account_id = %(account)s AND %(commodity)s IN ('', c.code)
          AND (%(facility)s || %(month)s = '' OR l.asset_id IN (SELECT fitting.id FROM fitting))
          AND (%(state)s = '' OR %(state)s =
               CASE WHEN (SELECT a.type FROM public.registry_account a
                          WHERE a.id = %(account)s) = 'retirement' THEN 'retired'
                    WHEN (SELECT a.type FROM public.registry_account a
                          WHERE a.id = %(account)s) = 'expiry'
                      OR (SELECT b.expires_at FROM ledger.assets b
                          WHERE b.id = l.asset_id) <= now() THEN 'expired'
                    WHEN EXISTS (SELECT FROM open
                                 WHERE open.commodity_id = l.commodity_id AND open.ranges
                                       && int8range(l.first_no, l.last_no, '[]'))
                        THEN 'reserved'
                    WHEN (SELECT b.transferable_until FROM ledger.assets b
                          WHERE b.id = l.asset_id) <= now() THEN 'locked'
                    ELSE 'available' END)
    )
"""
# Those of a page, each with the open request that names its numbers.
HELD_NOW = f"""
    SELECT d.*, named.number AS request_number,
           CASE WHEN d.account_type = 'retirement' THEN 'retired'
                WHEN d.account_type = 'expiry' OR d.expires_at <= now() THEN 'expired'
                WHEN named.number IS NOT NULL THEN 'reserved'
                WHEN d.transferable_until <= now() THEN 'locked'
                ELSE 'available' END AS state,
           (SELECT count(*) FROM chosen) AS all_blocks,
           (SELECT sum(chosen.volume) FROM chosen)::bigint AS all_volume
    FROM ({DESCRIBED}) d
    LEFT JOIN LATERAL (
        SELECT min(open.number) AS number FROM open
        WHERE open.commodity_id = d.commodity_id
          AND open.ranges && int8range(d.first, d.last, '[]')
    ) named ON true
    WHERE d.block_id = ANY (ARRAY(
        SELECT chosen.item_id FROM chosen
        WHERE (chosen.code, chosen.first_no) > (%(after_commodity)s, %(after_first)s)
        ORDER BY chosen.code, chosen.first_no LIMIT %(limit)s))
    ORDER BY d.commodity, d.first
"""


def blocks_held(
    account_id: UUID,
    *,
    chosen: Mapping[str, str],
    after: tuple[str, int] = ("", 0),
    limit: int = 50,
) -> list[Row]:
    """
    Return some blocks of an account, and on each row how many there are in all and their sum.

    :param chosen: commodity, facility, month (``2026-03``) and state; empty means any
    :param after: commodity and first number of the last block of the page before
    """
    return rows(
        f"{CHOSEN} {HELD_NOW}",
        {
            **{name: chosen.get(name, "") for name in ("commodity", "facility", "month", "state")},
            "account": account_id,
            "after_commodity": after[0],
            "after_first": after[1],
            "limit": limit,
        },
    )


def held_groups(account_id: UUID) -> list[Row]:
    """Return the commodities, facilities and months that the blocks of an account come from."""
    return rows(
        """
        SELECT DISTINCT c.code AS commodity, c.name AS commodity_name,
               f.code AS facility_code, f.name AS facility, b.production_start AS month
        FROM (SELECT DISTINCT l.asset_id FROM ledger.leaves l WHERE l.account_id = %s) held
        JOIN ledger.assets b ON b.id = held.asset_id
        JOIN public.registry_commodity c ON c.id = b.commodity_id
        JOIN public.registry_facility f ON f.id = b.facility_id
        """,
        [account_id],
    )


DAILY = """
    WITH RECURSIVE point AS (
        SELECT b.commodity_id, last.balance, last.day
        FROM ledger.account_balances b
        CROSS JOIN LATERAL (
            SELECT p.balance_after AS balance,
                   (t.occurred_at AT TIME ZONE %(zone)s)::date AS day
            FROM ledger.credits_debits p
            JOIN ledger.transactions t ON t.id = p.transaction_id
            WHERE p.account_id = b.account_id AND p.commodity_id = b.commodity_id
            ORDER BY p.transaction_id DESC LIMIT 1) last
        WHERE b.account_id = %(account)s
        UNION ALL
        SELECT point.commodity_id, earlier.balance, earlier.day
        FROM point
        CROSS JOIN LATERAL (
            SELECT ledger.position_at(point.commodity_id,
                       (point.day::timestamp AT TIME ZONE %(zone)s) - interval '1 us') AS id
            OFFSET 0) upto
        CROSS JOIN LATERAL (
            SELECT p.balance_after AS balance,
                   (t.occurred_at AT TIME ZONE %(zone)s)::date AS day
            FROM ledger.credits_debits p
            JOIN ledger.transactions t ON t.id = p.transaction_id
            WHERE p.account_id = %(account)s AND p.commodity_id = point.commodity_id
              AND p.transaction_id <= upto.id
            ORDER BY p.transaction_id DESC LIMIT 1) earlier
        WHERE point.day >= %(since)s
    )
    SELECT c.code AS commodity, point.balance, point.day
    FROM point JOIN public.registry_commodity c ON c.id = point.commodity_id
    ORDER BY c.code, point.day
"""


def daily_balances(account_id: UUID, time_zone: str, since: date) -> list[Row]:
    """
    Return what an account held of each commodity at the end of each day on which it changed.

    From its last change back, a look into the index for each such day, down to the last one before
    ``since``.
    """
    return rows(
        DAILY,
        {"account": account_id, "zone": time_zone, "since": since},
    )
