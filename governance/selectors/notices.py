"""What one person was told, and how they want to be told. Only ever one's own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Max, QuerySet

from governance.access import Rights
from governance.domain.notice import DIGEST_HOUR, settings_in_words
from governance.models import Notice, NoticeSchedule, NoticeSetting
from idp.kernel.errors import Forbidden

ORDER = ("-id",)


@dataclass(frozen=True, slots=True)
class Wishes:
    """How one person hears of each kind, and the hour of their day at which the digest comes."""

    deliveries: dict[str, str]
    digest_hour: int
    time_zone: str


def notice_list(rights: Rights, *, unread: bool = False, kinds: Collection[str] = ()) -> QuerySet[Notice]:
    """The person's notices, to be paged by ``ORDER``; of ``kinds`` only, if any are named.

    Forbidden for a token without the scope ``read``, and for one bound to systems: a notice may be of another system.
    """
    _require_reading(rights)
    rows = Notice.objects.filter(person_id=rights.actor.user_id)
    if unread:
        rows = rows.filter(read_at=None)
    return rows.filter(kind__in=list(kinds)) if kinds else rows


def newest_unread(user_id: int) -> int:
    """The id of the newest notice that is not read, 0 for none. One query."""
    newest = Notice.objects.filter(person_id=user_id, read_at=None).aggregate(newest=Max("id"))["newest"]
    return int(newest or 0)


def wishes_of(user_id: int) -> Wishes:
    """What the person chose, with the defaults where they chose nothing. Two queries."""
    chosen = dict(NoticeSetting.objects.filter(person_id=user_id).values_list("kind", "delivery"))
    schedule = NoticeSchedule.objects.filter(person_id=user_id).first()
    return Wishes(
        deliveries=settings_in_words(chosen),
        digest_hour=schedule.digest_hour if schedule else DIGEST_HOUR,
        time_zone=schedule.time_zone if schedule else settings.TIME_ZONE,
    )


def _require_reading(rights: Rights) -> None:
    rights.require_scope("read")
    if rights.actor.systems:
        raise Forbidden(
            "This token is bound to systems, and notices are of everything that is yours.",
            code="token-scope",
            remedy="Use a token that is not bound to systems.",
        )
