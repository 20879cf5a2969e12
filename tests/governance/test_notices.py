"""Telling people: once each, as they want it, and only those who can read it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from governance.domain.notice import KINDS
from governance.models import Approval, AuditEntry, Notice
from governance.selectors.notices import notice_list, wishes_of
from governance.selectors.people import deciders, team_people
from governance.services.notice_settings import notice_settings_save
from governance.services.notices import (
    notices_answered,
    notices_purge,
    notices_read,
    notices_read_all,
    notify,
    notify_people,
)
from governance.services.teams import membership_set
from idp.kernel import wake
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, InvalidInput, PlatformFault
from tests.personas import NOW, Organisation, person

pytestmark = pytest.mark.django_db


def tell(*people: int, kind: str = "change-failed", key: str = "change:1:failed", **more: str) -> int:
    words = {"title": "Your change failed", "text": "It did.", "url": "/changes/1/"} | more
    return notify(kind, to=people, key=key, now=NOW, **words)


def test_it_tells_each_person_once_for_a_key(organisation: Organisation) -> None:
    one, other = organisation.developer.pk, organisation.maintainer.pk
    assert tell(one) == 1
    assert tell(one, other, one) == 1
    assert tell(one, other) == 0
    assert tell(one, key="change:1:again") == 1
    assert sorted(Notice.objects.values_list("person", "key")) == sorted(
        [(one, "change:1:failed"), (other, "change:1:failed"), (one, "change:1:again")]
    )


def test_it_takes_two_queries_however_many_people(organisation: Organisation, django_assert_num_queries) -> None:
    people = [one.pk for one in organisation.people.values()]
    with django_assert_num_queries(2):
        assert tell(*people) == len(people)
    with django_assert_num_queries(0):
        assert tell() == 0


def test_it_passes_over_who_cannot_or_will_not_read_it(organisation: Organisation) -> None:
    gone = person("gone", is_active=False)
    robot = person("robot", service_of=organisation.payments)
    deaf = organisation.viewer
    notice_settings_save(organisation.actor("viewer"), deliveries={"change-failed": "none"}, now=NOW)
    assert tell(gone.pk, robot.pk, deaf.pk, 999_999) == 0


@pytest.mark.parametrize(
    ("delivery", "mail", "digest", "due_in"),
    [
        ("mail", "due", False, timedelta(0)),
        ("digest", "due", True, timedelta(hours=22, minutes=30)),
        ("portal", "none", False, None),
    ],
)
def test_it_follows_each_persons_settings(organisation: Organisation, delivery, mail, digest, due_in) -> None:
    notice_settings_save(organisation.actor("developer"), deliveries={"change-failed": delivery}, now=NOW)
    tell(organisation.developer.pk)
    told = Notice.objects.get()
    assert (told.mail, told.digest) == (mail, digest)
    assert told.mail_due_at == (None if due_in is None else NOW + due_in)


def test_it_makes_the_digest_due_in_the_persons_own_day(organisation: Organisation) -> None:
    notice_settings_save(
        organisation.actor("developer"),
        deliveries={"change-failed": "digest"},
        digest_hour=7,
        time_zone="America/New_York",
        now=NOW,
    )
    tell(organisation.developer.pk)
    assert Notice.objects.get().mail_due_at == NOW.replace(hour=12, minute=0)


def test_it_makes_no_mail_for_who_has_no_address(organisation: Organisation) -> None:
    organisation.developer.email = ""
    organisation.developer.save()
    tell(organisation.developer.pk)
    assert Notice.objects.get().mail == "none"


def test_it_makes_no_mail_where_mail_is_not_set_up(organisation: Organisation, settings) -> None:
    settings.MAIL_ENABLED = False
    tell(organisation.developer.pk)
    assert Notice.objects.get().mail == "none"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "weather"},
        {"url": "https://elsewhere.example/"},
        {"url": "//elsewhere.example/"},
        {"url": "/" + "x" * 300},
        {"key": ""},
        {"key": "k" * 161},
    ],
    ids=str,
)
def test_it_refuses_what_makes_no_sense(organisation: Organisation, wrong) -> None:
    with pytest.raises(PlatformFault):
        tell(organisation.developer.pk, **wrong)


def test_it_cuts_what_is_too_long(organisation: Organisation) -> None:
    tell(organisation.developer.pk, title="t" * 500, text="x" * 5000)
    told = Notice.objects.get()
    assert len(told.title) == 200
    assert told.title.endswith("…")
    assert len(told.text) == 1000


def test_it_wakes_the_worker_after_the_commit_and_not_when_it_is_undone(
    organisation: Organisation, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    woken = []
    monkeypatch.setitem(wake._wakers, "notices", woken.append)
    with django_capture_on_commit_callbacks(execute=True):
        tell(organisation.developer.pk)
        assert woken == []
    assert woken == [0]
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        tell(organisation.developer.pk, key="undone")
        transaction.set_rollback(True)
    with django_capture_on_commit_callbacks(execute=True):
        tell(organisation.maintainer.pk, kind="change-succeeded", key="only in the portal")
    assert woken == [0]


def test_it_knows_the_people_of_a_team_by_role(organisation: Organisation) -> None:
    payments = organisation.payments
    robot = person("robot", service_of=payments)
    gone = person("gone")
    for one in (robot, gone):
        membership_set(PLATFORM, team=payments, user=one, role="developer", now=NOW)
    gone.is_active = False
    gone.save()
    by_name = {one.pk: name for name, one in organisation.people.items()}

    def names(**roles):
        return sorted(by_name[pk] for pk in team_people(payments.pk, **roles))

    assert names() == ["developer", "maintainer", "second_maintainer"]
    assert names(roles=("maintainer",)) == ["maintainer", "second_maintainer"]


def test_it_knows_who_may_decide(organisation: Organisation, django_assert_num_queries) -> None:
    asked = {"change_id": 1, "plan_digest": "d", "count": 1}
    Approval.objects.create(**asked, position=0, source="team:payments:maintainer", team=organisation.payments)
    Approval.objects.create(**asked, position=1, source="group:platform", group_name="platform")
    Approval.objects.create(
        **asked, position=2, source="team:storefront:maintainer", team=organisation.storefront, state="approved"
    )
    with django_assert_num_queries(2):
        told = notify_people(
            "change-waits",
            people=deciders(1, "d", now=NOW).exclude(pk=organisation.maintainer.pk),
            title="t",
            text="",
            url="/changes/1/",
            key="k",
            now=NOW,
        )
    # Payments has two maintainers, so admins need not step in.
    assert told == 2
    names = Notice.objects.values_list("person__username", flat=True)
    assert sorted(names) == ["platform_engineer", "second_maintainer"]


def test_it_asks_admins_where_a_team_has_too_few_maintainers(organisation: Organisation) -> None:
    Approval.objects.create(
        change_id=1,
        plan_digest="d",
        count=1,
        position=0,
        source="team:storefront:maintainer",
        team=organisation.storefront,
    )
    assert sorted(one.username for one in deciders(1, "d", now=NOW)) == ["admin", "storefront_maintainer"]


def test_it_lets_people_read_their_own_only(organisation: Organisation) -> None:
    tell(organisation.developer.pk, organisation.maintainer.pk)
    theirs = Notice.objects.get(person=organisation.maintainer)
    mine = Notice.objects.get(person=organisation.developer)
    developer = organisation.actor("developer")
    assert notices_read(developer, ids=[mine.pk, theirs.pk], now=NOW) == 1
    assert notices_read(developer, ids=[mine.pk], now=NOW) == 0
    theirs.refresh_from_db()
    assert theirs.read_at is None
    assert [one.pk for one in notice_list(organisation.rights("developer"))] == [mine.pk]
    assert not notice_list(organisation.rights("developer"), unread=True).exists()


def test_it_does_not_mail_what_was_read_in_the_portal(organisation: Organisation) -> None:
    tell(organisation.developer.pk)
    notices_read_all(organisation.actor("developer"), now=NOW)
    assert Notice.objects.get().mail == "none"


def test_it_reads_all_up_to_what_was_seen(organisation: Organisation) -> None:
    for key in ("one", "two", "three"):
        tell(organisation.developer.pk, key=key)
    seen = Notice.objects.get(key="two").pk
    assert notices_read_all(organisation.actor("developer"), until=seen, now=NOW) == 2
    assert Notice.objects.get(read_at=None).key == "three"


def test_it_settles_what_somebody_else_has_seen_to(organisation: Organisation) -> None:
    tell(organisation.maintainer.pk, organisation.second_maintainer.pk, key="change:1:waits")
    tell(organisation.maintainer.pk, key="another")
    assert notices_answered(key="change:1:waits", now=NOW) == 2
    assert Notice.objects.get(read_at=None).key == "another"
    assert not Notice.objects.filter(key="change:1:waits", mail="due").exists()


@pytest.mark.parametrize("limits", [{"scopes": ["read"]}, {"scopes": ["read", "change"], "systems": ["checkout"]}])
def test_it_keeps_narrow_tokens_out(organisation: Organisation, limits) -> None:
    actor = organisation.actor("developer", **limits)
    with pytest.raises(Forbidden):
        notices_read_all(actor, now=NOW)
    with pytest.raises(Forbidden):
        notice_settings_save(actor, deliveries={}, now=NOW)
    if "systems" in limits:
        with pytest.raises(Forbidden):
            notice_list(organisation.rights("developer", **limits))


def test_it_forgets_old_notices(organisation: Organisation, settings, monkeypatch) -> None:
    monkeypatch.setattr("governance.services.notices.PURGED_AT_ONCE", 2)
    settings.NOTICE_DAYS = 30
    people = [one.pk for one in organisation.people.values()]
    tell(*people)
    Notice.objects.update(at=NOW - timedelta(days=31))
    tell(organisation.developer.pk, key="new")
    assert notices_purge(NOW) == len(people)
    assert Notice.objects.get().key == "new"


# --- settings -------------------------------------------------------------------------------------------------------


def test_it_keeps_settings_and_says_so_in_the_audit_log(organisation: Organisation) -> None:
    developer = organisation.actor("developer")
    saved = notice_settings_save(
        developer, deliveries={"change-failed": "digest"}, digest_hour=17, time_zone="Europe/Berlin", now=NOW
    )
    assert saved == wishes_of(organisation.developer.pk)
    assert (saved.digest_hour, saved.time_zone) == (17, "Europe/Berlin")
    assert saved.deliveries["change-failed"] == "digest"
    assert saved.deliveries["change-waits"] == KINDS["change-waits"].default
    entry = AuditEntry.objects.get(action="notice.settings")
    assert entry.actor_name == "developer"
    assert entry.data["before"]["change-failed"] == KINDS["change-failed"].default
    assert entry.data["after"] == {"change-failed": "digest", "digest_hour": 17, "time_zone": "Europe/Berlin"}
    notice_settings_save(developer, deliveries={"change-failed": "digest"}, now=NOW)
    assert AuditEntry.objects.filter(action="notice.settings").count() == 1


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"deliveries": {"weather": "mail"}}, "deliveries.weather"),
        ({"deliveries": {"change-failed": "pigeon"}}, "deliveries.change-failed"),
        ({"deliveries": {}, "digest_hour": 24}, "digest_hour"),
        ({"deliveries": {}, "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"deliveries": {}, "time_zone": "../../etc/passwd"}, "time_zone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_names_the_setting_that_is_wrong(organisation: Organisation, wrong, path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        notice_settings_save(organisation.actor("developer"), now=NOW, **wrong)
    assert [error.path for error in refusal.value.errors] == [path]


def test_it_lets_waiting_mails_follow_new_settings(organisation: Organisation) -> None:
    developer = organisation.actor("developer")
    notice_settings_save(developer, deliveries={"change-succeeded": "digest"}, now=NOW)
    tell(organisation.developer.pk)
    tell(organisation.developer.pk, kind="change-succeeded", key="done")
    notice_settings_save(developer, deliveries={"change-failed": "portal"}, digest_hour=12, now=NOW)
    assert Notice.objects.get(key="change:1:failed").mail == "none"
    assert Notice.objects.get(key="done").mail_due_at == NOW.replace(hour=12, minute=0)
