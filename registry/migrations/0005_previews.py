"""What was opened before it was decided, and the decisions taken together."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0004_notices'),
    ]

    operations = [
        migrations.CreateModel(
            name='DecisionRound',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('key', models.UUIDField()),
                ('decision', models.CharField(max_length=16)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('results', models.JSONField()),
                ('decided_at', models.DateTimeField(auto_now_add=True)),
                ('approver', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-decided_at',),
                'constraints': [models.UniqueConstraint(fields=('approver', 'key'), name='registry_decisionround_key_uq')],
            },
        ),
        migrations.CreateModel(
            name='PreviewOpening',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('fingerprint', models.CharField(blank=True, max_length=64)),
                ('refusal', models.CharField(blank=True, max_length=64)),
                ('blocks', models.PositiveIntegerField(default=0)),
                ('preview', models.JSONField(blank=True, null=True)),
                ('opened_at', models.DateTimeField(auto_now_add=True)),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.request')),
            ],
            options={
                'ordering': ('id',),
                'indexes': [models.Index(fields=['request', 'person', 'id'], name='registry_previewopening_ix')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('fingerprint', ''), ('preview__isnull', True), models.Q(('refusal', ''), _negated=True)), models.Q(('preview__isnull', False), ('refusal', ''), models.Q(('fingerprint', ''), _negated=True)), _connector='OR'), name='registry_previewopening_shown_or_refused_ck')],
            },
        ),
    ]
