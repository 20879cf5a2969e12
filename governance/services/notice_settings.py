"""How a person wants to be told: saved on the account page or through the API, or ended from a mail's own link.

A mail's link is signed and needs no sign-in: it names one person and one kind (or the digest), and can do nothing
but end its mails. It does not run out, because people unsubscribe from old mails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import transaction
from django.db.models import Q

from governance.access import rights_of
from governance.domain.audit import difference
from governance.domain.notice import DELIVERIES, KINDS, digest_moment
from governance.models import Notice, NoticeSchedule, NoticeSetting
from governance.selectors.notices import Wishes, wishes_of
from governance.services.audit import audit_append
from idp.catalog.models import User
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, Forbidden, InvalidInput, NotFound
from idp.kernel.time_zones import time_zones

SALT = "governance.notice.unsubscribe"
DIGEST = "digest"


@transaction.atomic
def notice_settings_save(
    actor: Actor,
    *,
    deliveries: Mapping[str, str],
    digest_hour: int | None = None,
    time_zone: str | None = None,
    now: datetime,
) -> Wishes:
    """Change how the actor hears of the kinds named, and when the digest comes; the rest stays as it is.

    InvalidInput names each field that is wrong. Mails that wait follow the new settings. Locks the audit head last.
    """
    person = _person(actor)
    errors = [*_delivery_errors(deliveries), *_schedule_errors(digest_hour, time_zone)]
    if errors:
        raise InvalidInput(f"These settings are not right yet: {errors[0].message}", errors=errors)
    before = wishes_of(person)
    _keep(person, deliveries)
    hour = before.digest_hour if digest_hour is None else digest_hour
    zone = before.time_zone if time_zone is None else time_zone
    if (hour, zone) != (before.digest_hour, before.time_zone):
        NoticeSchedule.objects.update_or_create(person_id=person, defaults={"digest_hour": hour, "time_zone": zone})
        waiting = Notice.objects.filter(person_id=person, mail="due", digest=True)
        waiting.update(mail_due_at=digest_moment(now, hour=hour, time_zone=zone))
    after = wishes_of(person)
    if after != before:
        _audit(actor, person, actor.username, difference(_written(before), _written(after)), now)
    return after


def _written(wishes: Wishes) -> dict[str, Any]:
    """One side of an entry, flat, so that it tells only what changed."""
    return {**wishes.deliveries, "digest_hour": wishes.digest_hour, "time_zone": wishes.time_zone}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an unsubscribe link is about: the person, and the kind or the digest, in words."""

    person: User
    kind: str

    @property
    def title(self) -> str:
        return "The daily digest" if self.kind == DIGEST else KINDS[self.kind].title


def unsubscribe_token(person_id: int, kind: str) -> str:
    """What a mail's link carries. ``kind`` is a key of ``KINDS``, or ``digest``."""
    return signing.dumps([person_id, kind], salt=SALT, compress=False).replace(":", "~")


def subscription_of(token: str) -> Subscription:
    """NotFound for a link that we did not write, and for a person or kind that is gone."""
    try:
        person_id, kind = signing.loads(token.replace("~", ":"), salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        person_id, kind = 0, ""
    person = User.objects.filter(pk=person_id).first() if kind == DIGEST or kind in KINDS else None
    if person is None:
        raise NotFound("This link is not one of ours any more.", remedy="Sign in and choose on your account page.")
    return Subscription(person, kind)


@transaction.atomic
def mails_stop(token: str, *, now: datetime) -> Subscription:
    """End the mails that the link is about; the notices stay in the portal. May be repeated."""
    subscription = subscription_of(token)
    person = subscription.person
    deliveries = wishes_of(person.pk).deliveries
    if subscription.kind == DIGEST:
        ended = [kind for kind, delivery in deliveries.items() if delivery == "digest"]
    else:
        ended = [subscription.kind] if deliveries[subscription.kind] in ("mail", "digest") else []
    if ended:
        _keep(person.pk, dict.fromkeys(ended, "portal"))
        actor = Actor(user_id=person.pk, username=person.username, via="portal")
        was = {kind: deliveries[kind] for kind in ended}
        data = {"before": was, "after": dict.fromkeys(ended, "portal"), "by": "mail"}
        _audit(actor, person.pk, person.username, data, now)
    return subscription


def _keep(person: int, deliveries: Mapping[str, str]) -> None:
    """Store the choices, and stop mails that wait of kinds that are mailed no more."""
    rows = [NoticeSetting(person_id=person, kind=kind, delivery=chosen) for kind, chosen in deliveries.items()]
    NoticeSetting.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["person", "kind"], update_fields=["delivery"]
    )
    silent = Q(kind__in=[kind for kind, chosen in deliveries.items() if chosen in ("portal", "none")])
    Notice.objects.filter(silent, person_id=person, mail="due").update(mail="none")


def _person(actor: Actor) -> int:
    rights_of(actor).require_scope("change")
    if actor.user_id is None or actor.systems:
        raise Forbidden(
            "Only people choose how they are told, and tokens that are not bound to systems.",
            remedy="Sign in, or use another token.",
        )
    return actor.user_id


def _delivery_errors(deliveries: Mapping[str, str]) -> Iterable[FieldError]:
    for kind, chosen in deliveries.items():
        if kind not in KINDS:
            yield FieldError(f"deliveries.{kind}"[:100], "There is no such kind of notice.")
        elif chosen not in DELIVERIES:
            yield FieldError(f"deliveries.{kind}", f"Write one of {', '.join(DELIVERIES)}.")


def _schedule_errors(digest_hour: int | None, time_zone: str | None) -> Iterable[FieldError]:
    if digest_hour is not None and not 0 <= digest_hour <= 23:
        yield FieldError("digest_hour", "Write a full hour from 0 to 23.")
    if time_zone is not None and time_zone not in time_zones():
        yield FieldError("time_zone", "Write a time zone by its name, such as Europe/Berlin or UTC.")


def _audit(actor: Actor, person: int, username: str, data: Mapping[str, object], now: datetime) -> None:
    audit_append(
        actor,
        action="notice.settings",
        object_type="account",
        object_id=person,
        object_label=username,
        data=dict(data),
        now=now,
    )
