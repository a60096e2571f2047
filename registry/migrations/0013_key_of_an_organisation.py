"""An organisation's key stands for one request, whoever of its people submits it in the end."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A key no longer changes hands with the one who asks."""

    dependencies = [
        ('registry', '0012_notices_of_replay'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='request',
            name='registry_request_idempotency_uq',
        ),
        migrations.AddConstraint(
            model_name='request',
            constraint=models.UniqueConstraint(fields=('organisation', 'idempotency_key'), name='registry_request_idempotency_uq'),
        ),
    ]
