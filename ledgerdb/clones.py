"""
Databases for rehearsals: a migrated, empty template, a copy of it for each run, and working on one.

The administrator makes them (``STRATA_ADMIN_DSN``): no login of the registry may. The template is
made like a registry's database, and anew whenever the definition has changed: docs/adr/0022.
"""

import contextlib
import copy
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from ledgerdb import bootstrap

# The registry's own database, while everything else works on a clone.
HOME = "home"
MOVED = ("default", "audit", "ledger", "replay")
ROOT = Path(__file__).resolve().parent.parent
DEFINITION = ("ledgerdb/sql/*.sql", "ledgerdb/migrations/**/*", "registry/migrations/*.py")
CODE = (*DEFINITION, "registry/replay/**/*.py", "registry/services/replay*.py")
# Whoever is connected to a database that is copied or dropped is waited for so long.
PATIENCE_SECONDS = 60.0
# Keys of the administrator's own locks.
TEMPLATE_LOCK, RUN_LOCK, WORKER_LOCK = 7301, 7302, 7303


# A sequence is logged some values ahead, and the copy of one believes that it was: a crash before
# the next checkpoint would hand them out again. Set to where it is, each is logged.
SEQUENCES = """
    SELECT setval(seqrelid::regclass, pg_sequence_last_value(seqrelid))
    FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL
"""

# What the administrator's connection may raise, for those who may not import its driver.
Error = psycopg.Error


class BusyError(Exception):
    """Another process works on this run."""


def digest(patterns: tuple[str, ...] = CODE) -> str:
    """Return one value for the text of the files that these patterns name."""
    found = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        if path.is_file() and path.suffix in (".py", ".sql"):
            found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


@contextlib.contextmanager
def alone_on(admin_dsn: str, home: str, run: int) -> Iterator[None]:
    """
    Hold a run for this process; a killed process holds nothing.

    :raises BusyError: another process holds it
    """
    with bootstrap.connect(admin_dsn, home) as connection:
        found = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (RUN_LOCK, run))
        if not (found.fetchone() or (False,))[0]:
            raise BusyError(f"Another process works on run {run}.")
        yield


@contextlib.contextmanager
def at_work(admin_dsn: str, home: str) -> Iterator[Callable[[], object]]:
    """
    Let the pages see that a worker is there; hand out what finds out that the server is gone.

    :raises psycopg.Error: the server is not there, or gone
    """
    with bootstrap.connect(admin_dsn, home) as connection:
        connection.execute("SELECT pg_advisory_lock_shared(%s, 0)", (WORKER_LOCK,))
        yield lambda: connection.execute("SELECT")


def make_template(admin_dsn: str, name: str) -> bool:
    """
    Make the template unless it is there and of today's definition; return whether it was made.

    :raises psycopg.Error: the administrator may not do this
    """
    mark = f"strata {digest(DEFINITION)}"
    with bootstrap.connect(admin_dsn, "postgres") as connection:
        connection.execute("SELECT pg_advisory_lock(%s, 0)", (TEMPLATE_LOCK,))
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            (name,),
        ).fetchone()
        if found == (mark,):
            return False
        drop(admin_dsn, name)
        bootstrap.bootstrap(admin_dsn, name)
        bootstrap.open_change_window(admin_dsn, name, reason="replay template", minutes=10)
        with _moved(name, ("migrator",)):
            call_command("migrate", database="migrator", verbosity=0)
        bootstrap.close_change_window(admin_dsn, name)
        # Nobody is in it when it is copied.
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name))
        )
        # Said last: one that was left half-made has no mark, and is made again.
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(mark))
        )
    return True


def make_clone(admin_dsn: str, template: str, name: str) -> None:
    """
    Copy the template for a rehearsal; one that was left half-made is made again.

    Its requests do not wait for the disk: what a crash takes is replayed when the run goes on, and
    never anything from the middle.
    """
    drop(admin_dsn, name)
    names = {"clone": sql.Identifier(name), "template": sql.Identifier(template)}
    _patiently(admin_dsn, sql.SQL("CREATE DATABASE {clone} TEMPLATE {template}").format(**names))
    with bootstrap.connect(admin_dsn, "postgres") as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {clone} SET synchronous_commit = off").format(**names)
        )
    with bootstrap.connect(admin_dsn, name) as connection:
        connection.execute(SEQUENCES)
    # Grants on a database are not copied with it.
    bootstrap.bootstrap(admin_dsn, name)


def drop(admin_dsn: str, name: str) -> None:
    """Remove a database of rehearsals, if it is there."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    _patiently(admin_dsn, statement.format(sql.Identifier(name)))


def _patiently(admin_dsn: str, statement: sql.Composed) -> None:
    """
    Make or drop a database, and wait for whoever is still in it.

    PostgreSQL itself waits five seconds, which its own autovacuum outlives on a busy machine.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    with bootstrap.connect(admin_dsn, "postgres") as connection:
        while True:
            try:
                connection.execute(statement)
            except psycopg.errors.ObjectInUse:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.1)
            else:
                return


def exists(admin_dsn: str, name: str) -> bool:
    """Say whether there is such a database."""
    with bootstrap.connect(admin_dsn, "postgres") as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
        return found.fetchone() is not None


@contextlib.contextmanager
def worked_on(name: str) -> Iterator[None]:
    """Let every login work on another database; the registry's own stays reachable as ``home``."""
    connections.settings[HOME] = copy.deepcopy(connections.settings["default"])
    try:
        with _moved(name, MOVED):
            yield
    finally:
        connections[HOME].close()
        del connections[HOME]
        del connections.settings[HOME]


@contextlib.contextmanager
def _moved(name: str, aliases: tuple[str, ...]) -> Iterator[None]:
    known = [alias for alias in aliases if alias in connections.settings]
    before = {alias: connections.settings[alias]["NAME"] for alias in known}
    try:
        for alias in known:
            connections[alias].close()
            connections.settings[alias]["NAME"] = name
        yield
    finally:
        for alias in known:
            connections[alias].close()
            connections.settings[alias]["NAME"] = before[alias]
