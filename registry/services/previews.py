"""Previews: what a request would do now, and who was shown it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from ledgerdb import calls
from ledgerdb.errors import Refused
from registry.models import PreviewOpening, Request, User

Row = dict[str, Any]
# A list does not compare what is heavier than this: the request's own page does.
HEAVY_BLOCKS = 200


def preview_request(request_id: UUID) -> Row:
    """
    Say what a request would do if it were executed now.

    :returns: ``consumed``, ``created``, ``postings``, ``balances``, ``fingerprint``
    :raises Refused: as the execution would
    """
    return calls.preview(request_id=request_id)


def open_preview(*, request_id: UUID, person: User) -> Row:
    """
    Preview a request for somebody, and record that they opened it, and what they saw.

    :returns: as ``preview_request``
    :raises Refused: as the execution would; that too is recorded
    """
    try:
        preview = preview_request(request_id)
    except Refused as refused:
        if refused.code != "REQUEST_NOT_FOUND":
            _record(request_id, person, refusal=refused.code)
        raise
    record_opening(request_id=request_id, person=person, preview=preview)
    return preview


def record_opening(*, request_id: UUID, person: User, preview: Row) -> None:
    """Record that somebody was shown a preview."""
    _record(
        request_id,
        person,
        fingerprint=preview["fingerprint"],
        preview=preview,
        blocks=len(preview["consumed"] or ()),
    )


def _record(request_id: UUID, person: User, **shown: Any) -> None:
    """Write what was shown, unless it is what this person saw last."""
    key = {name: shown.get(name, "") for name in ("fingerprint", "refusal")}
    last = (
        PreviewOpening.objects.filter(request_id=request_id, person=person)
        .order_by("-id")
        .values("fingerprint", "refusal")
        .first()
    )
    if last != key:
        PreviewOpening.objects.create(request_id=request_id, person=person, **shown)


@dataclass(frozen=True)
class Standing:
    """How a waiting request stands now: fingerprint, refusal, or neither: nobody looked."""

    fingerprint: str = ""
    refusal: str = ""


def standings(requests: Iterable[Request], heavy: set[UUID]) -> dict[UUID, Standing]:
    """
    Preview some requests for a list; what is ``heavy`` is left to its own page.

    Reads only, in one snapshot each, and records nothing.
    """
    return {
        request.id: Standing() if request.id in heavy else _standing(request)
        for request in requests
    }


def _standing(request: Request) -> Standing:
    try:
        # A refusal would otherwise end a transaction that the caller may have open.
        with transaction.atomic():
            return Standing(fingerprint=calls.preview(request_id=request.id)["fingerprint"])
    except Refused as refused:
        return Standing(refusal=refused.code)
