"""Environments over HTTP: the list and its filters, one environment and its tabs, what moves, what goes."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from idp.kernel import clock
from provisioning.models import Change, Environment, Run, Stage
from provisioning.services.decisions import change_approve
from tests.personas import NOW
from tests.portal.pages import estate
from tests.provisioning.organisation import Clock, carry_out, create

pytestmark = pytest.mark.django_db

HERE = "/environments/checkout/try/"
CEILING = 12


def text(answer):
    return answer.content.decode()


def dev():
    return Stage.objects.get(name="dev")


def test_it_says_what_environments_are_when_there_are_none(equipped, sign_in):
    page = text(sign_in("developer").get("/environments/"))
    assert "No environments yet" in page
    assert reverse("environment-new") in page


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        pytest.param({}, True, id="no filter"),
        pytest.param({"q": "check"}, True, id="words of the system"),
        pytest.param({"q": "TRY"}, True, id="words of the name"),
        pytest.param({"q": "nothing"}, False, id="other words"),
        pytest.param({"stage": "dev"}, True, id="its stage"),
        pytest.param({"stage": "prod"}, False, id="another stage"),
        pytest.param({"state": "ready", "team": "payments", "system": "checkout"}, True, id="state, team and system"),
        pytest.param({"team": "storefront"}, False, id="another team"),
    ],
)
def test_it_filters_by_the_url(living, sign_in, asked, shown):
    page = text(sign_in("developer").get("/environments/", asked))
    assert ("checkout / try" in page) is shown
    assert ("No environment fits" in page) is not shown


def test_it_refuses_a_cursor_of_another_list(living, sign_in):
    assert sign_in("developer").get("/environments/", {"cursor": "rubbish"}).status_code == 422


def test_it_turns_pages_without_losing_or_repeating_rows(equipped, sign_in):
    systems = estate.systems(equipped.payments, 60, prefix="many")
    made = estate.environments(systems, [dev()])
    client, seen, cursor = sign_in("developer"), [], None
    for _ in range(5):
        answer = client.get("/environments/", {"cursor": cursor} if cursor else {})
        seen += [line.url for line in answer.context["lines"]]
        cursor = answer.context["next"]
        if not cursor:
            break
    assert sorted(seen) == sorted(reverse("environment", args=[one.system.slug, one.name]) for one in made)


@pytest.mark.parametrize(
    ("persona", "status"),
    [
        pytest.param("viewer", 200, id="a member"),
        pytest.param("stranger", 200, id="somebody of another team"),
        pytest.param("auditor", 200, id="an auditor"),
    ],
)
def test_it_lets_everybody_read_what_is_not_restricted(living, sign_in, persona, status):
    client = sign_in(persona)
    for tab in ("", "revisions/", "changes/", "settings/", "?view=list", "revisions/?show=1"):
        assert client.get(HERE + tab).status_code == status, tab


def test_it_hides_environments_of_a_restricted_system(living, equipped, sign_in):
    equipped.checkout.restricted = True
    equipped.checkout.save()
    stranger = sign_in("stranger")
    for tab in ("", "live", "revisions/", "changes/", "settings/", "edit"):
        assert stranger.get(HERE + tab).status_code == 404, tab
    assert stranger.post(HERE + "delete", {"confirm_name": "try"}).status_code == 404
    assert "checkout / try" not in text(stranger.get("/environments/"))
    assert sign_in("viewer").get(HERE).status_code == 200


def test_it_shows_resources_outputs_and_where_secrets_live(living, sign_in):
    page = text(sign_in("developer").get(HERE))
    assert page.count('<a class="node ok"') == 3
    assert "db.checkout-try.svc" in page
    assert "Secret db-credentials" in page
    assert 'href="https://shop.dev.example"' in page
    assert "kubectl --namespace checkout-try get all" in page
    assert "3 of 3 resources" in page
    assert "every 2s" not in page, "nothing moves, so nothing is polled"


def test_it_lists_resources_with_what_they_use_and_cost(living, sign_in):
    page = text(sign_in("developer").get(HERE, {"view": "list"}))
    assert 'id="resource-api"' in page
    assert "web-service 1.2.0" in page


def test_it_polls_while_it_moves_and_stops_by_itself(equipped, sign_in):
    change = create(equipped)
    client = sign_in("developer")
    assert 'hx-trigger="every 2s"' in text(client.get(HERE))
    moving = client.get(HERE + "live")
    assert moving.status_code == 200
    assert text(moving).strip().startswith('<div id="overview"')
    assert "<html" not in text(moving)
    carry_out(Run.objects.get(change=change))
    over = client.get(HERE + "live")
    assert over.status_code == 286
    assert "every 2s" not in text(over)
    assert "environment-actions" in text(over)


def test_what_may_be_asked_comes_again_with_what_is_live(living, sign_in):
    client = sign_in("developer")
    assert "hx-swap-oob" not in text(client.get(HERE))
    Environment.objects.filter(name="try").update(state="deleting")
    actions = text(client.get(HERE + "live")).partition('id="environment-actions"')[2]
    assert actions.startswith(' hx-ext="morph" hx-swap-oob="morph"')
    assert "Put to sleep" not in actions


def test_it_is_drawn_anew_when_something_of_it_differs_from_what_is_shown(living, sign_in):
    client = sign_in("developer")
    address = re.search(r'data-awake hx-get="(/environments/checkout/try/live[^"]*)"', text(client.get(HERE)))[1]
    assert client.get(address).status_code == 204
    Environment.objects.filter(name="try").update(state="degraded", drifted=1)
    news = client.get(address)
    assert news.status_code == 200
    assert address not in text(news)
    assert "Degraded" in text(news)


def test_it_says_what_failed_and_where_to_look(broken, sign_in):
    page = text(sign_in("developer").get("/environments/checkout/broken/"))
    assert "The last run failed." in page
    assert reverse("run", args=[Run.objects.get(change=broken).pk]) in page


def test_it_says_that_its_first_change_waits(waiting, sign_in):
    page = text(sign_in("developer").get("/environments/checkout/live/"))
    assert f"#{waiting.pk} waits for agreement." in page
    assert reverse("change", args=[waiting.pk]) in page
    assert "No revision yet" in page


def test_it_shows_a_revision_as_a_document(living, sign_in):
    page = text(sign_in("developer").get(HERE + "revisions/", {"show": "1"}))
    assert "postgres@1.0.0" in page
    assert "Runs now" in page
    assert sign_in("developer").get(HERE + "revisions/", {"show": "9"}).status_code == 404


def test_it_names_what_deleting_destroys(living, sign_in):
    page = text(sign_in("developer").get(HERE + "settings/"))
    assert "db, with its 5 GiB of data" in page
    assert 'data-must-equal="try"' in page
    assert 'data-must-equal="try"' not in text(sign_in("viewer").get(HERE + "settings/"))


@pytest.mark.parametrize("typed", ["", "Try", "checkout"])
def test_it_does_not_delete_without_the_name(living, sign_in, typed):
    answer = sign_in("developer").post(HERE + "delete", {"confirm_name": typed})
    assert answer.status_code == 422
    assert "Type “try”" in text(answer)
    assert not Change.objects.filter(kind="delete").exists()


def test_it_deletes_and_is_then_calmly_gone(living, sign_in):
    client = sign_in("developer")
    answer = client.post(HERE + "delete", {"confirm_name": "try", "reason": "Done with it."})
    change = Change.objects.get(kind="delete")
    assert answer["Location"] == reverse("run", args=[change.runs.get().pk])
    assert "It is being deleted." in text(client.get(HERE))
    carry_out(change.runs.get(), Clock(clock.now()))
    gone = client.get(HERE)
    assert gone.status_code == 410
    assert "It is gone" in text(gone)
    assert f"#{change.pk}" in text(gone)
    assert client.get(HERE + "live")["HX-Refresh"] == "true"
    assert client.get(HERE + "revisions/").status_code == 200
    assert Environment.objects.get(name="try").deleted_at is not None


TYPED = {"confirm_name": "live", "reason": "It is over."}


def test_it_asks_before_it_deletes_where_a_policy_says_so(equipped, sign_in):
    made = create(equipped, "live", stage="prod")
    change_approve(equipped.actor("maintainer"), made.pk, plan_digest=made.plan_digest, now=NOW)
    carry_out(Run.objects.get(change=made))
    answer = sign_in("developer").post("/environments/checkout/live/delete", TYPED)
    asked = Change.objects.get(kind="delete")
    assert answer["Location"] == reverse("change", args=[asked.pk])
    assert asked.state == "pending"


def test_it_does_not_let_a_viewer_delete(living, sign_in):
    assert sign_in("viewer").post(HERE + "delete", {"confirm_name": "try"}).status_code == 403


@pytest.mark.parametrize("path", ["", "?view=list", "live", "revisions/", "revisions/?show=1", "changes/", "settings/"])
def test_it_stays_within_the_ceiling(living, sign_in, django_assert_max_num_queries, path):
    client = sign_in("developer")
    client.get(HERE + path)
    with django_assert_max_num_queries(CEILING):
        client.get(HERE + path)


def test_it_lists_many_with_as_many_queries_as_few(equipped, sign_in, django_assert_max_num_queries):
    client = sign_in("developer")
    for number in (3, 60):
        estate.environments(estate.systems(equipped.payments, number, prefix=f"n{number}"), [dev()])
        client.get("/environments/")
        with django_assert_max_num_queries(CEILING):
            assert client.get("/environments/").status_code == 200
