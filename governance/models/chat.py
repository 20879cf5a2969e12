"""Chat that answers: the Slack app whose requests are believed, and which person of Slack is which of ours."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class SlackApp(models.Model):
    """One row at most: the signing secret of the organisation's Slack app, encrypted."""

    signing_secret = models.TextField()
    version = models.PositiveIntegerField(default=1)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return "Slack app"


class SlackLink(models.Model):
    """A person's own word for who they are in Slack. Never made by anybody else, and never from a mail address."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="slack_link")
    workspace = models.CharField(max_length=40)
    member = models.CharField(max_length=40)
    member_name = models.CharField(max_length=120, blank=True)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "member"], name="slack_member_once")]

    def __str__(self) -> str:
        return f"{self.workspace}/{self.member} is {self.person_id}"


class SlackCode(models.Model):
    """A code that a signed-in person types into Slack within minutes, once; only its hash is kept."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    code_hash = models.CharField(max_length=64, unique=True)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"code of {self.person_id}"


class SlackRequest(models.Model):
    """A signature that was taken, so that the same request is not taken twice. Forgotten once it is too old anyway.

    ``answer`` is what the message in Slack is to become; the worker sends it to ``answer_url`` (encrypted) when
    ``answer_due`` is set.
    """

    signature = models.CharField(max_length=80, unique=True)
    at = models.DateTimeField()
    answer = models.JSONField(default=dict)
    answer_url = models.TextField(blank=True)
    answer_due = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="slack_request_by_age"),
            models.Index(fields=["answer_due"], condition=~Q(answer_due=None), name="slack_answer_due"),
        ]

    def __str__(self) -> str:
        return self.signature[:12]
