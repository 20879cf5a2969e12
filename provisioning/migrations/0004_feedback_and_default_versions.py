"""What people say about their runs, and the version that each major leads to where an admin chose one."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("provisioning", "0003_contract_states"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Feedback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("answer", models.CharField(max_length=10)),
                ("words", models.CharField(blank=True, default="", max_length=600)),
                ("created_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="feedback", to="provisioning.run"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FeedbackSubject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "contract",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="provisioning.contract"
                    ),
                ),
                (
                    "feedback",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="subjects", to="provisioning.feedback"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DefaultVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("major", models.PositiveIntegerField()),
                ("set_at", models.DateTimeField()),
                (
                    "capability",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="default_versions",
                        to="provisioning.capability",
                    ),
                ),
                (
                    "contract",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="default_of",
                        to="provisioning.contract",
                    ),
                ),
                (
                    "set_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("capability", "major"), name="default_version_once_per_major")
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="feedback",
            constraint=models.CheckConstraint(
                condition=models.Q(("answer__in", ("easy", "hard", "dismissed"))), name="feedback_answer_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="feedback",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("answer", "dismissed"), _negated=True), ("words", ""), _connector="OR"),
                name="feedback_dismissed_without_words",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedbacksubject",
            constraint=models.UniqueConstraint(fields=("feedback", "contract"), name="feedback_subject_once"),
        ),
    ]
