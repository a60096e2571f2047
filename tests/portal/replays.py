"""A rehearsal that is over, with what it rejected: for the pages about it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from registry import services
from registry.models import ReplayRejection, ReplayRun, User
from tests import make

AT = datetime(2020, 3, 1, 9, tzinfo=UTC)
OVERLAP, LACKING = "PRODUCTION_PERIOD_OVERLAP", "BLOCK_NOT_HELD"


def mint_event(event_id: str = "issue:7", **fields: Any) -> dict[str, Any]:
    """Return an issuance as a source says it."""
    return {
        "event_id": event_id,
        "kind": "mint",
        "occurred_at": AT.isoformat(),
        "submitted_by": "p1.submitter",
        "approved_by": "registry.approver",
        "commodity": "CDC",
        "account": "P1-T",
        "facility": "F1",
        "production_start": "2019-01-01",
        "production_end": "2019-12-31",
        "volume": 500,
        "source_serial": "S7",
        **fields,
    }


def retire_event(event_id: str, first: int, last: int) -> dict[str, Any]:
    """Return a retirement of that batch as a source says it."""
    return {
        "event_id": event_id,
        "kind": "retire",
        "occurred_at": (AT + timedelta(days=9)).isoformat(),
        "submitted_by": "p1.submitter",
        "approved_by": "registry.approver",
        "commodity": "CDC",
        "source_account": "P1-T",
        "target_account": "P1-R",
        "ranges": [{"source_serial": "S7", "first": first, "last": last}],
        "beneficiary": "Town",
        "reason": "Tax",
    }


def begun(**fields: Any) -> ReplayRun:
    """Start a run past every service."""
    run = make.replay_run(**fields)
    now = timezone.now()
    return change(run, state="running", started_at=now, heartbeat_at=now, map_version="m")


def change(run: ReplayRun, **fields: Any) -> ReplayRun:
    """Write down how far a run is, as its command does."""
    ReplayRun.objects.filter(pk=run.pk).update(**fields)
    run.refresh_from_db()
    return run


def reject(
    run: ReplayRun, line: int, event: dict[str, Any], code: str = OVERLAP, *, of: str = ""
) -> ReplayRejection:
    """Note what a run rejected; ``of`` is its cause."""
    return ReplayRejection.objects.create(
        run=run,
        line=line,
        event_id=event["event_id"],
        kind=event["kind"],
        occurred_at=event["occurred_at"],
        code=code,
        root_event=of or event["event_id"],
        root_code=OVERLAP if of else code,
        volume=event.get("volume"),
        source=event,
        call={"kind": event["kind"], "asks": {"account": "P1-T"}},
        facts={"batch": 38, "facility": "F1"},
    )


def finish(run: ReplayRun, rejected: int, **fields: Any) -> ReplayRun:
    """End a run well."""
    given: dict[str, Any] = {
        "events": 200,
        "done": 200,
        "accepted": 200 - rejected,
        "rejected": rejected,
        "seconds": 2.5,
        "counts": {
            "accepted": {"mint": [100, 5000], "retire": [100 - rejected, 900]},
            "rejected": {OVERLAP: {"mint": 2}, LACKING: {"retire": 2}} if rejected else {},
        },
        "figures": {"before": {}, "after": {"CDC": {"minted": 5000, "retired": 900}}},
        "heads": {"CDC": {"height": 196, "hash": "ab" * 32}},
        "reconciliation": {"ok": True, "checks": {}},
        "reconciled": True,
        "state": "finished",
        "finished_at": timezone.now(),
        **fields,
    }
    return change(run, **given)


def rehearsed(**fields: Any) -> ReplayRun:
    """Return a run that refused two issuances; two retirements followed from the first."""
    run = begun(**fields)
    reject(run, 7, mint_event())
    reject(run, 8, retire_event("retire:8", 1, 100), LACKING, of="issue:7")
    reject(run, 9, mint_event("issue:9", source_serial="S9", volume=40))
    reject(run, 12, retire_event("retire:12", 101, 120), LACKING, of="issue:7")
    return finish(run, 4)


def clean(**fields: Any) -> ReplayRun:
    """Return a run without rejections, whose balances are those of the source."""
    comparison = {"compared": 12, "differences": []}
    return finish(begun(**fields), 0, comparison=comparison, differences=0)


def decided(rejection: ReplayRejection, author: User, **fields: Any) -> Any:
    """Leave an event out."""
    given = {"outcome": "variance", "action": "skip", "reason": "Entered twice.", **fields}
    return services.decide_event(rejection=rejection, author=author, **given)
