"""Evidence: what stands behind a request, and its bytes."""

import hashlib
import logging
from pathlib import Path
from uuid import UUID

from django.conf import settings

from registry.models import Evidence, Request, RequestEvidence, User

log = logging.getLogger(__name__)


class Damaged(Exception):
    """The file on disk is gone, or is not what was handed in."""


def of(request: Request) -> Evidence | None:
    """Return the evidence of a request: the last that was said about it."""
    last = (
        RequestEvidence.objects.select_related("evidence")
        .filter(request_id=request.id)
        .order_by("-id")
        .first()
    )
    return last.evidence if last else None


def of_issue(request: Request) -> Evidence | None:
    """Return the evidence of a request for an issue; others have none."""
    return of(request) if request.kind == Request.Kind.MINT else None


def kept(user: User, evidence_id: UUID) -> Evidence | None:
    """Return a file that a person's organisation handed in before."""
    return Evidence.objects.filter(id=evidence_id, organisation_id=user.organisation_id).first()


def content(evidence: Evidence) -> bytes:
    """
    Return the bytes of a file, which must be those that were handed in.

    :raises Damaged: they are not, or are gone
    """
    try:
        found = path_of(evidence.sha256).read_bytes()
    except OSError as error:
        log.critical("evidence %s cannot be read: %s", evidence.id, error)
        raise Damaged from error
    if hashlib.sha256(found).hexdigest() != evidence.sha256:
        log.critical("evidence %s was changed on disk", evidence.id)
        raise Damaged
    return found


def path_of(sha256: str) -> Path:
    """Return where a file with this hash is kept."""
    return Path(settings.EVIDENCE_DIR) / sha256[:2] / sha256
