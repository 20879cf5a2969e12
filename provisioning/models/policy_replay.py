"""Reports of what a policy, a team's limits or an approval route would have done to the changes that were recorded.

Worked off in chunks by a worker. Written by ``provisioning.services.policy_replays`` only. A report is fixed when it
is asked for: changes that come later make another report.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import System, Team
from provisioning.domain.replay import STRUCK, SUBJECTS
from provisioning.models.change import Change

REPLAY_STATES = ("queued", "running", "succeeded", "failed")
OPEN = ("queued", "running")


class PolicyReplay(models.Model):
    """One question, answered once. ``question`` is the digest of what decides, the range and the rules of judging.

    Looks at the changes from ``since`` on, up to the id ``last_id``, the newest first; ``done`` of ``total`` are, and
    the last of those is ``cursor`` (created_at, id). ``counts`` is by outcome, ``teams`` by the team's id, and
    ``denied_then`` counts those of the denied that did not get through anyway. ``version`` is that of the policy, empty
    for a draft. Of a ``quota`` the name is the team's and ``peaks`` say how high each limit was used; of a ``route``
    ``document`` holds the route and the policies that ask for it. Claimed by a lease as a run is; every write of a
    worker is filtered on ``epoch``.
    """

    question = models.CharField(max_length=64, unique=True)
    subject = models.CharField(max_length=8, default="policy")
    policy = models.CharField(max_length=60)
    version = models.PositiveIntegerField(null=True)
    document = models.JSONField()
    days = models.PositiveIntegerField()
    since = models.DateTimeField()
    last_id = models.BigIntegerField()
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    cursor = models.JSONField(null=True)
    counts = models.JSONField(default=dict)
    teams = models.JSONField(default=dict)
    denied_then = models.PositiveIntegerField(default=0)
    peaks = models.JSONField(default=list)
    state = models.CharField(max_length=12)
    error = models.CharField(max_length=400, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=REPLAY_STATES), name="replay_state_known"),
            models.CheckConstraint(condition=Q(subject__in=SUBJECTS), name="replay_subject_known"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=OPEN), name="replay_due"),
            models.Index(fields=["policy", "-id"], name="replay_by_policy"),
        ]

    def __str__(self) -> str:
        return f"{self.policy} over {self.days} days #{self.pk}"


class PolicyReplayItem(models.Model):
    """One change that somebody would have felt it at. ``position`` orders a report, the newest change first.

    Rows of restricted systems are shown only to those who may see them.
    """

    replay = models.ForeignKey(PolicyReplay, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="+")
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    outcome = models.CharField(max_length=12)
    message = models.CharField(max_length=400, blank=True)
    denied = models.BooleanField()

    class Meta:
        ordering = ["replay", "position"]
        constraints = [
            models.UniqueConstraint(fields=["replay", "position"], name="replay_item_once"),
            models.CheckConstraint(condition=Q(outcome__in=STRUCK), name="replay_outcome_known"),
        ]
        indexes = [
            models.Index(fields=["replay", "outcome", "position"], name="replay_item_by_outcome"),
            models.Index(fields=["replay", "team", "position"], name="replay_item_by_team"),
        ]

    def __str__(self) -> str:
        return f"{self.replay_id} {self.position}"
