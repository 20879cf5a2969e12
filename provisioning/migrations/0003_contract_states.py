"""What is said about a version's state, and which teams see previews.

SQLite makes a table anew to add columns and loses its triggers on the way, so the one that keeps published contracts
as they are is taken away before and installed again after.
"""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

frozen = import_module("provisioning.migrations.0002_contract_immutable")


class Migration(migrations.Migration):
    dependencies = [
        ("provisioning", "0002_contract_immutable"),
        ("catalog", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(frozen.remove, frozen.install),
        migrations.AddField("contract", "state_version", models.PositiveIntegerField(default=1)),
        migrations.AddField("contract", "state_since", models.DateTimeField(null=True)),
        migrations.AddField("contract", "state_reason", models.CharField(blank=True, default="", max_length=400)),
        migrations.AddField("contract", "sunset_at", models.DateTimeField(null=True)),
        migrations.AddField("contract", "replacement", models.CharField(blank=True, default="", max_length=40)),
        migrations.RunPython(frozen.install, frozen.remove),
        migrations.CreateModel(
            name="PreviewTeam",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("joined_at", models.DateTimeField()),
                (
                    "capability",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="preview_teams",
                        to="provisioning.capability",
                    ),
                ),
                (
                    "joined_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="catalog.team"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("capability", "team"), name="preview_team_once")],
            },
        ),
    ]
