"""Tables of governance: rules, limits, decisions, tokens and the audit chain.

Governance lies below provisioning and knows environments and changes by number only. Rows change in
``governance.services`` only; the audit chain is append-only.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from idp.catalog.models import Team, slug_validator

POLICY_MODES = ("enforce", "observe")
POLICY_EFFECTS = ("deny", "warn", "require-approval")
RESERVATION_STATES = ("held", "used", "released")
APPROVAL_STATES = ("waiting", "approved", "rejected", "dismissed")
VERDICTS = ("approve", "reject", "comment", "request-info")

AMOUNT: dict[str, Any] = {"max_digits": 14, "decimal_places": 3}


class Policy(models.Model):
    """A CEL rule over a change; ``document`` is the whole policy document, ``version`` counts its edits.

    ``digest`` is that of the document: processes compare digests to know whether their compiled policies still hold.
    """

    name = models.CharField(max_length=60, unique=True, validators=[slug_validator])
    title = models.CharField(max_length=160)
    mode = models.CharField(max_length=10)
    effect = models.CharField(max_length=20)
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    active = models.BooleanField(default=True)
    updated_at = models.DateTimeField()
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=POLICY_MODES), name="policy_mode_known"),
            models.CheckConstraint(condition=Q(effect__in=POLICY_EFFECTS), name="policy_effect_known"),
        ]

    def __str__(self) -> str:
        return self.name


class Quota(models.Model):
    """A team's limits: cores, GiB, GiB, and a number of environments. Its row is the lock of the ledger."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="quota")
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    environments = models.PositiveIntegerField()
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cpu__gte=0, memory_gib__gte=0, storage_gib__gte=0), name="quota_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"quota of {self.team_id}"


class Reservation(models.Model):
    """What one environment uses of its team's quota (``used``), or a change holds of it on top (``held``)."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="reservations")
    environment_id = models.BigIntegerField()
    change_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=80)
    state = models.CharField(max_length=10)
    cpu = models.DecimalField(**AMOUNT)
    memory_gib = models.DecimalField(**AMOUNT)
    storage_gib = models.DecimalField(**AMOUNT)
    environments = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RESERVATION_STATES), name="reservation_state_known"),
            models.CheckConstraint(
                condition=Q(cpu__gte=0, memory_gib__gte=0, storage_gib__gte=0), name="reservation_not_negative"
            ),
            models.UniqueConstraint(
                fields=["environment_id"], condition=Q(state="used"), name="reservation_one_usage_per_environment"
            ),
            models.UniqueConstraint(
                fields=["change_id"], condition=Q(state="held"), name="reservation_one_hold_per_change"
            ),
        ]
        indexes = [models.Index(fields=["team"], condition=Q(state__in=("held", "used")), name="reservation_live")]

    def __str__(self) -> str:
        return f"{self.label}: {self.state}"


class Approval(models.Model):
    """One required decision: ``count`` people from ``source`` must agree to the plan with ``plan_digest``.

    ``source`` is ``team:maintainer`` (of the owning team), ``team:<slug>:maintainer`` or ``group:<name>``.
    """

    change_id = models.BigIntegerField()
    plan_digest = models.CharField(max_length=64)
    position = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=80)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    group_name = models.CharField(max_length=80, blank=True)
    count = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=400)
    policy = models.CharField(max_length=60)
    state = models.CharField(max_length=10, default="waiting")
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["change_id", "position"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=APPROVAL_STATES), name="approval_state_known"),
            models.UniqueConstraint(fields=["change_id", "plan_digest", "position"], name="approval_once"),
        ]
        indexes = [
            models.Index(fields=["team"], condition=Q(state="waiting"), name="approval_waiting_team"),
            models.Index(fields=["group_name"], condition=Q(state="waiting"), name="approval_waiting_group"),
        ]

    def __str__(self) -> str:
        return f"{self.source} on {self.change_id}: {self.state}"


class Decision(models.Model):
    """What one person said to one change, about the plan with ``plan_digest``."""

    change_id = models.BigIntegerField(db_index=True)
    plan_digest = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
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


class AuditHead(models.Model):
    """One row: the last entry's number and hash. Its lock orders the chain, and is taken last of all locks."""

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"audit head {self.sequence}"


class AuditEntry(models.Model):
    """What happened and who did it; ``hash`` covers every field and the hash before it."""

    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    via = models.CharField(max_length=12)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=60)
    object_label = models.CharField(max_length=200)
    team_slug = models.CharField(max_length=30, blank=True)
    data = models.JSONField(default=dict)
    request_id = models.CharField(max_length=40, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["object_type", "object_id", "-sequence"], name="audit_by_object"),
            models.Index(fields=["team_slug", "-sequence"], name="audit_by_team"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class ApiToken(models.Model):
    """``slw_<prefix>_<secret>``; only a hash of the secret is kept. ``systems`` empty means all."""

    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    scopes = models.JSONField(default=list)
    systems = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"slw_{self.prefix}_…"


class IdempotencyRecord(models.Model):
    """The first answer to a POST, kept a day, so that the same key answers the same."""

    principal = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["principal", "key"], name="idempotency_once")]

    def __str__(self) -> str:
        return f"{self.principal} {self.key}"
