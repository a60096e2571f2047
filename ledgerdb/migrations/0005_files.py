"""Guard what people hand in, and forecast many requests at once."""

from django.db import migrations

from ledgerdb.operations import SqlFile


class Migration(migrations.Migration):
    """Reads Django's tables of uploads and evidence."""

    dependencies = [("ledgerdb", "0004_people"), ("registry", "0008_files")]

    operations = [
        SqlFile(forward="072_forecast/0001.sql", backward="072_forecast/0000.sql"),
        SqlFile(forward="096_files/0001.sql", backward="096_files/0000.sql"),
    ]
