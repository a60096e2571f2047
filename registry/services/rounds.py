"""Deciding several requests with one form: each in its own transaction, with its own result."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import IntegrityError, transaction

from ledgerdb.errors import InvariantBroken, Refused
from registry.models import DecisionRound, PreviewOpening, Request, User
from registry.services.decisions import approve_seen, reject_once

APPROVE, REJECT = "approve", "reject"


@dataclass(frozen=True)
class Result:
    """What came of one request: the state it is in, or the code why it was not decided."""

    number: int
    status: str = ""
    code: str = ""


def decide_several(
    *, approver: User, key: UUID, decision: str, reason: str, numbers: Sequence[int]
) -> DecisionRound:
    """
    Approve or reject several requests on the previews that this approver opened last.

    The same key again leads to the first results. What is refused leaves the others alone.

    :param numbers: of the requests; one whose preview was not opened is refused by name
    """
    first = DecisionRound.objects.filter(approver=approver, key=key).first()
    if first is not None:
        return first
    results = [asdict(_decide(approver, number, decision, reason)) for number in numbers]
    try:
        with transaction.atomic():
            return DecisionRound.objects.create(
                approver=approver, key=key, decision=decision, reason=reason, results=results
            )
    except IntegrityError:
        # Sent twice at the same moment: each request was decided once, and the first has told so.
        return DecisionRound.objects.get(approver=approver, key=key)


def _decide(approver: User, number: int, decision: str, reason: str) -> Result:
    try:
        decided = _decide_or_refuse(approver, number, decision, reason)
    except Refused as refused:
        return Result(number, code=refused.code)
    except InvariantBroken as broken:
        # Logged as critical where it happened. The approval stands; the others go on.
        return Result(number, code=broken.code)
    code = decided.failure_code if decided.status == Request.Status.FAILED else ""
    return Result(number, decided.status, code)


def _decide_or_refuse(approver: User, number: int, decision: str, reason: str) -> Request:
    request = Request.objects.filter(number=number).exclude(status=Request.Status.DRAFT).first()
    if request is None:
        raise Refused("REQUEST_NOT_FOUND", facts={"number": number})
    seen = PreviewOpening.objects.filter(request=request, person=approver).order_by("-id").first()
    if seen is None:
        raise Refused("PREVIEW_NOT_OPENED", facts={"request": str(request.id)})
    if decision == REJECT:
        return reject_once(request_id=request.id, approver=approver, reason=reason)
    if seen.refusal:
        raise Refused(seen.refusal, facts={"request": str(request.id)})
    return approve_seen(request_id=request.id, approver=approver, fingerprint=seen.fingerprint)
