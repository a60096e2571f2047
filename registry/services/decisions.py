"""Deciding: approving and rejecting requests. The database holds four eyes and the states."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ledgerdb.errors import Refused, translated
from registry.models import Request, User
from registry.services import notices
from registry.services.execution import execute_request, holds_ledger_login


def approve_request(*, request_id: UUID, approver: User, fingerprint: str = "") -> Request:
    """
    Record the approval, then execute it if this process holds the ledger's login.

    :param fingerprint: of the preview that the approver was shown; other blocks will be refused
    :returns: the request: executed, failed (see ``failure_code``), or approved and waiting
    :raises Refused: SELF_APPROVAL, ACTOR_NOT_AUTHORISED, REQUEST_TRANSITION_INVALID,
        REQUEST_NOT_FOUND
    """
    record_approval(request_id=request_id, approver=approver, fingerprint=fingerprint)
    if holds_ledger_login():
        return execute_request(request_id=request_id)
    return Request.objects.get(id=request_id)


def record_approval(*, request_id: UUID, approver: User, fingerprint: str = "") -> Request:
    """
    Record the approval and leave the execution to somebody else.

    :raises Refused: SELF_APPROVAL, ACTOR_NOT_AUTHORISED, REQUEST_TRANSITION_INVALID,
        REQUEST_NOT_FOUND
    """
    return _decide(
        request_id=request_id,
        approver=approver,
        status=Request.Status.APPROVED,
        approved_fingerprint=fingerprint,
    )


def reject_request(*, request_id: UUID, approver: User, reason: str) -> Request:
    """
    Record the rejection and its reason, which the submitter will see.

    :raises Refused: SELF_APPROVAL, ACTOR_NOT_AUTHORISED, REQUEST_TRANSITION_INVALID,
        REQUEST_NOT_FOUND
    """
    return _decide(
        request_id=request_id,
        approver=approver,
        status=Request.Status.REJECTED,
        decision_reason=reason,
    )


def _decide(*, request_id: UUID, approver: User, status: str, **decision: str) -> Request:
    with translated(), transaction.atomic():
        request = (
            Request.objects.select_for_update(no_key=True, of=("self",))
            .filter(id=request_id)
            .first()
        )
        if request is None:
            raise Refused("REQUEST_NOT_FOUND", facts={"request": str(request_id)})
        if request.status != Request.Status.SUBMITTED:
            raise Refused("REQUEST_TRANSITION_INVALID", facts={"status": request.status})
        request.status = status
        request.approver = approver
        request.decided_at = timezone.now()
        for name, value in decision.items():
            setattr(request, name, value)
        request.save(update_fields=("status", "approver", "decided_at", *decision))
        notices.decided([request])
    return request
