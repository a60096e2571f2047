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


# Per batch, its numbers: so few are found through the index on numbers.
DUE = """
    FROM ledger.assets b
    JOIN ledger.leaves l ON l.commodity_id = b.commodity_id
                        AND l.first_no BETWEEN b.first_no AND b.last_no AND l.asset_id = b.id
    JOIN public.registry_account a ON a.id = l.account_id AND a.type = 'trading'
    JOIN public.registry_commodity c ON c.id = b.commodity_id
"""
SUMS = """
    count(*) AS blocks, sum(l.volume)::bigint AS volume, count(DISTINCT a.id) AS accounts,
    min(b.expires_at) AS since
"""


def overdue(now: datetime) -> list[Row]:
    """Return, per commodity, what is past its date and not yet swept."""
    return rows(
        f"SELECT c.code, c.name, {SUMS} {DUE}"
        " WHERE b.expires_at <= %s GROUP BY c.code, c.name ORDER BY c.code",
        (now,),
        using="audit",
    )


def coming(now: datetime, until: datetime) -> list[Row]:
    """Return, per instant and commodity, what will be past its date after it."""
    return rows(
        f"SELECT c.code, c.name, b.expires_at AS at, {SUMS} {DUE}"
        " WHERE b.expires_at > %s AND b.expires_at <= %s"
        " GROUP BY b.expires_at, c.code, c.name ORDER BY b.expires_at, c.code",
        (now, until),
        using="audit",
    )


def first_after(now: datetime) -> datetime | None:
    """Return when the next certificate that anybody holds passes its date."""
    found = rows(
        f"SELECT b.expires_at AS at {DUE} WHERE b.expires_at > %s ORDER BY b.expires_at LIMIT 1",
        (now,),
        using="audit",
    )
    return found[0]["at"] if found else None


def sweeps(limit: int) -> list[Row]:
    """Return the last expiry runs, from the postings of the accounts that they fill."""
    return rows(
        """
        SELECT c.code || '-' || ch.height AS number, c.code, c.name, t.occurred_at,
               q.number AS request, run.volume, run.accounts
        FROM public.registry_account e
        JOIN public.registry_commodity c ON c.id = e.commodity_id
        CROSS JOIN LATERAL (
            SELECT p.transaction_id, sum(p.credit)::bigint AS volume,
                   (SELECT count(DISTINCT g.account_id) FROM ledger.credits_debits g
                    WHERE g.transaction_id = p.transaction_id AND g.debit > 0) AS accounts
            FROM ledger.credits_debits p
            WHERE p.account_id = e.id AND p.commodity_id = c.id
            GROUP BY p.transaction_id ORDER BY p.transaction_id DESC LIMIT %(limit)s) run
        JOIN ledger.transactions t ON t.id = run.transaction_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        JOIN public.registry_request q ON q.id = t.request_id
        WHERE e.type = 'expiry'
        ORDER BY t.occurred_at DESC, t.id DESC LIMIT %(limit)s
        """,
        {"limit": limit},
        using="audit",
    )
