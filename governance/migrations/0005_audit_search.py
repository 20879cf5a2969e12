"""What the audit log is searched by: whose behalf, from where, which place; each filter with an index of its order.

SQLite makes a table anew to add columns and loses its triggers on the way, so those that keep the log append-only are
taken away before and installed again after.
"""

from importlib import import_module

from django.db import migrations, models

guard = import_module("governance.migrations.0004_audit_guard")
NEWEST = ["-at", "-sequence"]
INDEXES = {
    "audit_by_time": [],
    "audit_by_actor": ["actor_name"],
    "audit_by_action": ["action"],
    "audit_by_kind": ["object_type"],
    "audit_by_object": ["object_type", "object_id"],
    "audit_by_name": ["object_label"],
    "audit_by_team": ["team_slug"],
    "audit_by_behalf": ["behalf"],
    "audit_by_request": ["request_id"],
    "audit_by_system": ["system_slug"],
    "audit_by_place": ["system_slug", "environment_name"],
}


class Migration(migrations.Migration):
    dependencies = [("governance", "0004_audit_guard")]

    operations = [
        migrations.RunPython(guard.remove, guard.install),
        migrations.RemoveIndex("auditentry", "audit_by_object"),
        migrations.RemoveIndex("auditentry", "audit_by_team"),
        migrations.AddField("auditentry", "token_id", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField("auditentry", "behalf", models.CharField(blank=True, default="", max_length=150)),
        migrations.AddField("auditentry", "address", models.CharField(blank=True, default="", max_length=45)),
        migrations.AddField("auditentry", "system_slug", models.CharField(blank=True, default="", max_length=40)),
        migrations.AddField("auditentry", "environment_name", models.CharField(blank=True, default="", max_length=40)),
        *(
            migrations.AddIndex("auditentry", models.Index(fields=[*fields, *NEWEST], name=name))
            for name, fields in INDEXES.items()
        ),
        migrations.RunPython(guard.install, guard.remove),
    ]
