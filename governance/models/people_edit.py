"""What was edited of teams, people and groups, so that it can be taken back."""

from __future__ import annotations

from django.db import models


class PeopleEdit(models.Model):
    """One edit of what ``key`` names: ``before`` is what ``governance.services.undoing`` sets again.

    The audit log says the same for ever; these rows are what the button needs.
    """

    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=200)
    label = models.CharField(max_length=200)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    undone_by = models.CharField(max_length=150, blank=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["kind", "key"], name="people_edit_of_what")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
