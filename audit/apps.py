"""Pages that only look."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Holdings, blocks, lineage, custody and reconciliation."""

    name = "audit"
    verbose_name = "Audit"
