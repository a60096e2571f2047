"""Lists of requests: kept as drafts, submitted or discarded in one step."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from ledgerdb.errors import Refused, translated
from registry.models import Request, Upload, UploadRow, User
from registry.selectors import uploads
from registry.services import notices
from registry.services.requests import reserving

AT_ONCE = 500


@dataclass(frozen=True)
class Submission:
    """What came of submitting an upload: how many went, and why each of the others did not."""

    submitted: int
    refused: dict[UUID, str]


def keep_upload(
    *,
    submitter: User,
    kind: str,
    idempotency_key: UUID,
    name: str,
    size: int,
    sha256: str,
    rows: Sequence[tuple[int, dict[str, Any]]],
) -> Upload:
    """
    Keep every row of a list as a draft, or none.

    The same organisation with the same key and the same file gets the first upload again.

    :param rows: the number of each row, and what it asks for in the fields of ``Request``
    :raises Refused: IDEMPOTENCY_KEY_REUSED: the key stands for another file
    """
    try:
        with translated(), transaction.atomic():
            upload = Upload.objects.create(
                kind=kind,
                organisation_id=submitter.organisation_id,
                submitter=submitter,
                idempotency_key=idempotency_key,
                name=name,
                size=size,
                sha256=sha256,
            )
            _keep_rows(upload, rows)
            return upload
    except IntegrityError:
        first = uploads.by_key(submitter, idempotency_key)
        if first is None:
            # A request that came another way has the key of a row.
            raise Refused("IDEMPOTENCY_KEY_REUSED", facts={"key": str(idempotency_key)}) from None
        return same_upload(first, kind=kind, sha256=sha256)


def _keep_rows(upload: Upload, rows: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """Write each row as a draft, a few hundred in one statement; the guards look at every one."""
    drafts = [
        Request(
            kind=upload.kind,
            submitter_id=upload.submitter_id,
            organisation_id=upload.organisation_id,
            idempotency_key=uuid.uuid5(upload.idempotency_key, str(row)),
            **asks,
        )
        for row, asks in rows
    ]
    Request.objects.bulk_create(drafts, batch_size=AT_ONCE)
    UploadRow.objects.bulk_create(
        [
            UploadRow(request=draft, upload=upload, row=row)
            for draft, (row, _) in zip(drafts, rows, strict=True)
        ],
        batch_size=AT_ONCE,
    )


def same_upload(first: Upload, *, kind: str, sha256: str) -> Upload:
    """
    Return the first upload of a key if this is the same one.

    :raises Refused: IDEMPOTENCY_KEY_REUSED
    """
    if (first.kind, first.sha256) != (kind, sha256):
        raise Refused("IDEMPOTENCY_KEY_REUSED", facts={"upload": first.number})
    return first


def submit_upload(*, number: int, submitter: User, version: str | None = None) -> Submission:
    """
    Hand the drafts of an upload to the approvers, each as a request of its own.

    Those that the ledger would refuse stay drafts; sent again, nothing more happens to the rest.

    :param version: of the rows that the submitter was shown: who submits is who asks for them; None
        where nobody is shown anything
    :raises Refused: REQUEST_NOT_FOUND, ACTOR_NOT_AUTHORISED, or REQUEST_TRANSITION_INVALID: a row
        asks for something else by now; then nothing is submitted
    """
    with translated(), transaction.atomic():
        drafts = _drafts(number, submitter)
        if version not in (None, uploads.version(Upload.objects.get(number=number))):
            raise Refused("REQUEST_TRANSITION_INVALID", facts={"changed": "content"})
        reserving(draft.source_id for draft in drafts)
        refused = {each: code for each, code in uploads.forecast(drafts).items() if code}
        going = [draft.id for draft in drafts if draft.id not in refused]
        submitted = Request.objects.filter(id__in=going, status=Request.Status.DRAFT).update(
            status=Request.Status.SUBMITTED, submitter=submitter, submitted_at=timezone.now()
        )
        # One list is one piece of news, and not a mail for each of its rows.
        first = Request.objects.filter(id__in=going[:1]).select_related("submitter").first()
        if first is not None:
            notices.submitted([first], of_list=submitted)
    return Submission(submitted, refused)


def discard_upload(*, number: int, submitter: User) -> int:
    """
    Withdraw what is still a draft of an upload.

    :returns: how many drafts were discarded
    :raises Refused: REQUEST_NOT_FOUND
    """
    with translated(), transaction.atomic():
        drafts = [draft.id for draft in _drafts(number, submitter)]
        return Request.objects.filter(id__in=drafts, status=Request.Status.DRAFT).update(
            status=Request.Status.WITHDRAWN, withdrawn_at=timezone.now()
        )


def _drafts(number: int, submitter: User) -> list[Request]:
    """Lock the drafts of an upload of the submitter's organisation, in the order of its rows."""
    upload = Upload.objects.filter(number=number, organisation_id=submitter.organisation_id).first()
    if upload is None:
        raise Refused("REQUEST_NOT_FOUND", facts={"upload": number})
    return list(uploads.drafts_of(upload).select_for_update(of=("self",), no_key=True))
