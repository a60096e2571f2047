"""
Transactions, newest first, page by page. Only ``registry.selectors`` calls this.

Each commodity is a ledger of its own in which time, height and id grow together: a page takes the
newest few of each from an index, and merges them. A page looks at no more than ``look``
transactions of a commodity: what no index answers is looked for piece by piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledgerdb.positions import ask, pair
from ledgerdb.reads import Row

# The newest transactions of each commodity, or of some accounts in each, down to where the page
# before ended.
OF_EVERYBODY = """
    SELECT t.id, t.occurred_at FROM ledger.transactions t
    WHERE t.commodity_id = c.id AND (t.occurred_at, t.id) < (c.before, c.before_id)
      AND t.occurred_at >= %(since)s::timestamptz
    ORDER BY t.occurred_at DESC, t.id DESC LIMIT %(look)s
"""
OF_ACCOUNTS = """
    SELECT t.id, t.occurred_at
    FROM (
        SELECT DISTINCT near.transaction_id
        FROM (SELECT newest.id,
                     coalesce(ledger.position_at(c.id, %(since)s::timestamptz - interval '1 us'), 0)
                         AS low
              FROM (SELECT t.id FROM ledger.transactions t
                    WHERE t.commodity_id = c.id
                      AND (t.occurred_at, t.id) < (c.before, c.before_id)
                    ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1) newest) upto
        CROSS JOIN unnest(%(accounts)s::uuid[]) AS account (id)
        CROSS JOIN LATERAL (
            SELECT DISTINCT p.transaction_id FROM ledger.credits_debits p
            WHERE p.account_id = account.id AND p.commodity_id = c.id
              AND p.transaction_id <= upto.id AND p.transaction_id > upto.low
            ORDER BY p.transaction_id DESC LIMIT %(look)s) near
        ORDER BY near.transaction_id DESC LIMIT %(look)s
    ) mine
    JOIN ledger.transactions t ON t.id = mine.transaction_id
"""
# What is described of it: all, where something is asked that only a description answers.
NEWEST = """(SELECT * FROM looked ORDER BY looked.occurred_at DESC, looked.id DESC
          LIMIT %(described)s)"""
# Who gave and who got, from the postings. A sweep names nobody but the organisation itself to it.
DESCRIBED = """
    SELECT t.id, t.kind, t.occurred_at, t.recorded_at, c.code AS commodity, ch.height,
           c.code || '-' || ch.height AS number, encode(ch.hash, 'hex') AS hash,
           q.number AS request_number, sides.quantity, sides.givers, sides.giver, sides.giver_code,
           sides.takers, sides.taker, sides.taker_code
    FROM {looked} looked
    JOIN ledger.transactions t ON t.id = looked.id
    JOIN ledger.chain ch ON ch.transaction_id = t.id
    JOIN public.registry_commodity c ON c.id = t.commodity_id
    JOIN public.registry_request q ON q.id = t.request_id
    CROSS JOIN LATERAL (
        SELECT sum(p.debit)::bigint AS quantity,
               count(DISTINCT a.id) FILTER (WHERE p.debit > 0) AS givers,
               min(coalesce(o.name, nullif(a.name, ''), a.code))
                   FILTER (WHERE p.debit > 0) AS giver,
               min(a.code) FILTER (WHERE p.debit > 0) AS giver_code,
               count(DISTINCT a.id) FILTER (WHERE p.credit > 0) AS takers,
               min(coalesce(o.name, nullif(a.name, ''), a.code))
                   FILTER (WHERE p.credit > 0) AS taker,
               min(a.code) FILTER (WHERE p.credit > 0) AS taker_code
        FROM ledger.credits_debits p
        JOIN public.registry_account a ON a.id = p.account_id
        LEFT JOIN public.registry_organisation o ON o.id = a.organisation_id
        WHERE p.transaction_id = t.id
          AND (%(organisation)s::uuid IS NULL OR t.kind <> 'expire' OR a.organisation_id IS NULL
               OR a.organisation_id = %(organisation)s::uuid)
    ) sides
"""
# Each commodity, and below what its transactions count: below where the page before ended, and in
# the past not above where the page stands.
COMMODITIES = """
    (SELECT each.id, each.code,
            CASE WHEN top.at < %(before)s::timestamptz THEN top.at
                 ELSE %(before)s::timestamptz END AS before,
            CASE WHEN top.at < %(before)s::timestamptz THEN top.id + 1
                 WHEN top.at = %(before)s::timestamptz THEN least(top.id + 1, %(before_id)s::bigint)
                 ELSE %(before_id)s::bigint END AS before_id
     FROM public.registry_commodity each
     LEFT JOIN unnest(%(commodities)s::integer[], %(positions)s::bigint[], %(times)s::timestamptz[])
         AS top (commodity_id, id, at) ON top.commodity_id = each.id
     WHERE (top.id IS NOT NULL OR NOT %(stands)s) AND %(commodity)s IN ('', each.code)) c
"""
PAGE = f"""
    WITH looked AS MATERIALIZED (
        SELECT c.id AS commodity_id, near.id, near.occurred_at,
               count(*) OVER (PARTITION BY c.id) = %(look)s AS more,
               row_number() OVER (PARTITION BY c.id ORDER BY near.id) = 1 AS last
        FROM {COMMODITIES}
        CROSS JOIN LATERAL ({{source}}) near
    ), horizon AS (
        -- Where the looking stopped: below it some commodity was not looked at.
        SELECT looked.occurred_at, looked.id FROM looked WHERE looked.last AND looked.more
        ORDER BY looked.occurred_at DESC, looked.id DESC LIMIT 1
    )
    {DESCRIBED.format(looked=NEWEST)}
    WHERE %(kind)s IN ('', t.kind)
      AND sides.quantity >= %(least)s AND sides.quantity <= %(most)s
      AND NOT EXISTS (SELECT FROM horizon
                      WHERE (looked.occurred_at, looked.id) < (horizon.occurred_at, horizon.id))
    ORDER BY t.occurred_at DESC, t.id DESC LIMIT %(limit)s
"""
HORIZON = f"""
    SELECT c.code || '-' || ch.height AS number
    FROM {COMMODITIES}
    CROSS JOIN LATERAL (
        SELECT count(*) AS looked, (array_agg(near.id ORDER BY near.id))[1] AS id
        FROM ({{source}}) near) last
    JOIN ledger.transactions t ON t.id = last.id
    JOIN ledger.chain ch ON ch.transaction_id = t.id
    WHERE last.looked = %(look)s
    ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1
"""


@dataclass(frozen=True)
class Wanted:
    """
    Which transactions; ``accounts`` is None for all. ``least`` and ``most``: the quantity.

    ``marks``: the positions up to which a page of the past looks; None means now.
    """

    kind: str = ""
    commodity: str = ""
    accounts: Sequence[UUID] | None = None
    organisation: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    least: int = 0
    most: int = 2**63 - 1
    marks: Sequence[Row] | None = None

    @property
    def is_selective(self) -> bool:
        """Say whether something is asked that no index answers."""
        return bool(self.kind or self.least or self.most < 2**63 - 1)


def page(wanted: Wanted, *, after: str = "", limit: int, look: int) -> tuple[list[Row], str]:
    """
    Return some transactions, newest first, and after which one to go on; empty at the end.

    :param after: the number of a transaction: what is older than it
    :param look: of each commodity, look at so many
    """
    values: dict[str, Any] = _values(wanted, after) | {
        "look": look,
        "limit": limit + 1,
        # Of what any transaction answers, no more is described than the page shows.
        "described": None if wanted.is_selective else limit + 1,
    }
    source = OF_EVERYBODY if wanted.accounts is None else OF_ACCOUNTS
    found = ask(PAGE.format(source=source), values)
    if len(found) > limit:
        return found[:limit], found[limit - 1]["number"]
    stopped = ask(HORIZON.format(source=source), values)
    return found, stopped[0]["number"] if stopped else ""


def _values(wanted: Wanted, after: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "kind": wanted.kind,
        "commodity": wanted.commodity,
        "accounts": None if wanted.accounts is None else list(wanted.accounts),
        "organisation": wanted.organisation,
        "since": wanted.since or "-infinity",
        "before": wanted.until or "infinity",
        "before_id": 0 if wanted.until else 2**63 - 1,
        "least": wanted.least,
        "most": wanted.most,
        **pair(wanted.marks or []),
        "times": [mark["occurred_at"] for mark in wanted.marks or []],
        "stands": wanted.marks is not None,
    }
    commodity, _, height = after.rpartition("-")
    if height.isascii() and height.isdigit() and len(height) < 19:
        last = ask(
            """
            SELECT t.occurred_at AS before, t.id AS before_id
            FROM ledger.chain ch
            JOIN public.registry_commodity c ON c.id = ch.commodity_id
            JOIN ledger.transactions t ON t.id = ch.transaction_id
            WHERE c.code = %s AND ch.height = %s
            """,
            [commodity, int(height)],
        )
        if last and not (wanted.until and last[0]["before"] >= wanted.until):
            values |= last[0]
    return values


def around(transaction_id: int) -> Row:
    """Return the links of a transaction's chain below and above it, and the hash below it."""
    return ask(
        """
        SELECT c.code || '-' || below.height AS previous, c.code || '-' || above.height AS next,
               encode(ch.prev_hash, 'hex') AS prev_hash
        FROM ledger.chain ch
        JOIN public.registry_commodity c ON c.id = ch.commodity_id
        LEFT JOIN ledger.chain below
          ON below.commodity_id = ch.commodity_id AND below.height = ch.height - 1
        LEFT JOIN ledger.chain above
          ON above.commodity_id = ch.commodity_id AND above.height = ch.height + 1
        WHERE ch.transaction_id = %s
        """,
        [transaction_id],
    )[0]


def largest(since: datetime, *, limit: int = 5, look: int = 1000) -> list[Row]:
    """Return the largest moves since an instant, of the newest of each commodity."""
    wanted = Wanted(since=since)
    values = _values(wanted, "") | {"look": look, "limit": limit, "described": None}
    return ask(
        f"""
        WITH moved AS MATERIALIZED (
            SELECT near.id FROM {COMMODITIES}
            CROSS JOIN LATERAL ({OF_EVERYBODY}) near
        ), ranked AS MATERIALIZED (
            SELECT t.id, t.occurred_at, t.commodity_id,
                   (SELECT sum(p.debit) FROM ledger.credits_debits p
                    WHERE p.transaction_id = t.id) AS quantity
            FROM moved JOIN ledger.transactions t ON t.id = moved.id
            WHERE t.kind IN ('transfer', 'retire')
            ORDER BY quantity DESC, t.occurred_at DESC, t.id DESC LIMIT %(limit)s
        )
        {DESCRIBED.format(looked="ranked")}
        ORDER BY sides.quantity DESC, t.occurred_at DESC, t.id DESC
        """,
        values,
    )
