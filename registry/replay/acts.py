"""The acts of ``manage.py replay`` on recorded runs: their options, and what they say."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import Error
from django.utils.dateparse import parse_datetime

from ledgerdb import clones
from ledgerdb.errors import LedgerError
from registry.models import ReplayRun
from registry.replay import adapters, console
from registry.replay.engine import StoppedError
from registry.replay.progress import Shown as Shown
from registry.replay.runner import FailedError, Show
from registry.replay.summary import NOT_NOW, NOT_READABLE, SOME_REJECTED
from registry.replay.worker import Worker
from registry.selectors import replay as selectors

FORMATS = ("text", "json", "csv")


def add_acts(acts: Any) -> None:
    """Describe the acts and their options."""
    start = acts.add_parser("start", help="record a run over a source and work on it")
    start.add_argument("path", type=Path, help="the source: a file, or a directory of exports")
    start.add_argument("--source", required=True, help="short name of the older system")
    start.add_argument(
        "--adapter", choices=sorted(adapters.ADAPTERS), default="jsonl", help="default: jsonl"
    )
    start.add_argument("--balances", type=Path, help="the source's own closing balances, CSV")
    start.add_argument(
        "--allow-overlapping-production",
        action="store_true",
        help="define commodities so that one facility may be issued for twice for one day",
    )
    resume = acts.add_parser("resume", help="go on with a run that was stopped or killed")
    work = acts.add_parser("work", help="work on the run that has waited longest")
    for parser in (start, resume, work):
        add_work(parser)
    work.add_argument(
        "--watch",
        type=float,
        nargs="?",
        const=2.0,
        metavar="SECONDS",
        help="keep working on what comes, also on rehearsals that were stopped or killed, with this"
        " pause between looks (default: %(const)s); SIGTERM and Ctrl-C end it",
    )
    status = acts.add_parser("status", help="say how far runs are")
    report = acts.add_parser("report", help="say what came of a run")
    compare = acts.add_parser("compare", help="compare a run with closing balances")
    for parser in (resume, report, compare):
        parser.add_argument("run", type=int, help="the number of the run")
    status.add_argument("run", type=int, nargs="?", help="the number of the run; default: all")
    report.add_argument("--format", choices=FORMATS, default="text", help="csv: the rejections")
    compare.add_argument("closing", type=Path, help="closing balances, CSV")


def add_work(parser: Any) -> None:
    """Describe the options of whatever works on a run."""
    parser.add_argument(
        "--admin-dsn",
        default=os.environ.get("STRATA_ADMIN_DSN", ""),
        help="connection string of a superuser, who makes the database of a run; better given as"
        " STRATA_ADMIN_DSN",
    )
    parser.add_argument("--template", default="", help="copy this database instead of making one")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def act(options: dict[str, Any], show: Show, stdout: Any) -> None:
    """
    Do what was asked for.

    :raises CommandError: with the exit status that ``help`` explains
    """
    with said():
        ACTS[options["act"]](options, show, stdout)


def desk_of(options: dict[str, Any], show: Show) -> console.Desk:
    """
    Return where runs are worked on.

    :raises CommandError: the administrator or the login of the replay is not given
    """
    if not options["admin_dsn"]:
        raise CommandError(
            "Set STRATA_ADMIN_DSN to the connection string of a superuser.", returncode=NOT_NOW
        )
    if not selectors.holds_replay_login():
        raise CommandError(
            "This process does not hold the login ledger_replay: set STRATA_REPLAY_LOGIN=1 and"
            " STRATA_DB_PASSWORD_LEDGER_REPLAY.",
            returncode=NOT_NOW,
        )
    return console.Desk(
        options["admin_dsn"],
        str(settings.DATABASES["default"]["NAME"]),
        show,
        options.get("template", ""),
    )


@contextlib.contextmanager
def said() -> Iterator[None]:
    """
    Say what stopped a command, with its exit status.

    :raises CommandError: something stopped it
    """
    try:
        yield
    except FailedError as failed:
        raise CommandError(str(failed), returncode=NOT_READABLE) from failed
    except OSError as error:
        raise CommandError(f"FILE_UNREADABLE: {error}", returncode=NOT_READABLE) from error
    except (StoppedError, LedgerError, Error, clones.Error, clones.BusyError) as error:
        raise CommandError(
            f"Stopped: {error}\nNothing is lost: manage.py replay resume goes on.",
            returncode=NOT_NOW,
        ) from error
    except KeyboardInterrupt as stop:
        raise CommandError("Stopped by you.", returncode=130) from stop


def _start(options: dict[str, Any], show: Show, stdout: Any) -> None:
    desk = desk_of(options, show)
    run = console.recorded(
        options["path"],
        source=options["source"],
        adapter=options["adapter"],
        balances=options["balances"],
        options={"allow_overlapping_production": options["allow_overlapping_production"]},
    )
    stdout.write(f"Run {run.pk} is recorded.")
    finish(desk.work(run), stdout)


def _resume(options: dict[str, Any], show: Show, stdout: Any) -> None:
    finish(desk_of(options, show).work(_run(options)), stdout)


def _work(options: dict[str, Any], show: Show, stdout: Any) -> None:
    desk = desk_of(options, show)
    if options["watch"] is not None:
        Worker(desk, stdout, seconds=options["watch"]).watch()
        return
    run = selectors.waiting()
    if run is None:
        stdout.write("No run is waiting.")
        return
    finish(desk.work(run), stdout)


def finish(run: ReplayRun, stdout: Any) -> None:
    """
    Say what came of a run that ended.

    :raises CommandError: it is not clean
    """
    for line in console.report_lines(run):
        stdout.write(line)
    if not run.reconciled:
        raise CommandError("The ledger does not reconcile.", returncode=NOT_NOW)
    if run.rejected:
        raise CommandError("Some events were rejected.", returncode=SOME_REJECTED)


def _status(options: dict[str, Any], show: Show, stdout: Any) -> None:
    for line in console.status_lines([_run(options)] if options["run"] else selectors.runs()):
        stdout.write(line)


def _report(options: dict[str, Any], show: Show, stdout: Any) -> None:
    run = _run(options)
    if options["format"] == "csv":
        console.write_rejections(run, getattr(stdout, "_out", sys.stdout))
    elif options["format"] == "json":
        stdout.write(json.dumps(console.report(run), ensure_ascii=False, indent=1))
    else:
        for line in console.report_lines(run):
            stdout.write(line)


def _compare(options: dict[str, Any], show: Show, stdout: Any) -> None:
    run = _run(options)
    if not run.database:
        raise CommandError("The run has no ledger yet.", returncode=NOT_NOW)
    with clones.worked_on(run.database):
        found = console.compare_again(run, options["closing"])
    stdout.write(f"{found['differences']:,} differences")
    for row in found["comparison"]["differences"][:20]:
        stdout.write(json.dumps(row, ensure_ascii=False))
    if found["differences"]:
        raise CommandError("The balances differ.", returncode=SOME_REJECTED)


def _run(options: dict[str, Any]) -> ReplayRun:
    run = selectors.run(options["run"])
    if run is None:
        raise CommandError(f"There is no run {options['run']}.", returncode=NOT_READABLE)
    return run


def instant(text: str) -> Any:
    """
    Read an instant of the command line.

    :raises CommandError: it names no offset
    """
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise CommandError("An instant looks like 2026-11-21T18:00:00Z.", returncode=NOT_READABLE)
    return found


ACTS = {
    "start": _start,
    "resume": _resume,
    "work": _work,
    "status": _status,
    "report": _report,
    "compare": _compare,
}
