"""Evidence: files that stand behind a request, kept outside of what is served."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings

from registry.models import Evidence, Request, RequestEvidence, User
from registry.selectors import evidence as files


def keep_evidence(*, uploader: User, name: str, type: str, content: bytes) -> Evidence:
    """
    Keep a file that may become the evidence of a request; the same one is kept once.

    :param name: without a path, ending as ``type`` says
    """
    sha256 = hashlib.sha256(content).hexdigest()
    _store(files.path_of(sha256), content)
    first = Evidence.objects.filter(
        organisation_id=uploader.organisation_id, sha256=sha256, name=name, type=type
    ).first()
    return first or Evidence.objects.create(
        organisation_id=uploader.organisation_id,
        uploader=uploader,
        name=name,
        type=type,
        size=len(content),
        sha256=sha256,
    )


def set_evidence(request: Request, evidence: Evidence | None) -> None:
    """Let a draft have this evidence, or none; the database refuses it once it is submitted."""
    found = files.of(request)
    if found != evidence:
        RequestEvidence.objects.create(request=request, evidence=evidence)


def _store(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its name is the hash of what it holds."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=settings.EVIDENCE_DIR)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
