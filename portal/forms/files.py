"""Files that people hand in: what they are by their content, and a name that is safe."""

import io
import re
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from registry.models import Evidence

Type = Evidence.Type
ENDINGS = {
    ".pdf": Type.PDF,
    ".csv": Type.CSV,
    ".xlsx": Type.XLSX,
    ".png": Type.PNG,
    ".jpg": Type.JPEG,
    ".jpeg": Type.JPEG,
}
SIGNATURES = (
    (b"%PDF-", Type.PDF),
    (b"\x89PNG\r\n\x1a\n", Type.PNG),
    (b"\xff\xd8\xff", Type.JPEG),
)
WORKBOOK = {"[Content_Types].xml", "xl/workbook.xml"}
LONGEST_NAME = 100


@dataclass(frozen=True)
class Handed:
    """A file as it was handed in."""

    name: str
    type: str
    content: bytes


class EvidenceField(forms.FileField):
    """A PDF, CSV, XLSX, PNG or JPEG file, told by its content and not by what the browser says."""

    widget = forms.ClearableFileInput

    def __init__(self, **kwargs: Any):
        """Offer such files alone; which they are is looked at when they are here."""
        accept = ",".join(ENDINGS)
        super().__init__(widget=forms.FileInput(attrs={"accept": accept}), **kwargs)

    def clean(self, data: Any, initial: Any = None) -> Handed | None:
        """
        Return the file.

        :raises ValidationError: too large, empty, or not what it says
        """
        if not isinstance(data, UploadedFile):
            super().clean(data, initial)
            return None
        most = settings.EVIDENCE_MAX_BYTES
        if (data.size or 0) > most:
            raise ValidationError(
                f"The file is larger than {most // 1024 // 1024} MB.", code="FILE_TOO_LARGE"
            )
        content = data.read()
        if not content:
            raise ValidationError("The file is empty.", code="FILE_EMPTY")
        return Handed(*_typed(data.name or "", content), content)


def _typed(name: str, content: bytes) -> tuple[str, str]:
    """
    Return a safe name and the type of a file.

    :raises ValidationError: of no type that is taken, or of another than its name says
    """
    safe = safe_name(name)
    ending = PurePath(safe).suffix.lower()
    said, found = ENDINGS.get(ending), type_of(content)
    if said is None or found is None:
        raise ValidationError("Choose a PDF, CSV, XLSX, PNG or JPEG file.", code="FILE_TYPE")
    if said != found:
        raise ValidationError(
            f"The name ends in {ending}, but the content is {found.label}.", code="FILE_TYPE"
        )
    return safe, found.value


def type_of(content: bytes) -> Type | None:
    """Say what a file is by its content; None if it is nothing that is taken."""
    for signature, type_ in SIGNATURES:
        if content.startswith(signature):
            return type_
    if content.startswith(b"PK\x03\x04"):
        return Type.XLSX if _is_workbook(content) else None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    plain = all(each in "\t\r\n" or unicodedata.category(each) != "Cc" for each in text)
    return Type.CSV if plain and ("," in text or ";" in text or "\t" in text) else None


def safe_name(name: str) -> str:
    """Return the last part of a name, without what could mislead: paths, controls, dots before."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(
        each if unicodedata.category(each)[0] not in "CZ" and each not in '<>:"|?*;' else " "
        for each in unicodedata.normalize("NFC", last)
    )
    path = PurePath(" ".join(shown.split()).strip(". ") or "file")
    ending = path.suffix[:8]
    return f"{path.stem[: LONGEST_NAME - len(ending)].strip() or 'file'}{ending}"


def _is_workbook(content: bytes) -> bool:
    """Look at the list of what is inside; nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return set(archive.namelist()) >= WORKBOOK
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
