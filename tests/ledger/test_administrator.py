"""The commands of the database administrator and of whoever changes the ledger's SQL."""

import os
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ledgerdb import freeze
from tests.ledger.commands import run, run_refused
from tests.server import Database, Server


@pytest.fixture
def as_administrator(committed_db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Tell the administrator's commands where the test's database is."""
    monkeypatch.setenv("STRATA_ADMIN_DSN", committed_db.dsn())
    return committed_db


# -- bootstrap_database


def test_bootstrap_twice_makes_the_database_and_changes_nothing_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    name = f"strata_test_{os.getpid()}_bootstrapped"
    monkeypatch.setenv("STRATA_ADMIN_DSN", server.admin_dsn)
    for login, password in server.passwords.items():
        monkeypatch.setenv(f"STRATA_DB_PASSWORD_{login.upper()}", password)
    try:
        first = run("bootstrap_database", "--database", name)
        again = run("bootstrap_database", "--database", name)

        assert first == again
        assert first.startswith(f"Database {name} has its roles and logins.\n")
        with psycopg.connect(server.dsn("ledger_auditor", name)) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("ledger_auditor",)
    finally:
        server.administer(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def test_bootstrap_sets_the_password_that_the_environment_gives(
    as_administrator: Database, monkeypatch: pytest.MonkeyPatch
):
    password = as_administrator.server.passwords.get("portal_web", "one of its own")
    monkeypatch.setenv("STRATA_DB_PASSWORD_PORTAL_WEB", password)

    printed = run("bootstrap_database", "--database", as_administrator.name)

    assert re.search(r"portal_web +password set\n", printed)
    assert password not in printed
    with psycopg.connect(as_administrator.dsn()) as connection:
        stored = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'portal_web'"
        ).fetchone()[0]
    assert stored.startswith("SCRAM-SHA-256$")


def test_bootstrap_needs_to_be_told_the_administrator(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("STRATA_ADMIN_DSN", raising=False)

    _, refused = run_refused("bootstrap_database")

    assert str(refused) == "Set STRATA_ADMIN_DSN to the connection string of a superuser."


def test_somebody_who_is_no_superuser_is_told_what_postgresql_refused(
    committed_db: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRATA_ADMIN_DSN", committed_db.dsn("portal_web"))

    _, refused = run_refused("bootstrap_database", "--database", committed_db.name)

    assert "PostgreSQL refused: " in str(refused)
    assert refused.returncode == 1


# -- change_window


def test_a_change_window_is_opened_listed_and_closed(as_administrator: Database):
    where = ("--database", as_administrator.name)

    opened = run("change_window", *where, "open", "--minutes", "5", "--reason", "first deploy")
    listed_open = run("change_window", *where, "list").splitlines()[0]
    closed = run("change_window", *where, "close")
    listed_closed = run("change_window", *where, "list").splitlines()[0]

    assert opened == "A ddl window is open for 5 min.\n"
    assert re.match(r"OPEN    ddl     .* UTC  postgres: first deploy$", listed_open)
    assert closed == "1 ddl windows closed.\n0 replay windows closed.\n"
    assert listed_closed.startswith("closed  ddl")


def test_a_replay_window_is_not_a_ddl_window(as_administrator: Database):
    where = ("--database", as_administrator.name)

    run("change_window", *where, "open", "--reason", "migrated history", "--purpose", "replay")

    closed = run("change_window", *where, "close", "--purpose", "ddl")
    assert closed == "0 ddl windows closed.\n"


@pytest.mark.parametrize("asked", [("--minutes", "0", "--reason", "why"), ("--reason", " ")])
def test_a_window_without_time_or_reason_is_not_opened(
    as_administrator: Database, asked: tuple[str, ...]
):
    _, refused = run_refused("change_window", "--database", as_administrator.name, "open", *asked)

    assert str(refused) == "A window is open for one minute or more, and has a reason."


# -- freezesql


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Make a small app with one file that was frozen once."""
    copies = tmp_path / "migrations" / "sql" / "062_transfer"
    copies.mkdir(parents=True)
    (copies / "0000.sql").write_text("-- undo\n")
    (copies / "0001.sql").write_text("-- first\n")
    (tmp_path / "migrations" / "0001_ledger.py").touch()
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "062_transfer.sql").write_text("-- second\n")
    (tmp_path / "sql" / "000_bootstrap.sql").touch()
    return tmp_path


def test_before_1_0_freezing_rewrites_the_first_copy(app: Path):
    frozen = freeze.freeze("062_transfer", released=False, app=app)

    assert frozen.copy.name == "0001.sql"
    assert frozen.copy.read_text() == "-- second\n"
    assert frozen.migration is None


def test_after_1_0_freezing_writes_the_next_copy_and_a_migration_both_ways(app: Path):
    frozen = freeze.freeze("062_transfer", released=True, app=app)

    assert frozen.copy.name == "0002.sql"
    assert (frozen.copy.parent / "0001.sql").read_text() == "-- first\n"
    assert frozen.migration == app / "migrations" / "0002_062_transfer_0002.py"
    written: dict[str, Any] = {}
    exec(frozen.migration.read_text(), written)
    (operation,) = written["Migration"].operations
    assert (operation.forward, operation.backward) == (
        "062_transfer/0002.sql",
        "062_transfer/0001.sql",
    )
    assert written["Migration"].dependencies == [("ledgerdb", "0001_ledger")]


def test_freezing_again_writes_nothing(app: Path):
    freeze.freeze("062_transfer", released=True, app=app)

    frozen = freeze.freeze("062_transfer", released=True, app=app)

    assert not frozen.changed
    assert len(list((app / "migrations").glob("*.py"))) == 2


def test_a_file_that_nothing_undoes_is_not_frozen(app: Path):
    (app / "sql" / "066_new.sql").write_text("-- new\n")

    with pytest.raises(freeze.CannotFreezeError, match="it undoes the install of 066_new"):
        freeze.freeze("066_new", released=False, app=app)


def test_freezesql_says_what_it_wrote_and_what_cannot_be_frozen(
    app: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(freeze, "HERE", app)
    monkeypatch.setattr(freeze, "is_released", lambda: True)

    printed = run("freezesql", "--all")
    again = run("freezesql", "062_transfer")
    _, refused = run_refused("freezesql", "000_bootstrap")

    copy = "migrations/sql/062_transfer/0002.sql"
    assert printed == f"062_transfer: wrote {copy} and migrations/0002_062_transfer_0002.py\n"
    assert again == f"062_transfer: unchanged, {copy}\n"
    assert str(refused) == "There is no 000_bootstrap; choose from 062_transfer."


def test_no_copy_is_final_before_1_0():
    assert freeze.is_released() is False
