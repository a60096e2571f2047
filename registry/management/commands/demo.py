"""Make a believable registry on this machine and serve it."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ledgerdb.embedded import EmbeddedServer, EmbeddedServerError
from registry.demo import house
from registry.demo.environment import DATA
from registry.demo.welcome import greet


class Command(BaseCommand):
    """Starts PostgreSQL and the portal, and stops both when it ends."""

    help = (
        "Serve a registry with two years of history. Made at the first call, kept in .local; an"
        " interrupted first call is started over."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the port and what to leave out."""
        parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
        parser.add_argument("--fresh", action="store_true", help="make the registry again")
        parser.add_argument(
            "--no-serve", action="store_true", help="only make what is missing, then stop"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Serve until stopped.

        :raises CommandError: something is in the way
        """
        self.console = Console(soft_wrap=True)
        port, serve = options["port"], not options["no_serve"]
        address = house.address_at(port) if serve else "not serving"
        for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(name, _stop)
        try:
            with house.alone(address):
                if serve:
                    house.check_port(port)
                self._open(address, port, serve=serve, fresh=options["fresh"])
        except (house.CannotServeError, EmbeddedServerError, PermissionError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.console.print("Stopped.")

    def _open(self, address: str, port: int, *, serve: bool, fresh: bool) -> None:
        began = time.monotonic()
        why = house.why_make(fresh=fresh)
        if why:
            self.console.print(why)
            house.wait_for_the_dead()
            house.throw_away()
        with self._step("Starting PostgreSQL 18"), contextlib.ExitStack() as stack:
            server = stack.enter_context(house.postgres())
            running = stack.pop_all()
        with running:
            if why:
                with self._step("Making roles and tables"):
                    house.install(server)
                self._play(server)
            if not serve:
                self.console.print(f"Ready in {DATA}.")
                return
            with self._step("Collecting static files"):
                house.collect_static()
            with house.web(port) as process:
                greet(self.console, address)
                self.console.print(f"(Ready after {time.monotonic() - began:.0f} s.)")
                with house.mails(port), house.rehearsals(server):
                    house.watch(process)

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self.console.print(f"{what} … ", end="")
        sys.stdout.flush()
        began = time.monotonic()
        yield
        self.console.print(f"{time.monotonic() - began:.1f} s", highlight=False)

    def _play(self, server: EmbeddedServer) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task("Two years of certificates", total=None)
            house.play(server, lambda done, of: progress.update(task, completed=done, total=of))


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave every block, which stops the servers; nobody stops the stopping."""
    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt
