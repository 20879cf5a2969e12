"""Where people are signed in: what is told of a session beside the session itself, which Django keeps."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class OpenSession(models.Model):
    """One sign-in of a person. ``key`` is that of the session; ``agent`` what the browser says of itself, shortened."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="open_sessions")
    key = models.CharField(max_length=40, unique=True)
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "-seen_at"], name="open_session_of_person")]

    def __str__(self) -> str:
        return f"{self.user_id} since {self.began_at}"
