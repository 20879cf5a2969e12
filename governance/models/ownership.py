"""Who owns a system, beside the team that its row names."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Ownership(models.Model):
    """What is known of who owns a system, beside its team: when somebody said so last, and since when nobody could.

    ``alone_since`` is when its team was found without people; ``told`` how many of the notices after that were sent.
    """

    system = models.OneToOneField("catalog.System", on_delete=models.CASCADE, related_name="ownership")
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    alone_since = models.DateTimeField(null=True)
    told = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["alone_since"], condition=models.Q(alone_since__isnull=False), name="owned_by_nobody")
        ]

    def __str__(self) -> str:
        return f"owner of {self.system_id}"


class Transfer(models.Model):
    """A system that is to go from one team to another, when both have agreed. At most one is open for a system."""

    system = models.ForeignKey("catalog.System", on_delete=models.CASCADE, related_name="transfers")
    giver = models.ForeignKey("catalog.Team", on_delete=models.PROTECT, related_name="+")
    taker = models.ForeignKey("catalog.Team", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=400)
    state = models.CharField(max_length=10, default="open")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=("open", "done", "refused", "withdrawn")), name="transfer_state_known"
            ),
            models.UniqueConstraint(fields=["system"], condition=models.Q(state="open"), name="transfer_open_once"),
        ]

    def __str__(self) -> str:
        return f"{self.system_id} to {self.taker_id}"
