"""The only Python that speaks SQL to the ledger."""

from django.apps import AppConfig


class LedgerdbConfig(AppConfig):
    """Installs the ledger's SQL and calls its functions."""

    name = "ledgerdb"
    verbose_name = "Ledger database"
