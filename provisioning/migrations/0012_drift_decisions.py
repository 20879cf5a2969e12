"""What owners decide about drift, how much of it each environment has, and what a stage does about it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def counted(apps, schema_editor):
    """What drifted before this is installed counts as well."""
    drift = apps.get_model("provisioning", "Drift").objects.filter(state="open", environment=models.OuterRef("pk"))
    number = drift.order_by().values("environment").annotate(number=models.Count("pk")).values("number")
    environments = apps.get_model("provisioning", "Environment").objects.filter(drifts__state="open")
    environments.update(drifted=models.Subquery(number))


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
        ("provisioning", "0011_kept_drafts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="change",
            name="change_kind_known",
        ),
        migrations.AddField(
            model_name="drift",
            name="automatic",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="drift",
            name="change",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="drifts", to="provisioning.change"
            ),
        ),
        migrations.AddField(
            model_name="drift",
            name="decision",
            field=models.CharField(blank=True, max_length=8),
        ),
        migrations.AddField(
            model_name="environment",
            name="drifted",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.RunPython(counted, migrations.RunPython.noop),
        migrations.AddField(
            model_name="stage",
            name="drift_mode",
            field=models.CharField(default="report", max_length=8),
        ),
        migrations.AddIndex(
            model_name="environment",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("drifted__gt", 0)),
                fields=["-changed_at", "-id"],
                name="environment_drifted",
            ),
        ),
        migrations.AddConstraint(
            model_name="change",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        (
                            "create",
                            "update",
                            "promote",
                            "upgrade",
                            "rollback",
                            "sleep",
                            "wake",
                            "extend",
                            "adopt",
                            "revert",
                            "delete",
                        ),
                    )
                ),
                name="change_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="drift",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ("", "adopt", "revert", "report"))), name="drift_decision_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="stage",
            constraint=models.CheckConstraint(
                condition=models.Q(("drift_mode__in", ("report", "correct"))), name="stage_drift_mode_known"
            ),
        ),
    ]
