"""Rows of resources that are another environment's say so; those that there are, by what is written down as borrowed."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef


def mark(apps: Any, schema_editor: Any) -> None:
    borrowings = apps.get_model("provisioning", "Borrowing").objects.using(schema_editor.connection.alias)
    used = borrowings.filter(environment=OuterRef("environment"), name=OuterRef("name"))
    rows = apps.get_model("provisioning", "Resource").objects.using(schema_editor.connection.alias)
    rows.filter(Exists(used)).update(borrowed=True)


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0042_search_words_again")]

    operations = [
        migrations.AddField("resource", "borrowed", models.BooleanField(default=False)),
        migrations.RunPython(mark, migrations.RunPython.noop, elidable=True),
    ]
