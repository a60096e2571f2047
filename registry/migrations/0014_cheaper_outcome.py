"""What made it dearer to mark a request executed: one index and one CHECK that others stand for."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index of the key begins with the organisation; a guard asks about the blocks of an expiry."""

    dependencies = [
        ('registry', '0013_key_of_an_organisation'),
    ]

    operations = [
        migrations.AlterField(
            model_name='request',
            name='max_blocks',
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='request',
            name='organisation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='registry.organisation'),
        ),
    ]
