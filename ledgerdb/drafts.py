"""What is asked about drafts, many at once. Only ``registry.selectors`` calls these."""

from collections.abc import Sequence
from uuid import UUID

from ledgerdb.fields import Numbers
from ledgerdb.reads import Row, rows


def forecast(request_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return what the ledger would refuse each request for now, taken alone; empty: nothing."""
    found = rows("SELECT * FROM ledger.forecast(%s)", [list(request_ids)])
    return {row["request_id"]: row["refusal"] for row in found}


def not_held(asked: Sequence[tuple[int, UUID, int, Numbers]]) -> set[int]:
    """
    Return those that name numbers which their account does not hold.

    :param asked: a mark of the caller's, the account, the commodity, and pairs of first and last
    """
    if not asked:
        return set()
    marks, accounts, commodities, numbers = zip(*asked, strict=True)
    found = rows(
        """
        WITH held AS MATERIALIZED (
            SELECT l.account_id, l.commodity_id,
                   range_agg(int8range(l.first_no, l.last_no, '[]')) AS numbers
            FROM ledger.leaves l WHERE l.account_id = ANY (%(accounts)s)
            GROUP BY l.account_id, l.commodity_id
        )
        SELECT asked.mark
        FROM unnest(%(marks)s::integer[], %(accounts)s::uuid[], %(commodities)s::integer[],
                    %(numbers)s::text[]) asked (mark, account_id, commodity_id, numbers)
        LEFT JOIN held USING (account_id, commodity_id)
        WHERE (held.numbers @> asked.numbers::int8multirange) IS NOT TRUE
        """,
        {
            "marks": list(marks),
            "accounts": list(accounts),
            "commodities": list(commodities),
            "numbers": [_multirange(pairs) for pairs in numbers],
        },
    )
    return {row["mark"] for row in found}


def regions_of(account_id: UUID, commodity_id: int, numbers: Numbers) -> list[Row]:
    """Return in which regions numbers are that an account holds: region, first and last."""
    return rows(
        """
        SELECT l.region_id, r.name AS region,
               greatest(l.first_no, asked.first_no) AS first,
               least(l.last_no, asked.last_no) AS last
        FROM unnest(%s::bigint[], %s::bigint[]) asked (first_no, last_no)
        JOIN ledger.leaves l ON l.account_id = %s AND l.commodity_id = %s
             AND l.first_no <= asked.last_no AND l.last_no >= asked.first_no
        JOIN public.registry_region r ON r.id = l.region_id
        ORDER BY 3
        """,
        [[first for first, _ in numbers], [last for _, last in numbers], account_id, commodity_id],
    )


def held_regions(account_ids: Sequence[UUID]) -> list[Row]:
    """Return how much of each commodity accounts hold in each region, where it is still in date."""
    return rows(
        """
        SELECT l.account_id, l.commodity_id, l.region_id, sum(l.volume)::bigint AS held
        FROM ledger.leaves l JOIN ledger.assets b ON b.id = l.asset_id
        WHERE l.account_id = ANY (%s) AND (b.expires_at IS NULL OR b.expires_at > now())
        GROUP BY l.account_id, l.commodity_id, l.region_id
        """,
        [list(account_ids)],
    )


def _multirange(pairs: Numbers) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in pairs) + "}"
