"""Keep what of each batch, facility and region was where, at some heights."""

from django.db import migrations

from ledgerdb.operations import SqlFile


class Migration(migrations.Migration):
    """Written by reconciliation: no transaction waits for it."""

    dependencies = [("ledgerdb", "0006_replay")]

    operations = [SqlFile(forward="098_sums/0001.sql", backward="098_sums/0000.sql")]
