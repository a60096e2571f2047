"""
What was held at a position, by accounts or of batches. Only ``registry.selectors`` calls this.

Whether a block was spent by then stands in a scalar subquery: it is planned as a look into the
index, whatever the planner knows of the table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledgerdb.positions import LARGEST, UPTO, ask, pair, stream
from ledgerdb.reads import Row

# So many blocks of an account are looked at first; then four times as many, and so on.
AT_ONCE = 200


@dataclass(frozen=True)
class Scope:
    """Whose holdings: of these accounts, or of everybody who trades; of what they may be."""

    accounts: Sequence[UUID] | None = None
    facility: UUID | None = None
    region: int | None = None

    @property
    def is_whole(self) -> bool:
        """Say whether balances alone tell the sum."""
        return self.facility is None and self.region is None


# Whether a block (i) was held at its commodity's position. Most blocks were spent long before.
HELD = f"""
    CASE WHEN coalesce((SELECT s.transaction_id FROM ledger.transaction_item_inputs s
                        WHERE s.item_id = i.id), {LARGEST}) <= %(bottom)s THEN false
    ELSE (%(region)s::integer IS NULL OR i.region_id = %(region)s::integer)
         AND (SELECT upto.position FROM ledger.assets b
              JOIN {UPTO} ON upto.commodity_id = b.commodity_id
              WHERE b.id = i.asset_id
                AND (%(facility)s::uuid IS NULL OR b.facility_id = %(facility)s::uuid))
             BETWEEN i.transaction_id AND coalesce(
                 (SELECT s.transaction_id - 1 FROM ledger.transaction_item_inputs s
                  WHERE s.item_id = i.id), {LARGEST})
    END
"""
# Blocks of accounts, newest acquired first.
OF_ACCOUNTS = f"""
    SELECT held.* FROM unnest(%(accounts)s::uuid[]) AS account (id)
    CROSS JOIN LATERAL (
        SELECT i.id, i.transaction_id, i.first_no, i.volume
        FROM ledger.transaction_items i
        WHERE i.account_id = account.id AND i.transaction_id <= least(%(top)s, %(after)s)
          AND (i.transaction_id < %(after)s OR i.first_no > %(after_first)s) AND {HELD}) held
"""
# The same, one page of it: from both ends of what an account ever acquired towards the middle, some
# transactions at a time, until the newest make a page or all that it held is found. So an account
# that spent a hundred thousand blocks is not read whole to find the few that it kept.
PAGE_OF_ACCOUNTS = f"""
    SELECT held.* FROM unnest(%(accounts)s::uuid[]) AS account (id)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN %(whole)s THEN coalesce(sum(last.balance_after), 0) ELSE {LARGEST} END
                   AS volume
        FROM {UPTO}
        CROSS JOIN LATERAL (
            SELECT p.balance_after FROM ledger.credits_debits p
            WHERE p.account_id = account.id AND p.commodity_id = upto.commodity_id
              AND p.transaction_id <= upto.position
            ORDER BY p.transaction_id DESC LIMIT 1) last) goal
    CROSS JOIN LATERAL (
        WITH RECURSIVE walk AS (
            SELECT 0 AS step, 0::bigint AS above,
                   least(%(after)s::bigint, %(top)s::bigint + 1) AS below,
                   near.ids, coalesce(cardinality(near.ids), 0)::bigint AS newest,
                   0::numeric AS volume
            FROM (SELECT array_agg(i.id) AS ids FROM ledger.transaction_items i
                  WHERE i.account_id = account.id AND i.transaction_id = %(after)s
                    AND i.first_no > %(after_first)s AND {HELD}) near
            UNION ALL
            SELECT walk.step + 1, low.edge, high.edge, walk.ids || found.ids,
                   walk.newest + found.newest, walk.volume + found.volume
            FROM walk
            CROSS JOIN LATERAL (
                SELECT coalesce((
                    SELECT i.transaction_id FROM ledger.transaction_items i
                    WHERE i.account_id = account.id AND i.transaction_id > walk.above
                      AND i.transaction_id < walk.below
                    ORDER BY i.transaction_id DESC
                    OFFSET ({AT_ONCE} * 4 ^ walk.step)::bigint LIMIT 1), walk.above + 1)
                    AS edge OFFSET 0) high
            CROSS JOIN LATERAL (
                SELECT coalesce((
                    SELECT i.transaction_id FROM ledger.transaction_items i
                    WHERE i.account_id = account.id AND i.transaction_id > walk.above
                      AND i.transaction_id < high.edge
                    ORDER BY i.transaction_id
                    OFFSET ({AT_ONCE} * 4 ^ walk.step)::bigint LIMIT 1), high.edge - 1)
                    AS edge OFFSET 0) low
            CROSS JOIN LATERAL (
                SELECT array_agg(near.id) AS ids, coalesce(sum(near.volume), 0) AS volume,
                       count(*) FILTER (WHERE near.transaction_id >= high.edge) AS newest
                FROM (SELECT i.id, i.volume, i.transaction_id FROM ledger.transaction_items i
                      WHERE i.account_id = account.id AND i.transaction_id >= high.edge
                        AND i.transaction_id < walk.below AND {HELD}
                      UNION ALL
                      SELECT i.id, i.volume, i.transaction_id FROM ledger.transaction_items i
                      WHERE i.account_id = account.id AND i.transaction_id > walk.above
                        AND i.transaction_id <= low.edge AND {HELD}) near) found
            WHERE walk.newest < %(limit)s AND walk.volume < goal.volume
              AND walk.below > walk.above + 1
        )
        SELECT i.id, i.transaction_id, i.first_no, i.volume
        FROM (SELECT walk.ids FROM walk ORDER BY walk.step DESC LIMIT 1) last
        JOIN ledger.transaction_items i ON i.id = ANY (last.ids)
        ORDER BY i.transaction_id DESC, i.first_no LIMIT %(limit)s) held
"""
# Blocks of batches that were in trading accounts, by commodity and number.
OF_BATCHES = f"""
    SELECT held.* FROM {UPTO}
    JOIN public.registry_commodity c ON c.id = upto.commodity_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.code = %(after_code)s THEN %(after_first)s::bigint
                    WHEN c.code > %(after_code)s THEN 0 ELSE {LARGEST} END AS number) low
    CROSS JOIN LATERAL (
        SELECT i.id, i.transaction_id, i.first_no, i.volume
        FROM ledger.assets b
        -- A limit for each batch: in order of number as the index has it, no further than needed.
        CROSS JOIN LATERAL (
            SELECT part.id, part.transaction_id, part.first_no, part.volume
            FROM ledger.transaction_items part
            WHERE part.asset_id = b.id AND part.first_no > low.number
              AND (%(region)s::integer IS NULL OR part.region_id = %(region)s::integer)
              AND part.transaction_id + 0 <= upto.position
              AND coalesce((SELECT s.transaction_id FROM ledger.transaction_item_inputs s
                            WHERE s.item_id = part.id), {LARGEST}) > upto.position
              AND (SELECT holder.type FROM public.registry_account holder
                   WHERE holder.id = part.account_id) = 'trading'
            ORDER BY part.first_no LIMIT %(limit)s) i
        WHERE b.commodity_id = upto.commodity_id AND b.transaction_id <= upto.position
          AND b.first_no >= coalesce((SELECT near.first_no FROM ledger.assets near
                                      WHERE near.commodity_id = upto.commodity_id
                                        AND near.first_no <= low.number
                                      ORDER BY near.first_no DESC LIMIT 1), 0)
          AND (%(facility)s::uuid IS NULL OR b.facility_id = %(facility)s::uuid)
        ORDER BY b.first_no, i.first_no LIMIT %(limit)s) held
"""
DESCRIBED = f"""
    SELECT i.id AS block_id, c.code AS commodity, i.first_no AS first, i.last_no AS last, i.volume,
           a.code AS account, a.type AS account_type,
           coalesce(o.name, nullif(a.name, ''), a.code) AS holder,
           b.id AS batch_id, b.first_no AS batch_first, b.last_no AS batch_last,
           b.production_start, b.production_end, b.expires_at,
           f.code AS facility_code, f.name AS facility, r.name AS region,
           i.transaction_id, t.kind, t.occurred_at AS acquired_at,
           c.code || '-' || ch.height AS number,
           pa.id = a.id AND t.kind <> 'reassign_region' AS stayed,
           coalesce(po.name, nullif(pa.name, ''), pa.code) AS sender,
           c.code || '-' || pos.height AS position, encode(pos.hash, 'hex') AS position_hash,
           st.kind AS spent_kind, st.occurred_at AS spent_at,
           c.code || '-' || sc.height AS spent_number,
           (SELECT rest.id FROM ledger.transaction_items rest
            WHERE rest.transaction_id = s.transaction_id AND rest.input_id = i.id
              AND rest.account_id = i.account_id LIMIT 1) IS NOT NULL AS kept
    FROM held
    JOIN ledger.transaction_items i ON i.id = held.id
    JOIN ledger.assets b ON b.id = i.asset_id
    JOIN {UPTO} ON upto.commodity_id = b.commodity_id
    JOIN ledger.chain pos ON pos.transaction_id = upto.position
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


def blocks(scope: Scope, marks: Sequence[Row], *, after: str = "", limit: int) -> list[Row]:
    """Return a page of the blocks that were held; ``after`` is the ``place`` of the last one."""
    return ask(*_blocks(scope, marks, after, limit))


def every_block(scope: Scope, marks: Sequence[Row], *, after: str = "") -> Iterator[Row]:
    """Return all blocks that were held, or those after one's ``place``, without keeping them."""
    return stream(*_blocks(scope, marks, after, None))


def _blocks(
    scope: Scope, marks: Sequence[Row], after: str, limit: int | None
) -> tuple[str, dict[str, Any]]:
    place, _, first = after.rpartition("-")
    values = _values(scope, marks) | {"limit": limit, "whole": scope.is_whole and not after}
    if first.isascii() and first.isdigit() and len(first) < 19:
        values["after_first"] = int(first)
        values["after_code"] = place
        if place.isascii() and place.isdigit() and len(place) < 19:
            values["after"] = int(place)
    if scope.accounts is None:
        source, order, place = OF_BATCHES, "commodity, first", "commodity"
    else:
        source = OF_ACCOUNTS if limit is None else PAGE_OF_ACCOUNTS
        order, place = "transaction_id DESC, first", "transaction_id"
    return (
        f"""
        WITH held AS ({source})
        SELECT described.*, {place} || '-' || first AS place
        FROM ({DESCRIBED}) described
        ORDER BY {order} LIMIT %(limit)s
        """,
        values,
    )


def volume(scope: Scope, marks: Sequence[Row]) -> int:
    """Return how many certificates the blocks of a scope held in all."""
    source = OF_BATCHES if scope.accounts is None else OF_ACCOUNTS
    values = _values(scope, marks) | {"limit": None}
    return int(
        ask(f"SELECT coalesce(sum(volume), 0) AS sum FROM ({source}) held", values)[0]["sum"]
    )


def _values(scope: Scope, marks: Sequence[Row]) -> dict[str, Any]:
    return {
        **pair(marks),
        "accounts": None if scope.accounts is None else list(scope.accounts),
        "facility": scope.facility,
        "region": scope.region,
        "top": max((mark["transaction_id"] for mark in marks), default=0),
        "bottom": min((mark["transaction_id"] for mark in marks), default=0),
        "after": LARGEST,
        "after_first": 0,
        "after_code": "",
    }


def balances(accounts: Sequence[UUID], marks: Sequence[Row]) -> list[Row]:
    """Return what each account held of each commodity; those that ever held any of it."""
    return ask(
        f"""
        SELECT account.id AS account_id, a.code AS account, c.code AS commodity, c.unit,
               c.unit_per_certificate, last.balance_after AS held, a.type AS account_type
        FROM unnest(%(accounts)s::uuid[]) AS account (id)
        JOIN public.registry_account a ON a.id = account.id
        CROSS JOIN {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN LATERAL (
            SELECT p.balance_after FROM ledger.credits_debits p
            WHERE p.account_id = account.id AND p.commodity_id = upto.commodity_id
              AND p.transaction_id <= upto.position
            ORDER BY p.transaction_id DESC LIMIT 1) last
        ORDER BY c.code, a.code
        """,
        {**pair(marks), "accounts": list(accounts)},
    )


def history(
    accounts: Sequence[UUID], marks: Sequence[Row], instants: Sequence[datetime]
) -> list[Row]:
    """Return what accounts held of each commodity at each instant, and not beyond a position."""
    return ask(
        f"""
        SELECT point.at, c.code AS commodity, sum(last.balance_after)::bigint AS balance
        FROM unnest(%(instants)s::timestamptz[]) AS point (at)
        CROSS JOIN {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN LATERAL (
            SELECT least(ledger.position_at(upto.commodity_id, point.at), upto.position) AS id
            OFFSET 0) reached
        CROSS JOIN unnest(%(accounts)s::uuid[]) AS account (id)
        CROSS JOIN LATERAL (
            SELECT p.balance_after FROM ledger.credits_debits p
            WHERE p.account_id = account.id AND p.commodity_id = upto.commodity_id
              AND p.transaction_id <= reached.id
            ORDER BY p.transaction_id DESC LIMIT 1) last
        WHERE point.at >= (SELECT min(t.occurred_at) FROM ledger.transactions t
                           WHERE t.commodity_id = upto.commodity_id)
        GROUP BY point.at, c.code ORDER BY point.at, c.code
        """,
        {**pair(marks), "accounts": list(accounts), "instants": list(instants)},
    )


def changes(
    accounts: Sequence[UUID], marks: Sequence[Row], before: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return when accounts last changed before an instant, and next after the positions."""
    found = ask(
        f"""
        SELECT max(earlier.occurred_at) AS previous, min(later.occurred_at) AS next
        FROM unnest(%(accounts)s::uuid[]) AS account (id)
        CROSS JOIN {UPTO}
        LEFT JOIN LATERAL (
            SELECT (SELECT t.occurred_at FROM ledger.transactions t WHERE t.id = p.transaction_id)
            FROM ledger.credits_debits p
            WHERE p.account_id = account.id AND p.commodity_id = upto.commodity_id
              AND p.transaction_id <= ledger.position_at(upto.commodity_id, %(before)s)
            ORDER BY p.transaction_id DESC LIMIT 1) earlier (occurred_at) ON true
        LEFT JOIN LATERAL (
            SELECT (SELECT t.occurred_at FROM ledger.transactions t WHERE t.id = p.transaction_id)
            FROM ledger.credits_debits p
            WHERE p.account_id = account.id AND p.commodity_id = upto.commodity_id
              AND p.transaction_id > upto.position
            ORDER BY p.transaction_id LIMIT 1) later (occurred_at) ON true
        """,
        {**pair(marks), "accounts": list(accounts), "before": before},
    )
    return found[0]["previous"], found[0]["next"]


def accounts(
    organisation: UUID | None, marks: Sequence[Row], *, after: str, limit: int
) -> list[Row]:
    """
    Return some accounts that had ever held anything by then, each with what it held, by code.

    One row a commodity that it had held any of.
    """
    return ask(
        f"""
        WITH listed AS MATERIALIZED (
            SELECT a.id, a.code, a.type, coalesce(o.name, nullif(a.name, ''), a.code) AS holder
            FROM public.registry_account a
            LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
            WHERE a.code > %(after)s
              AND (%(organisation)s::uuid IS NULL OR a.organisation_id = %(organisation)s::uuid)
              AND (SELECT min(first.transaction_id) FROM {UPTO} CROSS JOIN LATERAL (
                       SELECT p.transaction_id FROM ledger.credits_debits p
                       WHERE p.account_id = a.id AND p.commodity_id = upto.commodity_id
                         AND p.transaction_id <= upto.position
                       ORDER BY p.transaction_id LIMIT 1) first) IS NOT NULL
            ORDER BY a.code LIMIT %(limit)s
        )
        SELECT listed.*, c.code AS commodity, last.balance_after AS held,
               t.occurred_at AS changed_at
        FROM listed
        CROSS JOIN {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN LATERAL (
            SELECT p.balance_after, p.transaction_id FROM ledger.credits_debits p
            WHERE p.account_id = listed.id AND p.commodity_id = upto.commodity_id
              AND p.transaction_id <= upto.position
            ORDER BY p.transaction_id DESC LIMIT 1) last
        JOIN ledger.transactions t ON t.id = last.transaction_id
        ORDER BY listed.code, c.code
        """,
        {**pair(marks), "organisation": organisation, "after": after, "limit": limit},
    )
