"""
Send the mails of notices, and tell what a crash kept from being told.

Needs one login of the database, ``portal_web``, and a mail server (``STRATA_EMAIL_…``).
"""

import signal
import threading
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections

from registry import services

# Looking at every waiting request again is not for every round.
PREVIEWS_EVERY_SECONDS = 600


class Command(BaseCommand):
    """Send once, or keep watching until told to stop."""

    help = (
        "Send the mails that are due, tell outcomes that a crash kept from being told, and tell"
        " submitters whose waiting requests would now take other blocks. SIGTERM and Ctrl-C end it"
        " after the mail in hand."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Nobody has asked to stop yet."""
        super().__init__(*args, **options)
        self.stopping = threading.Event()
        self.looked_at = float("-inf")

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to go on."""
        parser.add_argument(
            "--watch",
            type=float,
            nargs="?",
            const=5.0,
            metavar="SECONDS",
            help="keep sending, with this pause between rounds (default: %(const)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Send."""
        if options["watch"] is None:
            self.stdout.write(self._round())
            return
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        while not self.stopping.is_set():
            self._round_or_wait()
            self.stopping.wait(options["watch"])

    def _round(self) -> str:
        told = services.tell_missed_outcomes()
        if time.monotonic() - self.looked_at > PREVIEWS_EVERY_SECONDS:
            services.tell_changed_previews()
            self.looked_at = time.monotonic()
        sent, unsent = services.send_mails()
        return f"{sent} mails sent, {unsent} to be tried again, {told} outcomes caught up."

    def _round_or_wait(self) -> None:
        """Go one round; outlive a restart of PostgreSQL."""
        try:
            close_old_connections()
            self._round()
        except (OperationalError, InterfaceError) as error:
            self.stderr.write(f"PostgreSQL cannot be reached, trying again: {error}")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()
