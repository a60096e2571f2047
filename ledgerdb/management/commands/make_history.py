"""Make a made-up history of many blocks."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from ledgerdb import bootstrap, made_up
from ledgerdb.embedded import EmbeddedServer, EmbeddedServerError

DATABASE = "strata_history"
# Seconds between two lines of progress.
EVERY = 2


class Command(BaseCommand):
    """Signs in as the database administrator: no login of the registry may add rows in bulk."""

    help = (
        "Fill an empty registry with made-up certificates, to see how it reads when it is large."
        " Refused where there is a single organisation, person, account, request or transaction."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how much, and where."""
        parser.add_argument("--blocks", type=int, required=True, help="such as 1000000")
        where = parser.add_mutually_exclusive_group()
        where.add_argument(
            "--directory", type=Path, help="keep it here, on a PostgreSQL server of its own"
        )
        where.add_argument(
            "--database",
            help="a database that was made and migrated as deploy/README.md says, on the server of"
            " STRATA_ADMIN_DSN",
        )
        parser.add_argument(
            "--wait", action="store_true", help="with --directory: serve it until Ctrl-C"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Make it, and say how far it is.

        :raises CommandError: there is a registry already, or it is not said where to make it
        """
        if options["blocks"] < made_up.LEAST:
            raise CommandError(f"Ask for {made_up.LEAST:,} blocks at least.")
        try:
            with self._server(options) as (dsn, database):
                self._make(dsn, database, options["blocks"])
                if options["directory"] and options["wait"]:
                    self._wait()
        except (psycopg.Error, EmbeddedServerError) as error:
            raise CommandError(f"PostgreSQL refused: {error}") from error

    @contextlib.contextmanager
    def _server(self, options: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if options["directory"]:
            with EmbeddedServer(options["directory"], settings=SETTINGS) as server:
                install(server, DATABASE)
                yield server.dsn(), DATABASE
            return
        dsn = os.environ.get("STRATA_ADMIN_DSN", "")
        if not (dsn and options["database"]):
            raise CommandError(
                "Say --directory, or --database with the connection string of a superuser in"
                " STRATA_ADMIN_DSN."
            )
        yield dsn, options["database"]

    def _make(self, dsn: str, database: str, blocks: int) -> None:
        began = told = time.monotonic()

        def tell(made: int) -> None:
            nonlocal told
            if made >= blocks or time.monotonic() - told > EVERY:
                told = time.monotonic()
                self.stdout.write(f"{made:>12,} of {blocks:,} blocks, {told - began:,.0f} s")

        with bootstrap.connect(dsn, database) as connection:
            try:
                history = made_up.History(connection, blocks, tell)
            except made_up.NotEmptyError as error:
                raise CommandError(
                    f"{database} is not empty ({error}): a made-up history is never added to a"
                    " registry."
                ) from error
            history.make()

    def _wait(self) -> None:
        target = connections["default"].settings_dict
        self.stdout.write(
            f"Serving. The portal finds it with STRATA_DB_HOST={target['HOST']}"
            f" STRATA_DB_PORT={target['PORT']} STRATA_DB_NAME={target['NAME']}. Ctrl-C stops it."
        )
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


# What is lost in a crash is made again.
SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "synchronous_commit": "off",
}


def install(server: EmbeddedServer, database: str) -> None:
    """Make an empty registry on a server of our own, as a deployment does."""
    admin = (server.dsn(), database)
    bootstrap.bootstrap(*admin)
    for alias in settings.DATABASES:
        connections[alias].close()
        connections[alias].settings_dict |= {
            "HOST": server.host, "PORT": str(server.port), "NAME": database, "PASSWORD": "",
        }  # fmt: skip
    bootstrap.open_change_window(*admin, reason="made-up history: install")
    call_command("migrate", database="migrator", verbosity=0)
    bootstrap.close_change_window(*admin)
    connections.close_all()
