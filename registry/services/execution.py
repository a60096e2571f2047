"""Executing approved requests through the five functions of the ledger."""

import logging
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from ledgerdb import calls
from ledgerdb.errors import InvariantBroken, Refused, translated
from registry.models import Request
from registry.services import notices

log = logging.getLogger(__name__)

# The request stays approved and is tried again: nothing is wrong with it.
TRY_AGAIN = {"LOCK_NOT_AVAILABLE", "CLOCK_REGRESSION"}


def holds_ledger_login() -> bool:
    """Say whether this process was given the login that may execute."""
    return "ledger" in settings.DATABASES


def execute_request(*, request_id: UUID, using: str = "ledger") -> Request:
    """
    Execute one approved request and return it: executed, failed, or still approved.

    A refusal marks the request failed with its code. A lock or a clock that is not right now leaves
    it approved, for the next sweep. A broken invariant leaves it approved and is raised: an alert.

    :raises InvariantBroken: a guard stopped the execution; nothing was written
    """
    request = Request.objects.get(id=request_id)
    try:
        calls.execute(
            request.kind, request_id=request_id, actor_id=request.approver_id, using=using
        )
    except Refused as refused:
        log.warning("request %s refused: %s %s", request.number, refused.code, refused.facts)
        if refused.code not in TRY_AGAIN:
            fail_request(request_id, refused.code)
    except InvariantBroken as broken:
        log.critical("request %s broke %s: %s", request.number, broken.code, broken.facts)
        raise
    done = Request.objects.get(id=request_id)
    _tell(done)
    return done


def execute_approved(*, using: str = "ledger", limit: int = 100) -> Iterator[Request]:
    """
    Execute what is approved and waiting, oldest decision first: the sweep after a crash, and the
    whole execution where the web process does not hold the ledger's login.

    Leaves alone what states a past time: only a replay may execute it.
    """
    waiting = (
        Request.objects.filter(status=Request.Status.APPROVED, occurred_at__isnull=True)
        .order_by("decided_at", "number")
        .values_list("id", flat=True)[:limit]
    )
    for request_id in list(waiting):
        try:
            yield execute_request(request_id=request_id, using=using)
        except InvariantBroken:
            # Logged as critical; the others need not wait for it.
            continue


def _tell(request: Request) -> None:
    """Tell people of the outcome; what the ledger did stands, whether or not that succeeds."""
    try:
        notices.ended([request])
    except DatabaseError:
        # The approval promised an outcome: `send_notices` keeps that promise later.
        log.exception("the outcome of request %s is not told yet", request.number)


def fail_request(request_id: UUID, code: str) -> None:
    """Mark an approved request failed, with the code of its refusal."""
    with translated(), transaction.atomic():
        request = Request.objects.select_for_update(no_key=True).get(id=request_id)
        if request.status == Request.Status.APPROVED:
            request.status = Request.Status.FAILED
            request.failed_at = timezone.now()
            request.failure_code = code
            request.save(update_fields=("status", "failed_at", "failure_code"))
            notices.ended([request])
