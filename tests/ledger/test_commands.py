"""The commands of auditors and operators: what each prints, and with which status it ends."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from registry import services
from tests import make
from tests.ledger import look
from tests.ledger.commands import run, run_refused
from tests.ledger.wrongs import tamper
from tests.server import Database

MANAGE = Path(__file__).parents[2] / "manage.py"


def process_environment(database: Database) -> dict[str, str]:
    """Return the environment in which another process finds the test's database."""
    target = conninfo_to_dict(database.dsn("portal_web"))
    passwords = {
        f"STRATA_DB_PASSWORD_{login.upper()}": password
        for login, password in database.server.passwords.items()
    }
    return {
        **os.environ,
        **passwords,
        "DJANGO_SETTINGS_MODULE": "registry.settings",
        "STRATA_SECRET_KEY": "only-for-tests",
        "STRATA_DB_HOST": str(target["host"]),
        "STRATA_DB_PORT": str(target.get("port", "")),
        "STRATA_DB_NAME": database.name,
        "PYTHONUNBUFFERED": "1",
    }


@contextlib.contextmanager
def process(database: Database, *command: str) -> Iterator[subprocess.Popen]:
    """Run a command as a process of its own, killed when the test ends."""
    running = subprocess.Popen(
        [sys.executable, str(MANAGE), *command],
        env=process_environment(database),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


# -- reconcile


def test_reconcile_prints_what_it_examined(committed_db: Database):
    make.mint(make.account(), 100)

    printed = run("reconcile")

    assert re.search(r"^balance_drift +2 +0$", printed, re.MULTILINE)
    assert re.search(r"^leaves +0$", printed, re.MULTILINE)
    assert "\nSound at 1 transactions, " in printed


def test_reconcile_names_what_is_wrong_and_ends_with_1(committed_db: Database):
    make.mint(make.account(), 100)
    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves")

    printed, refused = run_refused("reconcile")

    assert "unspent but not counted as held" in printed
    assert re.search(r"^leaves +1$", printed, re.MULTILINE)
    assert "\nNOT SOUND at 1 transactions, " in printed
    assert refused.returncode == 1


def test_reconcile_prints_json_for_programs(committed_db: Database):
    make.mint(make.account(), 100)

    result = json.loads(run("reconcile", "--json"))

    assert result["ok"]
    assert result["derived_drift"] == {
        "ok": True,
        "leaves": 0,
        "account_balances": 0,
        "heads": 0,
    }
    assert set(result["checks"]) == {
        "asset_conservation",
        "balance_drift",
        "posting_balance",
        "spent_input",
    }


def test_a_drift_that_only_a_rebuild_would_show_is_not_ok_either(committed_db: Database):
    make.mint(make.account(), 100)
    tamper(committed_db, "heads", "UPDATE ledger.heads SET next_no = 7")

    printed, refused = run_refused("reconcile", "--json")

    assert json.loads(printed)["ok"] is False
    assert refused.returncode == 1


# -- verify_chain


def test_verify_chain_prints_the_head_of_every_commodity(committed_db: Database):
    make.mint(make.account(), 100, commodity=make.commodity(code="SOL"))
    make.commodity(code="WND")
    head = look.value("SELECT encode(hash, 'hex') FROM ledger.chain").strip()

    printed = run("verify_chain")

    assert printed.splitlines() == [
        f"SOL                1 to 1       holds, head {head}",
        "WND                1 to 0       holds",
    ]


def test_verify_chain_names_the_first_height_that_does_not_hold(committed_db: Database):
    commodity = make.commodity(code="SOL")
    account = make.account(100, commodity=commodity)
    make.mint(account, 50, commodity=commodity)
    tamper(
        committed_db,
        "credits_debits",
        "UPDATE ledger.credits_debits SET credit = 51 WHERE credit = 50",
    )

    printed, refused = run_refused("verify_chain", "--commodity", "SOL")

    assert "DOES NOT HOLD at height 2" in printed
    assert str(refused) == "1 of the chains does not hold."
    assert refused.returncode == 1


def test_verify_chain_looks_only_where_it_is_told_to(committed_db: Database):
    commodity = make.commodity(code="SOL")
    account = make.account(100, commodity=commodity)
    make.mint(account, 50, commodity=commodity)
    make.mint(account, 70, commodity=commodity)
    tamper(
        committed_db,
        "credits_debits",
        "UPDATE ledger.credits_debits SET credit = 51 WHERE credit = 50",
    )

    below = run("verify_chain", "--commodity", "SOL", "--to", "1")
    above = run("verify_chain", "--commodity", "SOL", "--from", "3")

    assert below == "SOL                1 to 1       holds\n"
    assert above.startswith("SOL                3 to 3       holds, head ")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--commodity", "NONE"), "There is no commodity NONE."),
        (("--from", "0"), "Heights start at 1, and --to is not below --from."),
        (("--from", "3", "--to", "2"), "Heights start at 1, and --to is not below --from."),
        (("--from", "2"), "SOL ends at height 1."),
    ],
)
def test_verifying_nothing_is_not_success(committed_db: Database, asked: tuple[str], said: str):
    make.mint(make.account(), 100, commodity=make.commodity(code="SOL"))

    _, refused = run_refused("verify_chain", *asked)

    assert str(refused) == said
    assert refused.returncode == 2


# -- rebuild_derived


def test_rebuild_derived_does_nothing_without_consent(committed_db: Database):
    make.mint(make.account(), 100)
    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves")

    _, refused = run_refused("rebuild_derived")

    assert "Say --yes to do it." in str(refused)
    assert look.value("SELECT count(*) FROM ledger.leaves") == 0


def test_rebuild_derived_brings_back_what_was_lost(committed_db: Database):
    make.mint(make.account(), 100)
    before = look.everything()
    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves")
    tamper(committed_db, "account_balances", "UPDATE ledger.account_balances SET balance = 0")

    printed = run("rebuild_derived", "--yes")

    assert re.search(r"^leaves +1 +0$", printed, re.MULTILINE)
    assert re.search(r"^account_balances +4 +0$", printed, re.MULTILINE)
    assert look.everything() == before


def test_rebuild_derived_brings_back_sums_whose_errors_cancel_out(committed_db: Database):
    make.mint(make.account(), 100)
    services.reconcile()
    before = look.rows("SELECT came, went FROM ledger.sums ORDER BY 1, 2")
    tamper(committed_db, "sums", "UPDATE ledger.sums SET came = came + 5, went = went + 5")

    printed = run("rebuild_derived", "--yes")

    assert re.search(r"^sums +0 +0$", printed, re.MULTILINE)
    assert look.rows("SELECT came, went FROM ledger.sums ORDER BY 1, 2") == before


# -- execute_approved


def test_execute_approved_sweeps_what_a_crash_left(committed_db: Database):
    source = make.account(100)
    request = make.approved_transfer(source, make.account(), 80)
    too_much = make.approved_transfer(source, make.account(), 80)

    printed = run("execute_approved")

    assert printed.splitlines() == [
        f"Request {request.number}: executed",
        f"Request {too_much.number}: failed INSUFFICIENT_TOTAL_BALANCE",
        "2 requests swept.",
    ]
    assert run("execute_approved") == "0 requests swept.\n"


def test_execute_approved_refuses_without_the_ledgers_login(
    committed_db: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(services, "holds_ledger_login", lambda: False)

    _, refused = run_refused("execute_approved")

    assert "does not hold the login ledger_service" in str(refused)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_the_watch_executes_with_two_logins_and_ends_cleanly(
    committed_db: Database, told: signal.Signals, monkeypatch: pytest.MonkeyPatch
):
    request = make.approved_transfer(make.account(100), make.account(), 80)
    for name in ("STRATA_DB_PASSWORD_LEDGER_AUDITOR", "STRATA_DB_PASSWORD_LEDGER_MIGRATOR"):
        monkeypatch.setenv(name, "not told")

    with process(committed_db, "execute_approved", "--watch", "60") as watch:
        printed = [watch.stdout.readline(), watch.stdout.readline()]
        watch.send_signal(told)
        printed.append(watch.stdout.read())

    assert printed == [
        "Watching for approved requests.\n",
        f"Request {request.number}: executed\n",
        "Stopped.\n",
    ]
    assert watch.returncode == 0


def test_the_watch_outlives_a_lost_connection(committed_db: Database):
    request = make.approved_transfer(make.account(100), make.account(), 80)

    with process(committed_db, "execute_approved", "--watch", "0.1") as watch:
        watch.stdout.readline()
        watch.stdout.readline()
        committed_db.connect(autocommit=True).execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'ledger_service'"
        )
        second = make.approved_transfer(request.target, make.account(), 80)
        lines = iter(watch.stdout.readline, "")
        line = next(line for line in lines if line.startswith("Request"))
        watch.terminate()

    assert line == f"Request {second.number}: executed\n"


def test_a_status_of_1_reaches_the_shell(committed_db: Database):
    make.mint(make.account(), 100)
    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves")

    with process(committed_db, "reconcile") as running:
        printed = running.stdout.read()

    assert running.wait() == 1
    assert "The ledger does not reconcile." in printed
