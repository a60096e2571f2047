"""
No page reads a whole table of the ledger: what it reads does not grow with the rest of it.

A plan may pass over a small table for speed; here that is switched off, so that a pass which still
happens is one that no index could have saved. Of the blocks it is counted how many are read.
"""

from collections.abc import Iterator

import pytest
from django.db import connections

from registry import dates, services
from tests import make
from tests.ledger import look
from tests.portal.cast import signed_in, somebody

TABLES = (
    "transactions", "assets", "transaction_items", "transaction_item_inputs", "credits_debits",
    "chain", "leaves", "sums", "stops",
)  # fmt: skip
TODAY = f"{dates.today():%Y-%m-%d}"
MANY = 1500


@pytest.fixture
def crowd(cast, committed_db) -> Iterator[object]:
    """Let a stranger's batch be cut into thousands of blocks, and switch off whole passes."""
    wind = make.commodity(code="WND", name="Wind")
    stranger, other = make.account(code="STR-01"), make.account(code="STR-02")
    make.mint(stranger, 2 * MANY, commodity=wind)
    odd = tuple((number, number) for number in range(1, 2 * MANY, 2))
    make.transfer(stranger, other, None, commodity=wind, ranges=odd)
    cast.executed(400)
    make.retire(cast.target, 100, commodity=cast.commodity)
    services.reconcile()
    with committed_db.connect(autocommit=True) as administrator:
        administrator.execute("ANALYZE")
        administrator.execute(f'ALTER DATABASE "{committed_db.name}" SET enable_seqscan = off')
    for alias in ("default", "audit"):
        connections[alias].close()
    return cast


def counters(database) -> dict[str, tuple[int, int]]:
    """Return how often each table was passed over, and how many of its rows were read."""
    for alias in ("default", "audit"):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
    with database.connect(autocommit=True) as administrator:
        found = administrator.execute(
            "SELECT relname::text, seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0)"
            " FROM pg_stat_user_tables WHERE schemaname = 'ledger'"
        ).fetchall()
    return {name: (passes, read) for name, passes, read in found if name in TABLES}


def pages() -> list[str]:
    """Return the pages about Alder, Cobalt and their 1,000 certificates."""
    return [
        "/who-held?q=SOL+5+on+" + TODAY,
        "/who-held?certificate=SOL+5&at=SOL-2",
        "/certificates/SOL/5",
        "/certificates/SOL/5?at=SOL-2",
        "/transactions",
        "/transactions?account=ALD-01&kind=transfer",
        "/transactions?commodity=SOL&since=" + TODAY,
        "/transactions/SOL-2",
        f"/accounts/ALD-01/holdings?as_of={TODAY}",
        "/accounts/ALD-01/holdings?at=SOL-2",
        "/accounts/ALD-01/holdings",
        f"/holdings?organisation=COB&as_of={TODAY}",
        "/holdings?commodity=SOL",
        "/holdings?commodity=SOL&facility=FG",
        "/conservation",
        "/conservation?by=batch&commodity=SOL",
        "/conservation?by=facility",
        "/conservation?by=region",
        "/blocks/{block}",
        "/batches/{batch}",
        "/batches/{batch}/trace",
        "/batches/{batch}/lineage?number=5",
        "/transactions/SOL-2/evidence.zip",
        "/transactions.csv?account=ALD-01",
        "/accounts/ALD-01/holdings.csv?at=SOL-2",
        "/reconciliation",
        "/",
    ]


def test_what_a_page_reads_does_not_grow_with_the_rest_of_the_ledger(crowd, committed_db):
    auditor = signed_in(somebody(crowd, "auditor"))
    batch = look.value("SELECT id FROM ledger.assets ORDER BY id LIMIT 1")
    blocks = look.value("SELECT count(*) FROM ledger.transaction_items")
    assert blocks > 2 * MANY

    for path in pages():
        before = counters(committed_db)
        answer = auditor.get(path.format(batch=batch, block=batch))
        assert answer.status_code == 200, path
        if answer.streaming:
            b"".join(answer.streaming_content)
        after = counters(committed_db)

        passes = {name: after[name][0] - before[name][0] for name in TABLES}
        read = after["transaction_items"][1] - before["transaction_items"][1]
        assert {name for name, count in passes.items() if count} == set(), (path, passes)
        assert read < MANY / 3, (path, read)
