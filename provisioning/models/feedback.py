"""What people say about a run they asked for, and the contracts that the run was about."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from provisioning.domain.feedback import ANSWERS
from provisioning.models.capability import Contract
from provisioning.models.run import Run


class Feedback(models.Model):
    """“Was this easy?” answered by the person who asked for the run; ``dismissed`` when they would rather not say."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="feedback")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    answer = models.CharField(max_length=10)
    words = models.CharField(max_length=600, blank=True, default="")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(answer__in=ANSWERS), name="feedback_answer_known"),
            models.CheckConstraint(
                condition=~Q(answer="dismissed") | Q(words=""), name="feedback_dismissed_without_words"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.run_id}: {self.answer}"


class FeedbackSubject(models.Model):
    """A contract that the run made, changed or took away: its owner reads the answer."""

    feedback = models.ForeignKey(Feedback, on_delete=models.CASCADE, related_name="subjects")
    contract = models.ForeignKey(Contract, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["feedback", "contract"], name="feedback_subject_once")]

    def __str__(self) -> str:
        return f"{self.feedback_id} on {self.contract_id}"
