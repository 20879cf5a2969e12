"""Who may sign in without a provider."""

from __future__ import annotations

from django.db import models

from governance.domain.local_sign_in import EVERYBODY, OPEN_TO


class LocalSignInRule(models.Model):
    """One row at most; without it, everybody may. ``keepers`` are names of accounts, which never change."""

    open_to = models.CharField(max_length=12, default=EVERYBODY)
    keepers = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(open_to__in=OPEN_TO), name="local_sign_in_rule_known")]

    def __str__(self) -> str:
        return self.open_to
