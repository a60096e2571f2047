"""The definition of the ledger is frozen but for a window that an administrator opens."""

import pytest

from ledgerdb import bootstrap
from tests import make
from tests.ledger.forge import refused

ROLES = ("ledger_owner", "ledger_writer", "ledger_check")
DDL = {
    "disable a trigger": "ALTER TABLE ledger.transactions DISABLE TRIGGER ALL",
    "disable triggers of users": "ALTER TABLE ledger.chain DISABLE TRIGGER USER",
    "stop a trigger of replicas": "ALTER TABLE ledger.chain ENABLE REPLICA TRIGGER chain_linked",
    "drop a trigger": "DROP TRIGGER chain_linked ON ledger.chain",
    "rename a trigger": "ALTER TRIGGER chain_linked ON ledger.chain RENAME TO evil",
    "add a trigger": "CREATE TRIGGER evil BEFORE INSERT ON ledger.leaves FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "drop a table": "DROP TABLE ledger.chain",
    "drop a constraint": "ALTER TABLE ledger.credits_debits DROP CONSTRAINT credits_debits_pk",
    "add a column": "ALTER TABLE ledger.credits_debits ADD COLUMN evil int",
    "rename a column": "ALTER TABLE ledger.credits_debits RENAME COLUMN credit TO debt",
    "rename a table": "ALTER TABLE ledger.credits_debits RENAME TO old",
    "move a table": "ALTER TABLE ledger.credits_debits SET SCHEMA public",
    "give a table away": "ALTER TABLE ledger.credits_debits OWNER TO ledger_owner",
    "inherit": "CREATE TABLE ledger.more () INHERITS (ledger.credits_debits)",
    "start to inherit": "ALTER TABLE ledger.credits_debits INHERIT ledger.chain",
    "partition": "CREATE TABLE ledger.more PARTITION OF ledger.credits_debits DEFAULT",
    "add a rule": "CREATE RULE evil AS ON INSERT TO ledger.credits_debits DO INSTEAD NOTHING",
    "add a policy": "CREATE POLICY evil ON ledger.credits_debits",
    "hide rows": "ALTER TABLE ledger.credits_debits ENABLE ROW LEVEL SECURITY",
    "replace a guard": "CREATE OR REPLACE FUNCTION ledger.guard_append_only() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "replace a step": "CREATE OR REPLACE FUNCTION ledger.is_nowait() RETURNS boolean"
    " LANGUAGE sql AS 'SELECT true'",
    "drop a function": "DROP FUNCTION ledger_api.transfer(uuid, uuid)",
    "drop the freeze": "DROP FUNCTION ledger.guard_ddl_frozen() CASCADE",
    "drop the windows": "DROP TABLE ledger.change_windows",
    "loosen a function": "ALTER FUNCTION ledger_api.transfer(uuid, uuid) SECURITY INVOKER",
    "unpin a function": "ALTER FUNCTION ledger_api.transfer(uuid, uuid) RESET ALL",
    "grant": "GRANT UPDATE ON ledger.credits_debits TO portal_web",
    "grant a function": "GRANT EXECUTE ON FUNCTION ledger_api.transfer(uuid, uuid) TO portal_web",
    "revoke": "REVOKE SELECT ON ledger.credits_debits FROM ledger_check",
    "grant what comes later": "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
    "create a table": "CREATE TABLE ledger.evil (a int)",
    "create a table by a query": "CREATE TABLE ledger.evil AS SELECT 1",
    "select into a table": "SELECT 1 AS a INTO ledger.evil",
    "create a temporary table": "CREATE TEMP TABLE leaves (a int)",
    "create a view": "CREATE VIEW ledger.evil AS SELECT 1",
    "create a type": "CREATE TYPE ledger.evil AS (a int)",
    "create an operator": "CREATE OPERATOR ledger.= (LEFTARG = text, RIGHTARG = text,"
    " FUNCTION = texteq)",
    "create a cast": "CREATE CAST (text AS bigint) WITH INOUT AS IMPLICIT",
    "drop an index": "DROP INDEX ledger.transactions_commodity_time_ix",
    "drop a schema": "DROP SCHEMA ledger CASCADE",
    "drop everything owned": "DROP OWNED BY CURRENT_USER CASCADE",
    "give everything away": "REASSIGN OWNED BY CURRENT_USER TO CURRENT_USER",
    "comment": "COMMENT ON TABLE ledger.credits_debits IS 'evil'",
    "change a sequence": "ALTER SEQUENCE ledger.transactions_id_seq RESTART",
    "drop a request's constraint": "ALTER TABLE public.registry_request"
    " DROP CONSTRAINT registry_request_four_eyes_ck",
    "drop a request's guard": "DROP TRIGGER registry_request_changed ON public.registry_request",
    "disable the freeze": "ALTER EVENT TRIGGER ledger_ddl_frozen DISABLE",
    "drop the event trigger": "DROP EVENT TRIGGER ledger_ddl_frozen",
}
# Commands on event triggers fire none; they are the superuser's own.
SUPERUSERS = {"disable the freeze", "drop the event trigger"}
# Allowed: nothing and nobody gets anything.
HARMLESS = {"give everything away"}


def become(database, role: str, **options):
    connection = database.connect("ledger_migrator", **options)
    connection.execute(f"SET ROLE {role}")
    return connection


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", sorted(set(DDL) - HARMLESS))
def test_without_a_window_nobody_changes_the_definition(besieged, name, role):
    connection = become(besieged, role)

    with refused("42501" if name in SUPERUSERS else "LEDGER_DDL_FROZEN"):
        connection.execute(DDL[name])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "REASSIGN OWNED BY ledger_owner TO ledger_migrator",
        "ALTER ROLE ledger_owner LOGIN",
        "ALTER ROLE ledger_owner SUPERUSER",
        "ALTER ROLE ledger_writer SET session_replication_role = replica",
        "GRANT ledger_owner TO ledger_service",
        "ALTER DATABASE template1 OWNER TO ledger_owner",
    ],
)
def test_what_no_event_trigger_sees_is_refused_by_rights(besieged, role, statement):
    connection = become(besieged, role)

    with refused("42501"):
        connection.execute(statement)


@pytest.mark.parametrize("name", sorted(set(DDL) - HARMLESS))
def test_the_migrator_is_nobody_before_it_takes_a_role(besieged, name):
    connection = besieged.connect("ledger_migrator")

    with refused("42501"):
        connection.execute(DDL[name])


@pytest.mark.parametrize(
    "setting",
    [
        "SET ledger.change_window = 'open'",
        "SET ledger.ddl = 'on'",
        "SET search_path = pg_temp, public",
        "SET row_security = off",
        "SET timezone = 'Pacific/Kiritimati'",
        "SET check_function_bodies = off",
    ],
)
def test_no_setting_opens_a_window(committed_db, setting):
    connection = become(committed_db, "ledger_owner")
    connection.execute(setting)

    with refused("LEDGER_DDL_FROZEN"):
        connection.execute(DDL["disable a trigger"])


def test_the_freeze_itself_cannot_be_switched_off_by_a_setting(committed_db):
    connection = become(committed_db, "ledger_owner")
    if connection.info.server_version < 17_00_00:
        pytest.skip("PostgreSQL 16 has no such setting.")

    with refused("42501"):
        connection.execute("SET event_triggers = off")


def test_with_a_window_the_owner_changes_the_definition(committed_db):
    bootstrap.open_change_window(committed_db.server.admin_dsn, committed_db.name, reason="a test")
    connection = become(committed_db, "ledger_owner")

    connection.execute("ALTER TABLE ledger.error_codes ADD COLUMN more text")
    connection.execute("COMMENT ON TABLE ledger.error_codes IS 'Refusals.'")

    assert connection.execute("SELECT more FROM ledger.error_codes").fetchone() == (None,)


@pytest.mark.parametrize("purpose", ["replay", "ddl closed"])
def test_another_or_a_closed_window_does_not_do(committed_db, purpose):
    where = committed_db.server.admin_dsn, committed_db.name
    bootstrap.open_change_window(*where, reason="a test", purpose=purpose.split()[0])
    if purpose.endswith("closed"):
        bootstrap.close_change_window(*where)
    connection = become(committed_db, "ledger_owner")

    with refused("LEDGER_DDL_FROZEN"):
        connection.execute(DDL["disable a trigger"])


@pytest.mark.parametrize(
    "name",
    [
        "disable a trigger",
        "drop a trigger",
        "replace a guard",
        "add a rule",
        "drop a table",
    ],
)
@pytest.mark.parametrize("role", ["ledger_writer", "ledger_migrator"])
def test_even_with_a_window_only_the_owner_changes_the_definition(committed_db, role, name):
    bootstrap.open_change_window(committed_db.server.admin_dsn, committed_db.name, reason="a test")
    connection = become(committed_db, role)

    with refused("42501"):
        connection.execute(DDL[name])


def test_a_frozen_definition_does_not_stop_the_work(committed_db):
    source, target = make.account(holding=10), make.account()

    assert make.transfer(source, target, 3).status == "executed"


def test_who_owns_the_tables_cannot_open_a_window(committed_db):
    connection = become(committed_db, "ledger_owner")

    with refused("42501"):
        connection.execute(
            "INSERT INTO ledger.change_windows (purpose, reason, closes_at)"
            " VALUES ('ddl', 'mine', now() + interval '1 hour')"
        )


def test_a_window_states_its_reason(committed_db):
    with refused("change_windows_reason_given_ck"):
        bootstrap.open_change_window(committed_db.server.admin_dsn, committed_db.name, reason="")


def test_a_window_ends(committed_db):
    with refused("change_windows_closes_after_opening_ck"):
        bootstrap.open_change_window(
            committed_db.server.admin_dsn, committed_db.name, reason="a test", minutes=-1
        )


def test_a_function_made_in_a_window_is_not_everybodys(committed_db):
    bootstrap.open_change_window(committed_db.server.admin_dsn, committed_db.name, reason="a test")
    connection = become(committed_db, "ledger_owner")
    connection.execute("CREATE FUNCTION ledger.later() RETURNS integer LANGUAGE sql AS 'SELECT 1'")

    public = connection.execute(
        "SELECT has_function_privilege('public', 'ledger.later()', 'EXECUTE')"
    )

    assert public.fetchone() == (False,)
