"""A process that takes what waits, one run after the other, until somebody stops it."""

import logging
import signal
import time
from types import FrameType
from typing import Any

from django.db import Error, close_old_connections

from ledgerdb import clones
from ledgerdb.errors import LedgerError
from registry.models import ReplayRun
from registry.replay.console import Desk
from registry.replay.engine import StoppedError
from registry.replay.runner import FailedError
from registry.selectors import replay as selectors

logger = logging.getLogger(__name__)
# A run that cannot go on now is tried again so many seconds later.
AGAIN = 60.0


class Worker:
    """Works on rehearsals: on those that wait, and on those that a stop or a kill left behind."""

    def __init__(self, desk: Desk, stdout: Any, *, seconds: float) -> None:
        """Take where runs are worked on, and how long to pause between looks."""
        self.desk = desk
        self.stdout = stdout
        self.seconds = seconds
        self.not_before: dict[int, float] = {}

    def watch(self) -> None:
        """Work until SIGTERM or Ctrl-C; a run that is in hand is stopped, and goes on later."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, _stop)
        try:
            while True:
                self._watch()
                time.sleep(self.seconds)
        except KeyboardInterrupt:
            self._say("Stopped.")

    def _watch(self) -> None:
        """Look again and again; come back when PostgreSQL is gone."""
        try:
            with clones.at_work(self.desk.admin_dsn, self.desk.home) as check:
                while True:
                    check()
                    close_old_connections()
                    self.look()
                    time.sleep(self.seconds)
        except (Error, clones.Error) as error:
            self._say(f"PostgreSQL cannot be reached, trying again: {error}")

    def look(self) -> ReplayRun | None:
        """Work on the next run, if there is one; return it."""
        now = time.monotonic()
        for run in selectors.to_work_on():
            if self.not_before.get(run.pk, 0.0) <= now:
                self._work(run)
                return run
        return None

    def _work(self, run: ReplayRun) -> None:
        try:
            self.desk.work(run)
        except clones.BusyError:
            # Somebody works on it with a command of their own.
            pass
        except (FailedError, StoppedError, LedgerError, Error, clones.Error, OSError) as error:
            self._say(f"Run {run.pk}: {error}")
        except Exception:
            # What nobody foresaw in one run must not keep the others waiting.
            logger.exception("run %s ended in an error", run.pk)
            self._say(f"Run {run.pk}: an error that nobody foresaw; the log says more")
        else:
            self._say(f"Run {run.pk}: {run.state}, {run.rejected:,} rejected")
        self.not_before[run.pk] = time.monotonic() + AGAIN

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _stop(number: int, frame: FrameType | None) -> None:
    """Stop once; nobody stops the stopping."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt("its worker was stopped")
