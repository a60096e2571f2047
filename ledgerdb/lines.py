"""Every block that there ever was of a batch. Only ``registry.selectors`` calls this."""

from collections.abc import Sequence

from ledgerdb.positions import ask
from ledgerdb.reads import Row


def blocks(batch_id: int, first: int, last: int, position: int, *, limit: int) -> list[Row]:
    """Return the blocks that ever held any of some numbers, in the order in which they came."""
    return ask(
        """
        SELECT i.id AS block_id, i.first_no AS first, i.last_no AS last, i.volume, i.input_id,
               i.transaction_id AS made, s.transaction_id AS spent, a.code AS account,
               a.type AS account_type, coalesce(o.name, nullif(a.name, ''), a.code) AS holder
        FROM ledger.transaction_items i
        JOIN public.registry_account a ON a.id = i.account_id
        LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
        LEFT JOIN ledger.transaction_item_inputs s
          ON s.item_id = i.id AND s.transaction_id <= %(position)s
        WHERE i.asset_id = %(batch)s AND i.transaction_id <= %(position)s
          AND i.first_no <= %(last)s AND i.last_no >= %(first)s
        ORDER BY i.transaction_id, i.first_no LIMIT %(limit)s
        """,
        {"batch": batch_id, "first": first, "last": last, "position": position, "limit": limit},
    )


def steps(transaction_ids: Sequence[int]) -> list[Row]:
    """Return some transactions, oldest first."""
    return ask(
        """
        SELECT t.id, t.kind, t.occurred_at, c.code || '-' || ch.height AS number
        FROM ledger.transactions t
        JOIN ledger.chain ch ON ch.transaction_id = t.id
        JOIN public.registry_commodity c ON c.id = ch.commodity_id
        WHERE t.id = ANY (%s) ORDER BY t.id
        """,
        [list(transaction_ids)],
    )
