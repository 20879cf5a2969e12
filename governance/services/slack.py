"""Which app of Slack is believed, who of Slack is which person, and whether a request is Slack's and new.

A person links themselves: signed in, they get a code that they type into Slack within ten minutes, once. Nobody is
recognised by name or mail address. Locks: the row, then the audit head.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import F

from governance.access import rights_of
from governance.domain.slack import (
    CODE_LASTS,
    TOLERANCE,
    Member,
    hash_of,
    is_slacks,
    new_code,
)
from governance.models import SlackApp, SlackCode, SlackLink, SlackRequest
from governance.services.audit import audit_append
from idp.catalog.models import User
from idp.kernel import outbound, vault
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical_json
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotSignedIn
from idp.kernel.wake import wake_after_commit

log = structlog.get_logger(__name__)
APP = 1
SAME_REFUSAL_FOR = 600
MOST_TRIES = 3
AT_ONCE = 50


@transaction.atomic
def slack_app_set(actor: Actor, *, signing_secret: str, now: datetime) -> SlackApp:
    """Believe requests that are signed with this secret, and only those. Platform admins."""
    rights_of(actor).require_admin()
    secret = signing_secret.strip()
    if not (16 <= len(secret) <= 128 and secret.isascii() and secret.isalnum()):
        told = "A signing secret is letters and digits, at least 16; it is under “Basic Information” of your app."
        raise InvalidInput(told, errors=[FieldError("signing_secret", told)])
    fields = {"signing_secret": vault.encrypt(secret), "changed_by": actor.username, "changed_at": now}
    row, made = SlackApp.objects.update_or_create(pk=APP, defaults=fields)
    SlackApp.objects.filter(pk=APP).update(version=F("version") + 1)
    _audit(actor, "slack-app.set", {"before": {"set": not made}, "after": {"set": True}}, now)
    return row


@transaction.atomic
def slack_app_remove(actor: Actor, *, now: datetime) -> None:
    """Believe nothing from Slack any more; links of people stay."""
    rights_of(actor).require_admin()
    if not SlackApp.objects.all().delete()[0]:
        raise Conflict("No app of Slack is set.", code="illegal-state")
    _audit(actor, "slack-app.remove", {"before": {"set": True}, "after": {"set": False}}, now)


@transaction.atomic
def slack_code_make(actor: Actor, *, now: datetime) -> str:
    """A code for the person who is signed in, shown this once; the one before no longer works."""
    person = _person(actor)
    code = new_code()
    fields = {"code_hash": hash_of(code), "ends_at": now + CODE_LASTS}
    SlackCode.objects.update_or_create(person_id=person, defaults=fields)
    _audit(actor, "slack.code", {}, now)
    return code


@transaction.atomic
def slack_unlink(actor: Actor, *, now: datetime) -> None:
    """From now on nothing in Slack counts as the person's."""
    row = SlackLink.objects.select_for_update().filter(person_id=_person(actor)).first()
    if row is None:
        raise Conflict("You are not linked to anybody in Slack.", code="illegal-state")
    before = {"workspace": row.workspace, "member": row.member}
    row.delete()
    _audit(actor, "slack.unlink", {"before": before, "after": {}}, now)


@transaction.atomic
def slack_link(who: Member, code: str, *, now: datetime) -> User:
    """Link ``who`` to the person whose code it is.

    InvalidInput for a code that is wrong or old, Conflict for a member who is somebody else.
    """
    row = SlackCode.objects.select_for_update().filter(code_hash=hash_of(code), ends_at__gt=now).first()
    person = User.objects.filter(pk=row.person_id, is_active=True).first() if row else None
    if row is None or person is None:
        raise InvalidInput("This code is wrong or too old. Make a new one on your account page in Slipway.")
    other = SlackLink.objects.filter(workspace=who.workspace, member=who.member).exclude(person=person)
    if other.exists():
        raise Conflict("This Slack account is linked to somebody else in Slipway. They must unlink it first.")
    row.delete()
    found = SlackLink.objects.filter(person=person).first()
    before = {"workspace": found.workspace, "member": found.member} if found else {}
    after = {"workspace": who.workspace, "member": who.member}
    SlackLink.objects.update_or_create(person=person, defaults={**after, "member_name": who.name, "made_at": now})
    _audit(actor_for(person), "slack.link", {"before": before, "after": after}, now)
    return person


def slack_request_take(*, timestamp: str, signature: str, body: bytes, address: str, now: datetime) -> SlackRequest:
    """Note a request that is Slack's and new. NotSignedIn, always with the same sentence, for any other.

    A refusal is in the audit log, the same from one address once in ten minutes.
    """
    app = SlackApp.objects.filter(pk=APP).first()
    secret = vault.decrypt(app.signing_secret) if app else ""
    if not secret or not is_slacks(secret, timestamp, body, signature, now):
        _refused("forged" if app else "not-set-up", address, now)
    SlackRequest.objects.filter(at__lt=now - 12 * TOLERANCE, answer_due=None).delete()
    try:
        with transaction.atomic():
            return SlackRequest.objects.create(signature=signature[:80], at=now)
    except IntegrityError:
        _refused("replayed", address, now)
        raise


def _refused(why: str, address: str, now: datetime) -> None:
    if cache.add(f"slack-refused:{why}:{address}", True, SAME_REFUSAL_FOR):
        with transaction.atomic():
            _audit(Actor(None, "", via="slack", address=address), "slack.refused", {"why": why}, now)
    raise NotSignedIn("This request is not signed by the Slack app that is set up here, or was taken before.")


def person_of(who: Member) -> User | None:
    """The active person who linked themselves to that member."""
    found = SlackLink.objects.select_related("person").filter(workspace=who.workspace, member=who.member).first()
    return found.person if found is not None and found.person.is_active else None


def actor_for(person: User, address: str = "") -> Actor:
    """The person as they come in from Slack: with all their rights, and with none beyond."""
    return Actor(person.pk, person.username, via="slack", address=address)


@transaction.atomic
def slack_refusal_note(actor: Actor, *, why: str, change_id: int, now: datetime) -> None:
    """Keep in the audit log that a press of a button did nothing, and why."""
    audit_append(
        actor,
        action="slack.refused",
        object_type="change",
        object_id=change_id,
        object_label=f"Change #{change_id}",
        data={"why": why},
        now=now,
    )


@transaction.atomic
def slack_answer(request: SlackRequest, answer: dict[str, object], url: str, *, now: datetime) -> None:
    """Have the worker send ``answer`` to Slack."""
    SlackRequest.objects.filter(pk=request.pk).update(answer=answer, answer_url=vault.encrypt(url), answer_due=now)
    wake_after_commit("webhooks", 0)


def slack_answers_send(*, now: datetime) -> int:
    """Send what is due; each claimed before it is sent, and tried three times. Called by the worker."""
    sent = 0
    due = SlackRequest.objects.filter(answer_due__lte=now).order_by("answer_due")
    for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]):
        claimed = SlackRequest.objects.filter(pk=pk, answer_due__lte=now).update(
            answer_due=now + timedelta(minutes=1), tries=F("tries") + 1
        )
        if claimed:
            sent += _send(SlackRequest.objects.get(pk=pk))
    return sent


def _send(row: SlackRequest) -> int:
    try:
        answer = outbound.call(
            "POST",
            vault.decrypt(row.answer_url),
            headers={"content-type": "application/json"},
            body=canonical_json(row.answer).encode(),
            timeout=10.0,
            most_bytes=64_000,
        )
    except (outbound.Refused, outbound.Unreachable) as error:
        log.warning("slack_not_answered", error=error.message)
        done = isinstance(error, outbound.Refused)
    else:
        done = answer.ok or 400 <= answer.status < 500
    if done or row.tries >= MOST_TRIES:
        SlackRequest.objects.filter(pk=row.pk).update(answer_due=None, answer={}, answer_url="")
    return 1


def _person(actor: Actor) -> int:
    """Whoever is signed in; a token links nobody."""
    rights = rights_of(actor)
    if not rights.signed_in or actor.user_id is None:
        raise NotSignedIn("Nobody is signed in.")
    if actor.scopes is not None:
        raise Forbidden("Only a person who is signed in links themselves to Slack.", remedy="Sign in to the portal.")
    return actor.user_id


def _audit(actor: Actor, action: str, data: dict[str, object], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="slack",
        object_id=actor.user_id or 0,
        object_label=actor.username or "Slack",
        data=data,
        now=now,
    )
