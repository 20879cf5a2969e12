"""What people are told, and how each of them wants to be told. Written by ``governance.services.notices`` and its
neighbours only.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from governance.domain.notice import DELIVERIES, MAIL_STATES


class Notice(models.Model):
    """One person is told one thing, once: ``key`` names the thing and is unique for each person.

    ``url`` is the portal's path of the page that answers it. ``mail`` says where its mail stands: ``none`` (no mail
    is wanted), ``due`` at ``mail_due_at``, ``sending`` by the worker that holds ``mail_claim``, ``sent``, ``dropped``.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=1000, blank=True)
    url = models.CharField(max_length=300)
    key = models.CharField(max_length=160)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=8, default="none")
    digest = models.BooleanField(default=False)
    mail_due_at = models.DateTimeField(null=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mail_claim = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["person", "key"], name="notice_once"),
            models.CheckConstraint(condition=Q(mail__in=MAIL_STATES), name="notice_mail_known"),
        ]
        indexes = [
            models.Index(fields=["person", "-id"], name="notice_by_person"),
            models.Index(fields=["person", "-id"], condition=Q(read_at=None), name="notice_unread"),
            models.Index(fields=["mail_due_at"], condition=Q(mail__in=("due", "sending")), name="notice_mail_due"),
            models.Index(fields=["key"], condition=Q(read_at=None), name="notice_unread_by_key"),
            models.Index(fields=["at"], name="notice_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_id}"


class NoticeSetting(models.Model):
    """How one person wants to hear of one kind; without a row the kind's own default holds."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_settings")
    kind = models.CharField(max_length=40)
    delivery = models.CharField(max_length=8)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "kind"], name="notice_setting_once"),
            models.CheckConstraint(condition=Q(delivery__in=DELIVERIES), name="notice_setting_delivery_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_id}: {self.delivery}"


class NoticeSchedule(models.Model):
    """When one person's digest comes: a full hour of their own day. Without a row the platform's defaults hold."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_schedule")
    time_zone = models.CharField(max_length=60)
    digest_hour = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(digest_hour__lte=23), name="notice_schedule_hour_of_day")]

    def __str__(self) -> str:
        return f"{self.digest_hour}:00 {self.time_zone}"
