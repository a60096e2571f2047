"""
Working on a recorded run: its database, its window, its history with the rules, its outcome.

The run's record is in the registry's own database (``home``); everything the replay writes goes to
the database of the run. Killed anywhere, the next process goes on: what was executed is there.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.db import Error, models
from django.utils import timezone

from ledgerdb import bootstrap, clones
from ledgerdb.errors import LedgerError
from registry.models import ReplayRejection, ReplayRun
from registry.replay import adapters
from registry.replay.compare import BalancesError, compare, read_balances
from registry.replay.engine import Replay
from registry.replay.engine import StoppedError as StoppedError
from registry.replay.outcomes import ACCEPTED, REJECTED, REPEATED, UNREADABLE, Outcome
from registry.replay.rules import SKIPPED, Rule, Rules, plain
from registry.selectors import replay as selectors
from registry.services import replay_runs as services

Show = Callable[[Any, str, int | None], Iterator[Any]]
# Written down this often, in seconds, or when so many rejections wait.
SECONDS = 2.0
EVERY = 500
# The window is opened for so many minutes and kept open while the run is at work: a killed run
# leaves none behind for long.
MINUTES = 15
KEPT_SECONDS = 300.0
STATE = ReplayRun.State


class FailedError(Exception):
    """The run cannot be done as it was asked for; another one must be started."""


def sha256_of(path: Path) -> str:
    """
    Return the SHA-256 of a file; of a directory, of its files with their names.

    :raises OSError: it cannot be read
    """
    if path.is_dir():
        inner = [
            f"{each.relative_to(path)} {sha256_of(each)}\n"
            for each in sorted(path.rglob("*"))
            if each.is_file()
        ]
        return hashlib.sha256("".join(inner).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """Return how many bytes a file has, or the files of a directory together."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size


class Runner:
    """Works on one run, for one process at a time."""

    def __init__(
        self, run: ReplayRun, *, admin_dsn: str, home: str, show: Show, template: str = ""
    ) -> None:
        """Take the run, the administrator's connection string and the registry's database."""
        self.run = run
        self.admin_dsn = admin_dsn
        self.home = home
        self.show = show
        self.template = template
        self.counted = Tally()
        self.rejections: list[ReplayRejection] = []
        self.since = self.kept = time.monotonic()
        self.window = 0

    def work(self) -> str:
        """
        Start the run or go on with it; return the state it ends in.

        :raises FailedError: it cannot be done as it was asked for
        :raises StoppedError: it cannot go on now
        :raises clones.BusyError: another process works on it
        """
        with clones.alone_on(self.admin_dsn, self.home, self.run.pk):
            self.run.refresh_from_db()
            if self.run.state in (STATE.FINISHED, STATE.FAILED):
                raise FailedError(f"Run {self.run.pk} has ended.")
            self._begin()
            if self.run.database != self._database():
                # Whoever wrote it: the administrator opens no window anywhere else.
                self._end(STATE.FAILED, problem="Its database is not its own.", using="default")
                raise FailedError(f"Run {self.run.pk} names a database that is not its own.")
            with clones.worked_on(self.run.database):
                try:
                    history = self._history()
                    with self._window():
                        return self._work(history)
                except FailedError as failed:
                    self._end(STATE.FAILED, problem=str(failed)[:500])
                    raise
                except (StoppedError, LedgerError, Error, KeyboardInterrupt) as stop:
                    # The server may be gone; then the record goes on saying that it runs.
                    with suppress(Error, LedgerError):
                        self._end(STATE.STOPPED, problem=(str(stop) or "Ctrl-C")[:500])
                    raise

    def _begin(self) -> None:
        """Make the database of a run that starts, and fix what it starts with."""
        if self.run.started_at is not None:
            services.begin_run(run_id=self.run.pk)
            return
        database = self._database()
        if self.run.purpose == ReplayRun.Purpose.REHEARSAL:
            template = self.template or f"{self.home}_replay_template"
            if not self.template:
                clones.make_template(self.admin_dsn, template)
            clones.make_clone(self.admin_dsn, template, database)
        rules = selectors.rules_in_force(self.run.source)
        services.begin_run(
            run_id=self.run.pk,
            code_version=clones.digest(),
            map_version=rules_of(rules).version(),
            rules=rules,
            database=database,
            started_at=timezone.now(),
        )
        self.run.refresh_from_db()

    def _database(self) -> str:
        """Return where the run belongs: a rehearsal in a database of its own."""
        is_rehearsal = self.run.purpose == ReplayRun.Purpose.REHEARSAL
        return f"{self.home}_replay_{self.run.pk}" if is_rehearsal else self.home

    @contextmanager
    def _window(self) -> Iterator[None]:
        where = (self.admin_dsn, self.run.database)
        self.window = bootstrap.open_change_window(
            *where, reason=f"replay run {self.run.pk}", minutes=MINUTES, purpose="replay"
        )
        self.kept = time.monotonic()
        try:
            yield
        finally:
            with suppress(clones.Error):
                bootstrap.close_change_window(*where, purpose="replay")

    def _keep_window(self) -> None:
        """Keep the window open while there is work; one that somebody closed stays closed."""
        if time.monotonic() - self.kept < KEPT_SECONDS:
            return
        self.kept = time.monotonic()
        with suppress(clones.Error):
            bootstrap.keep_change_window(
                self.admin_dsn, self.run.database, self.window, minutes=MINUTES
            )

    def _work(self, history: Path) -> str:
        replay = Replay(
            history,
            allow_overlap=bool(self.run.options.get("allow_overlapping_production")),
            report=self._unreadable,
            rules=rules_of(self.run.rules),
        )
        self._all(replay.check(), "Checking lines", None)
        self._stop_if_unreadable()
        self._all(replay.refer(keep_going=False), "Reference records", None)
        self._stop_if_unreadable()
        total = replay.scan.events + replay.scan.records[SKIPPED]
        before = self.run.figures.get("before", None) or selectors.figures()
        self.run.figures = {"before": before}
        self._progress(events=total, figures=self.run.figures)
        # Statistics are taken each time the tables have grown fourfold.
        look_at = 1000
        for outcome in self.show(replay.outcomes(), "Events", total):
            self._count(outcome)
            self._keep_window()
            if self.counted.done >= look_at:
                bootstrap.analyze(self.admin_dsn, self.run.database)
                look_at *= 4
        self._finish(replay)
        return str(STATE.FINISHED)

    def _history(self) -> Path:
        path = Path(self.run.path)
        try:
            if sha256_of(path) != self.run.sha256:
                raise FailedError("SOURCE_CHANGED: the source is not what it was.")
            if self.run.balances_path:
                read_balances(Path(self.run.balances_path))
            return adapters.history_of(self.run.adapter, path, run=self.run)
        except OSError as error:
            raise FailedError(f"FILE_UNREADABLE: {error}") from error
        except adapters.SourceError as error:
            raise FailedError(f"SOURCE_UNREADABLE: {error}") from error
        except BalancesError as error:
            raise FailedError(f"BALANCES_UNREADABLE: {error}") from error

    def _all(self, things: Iterator[Any], what: str, total: int | None) -> None:
        for _ in self.show(things, what, total):
            self._keep_window()

    def _unreadable(self, outcome: Outcome) -> None:
        self._count(outcome)

    def _stop_if_unreadable(self) -> None:
        if self.counted.outcomes[UNREADABLE]:
            self._progress()
            count = self.counted.outcomes[UNREADABLE]
            raise FailedError(f"LINES_UNREADABLE: {count} lines cannot be read; nothing was sent.")

    def _count(self, outcome: Outcome) -> None:
        self.counted.add(outcome)
        if outcome.outcome in (REJECTED, UNREADABLE):
            self.rejections.append(rejection_of(self.run, outcome))
        if time.monotonic() - self.since >= SECONDS or len(self.rejections) >= EVERY:
            self._progress()

    def _progress(self, **figures: Any) -> None:
        now = time.monotonic()
        spent, self.since = now - self.since, now
        services.report_progress(
            run_id=self.run.pk,
            rejections=self.rejections,
            seconds=models.F("seconds") + spent,
            **self.counted.figures(),
            **figures,
        )
        self.rejections = []

    def _finish(self, replay: Replay) -> None:
        self._progress()
        state = selectors.ledger_state()
        outcome: dict[str, Any] = {
            "heads": state["chains"],
            "reconciliation": state["reconciled"],
            "reconciled": bool(state["reconciled"]["ok"]),
            "figures": {**self.run.figures, "after": selectors.figures()},
        }
        if self.run.balances_path:
            outcome |= compared(replay, Path(self.run.balances_path))
        self._end(STATE.FINISHED, **outcome)

    def _end(self, state: str, **outcome: Any) -> None:
        services.end_run(run_id=self.run.pk, state=state, **outcome)


def compared(replay: Replay, path: Path) -> dict[str, Any]:
    """
    Compare the ledger that is worked on with the closing balances of a source.

    :raises FailedError: they cannot be read
    """
    try:
        found = compare(
            read_balances(path),
            selectors.closing_balances(),
            selectors.closing_blocks(),
            replay.scan.first_number,
        )
    except BalancesError as error:
        raise FailedError(f"BALANCES_UNREADABLE: {error}") from error
    return {
        "comparison": found,
        "differences": found["count"],
        "balances_path": str(path),
        "balances_sha256": sha256_of(path),
    }


def rules_of(rules: list[dict[str, Any]]) -> Rules:
    """Return the rules among signed decisions; what is fixed at the source changes nothing here."""
    names = ("id", "event_id", "action", "content")
    return Rules(Rule(**{name: each[name] for name in names}) for each in rules if each["action"])


class Tally:
    """Counts what came of a run's events."""

    def __init__(self) -> None:
        """Start from nothing."""
        self.outcomes: Counter[str] = Counter()
        self.accepted: dict[str, list[int]] = {}
        self.rejected: dict[str, Counter[str]] = {}
        self.amended = self.inserted = self.done = 0

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        self.outcomes[outcome.outcome] += 1
        record = outcome.record
        if record is not None:
            self.done += 1
            self.inserted += record.inserted
            self.amended += record.rule is not None and record.name != SKIPPED
        if outcome.outcome == ACCEPTED:
            count = self.accepted.setdefault(outcome.kind, [0, 0])
            count[0] += 1
            count[1] += outcome.volume
        elif outcome.outcome == REJECTED:
            self.rejected.setdefault(outcome.code, Counter())[outcome.kind] += 1

    def figures(self) -> dict[str, Any]:
        """Return the columns of a run."""
        return {
            "done": self.done,
            "accepted": self.outcomes[ACCEPTED],
            "rejected": self.outcomes[REJECTED],
            "repeated": self.outcomes[REPEATED],
            "unreadable": self.outcomes[UNREADABLE],
            "skipped": self.outcomes[SKIPPED],
            "amended": self.amended - self.inserted,
            "inserted": self.inserted,
            "counts": {"accepted": self.accepted, "rejected": self.rejected},
        }


def rejection_of(run: ReplayRun, outcome: Outcome) -> ReplayRejection:
    """Return the record of what a run rejected, with the event and the ledger around it."""
    record = outcome.record
    return ReplayRejection(
        run_id=run.pk,
        line=outcome.line,
        event_id=outcome.event,
        kind=outcome.kind,
        occurred_at=record.get("occurred_at") if record else None,
        code=outcome.code,
        root_event=outcome.root or outcome.event,
        root_code=outcome.root_code or outcome.code,
        volume=record.get("volume") if record else None,
        source=(record.said or plain(record.fields)) if record else {},
        call=called(outcome.asked),
        facts={**outcome.facts, **around(outcome)},
    )


def called(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked of the ledger, with the codes of the records it named."""
    return {name: plain(getattr(value, "code", value)) for name, value in asked.items()}


def around(outcome: Outcome) -> dict[str, Any]:
    """Return what the ledger says around a rejected event; a rejection has changed nothing."""
    asked = outcome.asked
    accounts = [asked[name] for name in ("source", "target") if asked.get(name) is not None]
    commodity = outcome.commodity
    if commodity is None:
        return {}
    return {"ledger": selectors.around(commodity, accounts, asked.get("ranges") or ())}
