"""A list of requests, handed in as a file."""

import hashlib
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from portal.forms import rows
from portal.forms.files import safe_name
from portal.forms.sheet import MOST_BYTES, MOST_ROWS, Problem
from registry.models import Request, Upload, User
from registry.selectors import uploads


class Bulk(forms.Form):
    """Which kind of requests, and the file; the key travels along unseen."""

    kind = forms.ChoiceField(
        label="What is in the list",
        choices=[(Request.Kind.TRANSFER, "Transfers"), (Request.Kind.RETIRE, "Retirements")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what is in the list."},
    )
    file = forms.FileField(
        label="File",
        help_text=f"CSV in UTF-8, with commas or semicolons; {MOST_ROWS:,} rows and"
        f" {MOST_BYTES // 1024 // 1024} MB at most.",
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"required": "Choose a file."},
    )
    again = forms.BooleanField(label="It is meant to happen again", required=False)
    key = forms.UUIDField(widget=forms.HiddenInput)

    content = b""
    # What was uploaded before with the same content.
    before: Upload | None = None
    checked: rows.Rows | None = None

    def clean_file(self) -> UploadedFile:
        """Read the file, one byte more than is taken at most."""
        file: UploadedFile = self.cleaned_data["file"]
        self.content = file.read(MOST_BYTES + 1)
        return file

    def check_rows(self, user: User) -> bool:
        """Look at every row; say whether all may be kept."""
        kind = self.cleaned_data["kind"]
        self.before = uploads.sent_before(user, kind=kind, sha256=self.sha256)
        self.checked = rows.check(user, kind, self.content)
        if self.checked.sheet.problems:
            found = len(self.checked.sheet.problems)
            self.add_error(
                "file",
                f"{found:,} problem{'' if found == 1 else 's'} in the file. Nothing was kept.",
            )
        elif self.before and not self.cleaned_data["again"]:
            sentence = "This very file was uploaded before. Nothing was kept."
            self.add_error("again", forms.ValidationError(sentence, code="FILE_SENT_BEFORE"))
        return not self.errors

    def keeps(self) -> dict[str, Any]:
        """Return what an upload is made of."""
        answers = self.cleaned_data
        return {
            "kind": answers["kind"],
            "idempotency_key": answers["key"],
            "name": safe_name(answers["file"].name or ""),
            "size": len(self.content),
            "sha256": self.sha256,
            "rows": self.checked.asks if self.checked else [],
        }

    @property
    def sha256(self) -> str:
        """Return the hash of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def problems(self) -> list[Problem]:
        """Return everything that is wrong with the file."""
        return self.checked.sheet.problems if self.checked else []
