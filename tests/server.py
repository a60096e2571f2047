"""The PostgreSQL server of the tests, the migrated template on it, and clones of that template."""

import contextlib
import dataclasses
import functools
import itertools
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledgerdb import bootstrap
from ledgerdb.embedded import EmbeddedServer, socket_directory

TEMPLATE = "strata_template"
IMAGE = "postgres:18"

numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Server:
    """Where the server is and how to sign in; what a parallel test process is told."""

    admin_dsn: str
    passwords: Mapping[str, str]

    def dsn(self, user: str, dbname: str) -> str:
        """Return the connection string of one login, or of the superuser as ``postgres``."""
        if user == "postgres":
            return make_conninfo(self.admin_dsn, dbname=dbname)
        password = self.passwords.get(user, "")
        return make_conninfo(self.admin_dsn, user=user, password=password, dbname=dbname)

    def administer(self, *statements: sql.SQL | sql.Composed) -> None:
        """Run statements as superuser, each in its own transaction."""
        connection = administrator(self.admin_dsn)
        if connection.closed:
            administrator.cache_clear()
            connection = administrator(self.admin_dsn)
        for statement in statements:
            connection.execute(statement)


@functools.cache
def administrator(dsn: str) -> psycopg.Connection:
    """Return the superuser's connection of this process: two for each test took their time."""
    return psycopg.connect(dsn, autocommit=True)


@dataclasses.dataclass
class Database:
    """A database that a test works in, and the connections that the test opened to it."""

    name: str
    server: Server
    opened: list[psycopg.Connection] = dataclasses.field(default_factory=list)

    def dsn(self, user: str = "postgres") -> str:
        """Return the connection string of one login, or of the superuser as ``postgres``."""
        return self.server.dsn(user, self.name)

    def connect(self, user: str = "postgres", *, autocommit: bool = False) -> psycopg.Connection:
        """Open a connection, closed when the test ends."""
        connection = psycopg.connect(self.dsn(user), autocommit=autocommit)
        self.opened.append(connection)
        return connection

    def sign_everybody_out(self) -> None:
        """End every session: a database that somebody uses cannot be copied."""
        for connection in connections.all(initialized_only=True):
            connection.close()
            connection.close_pool()
        self.server.administer(
            sql.SQL(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}"
            ).format(sql.Literal(self.name))
        )


def environment(database: Database) -> dict[str, str]:
    """Return what a process of its own needs to use the test's database."""
    where = conninfo_to_dict(database.dsn("portal_web"))
    passwords = {
        f"STRATA_DB_PASSWORD_{login.upper()}": password
        for login, password in database.server.passwords.items()
    }
    return {
        **os.environ,
        **passwords,
        "DJANGO_SETTINGS_MODULE": "registry.settings",
        "STRATA_DEBUG": "1",
        "STRATA_DB_HOST": where.get("host", ""),
        "STRATA_DB_PORT": str(where.get("port", "")),
        "STRATA_DB_NAME": database.name,
    }


def start(choice: str) -> tuple[Server, Callable[[], None]]:
    """Start the server that LEDGER_TEST_PG names; return it and how to stop it."""
    if choice in ("embedded", "embedded-16"):
        return _start_embedded(16 if choice == "embedded-16" else 18)
    if choice == "container":
        return _start_container()
    if "=" in choice or "://" in choice:
        return Server(choice, _passwords()), lambda: None
    raise pytest.UsageError(
        f"LEDGER_TEST_PG={choice}: use embedded, embedded-16, container or a superuser's DSN"
    )


def _passwords() -> dict[str, str]:
    return {login: secrets.token_hex(16) for login in bootstrap.LOGINS}


def _start_embedded(version: int) -> tuple[Server, Callable[[], None]]:
    directory = _new_directory()
    # Under root another user runs the server and must be able to enter.
    directory.chmod(0o711)
    # Plans are not to depend on how many tests a copy has served.
    server = EmbeddedServer(
        directory / "data", version=version, fsync=False, settings={"autovacuum": "off"}
    )
    server.start()

    def stop() -> None:
        server.stop()
        shutil.rmtree(directory)

    return Server(server.dsn(), {}), stop


def _new_directory() -> Path:
    """Make a directory for one run, and remove those whose run was killed."""
    memory = Path("/dev/shm")
    # In memory where there is enough: copying a database was ten times as fast there as on a disk.
    enough = memory.is_dir() and shutil.disk_usage(memory).free > 2**31
    parent = memory if enough and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    for old in parent.glob("strata-tests-*"):
        if not Path("/proc", old.name.split("-")[2]).exists():
            shutil.rmtree(socket_directory(old / "data"), ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"strata-tests-{os.getpid()}-", dir=parent))


def _start_container() -> tuple[Server, Callable[[], None]]:
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(
        IMAGE,
        username="postgres",
        password=secrets.token_hex(16),
        dbname="postgres",
        driver=None,
    ).with_command("postgres -c fsync=off -c synchronous_commit=off")
    try:
        container.start()
    except BaseException:
        print(*container.get_logs(), sep="\n", file=sys.stderr)
        container.stop()
        raise
    return Server(container.get_connection_url(), _passwords()), container.stop


def build_template(server: Server) -> None:
    """Make a migrated, empty database in the way a deployment does."""
    server.administer(_drop(TEMPLATE))
    bootstrap.bootstrap(server.admin_dsn, TEMPLATE, passwords=server.passwords)
    server.administer(
        # Makes CREATE FUNCTION refuse what plpgsql would only stumble over later.
        sql.SQL("ALTER DATABASE {} SET plpgsql.extra_errors = 'all'").format(
            sql.Identifier(TEMPLATE)
        )
    )
    bootstrap.open_change_window(server.admin_dsn, TEMPLATE, reason="test template", minutes=10)
    with django_uses(server, TEMPLATE):
        call_command("migrate", database="migrator", verbosity=0)
    bootstrap.close_change_window(server.admin_dsn, TEMPLATE)
    # What tests.mutants takes away, to see a test fail.
    if mutation := os.environ.get("STRATA_MUTATION"):
        with psycopg.connect(server.dsn("postgres", TEMPLATE), autocommit=True) as connection:
            connection.execute(mutation)


@contextlib.contextmanager
def clone(server: Server, template: str = TEMPLATE) -> Iterator[Database]:
    """Give a copy of a template, and drop it afterwards."""
    name = f"strata_test_{os.getpid()}_{next(numbers)}"
    database = Database(name, server)
    server.administer(*_copy(template, name))
    try:
        yield database
    finally:
        for connection in database.opened:
            connection.close()
        server.administer(_drop(name))


@contextlib.contextmanager
def django_uses(server: Server, name: str, *, keep: bool = False) -> Iterator[None]:
    """Point every Django connection to one database; close them all afterwards, or keep them."""
    for alias in connections:
        settings = connections.settings[alias]
        target = conninfo_to_dict(server.dsn(settings["USER"], name))
        settings["HOST"] = target.get("host", "")
        settings["PORT"] = str(target.get("port", ""))
        settings["PASSWORD"] = target.get("password") or ""
        settings["NAME"] = name
        driver = connections[alias].connection
        if not keep or driver is None or driver.info.dbname != name:
            connections[alias].close()
    try:
        yield
    finally:
        for connection in connections.all(initialized_only=True):
            if not keep:
                connection.close()
                connection.close_pool()
            connection.settings_dict["NAME"] = "no_test_may_use_this_database"


def _drop(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


def _copy(template: str, name: str) -> Iterator[sql.Composed]:
    """Copy a template with what CREATE DATABASE leaves behind: owner, grants and settings."""
    values = {"copy": sql.Identifier(name), "template": sql.Identifier(template)}
    names = {"copy": sql.Literal(name), "template": sql.Literal(template)}
    yield sql.SQL("CREATE DATABASE {copy} TEMPLATE {template} STRATEGY file_copy").format(**values)
    yield sql.SQL(
        "UPDATE pg_database AS copy SET datdba = template.datdba, datacl = template.datacl"
        " FROM pg_database AS template"
        " WHERE copy.datname = {copy} AND template.datname = {template}"
    ).format(**names)
    yield sql.SQL(
        "INSERT INTO pg_db_role_setting"
        " SELECT copy.oid, setrole, setconfig FROM pg_db_role_setting"
        " JOIN pg_database AS template ON template.oid = setdatabase"
        " JOIN pg_database AS copy ON copy.datname = {copy}"
        " WHERE template.datname = {template}"
    ).format(**names)
