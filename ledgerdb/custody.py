"""
Who held one certificate. Only ``registry.selectors`` calls this.

``organisation_id`` masks, in the query, what an organisation took no part in: it sees the hops at
which it sent or received; ``None`` sees everything.
"""

from typing import Any
from uuid import UUID

from ledgerdb.positions import ask
from ledgerdb.reads import Row

STRANGER = "Another account"

# The blocks that held a certificate, from one of them back to the mint, newest first.
LINE = """
    WITH RECURSIVE line AS (
        SELECT i.id, i.input_id, 1 AS step FROM ledger.transaction_items i WHERE i.id = %(block)s
        UNION ALL
        SELECT i.id, i.input_id, line.step + 1
        FROM line JOIN ledger.transaction_items i ON i.id = line.input_id
        WHERE line.step < %(limit)s
    ), hop AS (
        SELECT line.step, i.id AS block_id, i.first_no AS first, i.last_no AS last,
               a.code AS account, a.type AS account_type, a.id AS account_id,
               coalesce(o.name, nullif(a.name, ''), a.code) AS holder,
               coalesce(po.name, nullif(pa.name, ''), pa.code) AS sender,
               pa.id = a.id AS stayed, r.name AS region, t.kind, t.occurred_at AS since,
               c.code || '-' || ch.height AS number, q.beneficiary, q.reason,
               %(organisation)s::uuid IS NULL
                   OR a.organisation_id IS NOT DISTINCT FROM %(organisation)s::uuid
                   OR pa.organisation_id IS NOT DISTINCT FROM %(organisation)s::uuid AS is_open
        FROM line
        JOIN ledger.transaction_items i ON i.id = line.id
        JOIN public.registry_region r ON r.id = i.region_id
        JOIN public.registry_account a ON a.id = i.account_id
        LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
        LEFT JOIN ledger.transaction_items p ON p.id = i.input_id
        LEFT JOIN public.registry_account pa ON pa.id = p.account_id
        LEFT JOIN public.registry_organisation po ON po.id = pa.organisation_id
        JOIN ledger.transactions t ON t.id = i.transaction_id
        JOIN public.registry_request q ON q.id = t.request_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        JOIN public.registry_commodity c ON c.id = ch.commodity_id
    ), near AS (
        SELECT hop.*, lag(hop.is_open) OVER (ORDER BY hop.step) AS newer_is_open,
               lag(hop.since) OVER (ORDER BY hop.step) AS until,
               lag(hop.number) OVER (ORDER BY hop.step) AS until_number
        FROM hop
    )
"""


HOPS = f"""
    {LINE}
    SELECT near.step, near.is_open,
           CASE WHEN near.is_open THEN near.holder ELSE %(stranger)s END AS holder,
           CASE WHEN near.is_open THEN near.account ELSE '' END AS account,
           CASE WHEN near.is_open THEN near.account_type ELSE '' END AS account_type,
           CASE WHEN near.is_open THEN near.block_id END AS block_id,
           CASE WHEN near.is_open THEN near.first END AS first,
           CASE WHEN near.is_open THEN near.last END AS last,
           CASE WHEN near.is_open THEN near.sender END AS sender,
           coalesce(near.stayed, false) AND near.is_open AS stayed,
           CASE WHEN near.is_open THEN near.region END AS region,
           CASE WHEN near.is_open THEN near.kind END AS kind,
           CASE WHEN near.is_open THEN near.since END AS since,
           CASE WHEN near.is_open THEN near.number END AS number,
           CASE WHEN near.is_open THEN near.beneficiary ELSE '' END AS beneficiary,
           CASE WHEN near.is_open THEN near.reason ELSE '' END AS reason,
           CASE WHEN near.newer_is_open THEN near.until END AS until,
           CASE WHEN near.newer_is_open THEN near.until_number END AS until_number
    FROM near
    WHERE near.step > %(after)s
      AND (near.is_open OR near.newer_is_open IS DISTINCT FROM false)
    ORDER BY near.step
"""


def block_at(commodity_id: int, number: int, position: int) -> int | None:
    """Return the block that held a certificate at a position, or None before it was minted."""
    found = ask("SELECT ledger.block_at(%s, %s, %s) AS id", [commodity_id, number, position])
    block: int | None = found[0]["id"]
    return block


def hops(
    block_id: int, organisation_id: UUID | None, *, after: int = 0, limit: int = 50
) -> list[Row]:
    """
    Return who held a certificate, from one of its blocks back, newest first.

    What a stranger did says neither who nor when, and several such hops are one row.

    :param after: how many steps back the page before went
    """
    return ask(
        HOPS,
        {
            "block": block_id,
            "organisation": organisation_id,
            "after": after,
            "limit": after + limit,
            "stranger": STRANGER,
        },
    )


def takes_part(block_id: int, organisation_id: UUID) -> bool:
    """Say whether an organisation ever held the numbers of a block, or sent them."""
    found = ask(
        """
        WITH RECURSIVE line AS (
            SELECT i.account_id, i.input_id FROM ledger.transaction_items i WHERE i.id = %s
            UNION ALL
            SELECT i.account_id, i.input_id
            FROM line JOIN ledger.transaction_items i ON i.id = line.input_id
        )
        SELECT EXISTS (SELECT FROM line JOIN public.registry_account a ON a.id = line.account_id
                       WHERE a.organisation_id = %s) AS yes
        """,
        [block_id, organisation_id],
    )
    return bool(found[0]["yes"])


def next_hop(block_id: int) -> Row | None:
    """Return the transaction that consumed a block."""
    found = ask(
        """
        SELECT t.kind, t.occurred_at, c.code || '-' || ch.height AS number
        FROM ledger.transaction_item_inputs s
        JOIN ledger.transactions t ON t.id = s.transaction_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        JOIN public.registry_commodity c ON c.id = ch.commodity_id
        WHERE s.item_id = %s
        """,
        [block_id],
    )
    return found[0] if found else None


def batch_of(commodity_id: int, number: int) -> Row | None:
    """Return the batch of a number, or else the last batch below it, or the first one."""
    found = ask(
        """
        SELECT b.id, b.first_no AS first, b.last_no AS last, b.production_start, b.production_end,
               f.code AS facility_code, f.name AS facility, t.occurred_at AS minted_at,
               t.id AS transaction_id, c.code || '-' || ch.height AS number,
               b.first_no <= %(number)s AND b.last_no >= %(number)s AS has_it
        FROM (
            (SELECT a.* FROM ledger.assets a
             WHERE a.commodity_id = %(commodity)s AND a.first_no <= %(number)s
             ORDER BY a.first_no DESC LIMIT 1)
            UNION ALL
            (SELECT a.* FROM ledger.assets a
             WHERE a.commodity_id = %(commodity)s AND a.first_no > %(number)s
             ORDER BY a.first_no LIMIT 1)
        ) b
        JOIN public.registry_facility f ON f.id = b.facility_id
        JOIN ledger.transactions t ON t.id = b.transaction_id
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        JOIN public.registry_commodity c ON c.id = ch.commodity_id
        ORDER BY b.first_no LIMIT 1
        """,
        {"commodity": commodity_id, "number": number},
    )
    return found[0] if found else None


def examples() -> list[dict[str, Any]]:
    """Return one certificate of each commodity that was minted: from the middle of a batch."""
    return ask(
        """
        SELECT c.code AS commodity, (b.first_no + b.last_no) / 2 AS number
        FROM public.registry_commodity c
        CROSS JOIN LATERAL (
            SELECT a.first_no, a.last_no FROM ledger.assets a
            WHERE a.commodity_id = c.id ORDER BY a.first_no LIMIT 1) b
        ORDER BY c.code
        """
    )
