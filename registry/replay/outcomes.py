"""What comes of one event, or of one line."""

from dataclasses import dataclass, field
from typing import Any

from ledgerdb.errors import LedgerError
from registry.models import Commodity, Request
from registry.replay.format import Record
from registry.selectors import replay as selectors
from registry.services import replay as services

ACCEPTED, REJECTED, REPEATED, UNREADABLE = "accepted", "rejected", "repeated", "unreadable"
SETTLED = {
    Request.Status.EXECUTED,
    Request.Status.FAILED,
    Request.Status.REJECTED,
    Request.Status.WITHDRAWN,
}


@dataclass(frozen=True)
class Outcome:
    """What came of one line."""

    line: int
    outcome: str
    code: str = ""
    event: str = ""
    kind: str = ""
    volume: int = 0
    earlier: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    record: Record | None = None
    # Of a rejection: what was asked, and the event that is to blame for it.
    asked: dict[str, Any] = field(default_factory=dict)
    commodity: Commodity | None = None
    root: str = ""
    root_code: str = ""


def outcome_of(event: Record, outcome: str, code: str = "", **more: Any) -> Outcome:
    """Say what came of an event."""
    return Outcome(
        event.line, outcome, code, event["event_id"], event["kind"], record=event, **more
    )


def accepted(
    event: Record, request: Request, transaction_id: int | None, *, earlier: bool = False
) -> Outcome:
    """Say that a request was executed, now or by a run before."""
    return outcome_of(
        event,
        ACCEPTED,
        volume=selectors.volume_of(request, transaction_id),
        earlier=earlier,
        facts={"request": request.number, "transaction": transaction_id},
    )


def settled(
    event: Record, request: Request, *, earlier: bool, facts: dict[str, Any] | None = None
) -> Outcome:
    """Say what came of a request that is at its end."""
    if request.status == Request.Status.EXECUTED:
        return accepted(event, request, request.transaction_id, earlier=earlier)
    # Somebody withdrew or rejected it by hand.
    code = services.refusal_of(request) or "REQUEST_NOT_APPROVED"
    more = {"request": request.number, **(facts or {})}
    return outcome_of(event, REJECTED, code, earlier=earlier, facts=more)


def facts_of(refused: LedgerError) -> dict[str, Any]:
    """Return what the ledger said beside the code."""
    return refused.facts if isinstance(refused.facts, dict) else {"detail": refused.facts}
