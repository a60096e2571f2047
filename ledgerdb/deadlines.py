"""Which certificates come near their last day. Only ``registry.selectors`` calls this."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ledgerdb.reads import Row, rows


def near(now: datetime, until: datetime, account_ids: Sequence[UUID] | None = None) -> list[Row]:
    """
    Return, per trading account, commodity and instant, what may no longer be used after it.

    :param account_ids: of these accounts alone; of all for ``None``
    """
    return rows(
        """
        SELECT a.code AS account, a.organisation_id, c.code AS commodity, c.name,
               last.what, last.at, sum(l.volume)::bigint AS volume
        FROM public.registry_account a
        JOIN ledger.leaves l ON l.account_id = a.id
        JOIN ledger.assets b ON b.id = l.asset_id
        JOIN public.registry_commodity c ON c.id = b.commodity_id
        CROSS JOIN LATERAL (
            SELECT 'transfer' AS what, b.transferable_until AS at
            WHERE b.transferable_until IS DISTINCT FROM b.expires_at
            UNION ALL SELECT 'expiry', b.expires_at) last
        WHERE a.type = 'trading' AND last.at > %(now)s AND last.at <= %(until)s
          AND (%(accounts)s::uuid[] IS NULL OR a.id = ANY (%(accounts)s))
        GROUP BY a.code, a.organisation_id, c.code, c.name, last.what, last.at
        ORDER BY last.at, a.code, c.code, last.what
        """,
        {
            "now": now,
            "until": until,
            "accounts": None if account_ids is None else list(account_ids),
        },
    )
