"""A published contract never changes, whoever writes: the database itself refuses. Only its state may move."""

from django.db import migrations

FROZEN = ("document", "digest", "version", "major", "minor", "patch", "capability_id", "published_at")
MESSAGE = "a published contract never changes; publish another version"

SQLITE = f"""
CREATE TRIGGER contract_immutable
BEFORE UPDATE OF {", ".join(FROZEN)} ON provisioning_contract
FOR EACH ROW WHEN {" OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in FROZEN)}
BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
"""
# json has no equality in PostgreSQL but jsonb has, which is what the column is.
POSTGRESQL = f"""
CREATE FUNCTION contract_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF {" OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in FROZEN)} THEN
    RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER contract_immutable BEFORE UPDATE ON provisioning_contract
FOR EACH ROW EXECUTE FUNCTION contract_immutable();
"""


def install(apps, schema_editor):
    schema_editor.execute({"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor])


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER contract_immutable ON provisioning_contract")
        schema_editor.execute("DROP FUNCTION contract_immutable()")
    else:
        schema_editor.execute("DROP TRIGGER contract_immutable")


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
