"""Servers that may be killed, each with data of its own on a real disk."""

import contextlib
import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django.plugin import DjangoDbBlocker

from ledgerdb.embedded import EmbeddedServer
from tests.server import TEMPLATE, Database, Server, build_template, django_uses

READY_SECONDS = 30


@dataclasses.dataclass
class Mortal:
    """A server of PostgreSQL that dies and comes back, and its one database."""

    process: EmbeddedServer
    database: Database
    recoveries: list[float] = dataclasses.field(default_factory=list)

    def kill(self) -> None:
        """Kill every process of the server at once, and start it again."""
        self.process.kill()
        started = time.monotonic()
        self.process.start()
        self.recoveries.append(time.monotonic() - started)

    def kill_backend(self) -> None:
        """Kill one busy session, on which PostgreSQL ends all others and recovers by itself."""
        with psycopg.connect(self.database.dsn(), autocommit=True) as connection:
            busy = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename IN ('ledger_service', 'portal_web')"
                " ORDER BY state = 'active' DESC, random() LIMIT 1"
            ).fetchone()
        assert busy is not None
        started = time.monotonic()
        os.kill(busy[0], 9)
        self.wait_for_restart(before=started)
        self.recoveries.append(time.monotonic() - started)

    def wait_for_restart(self, before: float) -> None:
        """Wait until the server answers after it has noticed the killed session."""
        give_up = before + READY_SECONDS
        time.sleep(0.05)
        while time.monotonic() < give_up:
            try:
                psycopg.connect(self.database.dsn()).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("PostgreSQL did not come back.")


@pytest.fixture
def mortal(django_db_blocker: DjangoDbBlocker) -> Iterator[Mortal]:
    """Start a server with a migrated database, and point Django to it."""
    with django_db_blocker.unblock(), _mortal(fsync=True) as found:
        yield found


@pytest.fixture
def quick_mortal(django_db_blocker: DjangoDbBlocker) -> Iterator[Mortal]:
    """Start one that leaves the disk to the kernel, which outlives it: for many databases."""
    settings = {"synchronous_commit": "on", "full_page_writes": "on"}
    with django_db_blocker.unblock(), _mortal(fsync=False, settings=settings) as found:
        yield found


@contextlib.contextmanager
def _mortal(**options: Any) -> Iterator[Mortal]:
    directory = Path(tempfile.mkdtemp(prefix="strata-crash-"))
    # Under root another user runs the server and must be able to enter.
    directory.chmod(0o711)
    version = 16 if os.environ.get("LEDGER_TEST_PG") == "embedded-16" else 18
    process = EmbeddedServer(directory / "data", version=version, **options)
    try:
        process.start()
        server = Server(process.dsn(), {})
        build_template(server)
        with django_uses(server, TEMPLATE):
            yield Mortal(process, Database(TEMPLATE, server))
    finally:
        process.stop()
        shutil.rmtree(directory)
