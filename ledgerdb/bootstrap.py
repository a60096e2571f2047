"""
What a database administrator does: roles and logins once per database, and change windows.

Everything else is done by ``ledger_migrator`` through migrations.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

BOOTSTRAP_SQL = Path(__file__).parent / "sql" / "000_bootstrap.sql"
LOGINS = ("portal_web", "ledger_service", "ledger_auditor", "ledger_replay", "ledger_migrator")
# Key of the lock under which roles are changed; those of ledgerdb.clones are next to it.
LOCK = 7300


def connect(admin_dsn: str, database: str) -> psycopg.Connection:
    """Connect to a database as the administrator."""
    return psycopg.connect(admin_dsn, dbname=database, autocommit=True)


def passwords_of_environment() -> dict[str, str]:
    """Return the passwords that ``STRATA_DB_PASSWORD_<LOGIN>`` give, by login."""
    found = {login: os.environ.get(f"STRATA_DB_PASSWORD_{login.upper()}", "") for login in LOGINS}
    return {login: password for login, password in found.items() if password}


def bootstrap(admin_dsn: str, database: str, *, passwords: Mapping[str, str] | None = None) -> None:
    """
    Make the database if it is not there, then its roles, logins and first grants; idempotent.

    :param passwords: login to password; logins left out keep the one they have
    :raises psycopg.Error: the administrator may not do this
    """
    with connect(admin_dsn, "postgres") as server:
        # Roles are of the whole server: two databases of it are not prepared at once.
        server.execute("SELECT pg_advisory_lock(%s, 0)", (LOCK,))
        known = server.execute("SELECT FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if known is None:
            server.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(database)
                )
            )
        _prepare(admin_dsn, database, passwords or {})


def _prepare(admin_dsn: str, database: str, passwords: Mapping[str, str]) -> None:
    with connect(admin_dsn, database) as connection, connection.transaction():
        connection.execute(BOOTSTRAP_SQL.read_bytes())
        for login, password in passwords.items():
            # Only the verifier travels, so that the password is in no log of the server.
            verifier = connection.pgconn.encrypt_password(
                password.encode(), login.encode(), b"scram-sha-256"
            )
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(login), sql.Literal(verifier.decode())
                )
            )


def open_change_window(
    admin_dsn: str, database: str, *, reason: str, minutes: int = 30, purpose: str = "ddl"
) -> int:
    """
    Allow changes of the definition (``ddl``) or past times (``replay``) for some minutes.

    :returns: the window's id
    """
    with connect(admin_dsn, database) as connection:
        made = connection.execute(
            "INSERT INTO ledger.change_windows (purpose, reason, closes_at)"
            " VALUES (%s, %s, clock_timestamp() + make_interval(mins => %s)) RETURNING id",
            (purpose, reason, minutes),
        ).fetchone()
    return int(made[0]) if made else 0


def keep_change_window(admin_dsn: str, database: str, window: int, *, minutes: int) -> bool:
    """
    Keep a window open for some minutes from now; one that has closed stays closed.

    :returns: whether it still was open
    """
    with connect(admin_dsn, database) as connection:
        kept = connection.execute(
            "UPDATE ledger.change_windows"
            " SET closes_at = clock_timestamp() + make_interval(mins => %s)"
            " WHERE id = %s AND closes_at > clock_timestamp()",
            (minutes, window),
        )
        return kept.rowcount == 1


def close_change_window(admin_dsn: str, database: str, *, purpose: str = "ddl") -> int:
    """Close the windows of this purpose that are open; return how many."""
    with connect(admin_dsn, database) as connection:
        return connection.execute(
            "UPDATE ledger.change_windows SET closes_at = clock_timestamp()"
            " WHERE purpose = %s AND closes_at > clock_timestamp()",
            (purpose,),
        ).rowcount


def change_windows(admin_dsn: str, database: str) -> list[dict[str, Any]]:
    """Return every change window there ever was, the latest first."""
    with (
        connect(admin_dsn, database) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(
            "SELECT purpose, reason, opened_by, opened_at, closes_at,"
            " clock_timestamp() BETWEEN opened_at AND closes_at AS open"
            " FROM ledger.change_windows ORDER BY id DESC"
        ).fetchall()


def analyze(admin_dsn: str, database: str) -> None:
    """Collect the statistics of every table, for the plans after a bulk load."""
    with connect(admin_dsn, database) as connection:
        connection.execute("ANALYZE")
