"""What people can be told, how each kind reaches them, and when its mail goes out.

A kind is one line of ``KINDS``; whoever adds an event adds its line here and calls
``governance.services.notices.notify``. Pure: the services keep rows and send mails, the pages draw the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from idp.kernel.time_zones import time_zones

DELIVERIES: Final = ("mail", "digest", "portal", "none")
DELIVERY_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mail": "Mail at once",
        "digest": "Daily digest",
        "portal": "Portal only",
        "none": "Not at all",
    }
)
MAIL_STATES: Final = ("none", "due", "sending", "sent", "dropped")

DIGEST_HOUR: Final = 8
SINGLE_MAILS: Final = 3
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240, 480, 720))
LEASE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """``title`` completes “Tell me when …” on the settings page; ``default`` is one of ``DELIVERIES``.

    A kind reaches the portal unless it is switched off; ``mail`` and ``digest`` reach the mailbox too.
    """

    key: str
    title: str
    group: str
    default: str


_KINDS: Final = (
    NoticeKind("change-waits", "A change waits for your decision", "Decisions", "mail"),
    NoticeKind("cosign-waits", "A change that an agent of yours asked for waits for a signature", "Decisions", "mail"),
    NoticeKind("stand-in", "Somebody is to decide for you, or you for somebody", "Decisions", "mail"),
    NoticeKind("change-commented", "Somebody comments on a change of yours", "Your changes", "mail"),
    NoticeKind("information-asked", "Somebody asks you something before deciding", "Your changes", "mail"),
    NoticeKind("change-approved", "Your change was approved", "Your changes", "portal"),
    NoticeKind("change-held", "A promotion is agreed to and waits for you to decide on drift", "Your changes", "mail"),
    NoticeKind("change-rejected", "Your change was rejected", "Your changes", "mail"),
    NoticeKind("change-denied", "A policy or the quota stops your change later on", "Your changes", "mail"),
    NoticeKind("change-cancelled", "Somebody cancels your change, or nobody decides in time", "Your changes", "mail"),
    NoticeKind("change-superseded", "Your change is no longer needed", "Your changes", "portal"),
    NoticeKind("change-failed", "Your change failed", "Your changes", "mail"),
    NoticeKind("change-succeeded", "Your change is done", "Your changes", "portal"),
    NoticeKind("environment-failed", "An environment of your team failed", "Environments", "digest"),
    NoticeKind("environment-expires", "An environment of your team expires soon", "Environments", "mail"),
    NoticeKind("drift-found", "An environment of your team was changed outside", "Environments", "mail"),
    NoticeKind("drift-fought", "Somebody keeps undoing what Slipway puts right", "Environments", "mail"),
    NoticeKind(
        "expiry-refused",
        "An environment of your team cannot be deleted though its time is over",
        "Environments",
        "mail",
    ),
    NoticeKind(
        "sleep-refused", "An environment of your team cannot fall asleep or wake by itself", "Environments", "digest"
    ),
    NoticeKind("freeze-began", "What your team runs is frozen", "Freezes", "mail"),
    NoticeKind("freeze-over", "What your team runs has thawed", "Freezes", "portal"),
    NoticeKind("glass-broken", "Somebody breaks the glass of a freeze", "Freezes", "mail"),
    NoticeKind("glass-reviewed", "An admin looks at the glass that you broke", "Freezes", "mail"),
    NoticeKind("git-trouble", "Files in Git of your team cannot be read, or are refused", "Files in Git", "mail"),
    NoticeKind("git-over", "Files in Git of your team are applied again", "Files in Git", "portal"),
    NoticeKind("system-alone", "A system needs an owner, and you take over", "Ownership", "mail"),
    NoticeKind("system-transfer", "A system is to go from or to your team", "Ownership", "mail"),
    NoticeKind("train-moved", "A promotion train of yours leaves or arrives", "Promotions", "portal"),
    NoticeKind(
        "train-stopped", "A promotion train of yours is called off, or a part of it fails", "Promotions", "mail"
    ),
    NoticeKind("second-factor", "Something happens to the second factor of your account", "Your account", "mail"),
    NoticeKind("policy-errors", "A policy cannot be evaluated and stops changes", "Administration", "mail"),
    NoticeKind("webhook-disabled", "An endpoint of your team is told nothing any more", "Administration", "mail"),
    NoticeKind("quota-asked", "A team asks for more quota, and you may decide", "Quota and cost", "mail"),
    NoticeKind("quota-answered", "Your request for more quota is decided", "Quota and cost", "mail"),
    NoticeKind("loan-proposed", "A loan of quota waits for your team", "Quota and cost", "mail"),
    NoticeKind("loan-accepted", "A loan that your team proposed is accepted", "Quota and cost", "mail"),
    NoticeKind("loan-declined", "A loan that your team proposed is declined", "Quota and cost", "mail"),
    NoticeKind("loan-returned", "Lent quota is back where it belongs", "Quota and cost", "digest"),
    NoticeKind("loan-due", "Lent quota is still in use after its time", "Quota and cost", "mail"),
    NoticeKind("budget-reached", "A budget of your team is being used up", "Quota and cost", "mail"),
    NoticeKind("campaign-announced", "A campaign is going to move an environment of your team", "Campaigns", "mail"),
    NoticeKind("campaign-moved", "A campaign has moved environments of your team", "Campaigns", "digest"),
    NoticeKind("campaign-failed", "A campaign could not move an environment of your team", "Campaigns", "mail"),
    NoticeKind("campaign-paused", "A campaign that you conduct paused by itself", "Campaigns", "mail"),
    NoticeKind("drain-paused", "The drain of a cluster paused by itself", "Clusters", "mail"),
    NoticeKind("drain-over", "The drain of a cluster is over", "Clusters", "portal"),
)
KINDS: Final[Mapping[str, NoticeKind]] = MappingProxyType({kind.key: kind for kind in _KINDS})


@dataclass(frozen=True, slots=True)
class Mailing:
    """What becomes of a notice's mail when it is stored."""

    state: str
    digest: bool
    due_at: datetime | None


NO_MAIL: Final = Mailing("none", False, None)


def mailing_of(delivery: str, *, now: datetime, hour: int, time_zone: str) -> Mailing:
    """At once, at the next digest of the person's day, or no mail."""
    if delivery == "mail":
        return Mailing("due", False, now)
    if delivery == "digest":
        return Mailing("due", True, digest_moment(now, hour=hour, time_zone=time_zone))
    return NO_MAIL


def digest_moment(now: datetime, *, hour: int, time_zone: str) -> datetime:
    """The next full ``hour`` of the day in ``time_zone`` after ``now``, in UTC.

    On the day an hour is left out by the clock's change the digest comes an hour later; an hour that comes twice
    counts the first time.
    """
    zone = zone_of(time_zone)
    local = now.astimezone(zone).replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    if local.astimezone(UTC) <= now:
        local = (local + timedelta(days=1)).replace(fold=0)
    return local.astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """The zone by its name; one that the machine no longer knows counts as UTC."""
    return ZoneInfo(name if name in time_zones() else "UTC")


def retry_at(attempts: int, now: datetime) -> datetime | None:
    """When a mail that failed ``attempts`` times is tried again; None when it is given up, after more than a day."""
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


def settings_in_words(chosen: Mapping[str, str]) -> dict[str, str]:
    """Every kind's delivery: what the person chose, else the kind's default."""
    return {key: chosen.get(key, kind.default) for key, kind in KINDS.items()}


def groups() -> dict[str, list[NoticeKind]]:
    """Kinds by group, both in the order of the table."""
    found: dict[str, list[NoticeKind]] = {}
    for kind in _KINDS:
        found.setdefault(kind.group, []).append(kind)
    return found


@dataclass(frozen=True, slots=True)
class Due:
    """A notice whose mail is due."""

    notice_id: int
    person_id: int
    kind: str
    digest: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail: a single notice, or several at once (``digest``, or more than a few that came together)."""

    person_id: int
    notice_ids: tuple[int, ...]
    digest: bool


def letters_of(due: Iterable[Due]) -> list[Letter]:
    """Which mails to write: one digest per person, and one mail per notice unless more than a few of a kind came
    together. So every mail is of one kind, or a digest, and its link ends just that.
    """
    together: dict[tuple[int, bool, str], list[int]] = {}
    for one in due:
        together.setdefault((one.person_id, one.digest, "" if one.digest else one.kind), []).append(one.notice_id)
    letters = []
    for (person_id, digest, _), ids in together.items():
        if digest or len(ids) > SINGLE_MAILS:
            letters.append(Letter(person_id, tuple(ids), digest))
        else:
            letters += [Letter(person_id, (one,), False) for one in ids]
    return letters
