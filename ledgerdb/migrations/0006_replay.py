"""Guard the runs of replays, and what was decided about what they rejected."""

from django.db import migrations

from ledgerdb.operations import SqlFile


class Migration(migrations.Migration):
    """Reads Django's tables of runs, rejections and variances."""

    dependencies = [("ledgerdb", "0005_files"), ("registry", "0010_replay_pages")]

    operations = [SqlFile(forward="097_replay/0001.sql", backward="097_replay/0000.sql")]
