"""
Execute approved requests.

Needs two logins of the database: ``portal_web``, which finds the approved requests and marks the
refused ones, and ``ledger_service`` (``STRATA_LEDGER_LOGIN=1``), which executes them. The web
process then needs the first alone.
"""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections

from registry import services


class Command(BaseCommand):
    """Sweep once, or keep watching until told to stop."""

    help = (
        "Execute what is approved and not yet executed: after a crash, or always where the web"
        " process may not execute. SIGTERM and Ctrl-C end it after the request in hand."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Nobody has asked to stop yet."""
        super().__init__(*args, **options)
        self.stopping = threading.Event()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to go on."""
        parser.add_argument(
            "--watch",
            type=float,
            nargs="?",
            const=2.0,
            metavar="SECONDS",
            help="keep sweeping, with this pause between sweeps (default: %(const)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Sweep.

        :raises CommandError: this process does not hold the ledger's login
        """
        if not services.holds_ledger_login():
            raise CommandError(
                "This process does not hold the login ledger_service: set STRATA_LEDGER_LOGIN=1"
                " and STRATA_DB_PASSWORD_LEDGER_SERVICE."
            )
        if options["watch"] is None:
            self.stdout.write(f"{self._sweep()} requests swept.")
            return
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        self.stdout.write("Watching for approved requests.")
        while not self.stopping.is_set():
            self._sweep_or_wait()
            self.stopping.wait(options["watch"])
        self.stdout.write("Stopped.")

    def _sweep(self) -> int:
        swept = 0
        for request in services.execute_approved():
            swept += 1
            self.stdout.write(
                f"Request {request.number}: {request.status} {request.failure_code}".rstrip()
            )
            if self.stopping.is_set():
                break
        return swept

    def _sweep_or_wait(self) -> None:
        """Sweep; outlive a restart of PostgreSQL."""
        try:
            close_old_connections()
            self._sweep()
        except (OperationalError, InterfaceError) as error:
            self.stderr.write(f"PostgreSQL cannot be reached, trying again: {error}")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()
