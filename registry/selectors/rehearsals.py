"""Runs of a replay: what they were given, how far they are, and whether they get better."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import Http404

from ledgerdb import windows
from registry import access
from registry.access import Right
from registry.models import ReplayRun, User

STATE = ReplayRun.State
PAGE = 20
# So many runs are drawn beside each other.
DRAWN = 24
# A run that says nothing for so long is no longer at work.
SILENT = timedelta(seconds=60)
MOVING = (STATE.WAITING, STATE.RUNNING, STATE.STOPPED)


@dataclass(frozen=True)
class Pace:
    """How far a run is, how fast it goes, and how long it may still take."""

    percent: int
    rate: int | None
    left: timedelta | None
    silent: bool


def runs(user: User, *, before: int | None = None) -> tuple[list[ReplayRun], int | None]:
    """
    Return a page of runs, newest first, and where the next one starts.

    :raises Forbidden: the person sees only its own
    """
    found = _seen(user)
    if before is not None:
        found = found.filter(id__lt=before)
    page = list(found.defer("reconciliation", "comparison", "rules")[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].id if len(page) > PAGE else None


def run(user: User, number: int) -> ReplayRun:
    """
    Return one run.

    :raises Forbidden: the person sees only its own
    :raises Http404: no such run
    """
    found = _seen(user).filter(id=number).first()
    if found is None:
        raise Http404("No such run.")
    return found


def latest(user: User, *, source: str = "", state: str = "") -> ReplayRun | None:
    """Return the newest run, of one source or in one state if it is asked for."""
    chosen: dict[str, Any] = {"source": source, "state": state}
    return _seen(user).filter(**{name: value for name, value in chosen.items() if value}).first()


def moving(user: User) -> list[ReplayRun]:
    """Return the runs that have not ended, newest first."""
    return list(_seen(user).filter(state__in=MOVING)[:PAGE])


def sources(user: User) -> list[str]:
    """Return the older systems of which a history was replayed, the latest first."""
    return list(dict.fromkeys(_seen(user).values_list("source", flat=True)))


def repeatable(user: User) -> list[ReplayRun]:
    """Return the newest run of each source: what can be run again."""
    found = _seen(user).order_by("source", "-id").distinct("source")
    return sorted(found, key=lambda each: -each.pk)


def trend(user: User, source: str) -> list[ReplayRun]:
    """Return the last runs of a source that ended, oldest first."""
    ended = _seen(user).filter(source=source, state=STATE.FINISHED).defer("reconciliation")
    return list(ended[:DRAWN])[::-1]


def pace(item: ReplayRun, now: datetime | None = None) -> Pace:
    """Work out how far a run is."""
    now = now or datetime.now(UTC)
    rate = round(item.done / item.seconds) if item.seconds and item.done else None
    rest = max(item.events - item.done, 0)
    going = item.state == STATE.RUNNING
    return Pace(
        percent=min(100, 100 * item.done // item.events) if item.events else 0,
        rate=rate,
        left=timedelta(seconds=round(rest / rate)) if going and rate and item.events else None,
        silent=going and item.heartbeat_at is not None and now - item.heartbeat_at > SILENT,
    )


def has_worker() -> bool:
    """Say whether a process is there that takes the runs that wait."""
    return windows.has_worker()


def _seen(user: User) -> QuerySet[ReplayRun]:
    access.require(user, Right.SEE_EVERYTHING)
    return ReplayRun.objects.select_related("asked_by").order_by("-id")
