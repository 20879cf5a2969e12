"""Decisions that changes need, and what people said."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import Team

APPROVAL_STATES = ("waiting", "approved", "rejected", "dismissed", "later", "skipped")
ESCALATES = Q(state="waiting", escalated_at=None) & ~Q(escalates_at=None)
ESCALATED = Q(state="waiting") & ~Q(escalated_at=None)
EXPIRES = Q(state="waiting") & ~Q(expires_at=None)
VERDICTS = ("approve", "reject", "comment", "request-info")


class Approval(models.Model):
    """One required decision: ``count`` people from ``source`` must agree to the plan with ``plan_digest``.

    ``source`` is ``team:maintainer`` (of the owning team), ``team:<slug>:maintainer``, ``group:<name>`` or
    ``people:<name>,<name>``, whose accounts are ``people`` too, so that their inboxes find it. Of a ``route``, those
    with the lowest ``stage`` wait first and the others come ``later``; ``skipped`` ones a condition left out.
    ``opened_at`` is when it began to wait. Lengths of time are minutes, 0 for never.
    """

    change_id = models.BigIntegerField()
    plan_digest = models.CharField(max_length=64)
    position = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=400)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    group_name = models.CharField(max_length=80, blank=True)
    count = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=400)
    policy = models.CharField(max_length=60)
    state = models.CharField(max_length=10, default="waiting")
    settled_at = models.DateTimeField(null=True)
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    route = models.CharField(max_length=30, blank=True)
    stage = models.PositiveSmallIntegerField(default=0)
    stage_name = models.CharField(max_length=60, blank=True)
    opened_at = models.DateTimeField(null=True)
    escalate_after = models.PositiveIntegerField(default=0)
    escalate_to = models.CharField(max_length=80, blank=True)
    escalates_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)
    expire_after = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)
    next_team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    next_group = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["change_id", "position"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=APPROVAL_STATES), name="approval_state_known"),
            models.UniqueConstraint(fields=["change_id", "plan_digest", "position"], name="approval_once"),
        ]
        indexes = [
            models.Index(fields=["team"], condition=Q(state="waiting"), name="approval_waiting_team"),
            models.Index(fields=["group_name"], condition=Q(state="waiting"), name="approval_waiting_group"),
            models.Index(fields=["next_team"], condition=ESCALATED & ~Q(next_team=None), name="approval_next_team"),
            models.Index(fields=["next_group"], condition=ESCALATED, name="approval_next_group"),
            models.Index(fields=["escalates_at"], condition=ESCALATES, name="approval_escalates"),
            models.Index(fields=["expires_at"], condition=EXPIRES, name="approval_expires"),
        ]

    def __str__(self) -> str:
        return f"{self.source} on {self.change_id}: {self.state}"


class Decision(models.Model):
    """What one person said to one change, about the plan with ``plan_digest``, maybe ``on_behalf_of`` another."""

    change_id = models.BigIntegerField(db_index=True)
    plan_digest = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="decisions_for"
    )
    verdict = models.CharField(max_length=12)
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=VERDICTS), name="decision_verdict_known"),
            models.UniqueConstraint(
                fields=["change_id", "plan_digest", "user"],
                condition=Q(verdict__in=("approve", "reject")),
                name="decision_once_per_person_and_plan",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.verdict} {self.change_id}"
