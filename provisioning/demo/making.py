"""Makes the demo, once, in an empty database. Called by ``manage.py slipway_demo``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from governance.models import AuditEntry, Notice
from governance.services.accounts import password_reset
from governance.services.notices import notices_read_all
from idp.catalog.models import Team, User
from idp.kernel.actor import Actor
from idp.kernel.wake import nobody_woken
from provisioning.demo.founding import DEMO, found
from provisioning.demo.story import STORY
from provisioning.demo.telling import StoryClock, Storyteller

FOUNDED = timedelta(days=40)
READY_SECONDS = 7
"""How long workloads take in the story: longer than in the sandbox at other times, as real ones do."""


def demo_needed() -> bool:
    """Whether there is nothing yet that the demo could stand in the way of."""
    return not Team.objects.exists()


def demo_accounts() -> list[User]:
    """The accounts that the demo made; none when somebody else's organisation is here."""
    made = AuditEntry.objects.filter(action="account.create", via=DEMO.via).values_list("object_label", flat=True)
    return list(User.objects.filter(username__in=list(made)).order_by("pk"))


def demo_make(*, password_hash: str, now: datetime) -> None:
    """Found the organisation and let its last thirty days happen; all of it or nothing. Takes some seconds."""
    clock = StoryClock(now.replace(microsecond=0))
    clock.reach(now - FOUNDED)
    with nobody_woken(), _sandbox_on(clock), transaction.atomic():
        story = Storyteller(found(clock, password_hash=password_hash), clock)
        for chapter in STORY:
            chapter(story, clock)
        _old_news_is_read(now)


def _old_news_is_read(now: datetime) -> None:
    """People have read what they were told before yesterday; what came since waits for them, and its mails go out."""
    old = Notice.objects.filter(at__lt=now - timedelta(days=1)).aggregate(last=Max("id"))["last"]
    for user in demo_accounts():
        reader = Actor(user_id=user.pk, username=user.username, via=DEMO.via)
        notices_read_all(reader, until=old or 0, now=now)


@transaction.atomic
def demo_passwords_reset(*, password_hash: str, now: datetime) -> None:
    """Give the demo's accounts another password: the file that held the one they had is gone."""
    for user in demo_accounts():
        password_reset(DEMO, user=user, password_hash=password_hash, now=now)


@contextmanager
def _sandbox_on(clock: StoryClock) -> Iterator[None]:
    """The sandbox lives by the story's clock, so that what it holds is as old as the story says."""
    usual = settings.SANDBOX_CLOCK, settings.SANDBOX_READY_SECONDS
    settings.SANDBOX_CLOCK, settings.SANDBOX_READY_SECONDS = clock.seconds, READY_SECONDS
    try:
        yield
    finally:
        settings.SANDBOX_CLOCK, settings.SANDBOX_READY_SECONDS = usual
