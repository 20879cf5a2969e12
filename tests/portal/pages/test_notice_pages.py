"""The bell, its drawer, the list of notices, and how one wants to be told."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.domain.notice import KINDS
from governance.models import Notice
from governance.selectors.notices import wishes_of
from governance.services.notice_settings import unsubscribe_token
from governance.services.notices import notify
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def tell(*people: int, key: str = "k", kind: str = "change-failed", title: str = "It failed", url="/changes/1/"):
    notify(kind, to=people, title=title, text="The image is missing.", url=url, key=key, now=NOW)


@pytest.fixture
def mine(organisation: Organisation) -> int:
    return organisation.developer.pk


def test_every_page_shows_how_many_are_unread(sign_in, mine):
    tell(mine)
    tell(mine, key="other")
    page = sign_in("developer").get(reverse("teams")).content.decode()
    assert 'aria-label="Notices, 2 unread"' in page
    assert "Notices, none unread" in sign_in("maintainer").get(reverse("teams")).content.decode()


def test_the_bell_takes_no_query_of_its_own(sign_in, mine, django_assert_num_queries):
    """What waits and what is unread are asked for together."""
    client = sign_in("developer")
    client.get(reverse("teams"))
    with CaptureQueriesContext(
        connection,
    ) as found:
        client.get(reverse("teams"))
    assert sum("governance_notice" in one["sql"] for one in found) == 1
    assert sum("governance_notice" in one["sql"] and "provisioning_change" in one["sql"] for one in found) == 1


def test_the_bell_is_silent_while_nothing_moves_and_tells_when_something_does(sign_in, mine):
    client = sign_in("developer")
    tell(mine)
    newest = Notice.objects.get().pk
    same = client.get(reverse("bell"), {"newest": newest, "unread": 1}, headers=HTMX)
    assert (same.status_code, same.content) == (204, b"")
    tell(mine, key="new", title="Approved: Créate it")
    news = client.get(reverse("bell"), {"newest": newest, "unread": 1}, headers=HTMX)
    assert 'aria-label="Notices, 2 unread"' in news.content.decode()
    assert "Approved: Créate it" in news.content.decode()
    assert json.loads(news["HX-Trigger"])["toast"]["title"] == "Approved: Créate it"


def test_the_bell_makes_no_noise_when_there_is_less_than_before(sign_in, mine):
    tell(mine)
    answer = sign_in("developer").get(reverse("bell"), {"newest": Notice.objects.get().pk, "unread": 3}, headers=HTMX)
    assert answer.status_code == 200
    assert "HX-Trigger" not in answer


def test_the_bell_asks_no_more_when_signed_out(client: Client, db):
    answer = client.get(reverse("bell"), headers=HTMX)
    assert (answer.status_code, answer["HX-Reswap"]) == (286, "none")


def test_an_ask_without_news_is_cheap(sign_in, mine, django_assert_max_num_queries):
    client = sign_in("developer")

    def ask():
        return client.get(reverse("bell"), {"newest": 0, "unread": 0}, headers=HTMX).status_code

    # The first of five minutes also notes that the session is in use.
    with django_assert_max_num_queries(5):
        assert ask() == 204
    with django_assert_max_num_queries(4):
        assert ask() == 204


def test_the_drawer_has_one_line_for_each_page_that_answers(sign_in, mine):
    for number in range(3):
        tell(mine, key=f"comment {number}", title=f"Comment {number}")
    tell(mine, key="another", url="/changes/2/", title="Another")
    answer = sign_in("developer").get(reverse("notice-drawer"), headers=HTMX).content.decode()
    assert answer.count('class="row-title"') == 2
    assert "Comment 2" in answer
    assert "Comment 1" not in answer
    assert "2 earlier notices" in answer


def test_it_lists_filters_and_pages(sign_in, mine, monkeypatch):
    monkeypatch.setattr("portal.pages.notices.PAGE", 2)
    for number in range(3):
        tell(mine, key=str(number), title=f"Failed {number}")
    tell(mine, key="waits", kind="change-waits", title="It waits")
    client = sign_in("developer")
    first = client.get(reverse("notices"))
    assert [line.title for line in first.context["lines"]] == ["It waits", "Failed 2"]
    second = client.get(reverse("notices"), {"cursor": first.context["next"]})
    assert [line.title for line in second.context["lines"]] == ["Failed 1", "Failed 0"]
    only = client.get(reverse("notices"), {"about": "Decisions"})
    assert [line.title for line in only.context["lines"]] == ["It waits"]
    assert client.get(reverse("notices"), {"about": "nonsense"}).status_code == 200
    assert client.get(reverse("notices"), {"cursor": "nonsense"}).status_code in (400, 422)


@pytest.mark.parametrize("name", ["notices", "notice-drawer", "account-notices"])
def test_a_page_of_notices_costs_the_same_with_more_of_them(sign_in, mine, name):
    client, costs = sign_in("developer"), []
    client.get(reverse(name))
    for size in (2, 45):
        for number in range(size):
            tell(mine, key=f"{size} {number}", url=f"/changes/{number}/")
        with CaptureQueriesContext(connection) as found:
            client.get(reverse(name))
        costs.append(len(found))
    assert costs[0] == costs[1] <= 12


def test_it_marks_one_and_all_as_read(sign_in, mine):
    for number in range(3):
        tell(mine, key=str(number))
    client = sign_in("developer")
    oldest, middle, newest = Notice.objects.order_by("pk").values_list("pk", flat=True)
    assert client.post(reverse("notices-read"), {"id": newest}).status_code == 302
    assert client.post(reverse("notices-read"), {"until": oldest}).status_code == 302
    assert Notice.objects.get(read_at=None).pk == middle
    answer = client.post(reverse("notices-read"), {"until": newest}, headers=HTMX)
    assert not Notice.objects.filter(read_at=None).exists()
    assert 'hx-swap-oob="true"' in answer.content.decode()
    assert "Notices, none unread" in answer.content.decode()
    assert client.post(reverse("notices-read"), {"id": "many"}).status_code == 422


def test_it_lets_nobody_read_for_another(sign_in, mine):
    tell(mine)
    sign_in("maintainer").post(reverse("notices-read"), {"id": Notice.objects.get().pk})
    sign_in("maintainer").post(reverse("notices-seen"), {"url": "/changes/1/"})
    assert Notice.objects.get().read_at is None


def test_opening_the_page_that_answers_reads_the_notice(sign_in, mine):
    here = reverse("teams")
    tell(mine, url=here)
    tell(mine, key="elsewhere")
    client = sign_in("developer")
    page = client.get(here).content.decode()
    assert f'name="url" value="{here}"' in page
    assert Notice.objects.filter(read_at=None).count() == 2  # reading a page changes nothing by itself
    answer = client.post(reverse("notices-seen"), {"url": here}, headers=HTMX)
    assert "Notices, 1 unread" in answer.content.decode()
    assert Notice.objects.get(read_at=None).key == "elsewhere"
    assert 'name="url"' not in client.get(here).content.decode()


def test_it_says_first_what_a_person_could_be_told(sign_in, mine):
    assert b"All read" in sign_in("developer").get(reverse("notices")).content
    assert b"No notices" in sign_in("developer").get(reverse("notices"), {"tab": "all"}).content


# --- settings -------------------------------------------------------------------------------------------------------


def test_it_shows_every_kind_with_its_way_and_saves_what_is_chosen(sign_in, mine):
    client = sign_in("developer")
    page = client.get(reverse("account-notices")).content.decode()
    for kind in KINDS.values():
        assert kind.title in page
    assert page.count(" checked") == len(KINDS)
    sent = {"kind-change-failed": "none", "digest_hour": "17", "time_zone": "Europe/Berlin"}
    assert client.post(reverse("account-notices"), sent).status_code == 302
    wishes = wishes_of(mine)
    assert (wishes.digest_hour, wishes.time_zone) == (17, "Europe/Berlin")
    assert wishes.deliveries["change-failed"] == "none"
    assert wishes.deliveries["change-waits"] == KINDS["change-waits"].default


@pytest.mark.parametrize(
    "wrong",
    [{"time_zone": "Mars/Olympus"}, {"digest_hour": "25"}, {"kind-change-failed": "pigeon"}, {"time_zone": ""}],
    ids=str,
)
def test_it_says_what_is_wrong_and_keeps_what_held(sign_in, mine, wrong):
    before = wishes_of(mine)
    answer = sign_in("developer").post(
        reverse("account-notices"), {"digest_hour": "8", "time_zone": "UTC", "kind-change-waits": "portal"} | wrong
    )
    assert answer.status_code == 422
    assert wishes_of(mine) == before


def test_it_says_that_mail_is_not_set_up(sign_in, organisation, settings):
    settings.MAIL_ENABLED = False
    assert b"Mail is not set up here." in sign_in("developer").get(reverse("account-notices")).content


def test_a_mails_link_shows_no_more_of_the_mailbox_than_its_owner_needs(client, mine):
    page = client.get(reverse("unsubscribe", args=[unsubscribe_token(mine, "change-failed")])).content.decode()
    assert "d…@example.com" in page
    assert "developer@example.com" not in page
    assert client.get(reverse("unsubscribe", args=["forged"])).status_code == 404


def test_a_mail_program_ends_the_mails_without_a_cookie(mine):
    """Also where Django would ask for a CSRF token (RFC 8058 sends none)."""
    strict = Client(enforce_csrf_checks=True)
    link = reverse("unsubscribe", args=[unsubscribe_token(mine, "change-failed")])
    assert strict.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert wishes_of(mine).deliveries["change-failed"] == "portal"
