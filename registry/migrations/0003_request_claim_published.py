"""Whether anybody who knows a statement's reference may read for whom and why."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Nobody agreed to it for what is there already."""

    dependencies = [("registry", "0002_cache")]

    operations = [
        migrations.AddField(
            model_name="request",
            name="claim_published",
            field=models.BooleanField(db_default=False, default=False),
        )
    ]
