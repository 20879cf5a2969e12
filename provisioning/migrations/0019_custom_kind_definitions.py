"""Definitions of custom kinds. What was published with a contract never changes: the database itself refuses."""

import django.db.models.deletion
from django.db import migrations, models

MESSAGE = "what was published with a contract never changes; publish another version"
SQLITE = f"""
CREATE TRIGGER contract_definition_immutable BEFORE UPDATE ON provisioning_contractdefinition
BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
"""
POSTGRESQL = f"""
CREATE FUNCTION contract_definition_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER contract_definition_immutable BEFORE UPDATE ON provisioning_contractdefinition
FOR EACH ROW EXECUTE FUNCTION contract_definition_immutable();
"""


def install(apps, schema_editor):
    schema_editor.execute({"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor])


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER contract_definition_immutable ON provisioning_contractdefinition")
        schema_editor.execute("DROP FUNCTION contract_definition_immutable()")
    else:
        schema_editor.execute("DROP TRIGGER contract_definition_immutable")


class Migration(migrations.Migration):
    dependencies = [
        ("provisioning", "0018_watch_figures"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClusterDefinition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=400)),
                ("schema", models.JSONField()),
                ("mark", models.CharField(blank=True, default="", max_length=200)),
                ("seen_at", models.DateTimeField()),
                (
                    "cluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="definitions",
                        to="provisioning.cluster",
                    ),
                ),
            ],
            options={
                "ordering": ["cluster__name", "key"],
                "constraints": [models.UniqueConstraint(fields=("cluster", "key"), name="cluster_definition_once")],
            },
        ),
        migrations.CreateModel(
            name="ContractDefinition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=400)),
                ("schema", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "contract",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="definitions",
                        to="provisioning.contract",
                    ),
                ),
            ],
            options={
                "ordering": ["contract", "key"],
                "constraints": [models.UniqueConstraint(fields=("contract", "key"), name="contract_definition_once")],
            },
        ),
        migrations.RunPython(install, remove),
    ]
