"""Events that other programs are told of, who is told, and what became of each telling.

Written by ``governance.services.events``, ``webhooks`` and ``webhook_delivery`` only. An event is stored in the
transaction of what it tells; deliveries are made of it afterwards by the worker, one for each endpoint that gets it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from governance.domain.webhook import DELIVERY_STATES, KINDS, STATES
from idp.catalog.models import System, Team


class OutgoingEvent(models.Model):
    """One thing that happened. ``uid`` is the CloudEvent's id and every attempt's ``webhook-id``.

    ``system`` and ``team`` decide who may be told. What is of no system goes to the endpoints of its team that are not
    narrowed to one, without a team to those of the organisation. ``only`` is the one
    endpoint that gets it, for tests. ``spread_at`` is when deliveries were made of it.
    """

    uid = models.CharField(max_length=40, unique=True)
    type = models.CharField(max_length=40)
    at = models.DateTimeField()
    subject = models.CharField(max_length=120, blank=True)
    data = models.JSONField()
    system = models.ForeignKey(System, null=True, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    only = models.ForeignKey("WebhookEndpoint", null=True, on_delete=models.CASCADE, related_name="+")
    spread_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(spread_at=None), name="event_to_spread"),
            models.Index(fields=["at"], name="event_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.uid}"


class WebhookEndpoint(models.Model):
    """An address that is told. ``team`` is who owns it, none for the organisation; ``system`` narrows it to one.

    ``address``, ``secret`` and ``old_secret`` are encrypted; ``shown`` is what may be read of the address.
    ``events`` are keys of ``governance.domain.event``, empty for all but those that are explicit. ``failing_since`` is
    the first failure since anything was taken; after three days of them it is ``disabled`` with ``reason``, while a
    person ``paused`` it.
    ``notices`` are kinds of ``governance.domain.notice_ways``, where ``events`` has notices; empty for all of them.
    ``previous`` (``name``, ``events``, ``notices``, ``shown``) and ``previous_address``, encrypted, are what the last
    edit replaced.
    """

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, default="webhook")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="webhooks")
    system = models.ForeignKey(System, null=True, blank=True, on_delete=models.CASCADE, related_name="webhooks")
    events = models.JSONField(default=list, blank=True)
    notices = models.JSONField(default=list, blank=True)
    address = models.TextField()
    shown = models.CharField(max_length=400)
    secret = models.TextField(blank=True)
    old_secret = models.TextField(blank=True)
    old_until = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, default="active")
    reason = models.CharField(max_length=400, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    previous = models.JSONField(null=True, blank=True)
    previous_address = models.TextField(blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="webhook_kind_known"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="webhook_state_known"),
            models.UniqueConstraint(fields=["team", "name"], name="webhook_name_once"),
            models.UniqueConstraint(fields=["name"], condition=Q(team=None), name="webhook_name_once_for_all"),
        ]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One event for one endpoint: ``due`` at ``due_at``, ``sending`` by the worker whose ``epoch`` it has until
    ``lease_until``, then ``delivered``, ``failed`` (given up) or ``dropped`` (the endpoint was switched off).

    ``attempts`` count since it was made or replayed, ``tries`` all of them.
    """

    event = models.ForeignKey(OutgoingEvent, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, default="due")
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=400, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    happened_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="webhook_delivery_once"),
            models.CheckConstraint(condition=Q(state__in=DELIVERY_STATES), name="webhook_delivery_state_known"),
        ]
        indexes = [
            models.Index(fields=["endpoint", "-id"], name="webhook_delivery_log"),
            models.Index(fields=["due_at"], condition=Q(state="due"), name="webhook_delivery_due"),
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="webhook_delivery_lent"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.endpoint_id}: {self.state}"


class WebhookAttempt(models.Model):
    """One attempt of a delivery as it went: what was sent besides the body, and how it was answered, cut short.

    Neither the address nor a signature is kept.
    """

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    outcome = models.CharField(max_length=400)
    headers = models.JSONField(default=dict)
    answer = models.TextField(blank=True)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.delivery_id}: {self.outcome}"
