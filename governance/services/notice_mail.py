"""Sends the mails of notices. Called by the worker: after something was told, and every half minute.

A notice is claimed by a filtered update before its mail is sent, so two workers never send the same one, and what a
worker left behind is not sent a second time. Only a mail that the server refused or never took is tried again, with
longer and longer pauses. No mail server is spoken to inside a transaction.
"""

from __future__ import annotations

import smtplib
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import formataddr, parseaddr
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F
from django.template.loader import render_to_string

from governance.domain.notice import KINDS, LEASE, Due, Letter, letters_of, retry_at
from governance.models import Notice
from governance.services.notice_settings import DIGEST, unsubscribe_token
from idp.catalog.models import User

log = structlog.get_logger(__name__)

PEOPLE_AT_ONCE = 200
LISTED = 50
UNSUBSCRIBE_PATH = "/notices/unsubscribe/"
SETTINGS_PATH = "/account/notices"


class _ServerAway(Exception):
    """The mail server takes nothing from anybody now; the next sweep tries again."""


def notices_send(*, now: datetime) -> int:
    """Send what is due, person by person; answers how many mails went out. Safe to run twice or side by side."""
    _drop_left_behind(now)
    sent = 0
    connection = get_connection()
    try:
        for person_id in _people_due(now):
            sent += _send_to(person_id, connection, now=now)
    except _ServerAway:
        pass
    finally:
        _close(connection)
    return sent


def _drop_left_behind(now: datetime) -> None:
    """Whoever held these is gone; nobody knows whether their mail went out, and the portal has them anyway."""
    lost = Notice.objects.filter(mail="sending", mail_due_at__lte=now).update(mail="dropped", mail_claim="")
    if lost:
        log.warning("notice_mails_left_behind", count=lost)


def _people_due(now: datetime) -> list[int]:
    due = Notice.objects.filter(mail="due", mail_due_at__lte=now).order_by("mail_due_at")
    return list(dict.fromkeys(due.values_list("person_id", flat=True)[:PEOPLE_AT_ONCE]))


def _send_to(person_id: int, connection: BaseEmailBackend, *, now: datetime) -> int:
    """All that is due for one person, claimed in one update."""
    claim = uuid.uuid4().hex
    mine = Notice.objects.filter(person_id=person_id, mail="due", mail_due_at__lte=now)
    claimed = mine.update(
        mail="sending", mail_claim=claim, mail_attempts=F("mail_attempts") + 1, mail_due_at=now + LEASE
    )
    if not claimed:
        return 0
    notices = {row.pk: row for row in Notice.objects.filter(mail_claim=claim).order_by("id")}
    person = User.objects.filter(pk=person_id, is_active=True).exclude(email="").first()
    if person is None:
        Notice.objects.filter(mail_claim=claim).update(mail="dropped", mail_claim="")
        return 0
    letters = letters_of(Due(row.pk, person_id, row.kind, row.digest) for row in notices.values())
    return _send_letters(person, letters, notices, connection, now=now)


def _send_letters(
    person: User, letters: Sequence[Letter], notices: dict[int, Notice], connection: BaseEmailBackend, *, now: datetime
) -> int:
    sent = 0
    for position, letter in enumerate(letters):
        told = [notices[pk] for pk in letter.notice_ids]
        try:
            _message(person, letter, told, connection).send()
        except (smtplib.SMTPException, OSError) as error:
            if _is_final(error):
                _settle(told, "dropped")
                log.warning("notice_mail_refused", person=person.pk, error=type(error).__name__)
                continue
            left = [notices[pk] for other in letters[position:] for pk in other.notice_ids]
            _try_later(left, now)
            log.warning("notice_mail_not_sent", person=person.pk, error=type(error).__name__, notices=len(left))
            raise _ServerAway from None
        _settle(told, "sent")
        sent += 1
    return sent


def _is_final(error: Exception) -> bool:
    """Whether the server said that this mail will never do: a code of 500 and more about it or all who get it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def _settle(notices: Iterable[Notice], state: str) -> None:
    for claim, ids in _by_claim(notices).items():
        Notice.objects.filter(pk__in=ids, mail_claim=claim, mail="sending").update(mail=state, mail_claim="")


def _try_later(notices: Iterable[Notice], now: datetime) -> None:
    for notice in notices:
        due = retry_at(notice.mail_attempts, now)
        mine = Notice.objects.filter(pk=notice.pk, mail_claim=notice.mail_claim, mail="sending")
        if due is None:
            mine.update(mail="dropped", mail_claim="")
        else:
            mine.update(mail="due", mail_claim="", mail_due_at=due)


def _by_claim(notices: Iterable[Notice]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for notice in notices:
        found.setdefault(notice.mail_claim, []).append(notice.pk)
    return found


def _message(
    person: User, letter: Letter, notices: Sequence[Notice], connection: BaseEmailBackend
) -> EmailMultiAlternatives:
    """One mail as text and as HTML without anything remote, with its one-click link (RFC 8058)."""
    single = notices[0] if len(notices) == 1 and not letter.digest else None
    about = DIGEST if letter.digest else notices[-1].kind
    stop = f"{settings.BASE_URL}{UNSUBSCRIBE_PATH}{unsubscribe_token(person.pk, about)}/"
    context = {
        "person": person,
        "digest": letter.digest,
        "single": single,
        "notices": [{"notice": one, "url": settings.BASE_URL + one.url} for one in notices[:LISTED]],
        "more": max(0, len(notices) - LISTED),
        "kind": KINDS[about].title if about in KINDS else "",
        "portal": settings.BASE_URL,
        "stop": stop,
        "settings": settings.BASE_URL + SETTINGS_PATH,
    }
    message = EmailMultiAlternatives(
        subject=_subject(letter, notices),
        body=render_to_string("mail/notice.txt", context),
        to=[formataddr((person.display_name or person.username, person.email))],
        connection=connection,
        headers={
            "Message-ID": f"<notice-{notices[-1].pk}-{person.pk}@{_host()}>",
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    message.attach_alternative(render_to_string("mail/notice.html", context), "text/html")
    return message


def _subject(letter: Letter, notices: Sequence[Notice]) -> str:
    if len(notices) == 1:
        return _one_line(notices[0].title)
    if letter.digest:
        return f"Your digest: {len(notices)} notices"
    return f"{_one_line(notices[-1].title)[:160]} and {len(notices) - 1} more"


def _one_line(text: str) -> str:
    """A header holds one line; a title that people wrote may hold more."""
    return " ".join(text.split())


def _host() -> str:
    """The domain of our Message-IDs: that of the sender, else that of the portal."""
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return address.rpartition("@")[2] or urlsplit(settings.BASE_URL).hostname or "localhost"


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (smtplib.SMTPException, OSError) as error:
        log.warning("mail_server_not_left", error=type(error).__name__)
