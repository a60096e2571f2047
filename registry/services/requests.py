"""Asking: drafting, submitting and withdrawing requests."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from ledgerdb import calls
from ledgerdb.errors import Refused, translated
from registry.models import Account, Commodity, Request, User
from registry.selectors import accounts
from registry.services import notices
from registry.services.evidence import set_evidence
from registry.services.previews import record_opening


def draft_request(
    *,
    kind: str,
    submitter: User,
    commodity: Commodity,
    idempotency_key: UUID | None = None,
    instead_of: Request | None = None,
    **asks: Any,
) -> Request:
    """
    Write down what somebody asks for, not yet submitted.

    The same key with the same content is the first request, whoever of the organisation sends it.

    :param instead_of: the rejected or failed request that this one takes the place of
    :param asks: the content fields of ``Request``: source, target, volume, ranges, …; and, of an
        issue, ``evidence``
    :raises Refused: IDEMPOTENCY_KEY_REUSED: the key stands for something else
    """
    key = idempotency_key or uuid4()
    asks |= {"kind": kind, "submitter": submitter, "commodity": commodity, "idempotency_key": key}
    evidence = asks.pop("evidence", None)
    try:
        with translated(), transaction.atomic():
            drafted = Request.objects.create(organisation_id=submitter.organisation_id, **asks)
            if evidence is not None:
                set_evidence(drafted, evidence)
            if instead_of is not None:
                notices.copied(instead_of)
            return drafted
    except IntegrityError:
        first = Request.objects.filter(
            organisation_id=submitter.organisation_id, idempotency_key=key
        ).first()
        if first is None:
            raise
        return first


def create_transfer_draft(
    *,
    submitter: User,
    source: Account,
    target: Account,
    commodity: Commodity,
    volume: int | None = None,
    ranges: tuple[tuple[int, int], ...] | None = None,
    note: str = "",
    idempotency_key: UUID | None = None,
) -> Request:
    """
    Draft a transfer of a quantity, or of the certificate numbers in ``ranges``.

    :raises Refused: IDEMPOTENCY_KEY_REUSED
    """
    return draft_request(
        kind=Request.Kind.TRANSFER,
        submitter=submitter,
        commodity=commodity,
        source=source,
        target=target,
        volume=volume,
        ranges=ranges,
        note=note,
        idempotency_key=idempotency_key,
    )


def update_draft(*, request_id: UUID, submitter: User, **asks: Any) -> Request:
    """
    Change what a draft asks for.

    :raises Refused: REQUEST_NOT_FOUND, or REQUEST_FROZEN once it is submitted
    """
    with translated(), transaction.atomic():
        request = _own(request_id, submitter)
        if "evidence" in asks:
            set_evidence(request, asks.pop("evidence"))
        for name, value in asks.items():
            setattr(request, name, value)
        request.save(update_fields=list(asks))
    return request


def submit_request(
    *, request_id: UUID, submitter: User, fingerprint: str = "", version: str = ""
) -> Request:
    """
    Hand a draft to the registry's approvers; submit it again and nothing more happens.

    Whoever submits it asks for it, whoever wrote it: that is who may not decide it.

    :param fingerprint: of the preview that the submitter was shown; then the other open requests of
        the account must leave as much, too: what they ask for is reserved
    :param version: of the answers that the submitter was shown
    :raises Refused: PREVIEW_CHANGED, ACTOR_NOT_AUTHORISED, REQUEST_TRANSITION_INVALID, or whatever
        the ledger would refuse at execution; INSUFFICIENT_TOTAL_BALANCE with the fact ``reserved``
    """
    with translated(), transaction.atomic():
        request = _own(request_id, submitter)
        if request.status == Request.Status.SUBMITTED:
            return request
        if request.status != Request.Status.DRAFT:
            raise Refused("REQUEST_TRANSITION_INVALID", facts={"status": request.status})
        if version and version != request.version():
            raise Refused("REQUEST_TRANSITION_INVALID", facts={"changed": "content"})
        if fingerprint:
            now = calls.preview(request_id=request_id)
            if now["fingerprint"] != fingerprint:
                facts = {"shown": fingerprint, "now": now["fingerprint"]}
                raise Refused("PREVIEW_CHANGED", facts=facts)
            if over := over_reserved(request, waits=True):
                raise over
            # What was agreed to, for the side by side when it changes later.
            record_opening(request_id=request_id, person=submitter, preview=now)
        request.status, request.submitter = Request.Status.SUBMITTED, submitter
        request.submitted_at = timezone.now()
        request.submitted_fingerprint = fingerprint
        request.save(update_fields=("status", "submitter", "submitted_at", "submitted_fingerprint"))
        notices.submitted([request])
    return request


def over_reserved(request: Request, *, waits: bool = False) -> Refused | None:
    """
    Return the refusal of a draft that asks for more than open requests leave of what is held.

    :param waits: until nobody else submits from the same account
    """
    if request.source_id is None:
        return None
    if waits:
        reserving([request.source_id])
    available = accounts.available(request.source_id, request.commodity_id)
    asked = request.volume or sum(last - first + 1 for first, last in request.ranges or ())
    if asked <= available:
        return None
    facts = {"asked": asked, "available": max(available, 0), "reserved": True}
    return Refused("INSUFFICIENT_TOTAL_BALANCE", facts=facts)


def reserving(account_ids: Iterable[UUID | None]) -> None:
    """Wait until nobody else submits from these accounts, and let nobody until the end."""
    named = {each for each in account_ids if each}
    locked = Account.objects.select_for_update(no_key=True).filter(id__in=named).order_by("id")
    list(locked.values_list("id"))


def withdraw_request(*, request_id: UUID, submitter: User) -> Request:
    """
    Take back a draft or a request that nobody has decided; any colleague who may submit can.

    :raises Refused: REQUEST_NOT_FOUND, REQUEST_TRANSITION_INVALID
    """
    return _take_back(request_id, submitter, (Request.Status.DRAFT, Request.Status.SUBMITTED))


def discard_draft(*, request_id: UUID, submitter: User) -> Request:
    """
    Throw a draft away; what was submitted meanwhile stays, and is not withdrawn by this.

    :raises Refused: REQUEST_NOT_FOUND, REQUEST_TRANSITION_INVALID
    """
    return _take_back(request_id, submitter, (Request.Status.DRAFT,))


def _take_back(request_id: UUID, submitter: User, while_in: tuple[str, ...]) -> Request:
    with translated(), transaction.atomic():
        request = _own(request_id, submitter)
        if request.status == Request.Status.WITHDRAWN:
            return request
        if request.status not in while_in:
            raise Refused("REQUEST_TRANSITION_INVALID", facts={"status": request.status})
        request.status = Request.Status.WITHDRAWN
        request.withdrawn_at = timezone.now()
        request.save(update_fields=("status", "withdrawn_at"))
        notices.withdrawn(request, by=submitter)
    return request


def _own(request_id: UUID, submitter: User) -> Request:
    """Lock a request of the submitter's organisation."""
    request = (
        Request.objects.select_for_update(of=("self",), no_key=True)
        .filter(id=request_id, organisation_id=submitter.organisation_id)
        .first()
    )
    if request is None:
        raise Refused("REQUEST_NOT_FOUND", facts={"request": str(request_id)})
    return request
