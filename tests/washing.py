"""
Databases that serve one test after the other, washed in between.

Most tests take less time than a new copy of the template and the first plan of every function in
it. What a test wrote is known by its transactions: those rows go, those it changed come back, and
the sequences start again. A copy is thrown away when its catalogue or its settings are not what
they were, or when somebody is still connected.
"""

import contextlib
import copy
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql
from psycopg.pq import TransactionStatus
from pytest_django.plugin import DjangoDbBlocker

from tests.server import Database, Server, clone, django_uses

# Nothing vacuums a copy: after so many tests or rows, a new one is quicker.
TESTS, ROWS = 40, 3_000
LEAVE_SECONDS = 0.5
# Where DDL, a grant, a trigger switched off or an ANALYZE leaves its mark.
CATALOGUE = (
    *("pg_class", "pg_attribute", "pg_attrdef", "pg_type", "pg_proc", "pg_trigger", "pg_rewrite"),
    *("pg_constraint", "pg_index", "pg_sequence", "pg_policy", "pg_namespace", "pg_default_acl"),
    *("pg_event_trigger", "pg_extension", "pg_inherits", "pg_statistic_ext", "pg_statistic"),
)
TABLES = """
    SELECT nspname, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
    ORDER BY 1, 2
"""
SETTINGS = """
    SELECT datdba, datacl::text, datconnlimit, ARRAY(
        SELECT (setrole, setconfig)::text FROM pg_db_role_setting
        WHERE setdatabase IN (0, d.oid) ORDER BY 1)
    FROM pg_database d WHERE datname = current_database()
"""
# Written by a transaction that began after the copy was made.
NEW = sql.SQL("age(xmin) <= (SELECT age(%(since)s::text::xid))")
SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences"
OTHERS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL (%s)
"""
# The guards hold for everybody and in every mode; seen by nobody else, tables have none meanwhile.
UNGUARD = """
    UPDATE pg_class SET relhastriggers = false
    WHERE relhastriggers AND oid = ANY (SELECT name::regclass FROM unnest(%s::text[]) name)
    RETURNING oid
"""
GUARD = "UPDATE pg_class SET relhastriggers = true WHERE oid = ANY (%s)"
# No login may take an advisory lock for its session, or make a temporary table.
TIDY = "CLOSE ALL; RESET ROLE; RESET ALL; UNLISTEN *; DISCARD SEQUENCES"


class Copy:
    """A copy of a template, and what it looked like when it was new."""

    def __init__(self, server: Server, template: str) -> None:
        """Make the copy and look at it."""
        self.stack = contextlib.ExitStack()
        self.database: Database = self.stack.enter_context(clone(server, template))
        self.connection = self.stack.enter_context(
            psycopg.connect(self.database.dsn(), autocommit=True)
        )
        self.run = self.connection.execute
        self.run("SET lock_timeout = '1s'; SET allow_system_table_mods = on")
        self.tests = 0
        self._mark()
        self.tables = [sql.Identifier(*names) for names in self.run(TABLES)]
        counted = zip(self.tables, self._count(self.tables), strict=True)
        self.rows = [self._rows(table) if count else [] for table, (count, _) in counted]
        self.catalogue = self._catalogue()
        self.sequences = self._sequences()

    def throw_away(self) -> None:
        """Disconnect everybody and drop the copy."""
        for connection in kept():
            connection.close()
        self.stack.close()

    def wash(self) -> bool:
        """Take away what a test wrote; return whether the copy is now as it was when new."""
        while self.database.opened:
            self.database.opened.pop().close()
        self.tests += 1
        if self.tests == TESTS:
            return False
        try:
            for connection in kept():
                tidy(connection)
            return self._left_alone() and self._catalogue() == self.catalogue and self._rinsed()
        except psycopg.Error:
            return False

    def _left_alone(self) -> bool:
        ours = [self.connection.info.backend_pid]
        ours += [connection.connection.info.backend_pid for connection in kept()]
        give_up = time.monotonic() + LEAVE_SECONDS
        while self.run(OTHERS, [ours]).fetchone():
            if time.monotonic() > give_up:
                return False
            time.sleep(0.002)
        return True

    def _rinsed(self) -> bool:
        counted = list(zip(self.tables, self.rows, self._count(self.tables), strict=True))
        if any(new > ROWS for *_, (_, new) in counted):
            return False
        changed = [each for each in counted if each[2] != (len(each[1]), 0)]
        with self.connection.transaction():
            names = [table.as_string() for table, *_ in changed]
            guarded = [oid for (oid,) in self.run(UNGUARD, [names]).fetchall()]
            for table, rows, (count, new) in changed:
                if count - new == len(rows):
                    wipe = sql.SQL("DELETE FROM {} WHERE {}").format(table, NEW)
                    self.run(wipe, {"since": self.since})
                else:
                    self._restore(table, rows)
            self.run(GUARD, [guarded])
        for name, value in self._sequences().items():
            if value != self.sequences[name]:
                self.run(
                    "SELECT setval(seqrelid, coalesce(%s, seqstart), %s) FROM pg_sequence"
                    " WHERE seqrelid = %s::regclass",
                    [self.sequences[name], self.sequences[name] is not None, name],
                )
        self._mark()
        return True

    def _mark(self) -> None:
        """Tell all that is there from what is yet to come."""
        (self.since,) = self.run("SELECT pg_current_xact_id()::text").fetchone()
        # What is counted from here on is of the test.
        self.run("SELECT pg_stat_force_next_flush()")

    def _rows(self, table: sql.Identifier) -> list[bytes]:
        with self.connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table)) as rows:
            return [bytes(row) for row in rows]

    def _restore(self, table: sql.Identifier, rows: list[bytes]) -> None:
        self.run(sql.SQL("DELETE FROM {}").format(table))
        with self.connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as into:
            for row in rows:
                into.write(row)

    def _catalogue(self) -> list[tuple]:
        counted = self._count([sql.Identifier("pg_catalog", name) for name in CATALOGUE])
        return [*counted, self.run(SETTINGS).fetchone()]

    def _sequences(self) -> dict[str, int | None]:
        return dict(self.run(SEQUENCES, prepare=True).fetchall())

    def _count(self, tables: list[sql.Identifier]) -> list[tuple[int, int]]:
        """Return how many rows each table has, and how many of them are new."""
        count = sql.SQL("SELECT count(*), count(*) FILTER (WHERE {}) FROM {}")
        counts = [count.format(NEW, table) for table in tables]
        query = sql.SQL(" UNION ALL ").join(counts)
        return self.run(query, {"since": self.since}, prepare=True).fetchall()


@dataclasses.dataclass(frozen=True)
class Stage:
    """A template in which something was made, once, for many tests."""

    database: Database
    made: Any

    def as_of(self, database: Database) -> Any:
        """Return what was made, as it is in a copy."""
        return copy.deepcopy(self.made, {id(self.database): database})


class Shelf:
    """The washed copies of one process: one of each template, ready for the next test."""

    def __init__(self, server: Server) -> None:
        """Start without any."""
        self.server = server
        self.copies: dict[str, Copy] = {}

    @contextlib.contextmanager
    def lend(self, template: str) -> Iterator[Database]:
        """Give a test a clean copy of a template, which every connection of Django uses."""
        lent = self.copies.pop(template, None) or Copy(self.server, template)
        with django_uses(self.server, lent.database.name, keep=True):
            try:
                yield lent.database
                clean = lent.wash()
            except BaseException:
                lent.throw_away()
                raise
            if clean:
                self.copies[template] = lent
            else:
                lent.throw_away()

    @contextlib.contextmanager
    def set(self, build: Callable[[Database], Any]) -> Iterator[Stage]:
        """Set a stage: a template of its own, with what is built in it."""
        with clone(self.server) as database:
            with django_uses(self.server, database.name):
                made = build(database)
            yield Stage(database, made)
            self.forget(database.name)

    def forget(self, *templates: str) -> None:
        """Throw away the copies of templates, by default all."""
        for template in templates or list(self.copies):
            if template in self.copies:
                self.copies.pop(template).throw_away()


def stage_of(build: Callable[[Database], Any]) -> Any:
    """Return the ``stage`` of a module: what its tests that ask for ``staged`` begin with."""

    @pytest.fixture(scope="module", name="stage")
    def stage(shelf: Shelf, django_db_blocker: DjangoDbBlocker) -> Iterator[Stage]:
        with django_db_blocker.unblock(), shelf.set(build) as stage:
            yield stage

    return stage


def kept() -> list[BaseDatabaseWrapper]:
    """Return Django's connections of this thread that are open."""
    return [each for each in connections.all(initialized_only=True) if each.connection is not None]


def tidy(connection: BaseDatabaseWrapper) -> None:
    """Make a connection of Django as good as new, or close it."""
    driver = connection.connection
    idle = driver.info.transaction_status == TransactionStatus.IDLE
    if connection.in_atomic_block or driver.closed or not driver.autocommit or not idle:
        connection.close()
        return
    try:
        driver.execute(TIDY)
        connection.ensure_timezone()
    except psycopg.Error:
        connection.close()
