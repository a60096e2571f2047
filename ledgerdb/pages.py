"""
What the pages show, as rows. Only ``registry.selectors`` calls these.

Everything is read as ``portal_web``. Who may see which row is decided by the selectors, except
where the answer depends on the row itself: those queries take ``organisation_id`` and leave out, or
mask, what the organisation took no part in (``None`` sees everything).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import connections, transaction

from ledgerdb.reads import LOOK_UP, Row, rows

# One block with everything that a page says about it. So many tables are joined in the order in
# which they stand: name the blocks by their ids, or every block there is will be described first.
DESCRIBED = """
    SELECT i.id AS block_id, c.code AS commodity, c.id AS commodity_id,
           i.first_no AS first, i.last_no AS last, i.volume, i.account_id, i.input_id,
           i.transaction_id, s.transaction_id AS spent_in,
           a.code AS account, a.type AS account_type, a.organisation_id AS organisation_id,
           coalesce(o.name, nullif(a.name, ''), a.code) AS holder,
           b.id AS batch_id, b.first_no AS batch_first, b.last_no AS batch_last,
           b.production_start, b.production_end, b.transferable_until, b.expires_at,
           f.code AS facility_code, f.name AS facility, r.name AS region,
           t.kind, t.occurred_at AS acquired_at, ch.height,
           c.code || '-' || ch.height AS number,
           pa.id AS from_account_id, pa.organisation_id AS from_organisation_id,
           coalesce(po.name, nullif(pa.name, ''), pa.code) AS sender,
           st.kind AS spent_kind, st.occurred_at AS spent_at,
           c.code || '-' || sc.height AS spent_number
    FROM ledger.transaction_items i
    JOIN ledger.assets b ON b.id = i.asset_id
    JOIN public.registry_commodity c ON c.id = b.commodity_id
    JOIN public.registry_facility f ON f.id = b.facility_id
    JOIN public.registry_region r ON r.id = i.region_id
    JOIN public.registry_account a ON a.id = i.account_id
    LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
    JOIN ledger.transactions t ON t.id = i.transaction_id
    JOIN ledger.chain ch ON ch.transaction_id = t.id
    LEFT JOIN ledger.transaction_items p ON p.id = i.input_id
    LEFT JOIN public.registry_account pa ON pa.id = p.account_id
    LEFT JOIN public.registry_organisation po ON po.id = pa.organisation_id
    LEFT JOIN ledger.transaction_item_inputs s ON s.item_id = i.id
    LEFT JOIN ledger.transactions st ON st.id = s.transaction_id
    LEFT JOIN ledger.chain sc ON sc.transaction_id = st.id
"""


# What a picture says about one block: less, because there may be ten thousand of them.
PIECE = """
    SELECT i.id AS block_id, i.first_no AS first, i.last_no AS last, i.volume, i.account_id,
           a.code AS account, a.type AS account_type, a.organisation_id AS organisation_id,
           coalesce(o.name, nullif(a.name, ''), a.code) AS holder, r.name AS region, t.kind,
           pa.id AS from_account_id, pa.organisation_id AS from_organisation_id,
           coalesce(po.name, nullif(pa.name, ''), pa.code) AS sender,
           (SELECT s.transaction_id FROM ledger.transaction_item_inputs s
            WHERE s.item_id = i.id) AS spent_in
    FROM ledger.transaction_items i
    JOIN public.registry_region r ON r.id = i.region_id
    JOIN public.registry_account a ON a.id = i.account_id
    LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
    JOIN ledger.transactions t ON t.id = i.transaction_id
    LEFT JOIN ledger.transaction_items p ON p.id = i.input_id
    LEFT JOIN public.registry_account pa ON pa.id = p.account_id
    LEFT JOIN public.registry_organisation po ON po.id = pa.organisation_id
"""


@contextmanager
def one_snapshot(*, look_up: bool = False) -> Iterator[None]:
    """
    Let every query of a page see the same moment, so that its sums and its rows agree.

    :param look_up: find each row by an index, whatever the planner thinks of small tables
    """
    with transaction.atomic(using="default"):
        with connections["default"].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if look_up:
                cursor.execute(LOOK_UP)
        yield


def sums(account_ids: Sequence[UUID]) -> list[Row]:
    """Return held and reserved per account and commodity. Reserved: asked for by open requests."""
    return rows(
        """
        SELECT b.account_id, c.id AS commodity_id, c.code AS commodity, c.unit,
               c.unit_per_certificate, b.balance AS held,
               coalesce(open.reserved, 0)::bigint AS reserved
        FROM ledger.account_balances b
        JOIN public.registry_commodity c ON c.id = b.commodity_id
        LEFT JOIN LATERAL (
            SELECT sum(coalesce(q.volume, (SELECT sum(upper(part) - lower(part))
                                           FROM unnest(q.ranges) part))) AS reserved
            FROM public.registry_request q
            WHERE q.source_id = b.account_id AND q.commodity_id = b.commodity_id
              AND q.status IN ('submitted', 'approved')
        ) open ON true
        WHERE b.account_id = ANY (%s)
        ORDER BY c.code
        """,
        [list(account_ids)],
    )


def last_changes(account_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return when each account last took part in a transaction."""
    found = rows(
        """
        SELECT a.id, last.occurred_at
        FROM unnest(%s::uuid[]) a (id)
        CROSS JOIN LATERAL (
            SELECT max(t.occurred_at) AS occurred_at
            FROM ledger.account_balances b
            CROSS JOIN LATERAL (
                SELECT p.transaction_id FROM ledger.credits_debits p
                WHERE p.account_id = b.account_id AND p.commodity_id = b.commodity_id
                ORDER BY p.transaction_id DESC LIMIT 1) newest
            JOIN ledger.transactions t ON t.id = newest.transaction_id
            WHERE b.account_id = a.id
        ) last
        WHERE last.occurred_at IS NOT NULL
        """,
        [list(account_ids)],
    )
    return {row["id"]: row["occurred_at"] for row in found}


def positions() -> list[Row]:
    """Return each commodity's last transaction."""
    return rows(
        """
        SELECT c.code AS commodity, top.height, c.code || '-' || top.height AS number, t.occurred_at
        FROM public.registry_commodity c
        CROSS JOIN LATERAL (SELECT ch.height, ch.transaction_id FROM ledger.chain ch
                            WHERE ch.commodity_id = c.id ORDER BY ch.height DESC LIMIT 1) top
        JOIN ledger.transactions t ON t.id = top.transaction_id
        ORDER BY c.code
        """
    )


def block(block_id: int) -> Row | None:
    """Return one block."""
    found = rows(f"{DESCRIBED} WHERE i.id = %s", [block_id])
    return found[0] if found else None


def unspent_blocks(organisation_id: UUID | None, block_ids: Sequence[int]) -> list[Row]:
    """Return those of the blocks that are unspent, an organisation's or anybody's, lowest first."""
    return rows(
        f"""
        {DESCRIBED}
        JOIN ledger.leaves l ON l.item_id = i.id
        WHERE i.id = ANY (%(blocks)s)
          AND (%(organisation)s::uuid IS NULL OR a.organisation_id = %(organisation)s)
        ORDER BY i.first_no
        """,
        {"blocks": list(block_ids), "organisation": organisation_id},
    )


# Chosen before they are described.
CUT_FROM = """
    WHERE i.id = ANY (ARRAY(
        SELECT cut.id FROM ledger.transaction_items cut
        WHERE cut.input_id = %(block)s
          AND cut.transaction_id = (SELECT x.transaction_id FROM ledger.transaction_item_inputs x
                                    WHERE x.item_id = %(block)s)
        ORDER BY cut.first_no LIMIT %(limit)s))
    ORDER BY i.first_no
"""


def children(block_id: int, *, limit: int) -> list[Row]:
    """Return the blocks that were cut from a block, lowest number first; so many at most."""
    return rows(f"{DESCRIBED} {CUT_FROM}", {"block": block_id, "limit": limit})


def pieces(block_id: int) -> list[Row]:
    """Return all blocks that were cut from a block, lowest number first, for a picture."""
    return rows(f"{PIECE} {CUT_FROM}", {"block": block_id, "limit": None})


def transaction_row(commodity: str, height: int) -> Row | None:
    """Return one transaction by its number, with the request it executed."""
    found = rows(
        """
        SELECT t.id, t.kind, t.occurred_at, t.recorded_at, c.code AS commodity, ch.height,
               c.code || '-' || ch.height AS number, encode(ch.hash, 'hex') AS hash,
               q.occurred_at IS NOT NULL AS is_replayed,
               q.number AS request_number, q.id AS request_id, q.beneficiary, q.reason,
               q.idempotency_key
        FROM ledger.chain ch
        JOIN public.registry_commodity c ON c.id = ch.commodity_id
        JOIN ledger.transactions t ON t.id = ch.transaction_id
        JOIN public.registry_request q ON q.id = t.request_id
        WHERE c.code = %s AND ch.height = %s
        """,
        [commodity, height],
    )
    return found[0] if found else None


def consumed_by(transaction_id: int, organisation_id: UUID | None) -> list[Row]:
    """Return the blocks that a transaction consumed. An expiry shows each holder its own."""
    return rows(
        f"""
        {PIECE}
        WHERE i.id = ANY (ARRAY(SELECT spent.item_id FROM ledger.transaction_item_inputs spent
                                WHERE spent.transaction_id = %(transaction)s))
          AND (%(organisation)s::uuid IS NULL OR (SELECT k.kind FROM ledger.transactions k
                                                WHERE k.id = %(transaction)s) <> 'expire'
               OR a.organisation_id = %(organisation)s)
        ORDER BY i.first_no
        """,
        {"transaction": transaction_id, "organisation": organisation_id},
    )


def created_by(transaction_id: int, organisation_id: UUID | None) -> list[Row]:
    """Return the blocks that a transaction created. An expiry shows each holder its own."""
    return rows(
        f"""
        {PIECE}
        WHERE i.transaction_id = %(transaction)s
          AND (%(organisation)s::uuid IS NULL OR t.kind <> 'expire'
               OR pa.organisation_id = %(organisation)s)
        ORDER BY i.first_no
        """,
        {"transaction": transaction_id, "organisation": organisation_id},
    )


def postings(transaction_id: int) -> list[Row]:
    """Return the postings of a transaction, one line an account and side."""
    return rows(
        """
        SELECT a.id AS account_id, a.code AS account, a.organisation_id,
               coalesce(o.name, nullif(a.name, ''), a.code) AS holder,
               sum(p.debit)::bigint AS debit, sum(p.credit)::bigint AS credit
        FROM ledger.credits_debits p
        JOIN public.registry_account a ON a.id = p.account_id
        LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
        WHERE p.transaction_id = %s
        GROUP BY a.id, a.code, o.name, p.credit > 0
        ORDER BY p.credit > 0, a.code
        """,
        [transaction_id],
    )


def takes_part(transaction_id: int, organisation_id: UUID) -> bool:
    """Say whether an organisation sent or received something in a transaction."""
    found = rows(
        """
        SELECT EXISTS (
            SELECT FROM ledger.credits_debits p
            JOIN public.registry_account a ON a.id = p.account_id
            WHERE p.transaction_id = %s AND a.organisation_id = %s) AS yes
        """,
        [transaction_id, organisation_id],
    )
    return bool(found[0]["yes"])


def transaction_numbers(transaction_ids: Sequence[int]) -> dict[int, str]:
    """Return the number that people see for each transaction."""
    found = rows(
        """
        SELECT ch.transaction_id, c.code || '-' || ch.height AS number
        FROM ledger.chain ch JOIN public.registry_commodity c ON c.id = ch.commodity_id
        WHERE ch.transaction_id = ANY (%s)
        """,
        [list(transaction_ids)],
    )
    return {row["transaction_id"]: row["number"] for row in found}


def totals() -> list[Row]:
    """Return minted = held + retired + expired of each commodity, from the stored balances."""
    return rows(
        """
        SELECT c.code AS commodity, c.name,
               coalesce(-sum(b.balance) FILTER (WHERE a.type = 'issuance'), 0)::bigint AS minted,
               coalesce(sum(b.balance) FILTER (WHERE a.type = 'trading'), 0)::bigint AS held,
               coalesce(sum(b.balance) FILTER (WHERE a.type = 'retirement'), 0)::bigint AS retired,
               coalesce(sum(b.balance) FILTER (WHERE a.type = 'expiry'), 0)::bigint AS expired,
               coalesce(max(top.height), 0) AS height,
               c.code || '-' || coalesce(max(top.height), 0) AS number
        FROM public.registry_commodity c
        LEFT JOIN ledger.account_balances b ON b.commodity_id = c.id
        LEFT JOIN public.registry_account a ON a.id = b.account_id
        LEFT JOIN LATERAL (SELECT ch.height FROM ledger.chain ch WHERE ch.commodity_id = c.id
                           ORDER BY ch.height DESC LIMIT 1) top ON true
        GROUP BY c.code, c.name ORDER BY c.code
        """
    )
