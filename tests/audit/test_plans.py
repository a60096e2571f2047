"""
What a page asks about a large history is found by indexes: by the plans as they were carried out.

A small table is read whole because that is cheapest, so that is switched off here: what still
passes over a table is what no index could have saved. And however many blocks an account spent,
few are looked at to show those that it held.
"""

from collections.abc import Iterator

import pytest
from django.db import connections

from ledgerdb import made_up
from registry.models import User
from tests import plans
from tests.portal.cast import signed_in

BLOCKS = 10_000
# Of some 40,000 rows that a question could read: so many at most.
FEW = 3000
# Between two heights of which sums are kept lie a thousand blocks, however large the ledger is.
BETWEEN = 4000
PAGES = (
    "/",
    "/accounts",
    "/accounts/A1/holdings",
    "/accounts/A1/holdings?at=C1-500",
    "/accounts/A1/holdings?at=C1-1500",
    "/accounts/A2/holdings",
    "/accounts/A2/holdings?at=C2-16",
    "/accounts/A2/holdings?at=C2-31",
    "/accounts/A5/holdings?at=C1-1500.C2-16",
    "/accounts/RET/holdings?commodity=C2",
    "/accounts/RET/holdings?at=C2-31",
    "/holdings?commodity=C1",
    "/transactions",
    "/transactions?account=A1",
    "/transactions/C1-1000",
    "/conservation",
    "/conservation?by=facility",
    "/conservation?by=batch",
    "/conservation?by=region",
    "/conservation?by=batch&at=C1-700.C2-16",
    "/certificates/C1/1999",
    "/who-held?certificate=C1+1999&at=C1-900",
    "/batches/3",
    "/batches/3/trace",
    "/requests",
    "/requests?tab=done",
    "/search?q=1000",
)


@pytest.fixture
def history(committed_db) -> Iterator[made_up.History]:
    """Make thousands of blocks, most of them spent, and switch off whole passes."""
    with committed_db.connect(autocommit=True) as connection:
        history = made_up.History(connection, BLOCKS)
        history.make()
        connection.execute(f'ALTER DATABASE "{committed_db.name}" SET enable_seqscan = off')
    for alias in ("default", "audit"):
        connections[alias].close()
    return history


def test_no_page_reads_a_whole_table_or_all_that_an_account_spent(history):
    client = signed_in(User.objects.get(code="auditor"))
    client.get("/")  # what is asked once a process
    whole, much = {}, {}

    for path in PAGES:
        with plans.explained() as found:
            answer = client.get(path, follow=True)
        assert answer.status_code == 200, path
        if passed := set().union(*(plan.passes() for plan in found)):
            whole[path] = passed
        # The overview ranks a fixed number of transactions.
        least = BETWEEN if "by=batch&at" in path else FEW
        if path != "/" and (most := max(plan.looked_at() for plan in found)) > least:
            much[path] = most

    assert whole == {}
    assert much == {}


def test_the_page_of_what_an_account_held_is_that_of_its_whole_history(history):
    """What is found from both ends is what a pass over everything finds."""
    client = signed_in(User.objects.get(code="auditor"))
    for account, height in (("A1", 777), ("A2", 1), ("A2", 15), ("A2", 16), ("A2", 31)):
        commodity = f"C{account[1]}"
        page = client.get(f"/accounts/{account}/holdings?at={commodity}-{height}")
        every = client.get(f"/accounts/{account}/holdings.csv?at={commodity}-{height}")

        lines = b"".join(every.streaming_content).decode().splitlines()[1:]
        shown = [
            f"{row['commodity']},{row['first']},{row['last']}"
            for row in page.context["held"].blocks
        ]
        assert shown == [",".join(line.split(",")[:3]) for line in lines[:50]]
        assert page.context["held"].total.held == sum(int(line.split(",")[3]) for line in lines)
        assert lines
