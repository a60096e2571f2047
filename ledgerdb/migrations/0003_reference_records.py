"""Keep the log of the reference records, and guard them."""

from django.db import migrations

from ledgerdb.operations import SqlFile

FILES = ("046_changes", "047_reference")


class Migration(migrations.Migration):
    """Stands on the tables of the registry as they are by then."""

    dependencies = [
        ("ledgerdb", "0002_previews"),
        ("registry", "0006_reference_records"),
    ]

    operations = [
        SqlFile(forward=f"{name}/0001.sql", backward=f"{name}/0000.sql") for name in FILES
    ]
