"""The audit log only grows, whoever writes: the database itself refuses to change an entry, or to delete one that no
checkpoint says was exported.
"""

from django.db import migrations, models

MESSAGE = "the audit log is append-only"
COVERED = "EXISTS (SELECT 1 FROM governance_auditcheckpoint WHERE sequence >= OLD.sequence)"

SQLITE = (
    f"""
CREATE TRIGGER audit_entry_kept BEFORE UPDATE ON governance_auditentry
BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
""",
    f"""
CREATE TRIGGER audit_entry_stays BEFORE DELETE ON governance_auditentry FOR EACH ROW WHEN NOT {COVERED}
BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
""",
    f"""
CREATE TRIGGER audit_checkpoint_kept BEFORE UPDATE ON governance_auditcheckpoint
BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
""",
    f"""
CREATE TRIGGER audit_checkpoint_stays BEFORE DELETE ON governance_auditcheckpoint
BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
""",
)
POSTGRESQL = (
    f"""
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'governance_auditentry' THEN
    IF {COVERED} THEN RETURN OLD; END IF;
  END IF;
  RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
END $$
""",
    """
CREATE TRIGGER audit_entry_kept BEFORE UPDATE OR DELETE ON governance_auditentry
FOR EACH ROW EXECUTE FUNCTION audit_append_only()
""",
    """
CREATE TRIGGER audit_checkpoint_kept BEFORE UPDATE OR DELETE ON governance_auditcheckpoint
FOR EACH ROW EXECUTE FUNCTION audit_append_only()
""",
)
REMOVED = {
    "sqlite": (
        "DROP TRIGGER audit_entry_kept",
        "DROP TRIGGER audit_entry_stays",
        "DROP TRIGGER audit_checkpoint_kept",
        "DROP TRIGGER audit_checkpoint_stays",
    ),
    "postgresql": (
        "DROP TRIGGER audit_entry_kept ON governance_auditentry",
        "DROP TRIGGER audit_checkpoint_kept ON governance_auditcheckpoint",
        "DROP FUNCTION audit_append_only()",
    ),
}


def install(apps, schema_editor):
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in REMOVED[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("governance", "0003_reservation_sums")]

    operations = [
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("sequence", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("exported_to", models.CharField(max_length=400)),
            ],
            options={"ordering": ["-sequence"]},
        ),
        migrations.RunPython(install, remove),
    ]
