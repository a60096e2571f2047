"""Reconciliation: what is kept, who may run it, what is missing, and what was found."""

import io
import json
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from django.core.cache import cache
from django.core.management import call_command

from ledgerdb import reads, runs
from registry import services
from registry.selectors import reconciliation
from tests import make
from tests.audit.conftest import main
from tests.ledger import look
from tests.ledger.wrongs import tamper
from tests.portal.cast import signed_in, somebody

PAGE = "/reconciliation"


@pytest.fixture
def operator(cast):
    return somebody(cast, "operator")


def kept():
    return look.rows("SELECT id, ok, login FROM ledger.reconciliations ORDER BY id")


def run_now(operator, key=None):
    """Press the button and wait for the thread."""
    thread = services.start_reconciliation(key=key or uuid4(), asked_by=operator)
    if thread:
        thread.join()


def test_the_command_keeps_each_run(cast, auditor):
    call_command("reconcile", stdout=io.StringIO())
    services.reconcile()

    assert [(ok, login) for _, ok, login in kept()] == [(True, "portal_web")] * 2
    text = main(auditor.get(PAGE))
    assert "Sound" in text
    assert "No violations in 2 runs" in text


def test_who_only_looks_keeps_nothing(cast, capsys):
    call_command("reconcile", "--keep-nothing", "--json")

    assert json.loads(capsys.readouterr().out)["ok"]
    assert kept() == []


def test_a_run_proves_checks_derived_tables_and_chains(cast):
    cast.executed(400)

    result = reads.prove()

    assert set(result["checks"]) == set(reconciliation.CHECKS)
    assert [(c["commodity"], c["height"], c["bad_height"]) for c in result["chains"]] == [
        ("SOL", 2, None)
    ]
    assert result["chains"][0]["hash"] == look.value(
        "SELECT encode(hash, 'hex') FROM ledger.chain WHERE height = 2"
    )


def test_what_was_found_is_shown_with_links(cast, auditor, committed_db):
    cast.executed(400)
    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves WHERE first_no = 1")
    tamper(committed_db, "account_balances", "UPDATE ledger.account_balances SET balance = 7"
           " WHERE balance = 400")  # fmt: skip
    services.reconcile()

    page = auditor.get(PAGE)
    text = main(page)

    assert page.context["run"]["ok"] is False
    assert "Not sound" in text
    assert 'href="/accounts/COB-01/holdings"' in text
    block = look.value("SELECT id FROM ledger.transaction_items WHERE last_no = 400")
    assert f'href="/blocks/{block}"' in text
    assert page.context["strip"][-1]["state"] == "bad"


def test_a_broken_chain_names_its_height(cast, auditor, committed_db):
    cast.executed(400)
    tamper(committed_db, "transactions", "UPDATE ledger.transactions SET actor_id = request_id"
           " WHERE kind = 'transfer'")  # fmt: skip
    services.reconcile()

    page = auditor.get(PAGE)

    assert page.context["run"]["ok"] is False
    assert 'href="/transactions/SOL-2"' in main(page)


def test_an_operator_runs_it_and_the_page_waits_for_the_result(cast, operator):
    client = signed_in(operator)
    key = uuid4()
    cache.add(reconciliation.RUNNING, str(key))

    waiting = client.get(PAGE, {"key": key})
    assert 'hx-trigger="every 2s"' in waiting.content.decode()

    cache.delete(reconciliation.RUNNING)
    assert "did not finish" in client.get(PAGE, {"key": key}).content.decode()

    run_now(operator, key)
    done = client.get(PAGE, {"key": key})
    assert "hx-trigger" not in main(done)
    assert done.context["run"]["asked_by"] == operator.name


def test_a_run_that_ends_while_the_page_is_read_is_shown_or_waited_for(cast, operator, monkeypatch):
    client, key = signed_in(operator), uuid4()
    cache.add(reconciliation.RUNNING, str(key))
    latest = runs.latest

    def ended_after(*_):
        before = latest()
        services.reconcile(key=key, asked_by=operator)
        return before

    monkeypatch.setattr(runs, "latest", ended_after)

    page = client.get(PAGE, {"key": key})

    assert page.context["run"] or page.context["running"]


def test_the_button_leads_to_the_page_and_runs(cast, operator, monkeypatch):
    started = []
    monkeypatch.setattr(services, "start_reconciliation", lambda **asked: started.append(asked))
    client = signed_in(operator)
    fresh = client.get(PAGE).context["fresh"]

    answer = client.post("/reconciliation/start", {"key": fresh})
    nonsense = client.post("/reconciliation/start", {"key": "\x00"})

    assert answer.headers["Location"] == f"{PAGE}?key={fresh}"
    assert nonsense.status_code == 302
    assert started[0] == {"key": fresh, "asked_by": operator}


def test_asked_twice_it_is_run_once(cast, operator):
    key = uuid4()

    for _ in range(2):
        run_now(operator, key)
    cache.add(reconciliation.RUNNING, "another")

    assert len(kept()) == 1
    assert services.start_reconciliation(key=uuid4(), asked_by=operator) is None


@pytest.mark.parametrize("role", ["viewer", "submitter", "team_admin", "approver", "auditor"])
def test_nobody_but_an_operator_runs_it(cast, role):
    client = signed_in(somebody(cast, role))

    assert client.post("/reconciliation/start", {"key": uuid4()}).status_code == 403
    assert kept() == []


def test_an_organisation_is_told_who_may_look(cast):
    for path in (PAGE, "/reconciliation.json", "/reconciliation/1"):
        assert signed_in(cast.marsh).get(path).status_code == 403


def test_a_missed_run_is_an_alarm_of_its_own(cast, auditor, monkeypatch):
    assert "A run was missed" in main(auditor.get(PAGE))
    services.reconcile()
    assert "A run was missed" not in main(auditor.get(PAGE))

    monkeypatch.setattr(reconciliation, "GRACE", timedelta(days=-3))

    assert "A run was missed" in main(auditor.get(PAGE))
    assert "A reconciliation was missed" in main(auditor.get("/"))


def test_without_any_transaction_nothing_is_missed(committed_db):
    assert reconciliation.missed(None) is False


def test_a_day_without_a_run_is_shown_as_missed(cast, committed_db):
    services.reconcile()
    tamper(committed_db, "reconciliations",
           "INSERT INTO ledger.reconciliations (key, login, started_at, finished_at, ok, result)"
           " SELECT gen_random_uuid(), login, started_at - interval '3 days',"
           " finished_at - interval '3 days', ok, result FROM ledger.reconciliations")  # fmt: skip

    states = [day["state"] for day in reconciliation.strip()]

    assert states[-5:] == ["before", "good", "missed", "missed", "good"]
    assert len(states) == 30


def test_an_earlier_run_is_shown_as_it_was(cast, auditor, committed_db):
    first = services.reconcile()
    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves")
    services.reconcile()

    assert "Not sound" in main(auditor.get(PAGE))
    assert "Not sound" not in main(auditor.get(f"{PAGE}/{first}"))
    assert auditor.get(f"{PAGE}/999").status_code == 404
    assert auditor.get("/reconciliation.json").json()["ok"] is False


# -- What the database holds


def test_a_result_is_never_rewritten(cast, committed_db):
    services.reconcile()

    for statement in (
        "UPDATE ledger.reconciliations SET ok = true",
        "DELETE FROM ledger.reconciliations",
        "TRUNCATE ledger.reconciliations",
    ):
        with pytest.raises(psycopg.Error, match="APPEND_ONLY_VIOLATION"):
            committed_db.connect("postgres").execute(statement)


@pytest.mark.parametrize(
    "login", ["portal_web", "ledger_auditor", "ledger_service", "ledger_replay"]
)
def test_nobody_stores_a_result_that_was_not_found(cast, committed_db, login):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        committed_db.connect(login).execute(
            "INSERT INTO ledger.reconciliations (key, login, started_at, finished_at, ok, result)"
            " VALUES (gen_random_uuid(), 'x', now(), now(), true, '{}')"
        )


@pytest.mark.parametrize("login", ["ledger_auditor", "ledger_service", "ledger_replay"])
def test_only_the_pages_ask_for_a_run_that_is_kept(cast, committed_db, login):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        committed_db.connect(login).execute(
            "SELECT ledger.record_reconciliation(gen_random_uuid(), NULL)"
        )


def test_the_overview_of_an_auditor_adds_up(cast, auditor):
    make.retire(cast.source, 100, commodity=cast.commodity)
    services.reconcile()

    page = auditor.get("/", {"days": "7"})

    (row,) = page.context["sums"]
    assert (row["minted"], row["held"], row["retired"], row["difference"]) == (1000, 900, 100, 0)
    assert [move["number"] for move in page.context["largest"]] == ["SOL-2"]
    assert page.context["proof"]["run"]["ok"]
    assert auditor.get("/", {"days": "x"}).status_code == 200
