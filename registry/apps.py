"""The domain: organisations, accounts, commodities, facilities and requests."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Holds the reference records and the requests that the ledger executes."""

    name = "registry"
    verbose_name = "Registry"
    default_auto_field = "django.db.models.AutoField"
