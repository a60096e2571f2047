"""Files that people hand in: lists of requests, and the evidence of an issue. Never changed."""

import uuid

from django.db import models
from django.db.models import Q

from registry.models.organisations import Organisation, User
from registry.models.requests import Request

SHA256 = r"^[0-9a-f]{64}$"


class Upload(models.Model):
    """A list of transfers or retirements that was checked, and kept as drafts."""

    number = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Request.Kind)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="uploads")
    submitter = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    idempotency_key = models.UUIDField()
    name = models.CharField(max_length=120)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("submitter", "idempotency_key"), name="registry_upload_idempotency_uq"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("transfer", "retire")), name="registry_upload_kind_ck"
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex=SHA256), name="registry_upload_sha256_ck"
            ),
        )

    def __str__(self) -> str:
        return f"Upload {self.number}"


class UploadRow(models.Model):
    """Which row of which upload a request was."""

    # Requests are kept for ever and a guard looks at each row as it comes. A foreign key would look
    # once more at every request that is executed.
    request = models.OneToOneField(
        Request, models.PROTECT, primary_key=True, related_name="upload_row", db_constraint=False
    )
    upload = models.ForeignKey(Upload, models.PROTECT, related_name="rows", db_index=False)
    row = models.PositiveIntegerField()

    class Meta:
        ordering = ("upload", "row")
        constraints = (
            models.UniqueConstraint(fields=("upload", "row"), name="registry_uploadrow_row_uq"),
        )

    def __str__(self) -> str:
        return f"Upload {self.upload_id}, row {self.row}"


class Evidence(models.Model):
    """A file that was handed in: its name, its size and its hash. The bytes are on disk."""

    class Type(models.TextChoices):
        """What its content is; the name's ending says the same."""

        PDF = "pdf", "PDF"
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"
        PNG = "png", "PNG"
        JPEG = "jpeg", "JPEG"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    uploader = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=120)
    type = models.CharField(max_length=8, choices=Type)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("created_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(type__in=("pdf", "csv", "xlsx", "png", "jpeg")),
                name="registry_evidence_type_ck",
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex=SHA256), name="registry_evidence_sha256_ck"
            ),
            models.CheckConstraint(
                condition=Q(size__gt=0) & ~Q(name=""), name="registry_evidence_something_ck"
            ),
        )

    def __str__(self) -> str:
        return self.name


class RequestEvidence(models.Model):
    """
    The evidence of a request: of its rows the last one counts, and one without a file says "none".

    Only a draft takes another row (``sql/096_files.sql``): what was submitted keeps its evidence. A
    table of its own, because a column of the request would cost a little on each transfer.
    """

    id = models.BigAutoField(primary_key=True)
    # No foreign key for the same reason as that of an upload's row.
    request = models.ForeignKey(
        Request, models.PROTECT, related_name="evidence_rows", db_constraint=False
    )
    evidence = models.ForeignKey(
        Evidence, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    attached_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("request", "id")

    def __str__(self) -> str:
        return f"Evidence of request {self.request_id}"
