import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("provisioning", "0031_search_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AppliedDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20)),
                ("name", models.CharField(max_length=130)),
                ("owner", models.CharField(blank=True, default="", max_length=80)),
                ("file", models.CharField(max_length=500)),
                ("digest", models.CharField(max_length=64)),
                ("expires", models.CharField(blank=True, default="", max_length=40)),
                ("applied_at", models.DateTimeField()),
                (
                    "applied_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="provisioning.change",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("owner", ""), _negated=True),
                        fields=["owner", "kind", "name"],
                        name="applied_owner",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("kind", "name"), name="applied_once")],
            },
        ),
    ]
