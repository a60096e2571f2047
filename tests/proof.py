"""The proof that a test asks for after a race or a fault: nothing lost, nothing twice."""

import psycopg

from tests.server import Database

DERIVED = {
    "leaves": "item_id",
    "account_balances": "account_id, commodity_id",
    "heads": "commodity_id",
}


def prove(database: Database) -> None:
    """Fail unless every check of the ledger finds it sound."""
    with psycopg.connect(database.dsn("ledger_auditor"), autocommit=True) as connection:
        found = connection.execute("SELECT ledger.reconcile()").fetchone()[0]
        assert found["ok"], found
        drift = connection.execute("SELECT ledger.derived_drift()").fetchone()[0]
        assert drift["ok"], drift
        chains = connection.execute(
            "SELECT commodity_id, ledger.verify_chain(commodity_id, 1, NULL) FROM ledger.heads"
        ).fetchall()
        assert [link for link in chains if link[1] is not None] == []
        assert numbers_out_of_line(connection) == []


def numbers_out_of_line(connection: psycopg.Connection) -> list[tuple]:
    """Return the batches that do not start right after the one below, and chains with a gap."""
    return connection.execute(
        """
        SELECT 'batch', commodity_id, first_no FROM (
            SELECT commodity_id, first_no, coalesce(lag(last_no) OVER (
                PARTITION BY commodity_id ORDER BY first_no), 0) + 1 AS expected
            FROM ledger.assets) b WHERE first_no <> expected
        UNION ALL
        SELECT 'height', commodity_id, height FROM (
            SELECT commodity_id, height, row_number() OVER (
                PARTITION BY commodity_id ORDER BY height) AS expected
            FROM ledger.chain) c WHERE height <> expected
        """
    ).fetchall()


def derived_rows(connection: psycopg.Connection) -> dict[str, list[tuple]]:
    """Return every row of the derived tables."""
    return {
        table: connection.execute(f"SELECT * FROM ledger.{table} ORDER BY {key}").fetchall()
        for table, key in DERIVED.items()
    }


def prove_rebuild(database: Database) -> None:
    """Fail unless a rebuild from the history gives the derived tables row for row as they were."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        stored = derived_rows(connection)
        connection.execute("SET ROLE ledger_owner")
        connection.execute("SELECT ledger.rebuild_derived()")
        connection.execute("RESET ROLE")
        rebuilt = derived_rows(connection)

    for table, rows in stored.items():
        assert rebuilt[table] == rows, table


def executed(database: Database) -> dict:
    """Return the request of every transaction in the ledger, by the transaction's id."""
    with psycopg.connect(database.dsn("ledger_auditor"), autocommit=True) as connection:
        return dict(connection.execute("SELECT id, request_id FROM ledger.transactions").fetchall())


def balance(database: Database, account: object) -> int:
    """Return what an account holds, over all commodities."""
    with psycopg.connect(database.dsn("ledger_auditor"), autocommit=True) as connection:
        return int(
            connection.execute(
                "SELECT coalesce(sum(balance), 0) FROM ledger.account_balances"
                " WHERE account_id = %s",
                (account.pk,),
            ).fetchone()[0]
        )


def deadlocks(database: Database) -> int:
    """Return how many deadlocks PostgreSQL has seen in this database."""
    with psycopg.connect(database.server.admin_dsn, autocommit=True) as connection:
        return int(
            connection.execute(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = %s", (database.name,)
            ).fetchone()[0]
        )
