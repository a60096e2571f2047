"""The steps of a request: who did what and when, what happens now, what follows. Pure."""

from dataclasses import dataclass
from datetime import datetime

from registry import dates
from registry.models import Request, User

Status = Request.Status
DECIDES = "A registry approver decides"


@dataclass(frozen=True)
class Step:
    """One step; ``mark`` is done, next, later or stopped."""

    mark: str
    what: str
    who: str = ""
    at: datetime | None = None
    reason: str = ""


def steps(item: Request) -> list[Step]:
    """Return the steps of a request in order, past and to come."""
    found = [Step("done", f"{item.submitter.name} wrote it", _of(item.submitter), item.created_at)]
    if item.status == Status.DRAFT:
        return [*found, Step("next", "Check and submit"), Step("later", DECIDES)]
    if item.submitted_at:
        found.append(Step("done", "Submitted", _of(item.submitter), item.submitted_at))
    if item.status == Status.WITHDRAWN:
        word = "Withdrawn" if item.submitted_at else "Discarded"
        return [*found, Step("stopped", word, at=item.withdrawn_at)]
    if item.status == Status.SUBMITTED and item.submitted_at:
        by = dates.write_day(dates.decide_by(item.submitted_at))
        who = f"Not the person who submitted it, by {by}"
        return [*found, Step("next", DECIDES, who), _later()]
    return [*found, *_decided(item)]


def _decided(item: Request) -> list[Step]:
    who = f"{item.approver.name}, {_of(item.approver)}" if item.approver else ""
    if item.status == Status.REJECTED:
        return [Step("stopped", "Rejected", who, item.decided_at, item.decision_reason)]
    decided = Step("done", "Approved", who, item.decided_at, item.decision_reason)
    if item.status == Status.FAILED:
        stopped = Step("stopped", "The ledger refused it", "Nothing was written", item.failed_at)
        return [decided, stopped]
    if item.status == Status.EXECUTED:
        return [decided, Step("done", "Executed", "As one transaction", item.executed_at)]
    return [decided, Step("next", "The registry executes it", "As one transaction")]


def _later() -> Step:
    return Step("later", "The registry executes it", "At once, as one transaction")


def _of(person: User) -> str:
    return person.organisation.name
