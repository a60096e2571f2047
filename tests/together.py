"""Several sessions at once: each in a thread of its own, with a connection of its own."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from django.db import connections

from ledgerdb.errors import LedgerError
from registry.models import Account, Request
from tests.server import Database

PATIENCE_SECONDS = 30
TRY_AGAIN = {"LOCK_NOT_AVAILABLE", "40001"}


def outcome(error: psycopg.Error) -> str:
    """Return the name of a refusal of the ledger, or PostgreSQL's own five characters."""
    sqlstate = error.diag.sqlstate or error.sqlstate or ""
    if sqlstate.startswith("L"):
        return error.diag.message_primary or ""
    return sqlstate


def call(connection: psycopg.Connection, request: Request, actor_id: Any = None) -> int:
    """Execute a request on an open connection and return the transaction's id."""
    return int(
        connection.execute(
            f"SELECT ledger_api.{request.kind}(%s, %s)",
            (request.pk, actor_id or request.approver_id),
        ).fetchone()[0]
    )


def session(database: Database, **settings: str) -> psycopg.Connection:
    """Open a connection of the service login; in a setting's name ``__`` stands for a dot."""
    connection = psycopg.connect(database.dsn("ledger_service"), autocommit=True)
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name.replace("__", "."), value))
    return connection


def result(connection: psycopg.Connection, request: Request) -> str | int:
    """Execute a request; return the transaction's id or the name of the refusal."""
    try:
        return call(connection, request)
    except psycopg.Error as error:
        return outcome(error)


def execute(database: Database, request: Request, **settings: str) -> str | int:
    """Execute a request in a session of its own; return as ``result`` does."""
    with session(database, **settings) as connection:
        return result(connection, request)


def executing(database: Database, requests: Iterable[Request], **settings: str) -> list[Callable]:
    """Return one act per request: execute it."""
    return [lambda request=request: execute(database, request, **settings) for request in requests]


def serving(act: Callable, **arguments: Any) -> Callable[[], str]:
    """Return an act that calls a service, with Django connections of its own thread."""

    def run() -> str:
        try:
            return act(**arguments).status
        except LedgerError as error:
            return error.code
        finally:
            connections.close_all()

    return run


def in_turn(database: Database, requests: Iterable[Request], **settings: str) -> Callable:
    """Return an act that executes requests one after the other in one session."""

    def run() -> list[str | int]:
        with session(database, **settings) as connection:
            return [result(connection, request) for request in requests]

    return run


def insisting(database: Database, requests: Iterable[Request], **settings: str) -> Callable:
    """Return an act that executes requests in turn, each until the lock can be had."""

    def run() -> list[str | int]:
        done: list[str | int] = []
        give_up = time.monotonic() + PATIENCE_SECONDS
        with session(database, **settings) as connection:
            for request in requests:
                while (last := result(connection, request)) in TRY_AGAIN:
                    assert time.monotonic() < give_up, last
                    time.sleep(0.002)
                done.append(last)
        return done

    return run


def together(*acts: Callable) -> list[Any]:
    """Start all acts at the same moment, each in its thread; return what each returned."""
    start = threading.Barrier(len(acts))

    def run(act: Callable) -> Any:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def names(outcomes: Iterable[str | int]) -> list[str]:
    """Return the outcomes in order of name, every transaction's id as "done"."""
    return sorted("done" if isinstance(each, int) else each for each in outcomes)


@contextlib.contextmanager
def gate(database: Database, *accounts: Account) -> Iterator[psycopg.Connection]:
    """Hold accounts locked, so that everybody who needs one queues until the block ends."""
    with psycopg.connect(database.dsn()) as connection:
        connection.execute(
            "SELECT FROM registry_account WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE",
            ([account.pk for account in accounts],),
        )
        yield connection


def behind_gate(database: Database, accounts: Iterable[Account], *acts: Callable) -> list[Any]:
    """Start all acts, open the gate when every one of them waits; return what each returned."""
    with gate(database, *accounts) as holder:
        return while_held(database, holder, *acts)


def while_held(database: Database, holder: psycopg.Connection, *acts: Callable) -> list[Any]:
    """Start acts behind what the holder has locked, and let go when every one of them waits."""
    with ThreadPoolExecutor(len(acts)) as threads:
        running = [threads.submit(act) for act in acts]
        try:
            wait_until_blocked(database, len(acts))
        finally:
            holder.commit()
        return [each.result(PATIENCE_SECONDS) for each in running]


def wait_until_blocked(database: Database, count: int) -> None:
    """Wait until as many sessions of the database wait for a lock."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(database.server.admin_dsn, autocommit=True) as connection:
        while time.monotonic() < give_up:
            waiting = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = %s AND wait_event_type = 'Lock'",
                (database.name,),
            ).fetchone()[0]
            if waiting >= count:
                return
            time.sleep(0.005)
    raise AssertionError(f"{waiting} sessions wait for a lock, not {count}")
