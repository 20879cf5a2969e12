"""Whose host names are: nobody's traffic is taken by another's route."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import System, Team

HOST_ORIGINS = ("given", "taken")


class HostClaim(models.Model):
    """A host name, or ``*.example.com`` with all below it, that belongs to a team.

    ``given`` by an admin, who may take it back, and may give it to one ``system`` of the team alone; ``taken`` by the
    team of the first ``system`` that asked for a route to it, and lost to the next team that asks once no system of
    the first uses it any more.
    """

    host = models.CharField(max_length=253, unique=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="host_claims")
    system = models.ForeignKey(System, null=True, on_delete=models.CASCADE, related_name="host_claims")
    origin = models.CharField(max_length=8)
    note = models.CharField(max_length=200, blank=True, default="")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["host"]
        constraints = [
            models.CheckConstraint(condition=Q(origin__in=HOST_ORIGINS), name="host_claim_origin_known"),
            models.CheckConstraint(
                condition=Q(origin="given") | Q(system__isnull=False), name="host_claim_taken_by_a_system"
            ),
        ]

    def __str__(self) -> str:
        return self.host
