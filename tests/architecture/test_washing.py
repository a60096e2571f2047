"""A database that served a test is given to the next one as it was when new, or not at all."""

import pytest
from django.db import connections
from psycopg import sql

from ledgerdb import bootstrap
from registry.models import Commodity, Organisation, Request
from tests import make
from tests.proof import prove
from tests.server import TEMPLATE, Database
from tests.washing import TABLES, Shelf


@pytest.fixture
def shelf(server, django_db_blocker):
    shelf = Shelf(server)
    with django_db_blocker.unblock():
        yield shelf
    shelf.forget()


def everything(database: Database) -> dict[str, list[tuple]]:
    with database.connect() as connection:
        tables = connection.execute(TABLES).fetchall()
        return {
            name: connection.execute(
                sql.SQL("SELECT x::text FROM {} x ORDER BY 1").format(sql.Identifier(schema, name))
            ).fetchall()
            for schema, name in tables
        }


def test_what_a_test_wrote_is_gone_and_numbers_start_again(shelf):
    with shelf.lend(TEMPLATE) as database:
        before = everything(database)
        first = make.transfer(make.account(holding=10), make.account(), 5)
        assert everything(database) != before

    with shelf.lend(TEMPLATE) as again:
        assert (again.name, everything(again)) == (database.name, before)
        second = make.transfer(make.account(holding=10), make.account(), 5)
        assert (second.number, second.transaction_id) == (first.number, first.transaction_id)
        prove(again)


def test_what_a_test_changed_or_took_away_is_back(shelf):
    def built(database: Database) -> Request:
        return make.transfer(make.account(holding=10), make.account(), 5)

    with shelf.set(built) as stage:
        template = stage.database.name
        with shelf.lend(template) as database:
            before = everything(database)
            Organisation.objects.update(name="Another")
            make.transfer(stage.made.target, stage.made.source, 2)
            make.mint(stage.made.source, 7)
            with database.connect() as connection:
                connection.execute("DELETE FROM django_migrations")

        with shelf.lend(template) as again:
            assert (again.name, everything(again)) == (database.name, before)
            prove(again)


def test_the_guards_are_armed_again(shelf):
    with shelf.lend(TEMPLATE):
        make.account(holding=10)

    with shelf.lend(TEMPLATE) as again:
        make.account(holding=10)
        with (
            pytest.raises(Exception, match="APPEND_ONLY_VIOLATION"),
            again.connect() as connection,
        ):
            connection.execute("DELETE FROM ledger.transactions")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.more (id int)",
        "DROP INDEX ledger.assets_longest_ix",
        "ALTER TABLE ledger.chain DISABLE TRIGGER ALL",
        "ALTER TABLE ledger.assets DROP CONSTRAINT assets_asset_range_overlap_ex",
        "GRANT SELECT ON ledger.chain TO PUBLIC",
        "ALTER FUNCTION ledger_api.mint(uuid, uuid) SET lock_timeout = '1s'",
        "ALTER SCHEMA ledger RENAME TO book",
        "ANALYZE public.registry_commodity",
    ],
)
def test_a_copy_whose_catalogue_changed_is_thrown_away(shelf, statement):
    with shelf.lend(TEMPLATE) as first:
        make.commodity()
        bootstrap.open_change_window(first.server.admin_dsn, first.name, reason="a test")
        first.connect(autocommit=True).execute(statement)
    with shelf.lend(TEMPLATE) as second:
        assert second.name != first.name


def test_a_copy_with_another_setting_is_thrown_away(shelf):
    with shelf.lend(TEMPLATE) as first:
        first.connect(autocommit=True).execute(
            f'ALTER DATABASE "{first.name}" SET lock_timeout = 5'
        )
    with shelf.lend(TEMPLATE) as second:
        assert second.name != first.name


def test_a_copy_that_somebody_still_uses_is_thrown_away(shelf):
    with shelf.lend(TEMPLATE) as first:
        left = first.connect()
        first.opened.clear()
        left.execute("SELECT")
    with shelf.lend(TEMPLATE) as second:
        assert second.name != first.name
    left.close()


def test_a_kept_connection_forgets_what_was_set_on_it(shelf):
    with shelf.lend(TEMPLATE):
        make.commodity()
        backend = connections["default"].connection.info.backend_pid
        with connections["default"].cursor() as cursor:
            cursor.execute("SET statement_timeout = '1234ms'")
            cursor.execute("SET ledger.lock_wait = 'nowait'")

    with shelf.lend(TEMPLATE), connections["default"].cursor() as cursor:
        assert not Commodity.objects.exists()
        assert connections["default"].connection.info.backend_pid == backend
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('ledger.lock_wait', true)"
        )
        assert cursor.fetchone() == ("0", "")


def test_a_connection_left_in_a_transaction_is_closed(shelf):
    with shelf.lend(TEMPLATE):
        make.commodity()
        backend = connections["default"].connection.info.backend_pid
        connections["default"].set_autocommit(False)
        assert Commodity.objects.exists()

    with shelf.lend(TEMPLATE):
        assert not Commodity.objects.exists()
        assert connections["default"].connection.info.backend_pid != backend
