"""Memberships that follow groups of an identity provider: the rules, the groups last known, and what was given."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from idp.catalog.names import ROLES


class GroupRule(models.Model):
    """Who is in ``group`` of ``source`` has ``role`` in ``team``."""

    source = models.CharField(max_length=40)
    group = models.CharField(max_length=120)
    team = models.ForeignKey("catalog.Team", on_delete=models.CASCADE, related_name="group_rules")
    role = models.CharField(max_length=12, choices=[(role, role) for role in ROLES])
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["source", "group", "team__slug"]
        constraints = [
            models.UniqueConstraint(fields=["source", "group", "team"], name="group_rule_once"),
            models.CheckConstraint(condition=models.Q(role__in=ROLES), name="group_rule_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.group}"


class KnownGroups(models.Model):
    """When a source last said of a person in which groups they are."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="known_groups")
    source = models.CharField(max_length=40)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "source"], name="known_groups_once")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.source}"


class KnownGroup(models.Model):
    """One of the groups that were said then."""

    known = models.ForeignKey(KnownGroups, on_delete=models.CASCADE, related_name="groups")
    value = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["known", "value"], name="known_group_once")]
        indexes = [models.Index(fields=["value"], name="known_group_value")]

    def __str__(self) -> str:
        return self.value


class GivenMembership(models.Model):
    """What rules gave a person in a team: ``given`` maps sources to roles, ``by_hand`` stood or stands beside it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="given_memberships")
    team = models.ForeignKey("catalog.Team", on_delete=models.CASCADE, related_name="given_memberships")
    by_hand = models.CharField(max_length=12, blank=True)
    given = models.JSONField(default=dict)
    role = models.CharField(max_length=12)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="given_membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"
