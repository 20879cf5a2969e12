"""Who may use a resource of another environment, as its owners allow it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import System, Team
from provisioning.models.environment import Environment


class ResourceGrant(models.Model):
    """``environment`` lends ``resource`` to a system (to its environment ``to_environment`` alone where that is
    written), or to all systems of a team.

    ``beyond``: what is production may be used outside of it. ``score_id`` is the identity by which Score workloads find
    it (``redis.default#main``). After ``ends_at`` nobody begins to use it; who uses it then goes on. ``ended_at``: it
    was taken back, when nobody used it.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="grants")
    resource = models.CharField(max_length=31)
    to_system = models.ForeignKey(System, null=True, on_delete=models.CASCADE, related_name="grants")
    to_environment = models.CharField(max_length=30, blank=True)
    to_team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="grants")
    beyond = models.BooleanField(default=False)
    score_id = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=200, blank=True)
    ends_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    given_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["environment", "resource", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(to_system__isnull=False, to_team=None) | Q(to_system=None, to_team__isnull=False),
                name="grant_to_one",
            ),
            models.UniqueConstraint(
                fields=["environment", "resource", "to_system", "to_environment"],
                condition=Q(ended_at=None, to_team=None),
                name="grant_to_system_once",
            ),
            models.UniqueConstraint(
                fields=["environment", "resource", "to_team"],
                condition=Q(ended_at=None, to_system=None),
                name="grant_to_team_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.environment_id}/{self.resource}"


class Borrowing(models.Model):
    """A resource ``name`` of ``environment`` is the one that ``grant`` lends: from the start of the run that makes it
    so until one has seen it gone.
    """

    grant = models.ForeignKey(ResourceGrant, on_delete=models.PROTECT, related_name="borrowings")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="borrowings")
    name = models.CharField(max_length=31)
    since = models.DateTimeField()

    class Meta:
        ordering = ["environment", "name"]
        constraints = [models.UniqueConstraint(fields=["environment", "name"], name="borrowing_once")]

    def __str__(self) -> str:
        return f"{self.environment_id}/{self.name}"
