"""
The cutover: check everything, let the final run write into this registry, check again.

``check`` says what is missing. ``run`` refuses while anything is; otherwise it opens a window,
replays into this very database, compares, closes the window, and checks the outcome.
"""

import logging
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry.models import ReplayRun
from registry.replay import acts, console
from registry.replay.runner import sha256_of
from registry.replay.summary import NOT_NOW, SOME_REJECTED
from registry.selectors import cutover

MISSING = 4


class Command(BaseCommand):
    """Read the checklist, and do the final run when all of it holds."""

    help = (
        "Check whether a source can be cut over, and do it. Exit status: 0 all holds, 4 something"
        " is missing and nothing was written; others as those of manage.py replay."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do and of which source."""
        steps = parser.add_subparsers(dest="step", required=True, metavar="check | run | after")
        checking = steps.add_parser("check", help="say what is missing before the final run")
        running = steps.add_parser("run", help="do the final run; again after a stop, go on")
        done = steps.add_parser("after", help="check the outcome of the final run")
        for each in (checking, running, done):
            each.add_argument("--source", required=True, help="short name of the older system")
        for each in (checking, running):
            each.add_argument(
                "--freeze-at", help="since when the older system takes nothing in, with offset"
            )
            each.add_argument("--path", type=Path, help="the source; default: as rehearsed")
        acts.add_work(running)

    def handle(self, *args: Any, **options: Any) -> None:
        """
        Check, or check and run and check.

        :raises CommandError: with the exit status that ``help`` explains
        """
        logging.getLogger("registry.services").setLevel(logging.ERROR)
        {"check": self._check, "run": self._run, "after": self._after}[options["step"]](options)

    def _check(self, options: dict[str, Any]) -> None:
        freeze_at = acts.instant(options["freeze_at"]) if options["freeze_at"] else None
        with acts.said():
            sha256 = sha256_of(options["path"]) if options["path"] else ""
        found = cutover.before(options["source"], freeze_at=freeze_at, sha256=sha256)
        self._say(found)

    def _run(self, options: dict[str, Any]) -> None:
        run = cutover.final_run(options["source"])
        if run is None:
            self._check(options)
            run = self._recorded(options)
        show = acts.Shown(options.get("stderr") or sys.stderr, quiet=options["quiet"])
        if run.state != ReplayRun.State.FINISHED:
            with acts.said():
                run = acts.desk_of(options, show).work(run)
        for line in console.report_lines(run):
            self.stdout.write(line)
        self._after(options)

    def _recorded(self, options: dict[str, Any]) -> ReplayRun:
        """Record the final run, with everything as the last rehearsal had it."""
        rehearsed = cutover.last_rehearsal(options["source"])
        if rehearsed is None:
            raise CommandError("There is no rehearsal.", returncode=NOT_NOW)
        balances = rehearsed.balances_path
        with acts.said():
            return console.recorded(
                options["path"] or Path(rehearsed.path),
                source=rehearsed.source,
                adapter=rehearsed.adapter,
                options=rehearsed.options,
                balances=Path(balances) if balances else None,
                purpose=ReplayRun.Purpose.FINAL,
                freeze_at=acts.instant(options["freeze_at"]),
            )

    def _after(self, options: dict[str, Any]) -> None:
        self._say(cutover.after(options["source"]), status=SOME_REJECTED)

    def _say(self, checks: list[cutover.Check], status: int = MISSING) -> None:
        for check in checks:
            self.stdout.write(
                f"{'ok     ' if check.ok else 'MISSING'}  {check.key:<18}{check.found}"
            )
        if not all(check.ok for check in checks):
            raise CommandError("Not everything holds.", returncode=status)
