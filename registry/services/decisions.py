"""Deciding: approving and rejecting requests. The database holds four eyes and the states."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ledgerdb.errors import Refused, translated
from registry.models import Request, User
from registry.services import notices
from registry.services.execution import execute_request, holds_ledger_login
from registry.services.previews import preview_request

# Where an approval leads.
APPROVED = (Request.Status.APPROVED, Request.Status.EXECUTED, Request.Status.FAILED)


def approve_request(*, request_id: UUID, approver: User, fingerprint: str = "") -> Request:
    """
    Record the approval, then execute it if this process holds the ledger's login.

    :param fingerprint: of the preview that the approver was shown; other blocks will be refused
    :returns: the request: executed, failed (see ``failure_code``), or approved and waiting
    :raises Refused: SELF_APPROVAL, ACTOR_NOT_AUTHORISED, REQUEST_TRANSITION_INVALID,
        REQUEST_NOT_FOUND, PREVIEW_NOT_OPENED
    """
    request = record_approval(request_id=request_id, approver=approver, fingerprint=fingerprint)
    return execute_request(request_id=request_id) if holds_ledger_login() else request


def record_approval(*, request_id: UUID, approver: User, fingerprint: str = "") -> Request:
    """
    Record the approval and leave the execution to somebody else.

    :raises Refused: SELF_APPROVAL, ACTOR_NOT_AUTHORISED, REQUEST_TRANSITION_INVALID,
        REQUEST_NOT_FOUND, PREVIEW_NOT_OPENED
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


def approve_seen(*, request_id: UUID, approver: User, fingerprint: str) -> Request:
    """
    Approve the blocks that an approver saw, if they are still the ones; again is once.

    :raises Refused: PREVIEW_CHANGED, before anything is recorded; or as ``approve_request``
    """
    try:
        # Once more before the decision is recorded: a changed preview must not use up the request.
        now = preview_request(request_id)["fingerprint"]
        if now != fingerprint:
            raise Refused("PREVIEW_CHANGED", facts={"shown": fingerprint, "now": now})
        return approve_request(request_id=request_id, approver=approver, fingerprint=fingerprint)
    except Refused:
        first = Request.objects.filter(
            id=request_id,
            approver=approver,
            status__in=APPROVED,
            approved_fingerprint=fingerprint,
        ).first()
        if first is None or not fingerprint:
            raise
        return first


def reject_once(*, request_id: UUID, approver: User, reason: str) -> Request:
    """
    Reject a request; the same rejection by the same person again is the first one.

    :raises Refused: as ``reject_request``
    """
    try:
        return reject_request(request_id=request_id, approver=approver, reason=reason)
    except Refused:
        first = Request.objects.filter(
            id=request_id,
            approver=approver,
            status=Request.Status.REJECTED,
            decision_reason=reason,
        ).first()
        if first is None:
            raise
        return first


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
