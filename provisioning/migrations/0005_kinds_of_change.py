"""What was asked for in the words of its kind, how long a set must soak, and since when one has been Ready."""

import django.db.models.deletion
from django.db import migrations, models


def since_their_last_change(apps, schema_editor):
    """What is Ready when this is installed has been so since it changed last."""
    environments = apps.get_model("provisioning", "Environment").objects
    ready = environments.filter(state="ready", deleted_at=None).exclude(observed=None)
    ready.update(ready_since=models.F("changed_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("provisioning", "0004_feedback_and_default_versions"),
    ]

    operations = [
        migrations.AddField(
            model_name="change",
            name="intent",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="environment",
            name="ready_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="superseded_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="provisioning.change"
            ),
        ),
        migrations.AddField(
            model_name="stage",
            name="soak_minutes",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.RunPython(since_their_last_change, migrations.RunPython.noop),
    ]
