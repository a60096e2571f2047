"""The records of runs. While one works on its clone, its record stays in the registry's own."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from ledgerdb.clones import HOME
from ledgerdb.errors import translated
from registry.models import ReplayRejection, ReplayRun

STATE = ReplayRun.State


def record_run(**given: Any) -> ReplayRun:
    """
    Write down a run that is to be started.

    :raises Refused: REPLAY_RUN_FROZEN
    """
    with translated():
        return ReplayRun.objects.create(**given)


def begin_run(*, run_id: int, using: str = "default", **given: Any) -> None:
    """
    Mark a run as running; the first time with the code, the rules and the database it starts with.

    :raises Refused: REPLAY_RUN_FROZEN: it has ended
    """
    now = timezone.now()
    with translated():
        ReplayRun.objects.using(using).filter(id=run_id).update(
            state=STATE.RUNNING, problem="", heartbeat_at=now, **given
        )


def report_progress(
    *, run_id: int, rejections: Sequence[ReplayRejection] = (), **figures: Any
) -> None:
    """
    Write down how far a run is, and what it rejected since the last time; known ones stay.

    :raises Refused: REPLAY_RUN_FROZEN: it has ended
    """
    with translated():
        if rejections:
            ReplayRejection.objects.using(HOME).bulk_create(rejections, ignore_conflicts=True)
        ReplayRun.objects.using(HOME).filter(id=run_id).update(
            heartbeat_at=timezone.now(), **figures
        )


def end_run(*, run_id: int, state: str, using: str = HOME, **outcome: Any) -> None:
    """
    Mark a run as stopped, finished or failed, with what came of it.

    :raises Refused: REPLAY_RUN_FROZEN: it has ended
    """
    now = timezone.now()
    if state in (STATE.FINISHED, STATE.FAILED):
        outcome["finished_at"] = now
    with translated():
        ReplayRun.objects.using(using).filter(id=run_id).update(
            state=state, heartbeat_at=now, **outcome
        )


def record_comparison(*, run_id: int, using: str = HOME, **comparison: Any) -> None:
    """Keep how a run's ledger compares with the source's own closing balances."""
    with translated():
        ReplayRun.objects.using(using).filter(id=run_id).update(**comparison)
