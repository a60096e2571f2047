"""
Replay the history of another registry.

``start`` works on a clean database of its own and keeps a record; ``here`` sends a file into this
database, without one. Both need two logins of the database: ``portal_web``, which writes the
requests, and ``ledger_replay`` (``STRATA_REPLAY_LOGIN=1``), which executes them at the times they
state, while a replay window is open. docs/replay.md describes the file.
"""

import contextlib
import logging
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, OperationalError

from ledgerdb.errors import LedgerError
from registry.replay.acts import act, add_acts
from registry.replay.engine import Replay, StoppedError
from registry.replay.progress import Shown
from registry.replay.summary import CLEAN, NOT_NOW, NOT_READABLE, Summary
from registry.selectors import replay as selectors

CLOSED = """No replay window is open: past times are not allowed now. An administrator opens one:
  STRATA_ADMIN_DSN=… manage.py change_window open --purpose replay --minutes 600 --reason "…"
Then run this again."""

ACTS = ("start", "resume", "work", "status", "report", "compare", "here")


class Command(BaseCommand):
    """Check the file, create its reference records, send its events, sum up."""

    help = (
        "Send the events of a JSON Lines file through the ledger with their original people and"
        " times. Run it again after a stop, and it continues. Exit status: 0 all accepted, 1 some"
        " rejected, 2 the file or a line cannot be read, 3 it cannot be done now."
    )

    # The pages, which most checks are about, have no part in this.
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Run; a file alone is short for ``here`` and the file."""
        asked = argv[2:]
        if asked and not {"-h", "--help", *ACTS} & set(asked):
            argv = [*argv[:2], "here", *asked]
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        acts = parser.add_subparsers(
            dest="act",
            required=True,
            metavar=" | ".join(ACTS),
            help="what to do; each has --help of its own, and a file alone is here FILE",
        )
        add_acts(acts)
        self._add_here(acts.add_parser("here", help="send a file into this very database"))

    def _add_here(self, parser: Any) -> None:
        parser.add_argument("file", type=Path, help="JSON Lines, as docs/replay.md describes them")
        parser.add_argument(
            "--allow-overlapping-production",
            action="store_true",
            help="define the file's commodities so that one facility may be issued for more than"
            " once for the same days",
        )
        parser.add_argument("--report", type=Path, help="write one JSON line for each outcome")
        parser.add_argument(
            "--keep-going",
            action="store_true",
            help="leave out lines that cannot be read (still exit status 2); without it, one such"
            " line and nothing is written",
        )
        parser.add_argument("--quiet", action="store_true", help="show no progress")

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Replay.

        :raises CommandError: with the exit status that ``help`` explains
        """
        # Each refusal is an outcome, counted and reported: not a warning a line.
        logging.getLogger("registry.services").setLevel(logging.ERROR)
        if options["act"] != "here":
            show = Shown(options.get("stderr") or sys.stderr, quiet=options.get("quiet", True))
            act(options, show, self.stdout)
            return
        with contextlib.ExitStack() as stack:
            try:
                _check_file(options["file"])
                report = _opened(stack, options["report"])
            except OSError as error:
                raise CommandError(f"FILE_UNREADABLE: {error}", returncode=NOT_READABLE) from error
            self._check_rights()
            self._run(Summary(report), options)

    def _check_rights(self) -> None:
        if not selectors.holds_replay_login():
            raise CommandError(
                "This process does not hold the login ledger_replay: set STRATA_REPLAY_LOGIN=1 and"
                " STRATA_DB_PASSWORD_LEDGER_REPLAY.",
                returncode=NOT_NOW,
            )
        try:
            if not selectors.is_window_open():
                raise CommandError(CLOSED, returncode=NOT_NOW)
        except OperationalError as error:
            raise CommandError(
                f"PostgreSQL cannot be reached: {error}", returncode=NOT_NOW
            ) from error

    def _run(self, summary: Summary, options: dict[str, Any]) -> None:
        started = time.monotonic()
        try:
            self._replay(summary, options)
        except (StoppedError, LedgerError, Error) as error:
            self._say(summary.lines())
            raise CommandError(
                f"Stopped: {error}\nNothing is lost: run the same command again to continue.",
                returncode=NOT_NOW,
            ) from error
        except KeyboardInterrupt as stop:
            self._say(summary.lines())
            raise CommandError(
                "Stopped by you. Run the same command again to continue.", returncode=130
            ) from stop
        self._say([*summary.lines(), f"In {time.monotonic() - started:,.1f} s"])
        clean = self._state()
        self._say(summary.problems())
        if not clean:
            raise CommandError("The ledger does not reconcile.", returncode=NOT_NOW)
        if summary.status != CLEAN:
            raise CommandError(
                "Some lines could not be read."
                if summary.status == NOT_READABLE
                else "Some events were rejected.",
                returncode=summary.status,
            )

    def _replay(self, summary: Summary, options: dict[str, Any]) -> None:
        """
        Read the file three times.

        :raises CommandError: a line cannot be read and nothing was written
        """
        replay = Replay(
            options["file"],
            allow_overlap=options["allow_overlapping_production"],
            report=summary.add,
        )
        keep_going = options["keep_going"]
        # Not self.stderr, which would end each piece of the bar with a new line.
        show = Shown(options.get("stderr") or sys.stderr, quiet=options["quiet"])
        show.run(replay.check(), "Checking lines", None)
        self._stop_if_unreadable(summary, keep_going=keep_going)
        references = replay.scan.references
        show.run(replay.refer(keep_going=keep_going), "Reference records", references)
        self._stop_if_unreadable(summary, keep_going=keep_going)
        self._say([_read(replay)])
        for outcome in show(replay.outcomes(), "Events", replay.scan.events):
            summary.add(outcome)

    def _stop_if_unreadable(self, summary: Summary, *, keep_going: bool) -> None:
        if summary.unreadable and not keep_going:
            self._say(summary.problems())
            raise CommandError(
                "Nothing was written. Correct the lines, or leave them out with --keep-going.",
                returncode=NOT_READABLE,
            )

    def _state(self) -> bool:
        state = selectors.ledger_state()
        clean = bool(state["reconciled"]["ok"])
        self._say([f"Reconciliation {'clean' if clean else 'NOT CLEAN'}"])
        self._say(
            f"{code} chain: height {chain['height']:,}, hash {chain['hash']}"
            for code, chain in state["chains"].items()
        )
        if not clean:
            self._say([str(state["reconciled"])])
        return clean

    def _say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)


def _check_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        # A pipe, for one, would be empty at the second reading.
        raise OSError(f"{path} is no file that can be read several times")
    with path.open("rb") as stream:
        if not stream.read(1):
            raise OSError(f"{path} is empty")


def _opened(stack: contextlib.ExitStack, path: Path | None) -> TextIO | None:
    return stack.enter_context(path.open("w", encoding="utf-8")) if path else None


def _read(replay: Replay) -> str:
    """Say what the file holds and how its batches are counted."""
    counted = ", ".join(
        f"{count:,} from {start}" for start, count in replay.scan.counted_from().items() if count
    )
    return (
        f"{replay.scan.events:,} events; reference records: {replay.references.created:,} created,"
        f" {replay.references.compared:,} there already"
        + (f"; batches counted {counted}" if counted else "")
    )
