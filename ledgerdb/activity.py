"""What was issued, moved, retired and expired between two instants. Only ``registry.selectors``."""

from collections.abc import Sequence
from datetime import datetime

from ledgerdb.positions import UPTO, ask, pair
from ledgerdb.reads import Row


def counted(marks: Sequence[Row], start: datetime, end: datetime) -> list[Row]:
    """
    Return volumes after an instant and up to another, and not beyond a position.

    One row a kind, commodity, technology and region; the region is that of the certificates then.
    What stayed with its holder, such as a remainder, did not move. Reads the period and no more.
    """
    return ask(
        f"""
        SELECT t.kind, c.code AS commodity, f.technology, r.code AS region_code, r.name AS region,
               count(DISTINCT t.id) AS transactions, sum(i.volume)::bigint AS volume
        FROM {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        JOIN ledger.transactions t ON t.commodity_id = c.id AND t.id <= upto.position
             AND t.occurred_at > %(start)s AND t.occurred_at <= %(end)s
             AND t.kind IN ('mint', 'transfer', 'retire', 'expire')
        JOIN ledger.transaction_items i ON i.transaction_id = t.id
        JOIN ledger.assets b ON b.id = i.asset_id
        JOIN public.registry_facility f ON f.id = b.facility_id
        JOIN public.registry_region r ON r.id = i.region_id
        LEFT JOIN ledger.transaction_items p ON p.id = i.input_id
        WHERE p.account_id IS DISTINCT FROM i.account_id
        GROUP BY t.kind, c.code, f.technology, r.code, r.name
        ORDER BY c.code, f.technology, r.code, t.kind
        """,
        {**pair(marks), "start": start, "end": end},
    )


def last_change() -> int:
    """Return the id of the last entry of the log of the records: the same, the same names."""
    return int(ask("SELECT coalesce(max(id), 0) AS id FROM ledger.changes")[0]["id"])
