"""What was applied from files, so that applying it again changes nothing and what has left the files can be found."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from provisioning.models.change import Change


class AppliedDocument(models.Model):
    """The last document of a name that was applied. ``owner`` is the label under which it is pruned, if any.

    ``name`` is unique among its kind, as ``domain.bundle`` makes it. ``digest`` is that of the document as written,
    ``expires`` its span of life, which counts anew only when another one is written, ``change`` what it led to.
    """

    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=130)
    owner = models.CharField(max_length=80, blank=True, default="")
    file = models.CharField(max_length=500)
    digest = models.CharField(max_length=64)
    expires = models.CharField(max_length=40, blank=True, default="")
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    applied_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="applied_once")]
        indexes = [models.Index(fields=["owner", "kind", "name"], condition=~models.Q(owner=""), name="applied_owner")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
