"""Install the ledger: one migration, so that it is there whole or not at all."""

from django.conf import settings
from django.db import migrations

from ledgerdb.operations import SqlFile

FILES = (
    "010_schema",
    "020_tables",
    "030_derived",
    "035_derivation",
    "040_guards",
    "042_chain",
    "045_requests",
    "050_checks",
    "055_settle",
    "061_mint",
    "062_transfer",
    "063_retire",
    "064_reassign_region",
    "065_expire",
    "070_preview",
    "080_reads",
    "090_reconcile",
    "092_statements",
    "093_runs",
    "095_errors",
)


class Migration(migrations.Migration):
    """Reads Django's request and account tables, hence the one arrow towards the registry."""

    dependencies = [
        ("registry", "0003_request_claim_published"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        SqlFile(forward=f"{name}/0001.sql", backward=f"{name}/0000.sql") for name in FILES
    ]
