"""Telling people: a notice is stored in the transaction of what happened, its mail goes out later.

``notify`` is called by other services, inside their transaction; it never sends anything itself. The worker is woken
after commit, and ``governance.services.notice_mail`` sends what is due. What the kinds are and when a mail is due is
``governance.domain.notice``. Chats and programs hear of the same by events (``governance.services.notice_events``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from governance.access import rights_of
from governance.domain.notice import DIGEST_HOUR, KINDS, NO_MAIL, mailing_of
from governance.models import Notice, NoticeSetting
from governance.services.notice_events import About, notice_tell
from governance.services.transactions import require_transaction
from idp.catalog.models import User
from idp.kernel.actor import Actor
from idp.kernel.errors import Forbidden, PlatformFault
from idp.kernel.wake import wake_after_commit

PURGED_AT_ONCE = 1_000


def notify(
    kind: str,
    *,
    to: Collection[int],
    title: str,
    text: str,
    url: str,
    key: str,
    now: datetime,
    about: About | None = None,
) -> int:
    """Tell these people (ids of accounts) one thing; answers how many had not been told of it. Two queries.

    Each person is told at most once for each ``key`` (``change:12:failed``), however often it is called. ``url`` is
    the portal's path of the page that answers the notice; ``kind`` is a key of ``governance.domain.notice.KINDS``.
    Leave out whoever did the thing. Accounts that are switched off, service accounts and people who do not want to
    hear of this kind are passed over. Kinds of ``governance.domain.notice_ways.TOLD`` need ``about``, and are told to
    chats and programs that asked for notices too, also where nobody is left to be told: one more query.
    """
    if not (to or about):
        return 0
    people = User.objects.filter(pk__in=set(to)) if to else User.objects.none()
    return notify_people(kind, people=people, title=title, text=text, url=url, key=key, now=now, about=about)


def notify_people(
    kind: str,
    *,
    people: QuerySet[User],
    title: str,
    text: str,
    url: str,
    key: str,
    now: datetime,
    about: About | None = None,
) -> int:
    """``notify`` for people who are described rather than listed, so that finding them takes no query of its own."""
    _require_sense(kind, url, key)
    found = untold(people, kind, key)
    return notify_found(kind, found=found, title=title, text=text, url=url, key=key, now=now, about=about)


def notify_found(
    kind: str,
    *,
    found: Iterable[User],
    title: str,
    text: str,
    url: str,
    key: str,
    now: datetime,
    about: About | None = None,
) -> int:
    """``notify`` for people as ``untold`` finds them for this kind and key."""
    require_transaction("notify")
    _require_sense(kind, url, key)
    told = [person for person in found if person.delivery != "none"]  # type: ignore[attr-defined]
    title, text = _cut(title, 200), _cut(text, 1000)
    names = [person.username for person in told]
    notice_tell(kind, about=about, title=title, text=text, page=url, key=key, people=names, now=now)
    rows = [_row(person, kind, title=title, text=text, url=url, key=key, now=now) for person in told]
    if not rows:
        return 0
    # A row that another transaction stored between the two queries is left as it is.
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
    if any(row.mail == "due" and not row.digest for row in rows):
        wake_after_commit("notices", 0)
    return len(rows)


def notices_answered(*, key: str, now: datetime) -> int:
    """What ``key`` told of has been seen to by somebody: nobody needs to read it, and mails not yet sent stay unsent.

    Called inside the transaction that settled it. One update by the index of unread keys.
    """
    require_transaction("notices_answered")
    return _read(Notice.objects.filter(key=key), now)


def notices_read(actor: Actor, *, ids: Collection[int], now: datetime) -> int:
    """Mark notices of the actor as read; answers how many were unread. Ids of others are passed over."""
    return _read(Notice.objects.filter(person_id=_reader(actor), pk__in=set(ids)), now)


def notices_read_all(actor: Actor, *, until: int | None = None, now: datetime) -> int:
    """Mark all notices of the actor as read, up to the id ``until``: what came later has not been seen."""
    mine = Notice.objects.filter(person_id=_reader(actor))
    return _read(mine if until is None else mine.filter(pk__lte=until), now)


def notices_read_about(actor: Actor, *, url: str, now: datetime) -> int:
    """Mark what the page at ``url`` answers as read, because the actor has opened it."""
    return _read(Notice.objects.filter(person_id=_reader(actor), url=url), now)


def notices_seen(*, username: str, urls: Collection[str], now: datetime) -> int:
    """Mark what the pages at ``urls`` answer as read for somebody who has just acted there. One update.

    A part of what they did, inside its transaction; it asks for no right of its own.
    """
    require_transaction("notices_seen")
    return _read(Notice.objects.filter(person__username=username, url__in=set(urls)), now)


def notices_purge(now: datetime, *, days: int | None = None) -> int:
    """Forget notices older than ``days`` (the setting, when None), read or not; answers how many."""
    old = now - timedelta(days=settings.NOTICE_DAYS if days is None else days)
    removed = 0
    while True:
        ids = list(Notice.objects.filter(at__lt=old).order_by("at").values_list("pk", flat=True)[:PURGED_AT_ONCE])
        if not ids:
            return removed
        removed += Notice.objects.filter(pk__in=ids).delete()[0]


def _reader(actor: Actor) -> int:
    rights = rights_of(actor)
    rights.require_scope("change")
    if actor.user_id is None or actor.systems:
        raise Forbidden(
            "Only people read notices, and tokens that are not bound to systems.",
            remedy="Sign in, or use another token.",
        )
    return actor.user_id


def _read(rows: QuerySet[Notice], now: datetime) -> int:
    """A mail that is not on its way yet is not sent any more."""
    unsent = Case(When(mail="due", then=Value("none")), default=F("mail"))
    return rows.filter(read_at=None).update(read_at=now, mail=unsent)


def _require_sense(kind: str, url: str, key: str) -> None:
    if kind not in KINDS:
        raise PlatformFault(f"There is no kind of notice “{kind}”.")
    if not url.startswith("/") or url.startswith("//") or not 0 < len(url) <= 300:
        raise PlatformFault("A notice links to a path of the portal.")
    if not 0 < len(key) <= 160:
        raise PlatformFault("The key of a notice has 1 to 160 characters.")


def untold(people: QuerySet[User], kind: str, key: str) -> QuerySet[User]:
    """Those who have not been told of ``key``, each with how they want to hear of ``kind``. One query."""
    told = Notice.objects.filter(person=OuterRef("pk"), key=key)
    chosen = NoticeSetting.objects.filter(person=OuterRef("pk"), kind=kind).values("delivery")
    return (
        people.filter(~Exists(told), is_active=True, service_of=None)
        .annotate(
            delivery=Coalesce(Subquery(chosen), Value(KINDS[kind].default)),
            time_zone=F("notice_schedule__time_zone"),
            digest_hour=F("notice_schedule__digest_hour"),
        )
        .only("pk", "email", "username")
        .order_by("pk")
    )


def _row(person: User, kind: str, *, title: str, text: str, url: str, key: str, now: datetime) -> Notice:
    mailing = NO_MAIL
    if settings.MAIL_ENABLED and person.email:
        hour = person.digest_hour  # type: ignore[attr-defined]
        mailing = mailing_of(
            person.delivery,  # type: ignore[attr-defined]
            now=now,
            hour=DIGEST_HOUR if hour is None else hour,
            time_zone=person.time_zone or settings.TIME_ZONE,  # type: ignore[attr-defined]
        )
    return Notice(
        person_id=person.pk,
        kind=kind,
        title=title,
        text=text,
        url=url,
        key=key,
        at=now,
        mail=mailing.state,
        digest=mailing.digest,
        mail_due_at=mailing.due_at,
    )


def _cut(text: str, length: int) -> str:
    plain = text.replace("\x00", "").strip()
    return plain if len(plain) <= length else plain[: length - 1] + "…"
