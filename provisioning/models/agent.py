"""Agents: programs that think for themselves, each with an owner, a scope and a cap; and what each of them did."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import Team
from provisioning.domain.agent import STATES
from provisioning.models.change import Change


class Agent(models.Model):
    """An identity of its own that does nothing its ``owner`` could not do, and less: only ``kinds`` of changes, in
    ``systems`` of ``team`` (empty: all of them) at ``stages`` (empty: all of them).

    ``monthly_cap`` is what its changes may add to the cost of a month. Of its token only a hash is kept; the ``prefix``
    is empty while it has none. ``before`` is what the last edit replaced, for taking it back. A removed agent stays as
    a row, because what it did can be read afterwards.
    """

    name = models.CharField(max_length=40)
    purpose = models.CharField(max_length=300, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="agents")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="agents")
    systems = models.JSONField(default=list)
    stages = models.JSONField(default=list)
    kinds = models.JSONField(default=list)
    monthly_cap = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    state = models.CharField(max_length=10, default="active")
    prefix = models.CharField(max_length=12, blank=True, default="")
    secret_hash = models.CharField(max_length=64, blank=True, default="")
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    before = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="agent_state_known"),
            models.UniqueConstraint(fields=["name"], condition=~Q(state="removed"), name="agent_name_once"),
            models.UniqueConstraint(fields=["prefix"], condition=~Q(prefix=""), name="agent_prefix_once"),
        ]

    def __str__(self) -> str:
        return self.name


class AgentSession(models.Model):
    """Calls of one agent that belong together: those with the ``key`` that it was given, or of one ``client`` without a
    long pause. ``calls`` and ``refused`` are counts."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="sessions")
    key = models.CharField(max_length=64, unique=True)
    client = models.CharField(max_length=120, blank=True)
    address = models.CharField(max_length=45, blank=True)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    calls = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["agent", "-id"], name="agent_session_newest")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.began_at}"


class AgentCall(models.Model):
    """One call of a tool: with what (secrets removed, cut), what came of it, and the change that it made, if any."""

    session = models.ForeignKey(AgentSession, on_delete=models.CASCADE, related_name="said")
    at = models.DateTimeField()
    tool = models.CharField(max_length=60)
    arguments = models.JSONField(default=dict)
    outcome = models.CharField(max_length=10)
    code = models.CharField(max_length=60, blank=True)
    text = models.CharField(max_length=400, blank=True)
    change = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.tool} {self.outcome}"


class AgentPlan(models.Model):
    """A plan that an agent was shown, with what it asked for, so that it can ask for exactly that and nothing else."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="plans")
    digest = models.CharField(max_length=64)
    request = models.JSONField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["agent", "digest"], name="agent_plan_by_digest")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.digest[:12]}"


class AgentChange(models.Model):
    """The agent that asked for a change, and who signed its plan with the agent; ``signed_digest`` is of that plan."""

    change = models.OneToOneField(Change, on_delete=models.CASCADE, related_name="by_agent")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="changes")
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True)
    signed_digest = models.CharField(max_length=64, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.agent_id} {self.change_id}"


class AgentRules(models.Model):
    """What platform admins say of all agents, in the one row that there is. ``unsigned`` are names of stages at which
    changes of agents need no co-signature; ``before`` is what the last edit replaced."""

    unsigned = models.JSONField(default=list)
    before = models.JSONField(null=True)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(null=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return f"v{self.version}"
