"""
Minted = held + retired + expired, at a position. Only ``registry.selectors`` calls this.

What was minted comes from the batches; where it is, from the postings (per commodity) or from the
blocks that were made and consumed (per facility, batch and region): each side could only be wrong
without the other. The latter two were summed up to some height before (098_sums.sql).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ledgerdb.positions import LARGEST, UPTO, ask, pair
from ledgerdb.reads import Row

# What the commodities of a question came to, up to where it stands (``stop``: the last height below
# of which sums are kept), and what each of the things that are summed added since then.
LATE = """
    WITH upto AS MATERIALIZED (
        SELECT named.commodity_id, named.height, coalesce((
                   SELECT s.height FROM ledger.stops s
                   WHERE s.commodity_id = named.commodity_id AND s.height <= named.height
                   ORDER BY s.height DESC LIMIT 1), 0) AS stop
        FROM unnest(%(commodities)s::integer[], %(heights)s::bigint[])
            AS named (commodity_id, height)
    ), late AS MATERIALIZED (
        SELECT upto.commodity_id, {of} AS id, sum(f.minted) AS minted, sum(f.came) AS came,
               sum(f.went) AS went, sum(f.held) AS held, sum(f.retired) AS retired,
               sum(f.expired) AS expired
        FROM upto
        CROSS JOIN LATERAL ledger.flow(upto.commodity_id, upto.stop, upto.height) f
        JOIN ledger.assets b ON b.id = f.asset_id
        GROUP BY upto.commodity_id, {of}
    )
"""
# The sums that were kept of one thing (each) in one commodity (upto), and what it added since.
KEPT = """
    LEFT JOIN LATERAL (
        SELECT s.* FROM ledger.sums s
        WHERE {which} AND s.commodity_id = upto.commodity_id AND s.height <= upto.stop
        ORDER BY s.height DESC LIMIT 1) kept ON true
    LEFT JOIN late ON late.commodity_id = upto.commodity_id AND late.id = each.id
"""
SUMMED = ", ".join(
    f"(coalesce(kept.{name}, 0) + coalesce(late.{name}, 0))::{kind} AS {name}"
    for name, kind in (
        *((name, "bigint") for name in ("minted", "held", "retired", "expired")),
        # What goes to and fro between regions comes to more than there ever was.
        *((name, "numeric") for name in ("came", "went")),
    )
)


def _asked(statement: str, values: dict[str, Any]) -> list[Row]:
    """Run a query, and return what came and went as the whole numbers that they are."""
    moved = ("came", "went")
    return [row | {name: int(row[name]) for name in moved} for row in ask(statement, values)]


def of_commodities(marks: Sequence[Row]) -> list[Row]:
    """Return the sums of each commodity: minted from the last batch, the rest from postings."""
    return ask(
        f"""
        SELECT c.code, c.name, c.code AS commodity,
               coalesce((SELECT b.last_no FROM ledger.assets b
                         WHERE b.commodity_id = c.id AND b.transaction_id <= upto.position
                         ORDER BY b.first_no DESC LIMIT 1), 0) AS minted,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'trading'), 0)::bigint
                   AS held,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'retirement'), 0)::bigint
                   AS retired,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'expiry'), 0)::bigint
                   AS expired
        FROM {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN public.registry_account a
        CROSS JOIN LATERAL (
            SELECT p.balance_after FROM ledger.credits_debits p
            WHERE p.account_id = a.id AND p.commodity_id = c.id
              AND p.transaction_id <= upto.position
            ORDER BY p.transaction_id DESC LIMIT 1) last
        GROUP BY c.id, c.code, c.name, upto.position ORDER BY c.code
        """,
        pair(marks),
    )


def of_facilities(marks: Sequence[Row], *, after: str, limit: int) -> list[Row]:
    """Return the sums of each facility and commodity, by the facility's code."""
    return _asked(
        f"""
        {LATE.format(of="b.facility_id")}
        SELECT each.code, each.name, c.code AS commodity, {SUMMED}
        FROM (SELECT * FROM public.registry_facility WHERE code > %(after)s
              ORDER BY code LIMIT %(limit)s) each
        CROSS JOIN upto
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        {KEPT.format(which="s.facility_id = each.id")}
        WHERE kept.height IS NOT NULL OR late.id IS NOT NULL
        ORDER BY each.code, c.code
        """,
        {**_heights(marks), "after": after, "limit": limit},
    )


def last_facility(*, after: str, limit: int) -> str:
    """Return the code of the last facility of a page, or nothing when the page is the last."""
    found = ask(
        "SELECT code FROM public.registry_facility WHERE code > %s ORDER BY code LIMIT %s",
        [after, limit + 1],
    )
    return str(found[limit - 1]["code"]) if len(found) > limit else ""


def of_batches(marks: Sequence[Row], facility: Any, *, after: str, limit: int) -> list[Row]:
    """Return the sums of each batch, by commodity and number; ``after`` as ``SOL-1001``."""
    code, _, first = after.rpartition("-")
    number = int(first) if first.isascii() and first.isdigit() and len(first) < 19 else 0
    return _asked(
        f"""
        {LATE.format(of="b.id")}
        SELECT each.id, f.code, f.name, c.code AS commodity, each.first_no AS first,
               each.last_no AS last, each.production_start, {SUMMED},
               c.code || '-' || each.first_no AS place
        FROM upto
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN LATERAL (
            SELECT * FROM ledger.assets part
            WHERE part.commodity_id = upto.commodity_id
              AND part.first_no > CASE WHEN c.code = %(code)s THEN %(number)s::bigint
                                       WHEN c.code > %(code)s THEN 0 ELSE {LARGEST} END
              AND (%(facility)s::uuid IS NULL OR part.facility_id = %(facility)s::uuid)
              AND (SELECT ch.height FROM ledger.chain ch
                   WHERE ch.transaction_id = part.transaction_id) <= upto.height
            ORDER BY part.first_no LIMIT %(limit)s) each
        JOIN public.registry_facility f ON f.id = each.facility_id
        {KEPT.format(which="s.asset_id = each.id")}
        ORDER BY c.code, each.first_no LIMIT %(limit)s
        """,
        {**_heights(marks), "facility": facility, "code": code, "number": number, "limit": limit},
    )


def of_regions(marks: Sequence[Row]) -> list[Row]:
    """Return the sums of each region and commodity, with what moved between regions."""
    return _asked(
        f"""
        {LATE.format(of="f.region_id")}
        SELECT each.code, each.name, c.code AS commodity, {SUMMED}
        FROM public.registry_region each
        CROSS JOIN upto
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        {KEPT.format(which="s.region_id = each.id")}
        WHERE kept.height IS NOT NULL OR late.id IS NOT NULL
        ORDER BY each.code, c.code
        """,
        _heights(marks),
    )


def at_instants(marks: Sequence[Row], instants: Sequence[datetime]) -> list[Row]:
    """Return, per instant and commodity, the height and what was issued, retired and expired."""
    return ask(
        f"""
        SELECT point.at, c.code AS commodity, coalesce(max(ch.height), 0) AS height,
               coalesce(-sum(last.balance_after) FILTER (WHERE a.type = 'issuance'), 0)::bigint
                   AS issued,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'retirement'), 0)::bigint
                   AS retired,
               coalesce(sum(last.balance_after) FILTER (WHERE a.type = 'expiry'), 0)::bigint
                   AS expired
        FROM unnest(%(instants)s::timestamptz[]) AS point (at)
        CROSS JOIN {UPTO}
        JOIN public.registry_commodity c ON c.id = upto.commodity_id
        CROSS JOIN LATERAL (
            SELECT ledger.position_at(c.id, point.at) AS id OFFSET 0) reached
        LEFT JOIN ledger.chain ch ON ch.transaction_id = reached.id
        LEFT JOIN public.registry_account a ON a.type <> 'trading'
        LEFT JOIN LATERAL (
            SELECT p.balance_after FROM ledger.credits_debits p
            WHERE p.account_id = a.id AND p.commodity_id = c.id AND p.transaction_id <= reached.id
            ORDER BY p.transaction_id DESC LIMIT 1) last ON true
        GROUP BY point.at, c.code ORDER BY point.at, c.code
        """,
        {**pair(marks), "instants": list(instants)},
    )


def _heights(marks: Sequence[Row]) -> dict[str, list[int]]:
    return {
        "commodities": [mark["commodity_id"] for mark in marks],
        "heights": [mark["height"] for mark in marks],
    }
