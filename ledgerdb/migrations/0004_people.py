"""Guard sign-ins and invitations."""

from django.db import migrations

from ledgerdb.operations import SqlFile


class Migration(migrations.Migration):
    """Reads Django's tables of people and of who is invited."""

    dependencies = [("ledgerdb", "0003_reference_records"), ("registry", "0007_people")]

    operations = [SqlFile(forward="047_people/0001.sql", backward="047_people/0000.sql")]
