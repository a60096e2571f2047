"""Guard that an approval follows from a preview that was opened."""

from django.db import migrations

from ledgerdb.operations import SqlFile


class Migration(migrations.Migration):
    """Reads Django's table of what was opened."""

    dependencies = [("ledgerdb", "0001_ledger"), ("registry", "0005_previews")]

    operations = [SqlFile(forward="046_previews/0001.sql", backward="046_previews/0000.sql")]
