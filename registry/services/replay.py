"""Replaying one past event: the same states and the same guards as a request made today."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ledgerdb import calls
from ledgerdb.errors import LedgerError, Refused, translated
from registry.models import Commodity, Request, User
from registry.services.decisions import record_approval
from registry.services.execution import fail_request
from registry.services.requests import draft_request, submit_request, withdraw_request

# Not the event's fault: it stays approved, and the next run executes it.
NOT_NOW = {"LOCK_NOT_AVAILABLE", "BACKDATING_FORBIDDEN"}
NOT_SUBMITTED = "Not submitted in the replay: "
# The transactions' ids up to the first refusal, and that refusal, if there was one.
Executed = tuple[list[int], LedgerError | None]


def record_event(
    *,
    request_id: UUID,
    key: UUID,
    kind: str,
    submitter: User,
    approver: User,
    commodity: Commodity,
    asks: dict[str, Any],
    refusal: str = "",
) -> Request:
    """
    Draft, submit and approve what a past event asked for, all of it or nothing.

    :param refusal: the code of what is already known to be wrong; the request is then failed
    :returns: the request, approved or failed
    :raises Refused: these people may not ask for it or approve it; nothing is written
    """
    with translated(), transaction.atomic():
        request = draft_request(
            id=request_id,
            kind=kind,
            submitter=submitter,
            commodity=commodity,
            idempotency_key=key,
            **asks,
        )
        return finish_event(request=request, approver=approver, refusal=refusal)


def record_events(events: Sequence[Mapping[str, Any]]) -> list[Request]:
    """
    Draft, submit and approve what many past events asked for, in three statements: all or nothing.

    The guards look at each row of each statement, as they do at one that comes alone.

    :param events: the arguments of ``record_event`` of each, without a refusal
    :returns: the requests, approved, in the same order
    :raises Refused: one of them may not be asked for or approved; nothing is written
    """
    if not events:
        return []
    now = timezone.now()
    by_approver: dict[UUID, list[UUID]] = {}
    drafts = [
        Request(
            id=event["request_id"],
            kind=event["kind"],
            organisation_id=event["submitter"].organisation_id,
            submitter=event["submitter"],
            commodity=event["commodity"],
            idempotency_key=event["key"],
            **event["asks"],
        )
        for event in events
    ]
    for event in events:
        by_approver.setdefault(event["approver"].id, []).append(event["request_id"])
    state = Request.Status
    with translated(), transaction.atomic():
        written = Request.objects.bulk_create(drafts)
        ids = [request.id for request in written]
        Request.objects.filter(id__in=ids).update(status=state.SUBMITTED, submitted_at=now)
        for approver_id, asked in by_approver.items():
            Request.objects.filter(id__in=asked).update(
                status=state.APPROVED, approver_id=approver_id, decided_at=now
            )
    for request, event in zip(written, events, strict=True):
        request.status, request.approver = state.APPROVED, event["approver"]
    return written


def finish_event(*, request: Request, approver: User, refusal: str = "") -> Request:
    """
    Take a drafted or submitted event to its approval.

    :returns: the request, approved or failed
    :raises Refused: these people may not; nothing is written
    """
    with translated(), transaction.atomic():
        if request.status == Request.Status.DRAFT:
            request = submit_request(request_id=request.id, submitter=request.submitter)
        if request.status == Request.Status.SUBMITTED:
            request = record_approval(request_id=request.id, approver=approver)
        if refusal and request.status == Request.Status.APPROVED:
            fail_request(request.id, refusal)
            request.refresh_from_db()
    return request


def shelve_event(
    *,
    request_id: UUID,
    key: UUID,
    kind: str,
    submitter: User,
    commodity: Commodity,
    asks: dict[str, Any],
    refusal: str,
) -> Request:
    """
    Keep an event that its people may not ask for: a withdrawn draft whose note holds the code.

    :returns: the withdrawn request
    """
    note = f"{NOT_SUBMITTED}{refusal}\n{asks.get('note', '')}".strip()
    with translated(), transaction.atomic():
        draft = draft_request(
            id=request_id,
            kind=kind,
            submitter=submitter,
            commodity=commodity,
            idempotency_key=key,
            **{**asks, "note": note},
        )
        return withdraw_request(request_id=draft.id, submitter=submitter)


def refusal_of(request: Request) -> str:
    """Return the code for which an event was rejected, or nothing."""
    if request.status == Request.Status.WITHDRAWN and request.note.startswith(NOT_SUBMITTED):
        return request.note.removeprefix(NOT_SUBMITTED).split("\n")[0]
    return request.failure_code


def execute_event(request: Request) -> int:
    """
    Execute an approved event at the time it states, with the login of the replay.

    A refusal marks the request failed with its code, unless it only means "not now".

    :returns: the transaction's id
    :raises Refused: the ledger refused; codes in ``NOT_NOW`` leave the request approved
    :raises InvariantBroken: a guard stopped the execution; nothing was written
    """
    actor = request.approver_id
    if actor is None:
        raise Refused("REQUEST_NOT_APPROVED", facts={"request": str(request.id)})
    try:
        return calls.execute(request.kind, request_id=request.id, actor_id=actor, using="replay")
    except Refused as refused:
        if refused.code not in NOT_NOW:
            fail_request(request.id, refused.code)
        raise


@contextmanager
def second_hand() -> Iterator[Executor]:
    """Give a thread that executes while the caller goes on, and leaves no connection behind."""
    with ThreadPoolExecutor(1, thread_name_prefix="replay") as hand:
        try:
            yield hand
        finally:
            for alias in ("replay", "default"):
                hand.submit(calls.let_go, alias).result()


def execute_events(requests: Sequence[Request]) -> Executed:
    """
    Execute approved events one after the other, and let one commit keep all of them.

    Each is a transaction of the ledger of its own, under every guard. If one is refused, nothing of
    the first try stays, and they come again, with a savepoint that lets go of the refused one.

    :returns: the transactions' ids up to the first refusal, which is marked like that of
        ``execute_event``; and that refusal, if there was one
    """
    if len(requests) == 1:
        return _execute_until_refused(requests)
    try:
        events = [(each.kind, each.id, each.approver_id) for each in requests]
        return calls.execute_all(events, using="replay"), None
    except LedgerError:
        return _execute_until_refused(requests)


def _execute_until_refused(requests: Sequence[Request]) -> Executed:
    done: list[int] = []
    refused: LedgerError | None = None
    with translated(), transaction.atomic(using="replay"):
        for request in requests:
            try:
                with translated(), transaction.atomic(using="replay"):
                    done.append(
                        calls.execute(
                            request.kind,
                            request_id=request.id,
                            actor_id=request.approver_id,
                            using="replay",
                        )
                    )
            except LedgerError as error:
                refused = error
                break
    if isinstance(refused, Refused) and refused.code not in NOT_NOW:
        fail_request(requests[len(done)].id, refused.code)
    return done, refused
