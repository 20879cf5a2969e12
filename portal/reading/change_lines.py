"""A change as one line of a list: where it leads, its title, who asked, what it costs. Pure over the row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.drawing import words
from provisioning.models import Change


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """``cost`` is the difference in words: "+€17.40", or nothing where it costs the same."""

    url: str
    number: int
    title: str
    requester: str
    reason: str
    state: str
    stage: str
    cost: str
    at: datetime


def change_lines(changes: Iterable[Change]) -> list[ChangeLine]:
    """Needs ``requester`` and ``stage`` selected."""
    return [_line(change) for change in changes]


def _line(change: Change) -> ChangeLine:
    difference = change.monthly_cost_after - change.monthly_cost_before
    return ChangeLine(
        url=reverse("change", args=[change.pk]),
        number=change.pk,
        title=change.title,
        requester=change.requester.username,
        reason=change.reason,
        state=change.state,
        stage=change.stage.name,
        cost=words.money_change(difference, settings.CURRENCY) if difference else "",
        at=change.created_at,
    )
