"""Every page has a date: typed, in an address, and as the link that stays."""

import csv
import io
from datetime import timedelta

import pytest

from registry import dates, moments, services
from tests import make
from tests.audit.conftest import main
from tests.ledger import look
from tests.portal.cast import signed_in, somebody

# By name, what a page shows of Alder's 1,000 certificates, of which 400 went on in SOL-2.
PAGES = {
    "batch": "/batches/{batch}",
    "trace": "/batches/{batch}/trace",
    "lineage": "/batches/{batch}/lineage",
    "certificate": "/certificates/SOL/5",
    "block": "/blocks/{block}",
    "transaction": "/transactions/SOL-1",
    "transactions": "/transactions",
    "accounts": "/accounts",
    "holdings": "/holdings",
    "conservation": "/conservation",
    "activity": "/activity",
}
# What a day before the issue is answered on the pages of something that was not there yet.
ABSENT = {
    "batch": "The batch was minted on",
    "trace": "The batch was minted on",
    "lineage": "The batch was minted on",
    "certificate": "The certificate was minted on",
    "block": "The block was made on",
    "transaction": "The transaction happened on",
}


@pytest.fixture
def address(cast):
    """Let 400 of 1,000 go on, then 100 be retired; return the address of a page by name."""
    cast.executed(400)
    make.retire(cast.target, 100, commodity=cast.commodity)
    batch = look.value("SELECT min(id) FROM ledger.assets")
    block = look.value("SELECT min(id) FROM ledger.transaction_items")
    return lambda name: PAGES[name].format(batch=batch, block=block)


def instant(client, number):
    found = client.get(f"/transactions/{number}").context["transaction"]["occurred_at"]
    return moments.of(found).query


def sheet(client, path, query):
    answer = client.get(path, query)
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_every_page_takes_a_date_and_links_to_its_height(address, auditor):
    then = instant(auditor, "SOL-2")

    for name in PAGES:
        page = auditor.get(address(name), {"as_of": then})
        text = page.content.decode()
        assert page.status_code == 200, name
        assert "You are looking at the past: " + moments.parse(then).words in text, name
        assert page.context["permanent"] == address(name) + "?at=SOL-2", name
        assert page.context["now"].partition("?")[0] == address(name), name
        link = auditor.get(page.context["permanent"])
        assert "ledger position SOL-2" in link.content.decode(), name


def test_what_was_true_then_is_shown_and_nothing_later(address, auditor):
    then = {"as_of": instant(auditor, "SOL-1")}

    block = auditor.get(address("block"), then)
    trace = auditor.get(address("trace"), then).context
    chain = auditor.get(address("certificate"), then).context
    accounts = auditor.get("/accounts", then).context["rows"]
    rows = auditor.get("/transactions", then).context["rows"]
    transaction = auditor.get("/transactions/SOL-1", then).content.decode()

    assert block.context["this"]["spent_number"] is None
    assert block.context["children"] == []
    assert "SOL-2" not in main(block)
    assert [(row["account"], row["volume"]) for row in trace["holders"]] == [("ALD-01", 1000)]
    assert [hop["account"] for hop in chain["hops"]] == ["ALD-01"]
    held = {row["code"]: row["held"] for row in accounts if row["held"] > 0}
    assert held == {"ALD-01": 1000}
    assert [row["number"] for row in rows] == ["SOL-1"]
    assert "SOL-2" not in transaction
    assert "SOL-2" in auditor.get("/transactions/SOL-1").content.decode()


def test_a_block_that_is_spent_now_was_held_then_and_its_links_stay_in_the_past(address, auditor):
    now = auditor.get(address("block"))
    then = auditor.get(address("block"), {"at": "SOL-2"})

    assert now.context["this"]["spent_number"] == "SOL-2"
    child = next(each for each in then.context["children"] if each["account"] == "COB-01")
    assert child["spent_number"] is None
    assert f'href="/blocks/{child["block_id"]}?at=SOL-2"' in then.content.decode()
    assert auditor.get(f"/blocks/{child['block_id']}?at=SOL-1").status_code == 404


def test_sheets_of_a_date_are_those_of_its_height(address, auditor):
    then = instant(auditor, "SOL-2")

    for path, count in ((address("trace") + ".csv", 2), ("/transactions.csv", 2)):
        by_date = sheet(auditor, path, {"as_of": then})
        assert by_date == sheet(auditor, path, {"at": "SOL-2"})
        assert len(by_date) == count


def test_a_day_before_it_was_there_is_answered_with_the_first_one(address, auditor):
    day = f"{dates.today() - timedelta(days=1):%Y-%m-%d}"

    for name, words in ABSENT.items():
        page = auditor.get(address(name), {"as_of": day})
        assert page.status_code == 422, name
        assert list(page.context["mistakes"]) == ["as_of"], name
        assert f"{words} {dates.write_day(dates.today())}" in page.content.decode(), name
        assert 'aria-invalid="true"' in page.content.decode(), name


def test_what_is_no_date_is_named_and_kept(address, auditor):
    for name in PAGES:
        page = auditor.get(address(name), {"as_of": "06/07/2026"})
        assert page.status_code == 422, name
        assert "Type a date such as 31 May 2026" in page.content.decode(), name
        assert 'value="06/07/2026"' in page.content.decode(), name
    for name in ("trace", "transactions", "holdings", "conservation", "activity"):
        assert auditor.get(address(name) + ".csv", {"as_of": "x"}).status_code == 422, name


def test_before_everything_a_list_is_empty(address, auditor):
    early = {"as_of": "1 Jan 2020"}

    assert "No transactions by then." in main(auditor.get("/transactions", early))
    assert "No account had held anything by then." in main(auditor.get("/accounts", early))


def test_a_day_means_its_end_in_the_zone_of_the_registry_and_the_page_says_so(
    address, auditor, settings
):
    settings.REGISTRY_TIME_ZONE = "Asia/Kolkata"
    today = dates.today()

    for name in PAGES:
        text = auditor.get(address(name), {"as_of": today.isoformat()}).content.decode()
        assert f"the end of {dates.write_day(today)} (+05:30)" in text, name


def test_pages_of_the_past_follow_each_other_also_by_height(address, auditor, monkeypatch):
    from registry.selectors import journal

    monkeypatch.setattr(journal, "PAGE", 1)
    first = auditor.get("/transactions?at=SOL-2")
    second = auditor.get("/transactions?" + first.context["next"])

    shown = [row["number"] for page in (first, second) for row in page.context["rows"]]
    assert shown == ["SOL-2", "SOL-1"]
    assert "at=SOL-2" in first.context["next"]


def test_an_organisation_learns_no_more_from_a_date(address, cast):
    yesterday = f"{dates.today() - timedelta(days=1):%Y-%m-%d}"
    stranger = signed_in(cast.outsider)
    holder = signed_in(cast.cole)

    for query in ({"as_of": yesterday}, {"as_of": "x"}, {"at": "SOL-1"}):
        for name in ("certificate", "block", "transaction"):
            assert stranger.get(address(name), query).status_code == 404, (name, query)
    assert holder.get(address("certificate"), {"as_of": yesterday}).status_code == 404
    assert holder.get(address("certificate"), {"as_of": "x"}).status_code == 422
    then = holder.get("/accounts", {"at": "SOL-3"}).context["rows"]
    assert len(then) == 2
    assert {row["holder"] for row in then} == {"Cobalt Grid"}
    assert [row["number"] for row in holder.get("/transactions?at=SOL-2").context["rows"]] == [
        "SOL-2"
    ]


def test_of_reconciliation_the_run_that_was_the_last_by_then_is_shown(address, auditor, cast):
    first = services.reconcile()
    run = auditor.get(f"/reconciliation/{first}").context["run"]
    then = moments.of(run["started_at"]).query
    second = services.reconcile()
    yesterday = f"{dates.today() - timedelta(days=1):%Y-%m-%d}"

    page = auditor.get("/reconciliation", {"as_of": then})

    assert (page.context["run"]["id"], second > first) == (first, True)
    assert "You are looking at the past" in page.content.decode()
    assert page.context["permanent"] == f"/reconciliation/{first}"
    assert auditor.get("/reconciliation").context["run"]["id"] == second
    assert "No run by then." in main(auditor.get("/reconciliation", {"as_of": yesterday}))
    operator = signed_in(somebody(cast, "operator"))
    assert "Run now" in operator.get("/reconciliation").content.decode()
    assert "Run now" not in operator.get("/reconciliation", {"as_of": then}).content.decode()
    assert auditor.get("/reconciliation.json", {"as_of": "x"}).status_code == 422
