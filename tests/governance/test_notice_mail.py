"""Mails of notices: sent once, after the commit, tried again when the server is away, and ended by their own link."""

from __future__ import annotations

import re
import smtplib
from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.core import mail
from django.core.mail.backends import locmem
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.urls import reverse

from governance.domain.notice import LEASE, PAUSES
from governance.models import AuditEntry, Notice
from governance.selectors.notices import wishes_of
from governance.services import notice_mail
from governance.services.notice_mail import notices_send
from governance.services.notice_settings import DIGEST, mails_stop, notice_settings_save, unsubscribe_token
from governance.services.notices import notify
from idp.kernel.errors import NotFound
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db
LOCAL = "django.core.mail.backends.locmem.EmailBackend"


def tell(*people: int, key: str = "k", kind: str = "change-failed", title: str = "Change 7 failed", now=NOW) -> None:
    notify(kind, to=people, title=title, text="The image is missing.", url="/changes/7/", key=key, now=now)


class Away(BaseEmailBackend):
    """A mail server that does not answer."""

    asked = 0

    def send_messages(self, messages):
        type(self).asked += 1
        raise ConnectionRefusedError


class Refusing(BaseEmailBackend):
    """A mail server that knows no such mailbox."""

    def send_messages(self, messages):
        raise smtplib.SMTPRecipientsRefused({messages[0].to[0]: (550, b"no such mailbox")})


class Watching(locmem.EmailBackend):
    """Notes whether a transaction was open when a mail went out."""

    in_transaction: list[bool] = []

    def send_messages(self, messages):
        self.in_transaction.append(connection.in_atomic_block)
        return super().send_messages(messages)


def use(settings, backend: type[BaseEmailBackend]) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.{backend.__name__}"


def test_it_sends_what_is_due_once(organisation: Organisation) -> None:
    tell(organisation.developer.pk, organisation.maintainer.pk)
    assert notices_send(now=NOW) == 2
    assert notices_send(now=NOW) == 0
    assert sorted(one.to[0] for one in mail.outbox) == [
        "developer <developer@example.com>",
        "maintainer <maintainer@example.com>",
    ]
    assert set(Notice.objects.values_list("mail", flat=True)) == {"sent"}


def test_it_writes_text_and_html_that_lead_to_the_page_that_answers(organisation: Organisation) -> None:
    tell(organisation.developer.pk, title="<b>Change</b> 7 & failed")
    notices_send(now=NOW)
    sent = mail.outbox[0]
    html = sent.alternatives[0].content
    assert sent.subject == "<b>Change</b> 7 & failed"
    address = f"{configured.BASE_URL}/changes/7/"
    assert address in sent.body
    assert f'href="{address}"' in html
    assert "<b>Change</b> 7 & failed" in sent.body
    assert "&lt;b&gt;Change&lt;/b&gt; 7 &amp; failed" in html
    assert "The image is missing." in html
    # Nothing is fetched when the mail is opened: no images, no styles, no scripts.
    assert not re.search(r"<(img|link|script|iframe)\b|url\(|@import|\bsrc=", html)


def test_it_keeps_a_title_of_many_lines_in_one_header(organisation: Organisation) -> None:
    tell(organisation.developer.pk, title="First\r\nBcc: everybody@example.com")
    notices_send(now=NOW)
    assert mail.outbox[0].subject == "First Bcc: everybody@example.com"
    assert mail.outbox[0].recipients() == ["developer <developer@example.com>"]


def test_it_gathers_a_digest_of_the_day(organisation: Organisation) -> None:
    developer = organisation.actor("developer")
    notice_settings_save(
        developer, deliveries={"change-failed": "digest", "change-waits": "digest", "change-rejected": "mail"}, now=NOW
    )
    for number in range(3):
        tell(organisation.developer.pk, key=f"failed {number}", title=f"Change {number} failed")
    tell(organisation.developer.pk, key="waits", kind="change-waits", title="Change 9 waits for you")
    tell(organisation.developer.pk, key="now", kind="change-rejected")
    assert notices_send(now=NOW) == 1
    morning = NOW.replace(hour=8, minute=0) + timedelta(days=1)
    assert notices_send(now=morning - timedelta(minutes=1)) == 0
    assert notices_send(now=morning) == 1
    digest = mail.outbox[-1]
    assert digest.subject == "Your digest: 4 notices"
    for title in ("Change 0 failed", "Change 1 failed", "Change 2 failed", "Change 9 waits for you"):
        assert title in digest.body
    assert notices_send(now=morning) == 0


def test_it_writes_one_mail_when_many_come_together(organisation: Organisation) -> None:
    for number in range(60):
        tell(organisation.developer.pk, key=str(number), title=f"Change {number} failed")
    assert notices_send(now=NOW) == 1
    sent = mail.outbox[0]
    assert sent.subject == "Change 59 failed and 59 more"
    assert "and 10 more" in sent.body


def test_it_tries_again_when_the_server_is_away(organisation: Organisation, settings) -> None:
    use(settings, Away)
    Away.asked = 0
    tell(organisation.developer.pk, organisation.maintainer.pk)
    assert notices_send(now=NOW) == 0
    # One try is enough to know; the other person's mail has lost nothing.
    assert Away.asked == 1
    assert sorted(Notice.objects.values_list("mail", "mail_attempts")) == [("due", 0), ("due", 1)]
    assert Notice.objects.get(mail_attempts=1).mail_due_at == NOW + PAUSES[0]
    settings.EMAIL_BACKEND = LOCAL
    assert notices_send(now=NOW + PAUSES[0]) == 2
    assert len(mail.outbox) == 2


def test_it_gives_up_after_a_day_of_trying(organisation: Organisation, settings) -> None:
    use(settings, Away)
    tell(organisation.developer.pk)
    now = NOW
    for pause in PAUSES:
        notices_send(now=now)
        assert Notice.objects.get().mail == "due"
        now += pause
    notices_send(now=now)
    assert Notice.objects.get().mail == "dropped"


def test_it_does_not_try_again_what_the_server_refuses_for_good(organisation: Organisation, settings) -> None:
    use(settings, Refusing)
    tell(organisation.developer.pk, organisation.maintainer.pk)
    assert notices_send(now=NOW) == 0
    assert set(Notice.objects.values_list("mail", flat=True)) == {"dropped"}


def test_it_sends_nothing_twice_when_a_worker_died_in_the_middle(organisation: Organisation, monkeypatch) -> None:
    tell(organisation.developer.pk)

    class Killed(BaseException):
        pass

    def die(*_args, **_kwargs):
        raise Killed

    monkeypatch.setattr(notice_mail, "_message", die)
    with pytest.raises(Killed):
        notices_send(now=NOW)
    monkeypatch.undo()
    assert notices_send(now=NOW + timedelta(seconds=30)) == 0
    assert Notice.objects.get().mail == "sending"
    assert notices_send(now=NOW + LEASE) == 0
    assert Notice.objects.get().mail == "dropped"
    assert mail.outbox == []


def test_it_leaves_alone_what_another_worker_holds(organisation: Organisation) -> None:
    tell(organisation.developer.pk)
    Notice.objects.update(mail="sending", mail_claim="another", mail_due_at=NOW + LEASE)
    assert notices_send(now=NOW) == 0
    assert Notice.objects.get().mail_claim == "another"


def test_it_mails_nobody_who_left_meanwhile(organisation: Organisation) -> None:
    tell(organisation.developer.pk)
    organisation.developer.is_active = False
    organisation.developer.save()
    assert notices_send(now=NOW) == 0
    assert Notice.objects.get().mail == "dropped"


@pytest.mark.django_db(transaction=True)
def test_it_speaks_to_no_mail_server_inside_a_transaction(settings) -> None:
    organisation = Organisation.found()
    use(settings, Watching)
    Watching.in_transaction.clear()
    with transaction.atomic():
        tell(organisation.developer.pk)
        assert mail.outbox == []
    assert mail.outbox == []
    notices_send(now=NOW)
    assert Watching.in_transaction == [False]


# --- unsubscribing --------------------------------------------------------------------------------------------------


def link_of(message) -> str:
    return message.extra_headers["List-Unsubscribe"].strip("<>").removeprefix(configured.BASE_URL)


def test_it_carries_a_one_click_link_that_the_portal_knows(organisation: Organisation) -> None:
    tell(organisation.developer.pk)
    notices_send(now=NOW)
    sent = mail.outbox[0]
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = unsubscribe_token(organisation.developer.pk, "change-failed")
    assert link_of(sent) == reverse("unsubscribe", args=[token])
    assert link_of(sent) in sent.body
    assert reverse("account-notices") == notice_mail.SETTINGS_PATH


def test_it_ends_the_mails_of_one_kind_without_signing_in(organisation: Organisation, client) -> None:
    tell(organisation.developer.pk)
    notices_send(now=NOW)
    tell(organisation.developer.pk, key="waiting")
    link = link_of(mail.outbox[0])
    asked = client.get(link)
    assert asked.status_code == 200
    assert wishes_of(organisation.developer.pk).deliveries["change-failed"] == "mail"
    ended = client.post(link, {"List-Unsubscribe": "One-Click"})
    assert ended.status_code == 200
    deliveries = wishes_of(organisation.developer.pk).deliveries
    assert deliveries["change-failed"] == "portal"
    assert deliveries["change-waits"] == "mail"
    assert AuditEntry.objects.get(action="notice.settings").actor_name == "developer"
    assert notices_send(now=NOW) == 0
    assert client.post(link).status_code == 200
    tell(organisation.developer.pk, key="later")
    assert Notice.objects.get(key="later").mail == "none"


def test_it_ends_the_digest_as_a_whole(organisation: Organisation) -> None:
    developer = organisation.actor("developer")
    notice_settings_save(developer, deliveries={"change-failed": "digest", "change-approved": "digest"}, now=NOW)
    mails_stop(unsubscribe_token(organisation.developer.pk, DIGEST), now=NOW)
    deliveries = wishes_of(organisation.developer.pk).deliveries
    assert "digest" not in deliveries.values()
    assert deliveries["change-waits"] == "mail"


@pytest.mark.parametrize("token", ["", "nonsense", "a~b~c", "WzEsImNoYW5nZS1mYWlsZWQiXQ~1tX~forged"])
def test_it_knows_no_link_that_it_did_not_write(organisation: Organisation, token: str) -> None:
    with pytest.raises(NotFound):
        mails_stop(token, now=NOW)


def test_it_does_not_take_one_persons_link_for_another(organisation: Organisation) -> None:
    mine = unsubscribe_token(organisation.developer.pk, "change-failed")
    theirs = unsubscribe_token(organisation.maintainer.pk, "change-failed")
    forged = theirs.rpartition("~")[0] + "~" + mine.rpartition("~")[2]
    with pytest.raises(NotFound):
        mails_stop(forged, now=NOW)
