"""What the search of the header asks of the ledger. Only ``registry.selectors`` calls these."""

from collections.abc import Sequence
from uuid import UUID

from ledgerdb.reads import Row, rows

# From the unspent block back along what each was cut from: the last of these that may be seen.
BLOCKS_WITH = """
    SELECT c.code AS commodity, c.name, seen.id AS block_id, seen.first_no AS first,
           seen.last_no AS last
    FROM public.registry_commodity c
    CROSS JOIN LATERAL (
        WITH RECURSIVE line AS (
            SELECT i.id, i.input_id, i.account_id, i.first_no, i.last_no
            FROM (SELECT l.item_id, l.last_no FROM ledger.leaves l
                  WHERE l.commodity_id = c.id AND l.first_no <= %(number)s
                  ORDER BY l.first_no DESC LIMIT 1) leaf
            JOIN ledger.transaction_items i ON i.id = leaf.item_id
            WHERE leaf.last_no >= %(number)s
            UNION ALL
            SELECT p.id, p.input_id, p.account_id, p.first_no, p.last_no
            FROM line JOIN ledger.transaction_items p ON p.id = line.input_id
        )
        SELECT line.id, line.first_no, line.last_no
        FROM line
        JOIN public.registry_account a ON a.id = line.account_id
        LEFT JOIN ledger.transaction_items p ON p.id = line.input_id
        LEFT JOIN public.registry_account pa ON pa.id = p.account_id
        WHERE %(organisation)s::uuid IS NULL
           OR %(organisation)s IN (a.organisation_id, pa.organisation_id)
        ORDER BY line.id DESC LIMIT 1
    ) seen
    WHERE c.id = ANY (%(commodities)s)
    ORDER BY c.code
"""


def blocks_with(
    commodity_ids: Sequence[int], number: int, organisation_id: UUID | None
) -> list[Row]:
    """
    Return, per commodity, the last block with a certificate's number that may be seen.

    An organisation sees the last of those that it held or sent: from the unspent block back along
    what each was cut from, which takes as many steps as the certificate has moved.
    """
    return rows(
        BLOCKS_WITH,
        {
            "number": number,
            "organisation": organisation_id,
            "commodities": list(commodity_ids),
        },
    )


def block(block_id: int, organisation_id: UUID | None) -> Row | None:
    """Return a block that may be seen: held or sent by the organisation; any for ``None``."""
    found = rows(
        """
        SELECT i.id AS block_id, c.code AS commodity, i.first_no AS first, i.last_no AS last
        FROM ledger.transaction_items i
        JOIN ledger.assets b ON b.id = i.asset_id
        JOIN public.registry_commodity c ON c.id = b.commodity_id
        JOIN public.registry_account a ON a.id = i.account_id
        LEFT JOIN ledger.transaction_items p ON p.id = i.input_id
        LEFT JOIN public.registry_account pa ON pa.id = p.account_id
        WHERE i.id = %(block)s
          AND (%(organisation)s::uuid IS NULL
               OR %(organisation)s IN (a.organisation_id, pa.organisation_id))
        """,
        {"block": block_id, "organisation": organisation_id},
    )
    return found[0] if found else None
