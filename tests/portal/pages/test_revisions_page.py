"""Two revisions compared, over the page and over the API: of one environment, and of two."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from idp.kernel import clock
from provisioning.models import Environment, Run
from provisioning.services.changes import ChangeRequest, change_submit
from tests.provisioning.organisation import Clock, carry_out, create, spec

pytestmark = pytest.mark.django_db
CEILING = 12


@pytest.fixture
def made(equipped: Any) -> Environment:
    """``try`` at r2 with another image than at r1, and ``two`` at r1."""
    now = clock.now() - timedelta(hours=2)
    carry_out(Run.objects.get(change=create(equipped, now=now)), Clock(now))
    other = create(equipped, "two", now=now, shop={"host": "two.dev.example"}, api={"replicas": 3})
    carry_out(Run.objects.get(change=other), Clock(now))
    now += timedelta(hours=1)
    wanted = spec(api={"image": "registry.example/checkout-api:1.9.0"})
    update = change_submit(
        equipped.actor("developer"), ChangeRequest("update", "checkout", "try", spec=wanted), now=now
    )
    carry_out(Run.objects.get(change=update), Clock(now))
    return Environment.objects.get(name="try")


def at(**query: str) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return f"{reverse('environment-compare', args=['checkout', 'try'])}?{asked}"


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_it_compares_the_newest_with_the_one_before(made, sign_in):
    page = text(sign_in("viewer").get(at()))
    assert "From try r1 to try r2" in page
    assert "1.8.3" in page
    assert "1.9.0" in page
    assert "1 resource differs." in page


def test_it_compares_objects(made, sign_in):
    page = text(sign_in("viewer").get(at(view="objects")))
    assert "Deployment api" in page
    assert "image: registry.example/checkout-api:1.9.0" in page


def test_it_compares_across_environments(made, sign_in):
    answer = sign_in("viewer").get(at(**{"from": "two:1", "to": "try:1"}))
    page = text(answer)
    assert "From two r1 to try r1" in page
    assert "Both are shown as they would be in try." in page
    assert "two.dev.example" in page


def test_objects_of_another_environment_differ_by_their_documents_only(made, sign_in):
    page = text(sign_in("viewer").get(at(**{"from": "two:1", "to": "try:1", "view": "objects"})))
    assert "checkout-two" not in page
    assert "replicas: 3" in page


def test_it_leads_back_to_earlier_revisions(made, sign_in):
    ask = reverse("environment-ask", args=["checkout", "try", "rollback"])
    assert f"{ask}?revision=1" in text(sign_in("developer").get(at()))
    assert ask not in text(sign_in("viewer").get(at()))
    assert f"{ask}?revision=2" not in text(sign_in("developer").get(at()))


@pytest.mark.parametrize("written", ["two:9", "nowhere:1", "x", "99"])
def test_it_says_which_revision_there_is_not(made, sign_in, written):
    assert sign_in("viewer").get(at(**{"from": written})).status_code == 404


def test_it_leads_there_from_the_revisions(made, sign_in):
    page = text(sign_in("viewer").get("/environments/checkout/try/revisions/", {"show": "1"}))
    assert reverse("environment-compare", args=["checkout", "try"]) in page
    assert "What is different since r1" in page


def test_it_asks_little_however_many_revisions_there_are(made, sign_in, django_assert_max_num_queries):
    client = sign_in("developer")
    client.get(at())
    with django_assert_max_num_queries(CEILING):
        client.get(at())


def test_the_api_reads_and_compares(made, sign_in):
    client = sign_in("viewer")
    root = "/api/v1/environments/checkout/try/revisions/"
    assert client.get(f"{root}2/").json()["document"]["resources"]["api"]["inputs"]["image"].endswith("1.9.0")
    found = client.get(f"{root}1/compare/").json()
    assert (found["before"]["revision"], found["after"]["revision"]) == (1, 2)
    assert found["counts"]["updated"] == 1
    assert "objects" not in found["resources"][0]
    other = client.get(f"{root}1/compare/", {"with": "two:1", "objects": "true"}).json()
    assert other["after"] == {"environment": "two", "revision": 1}
    assert any(one["objects"] for one in other["resources"])
    assert client.get(f"{root}9/").status_code == 404
    assert client.get(f"{root}1/compare/", {"with": "nowhere:1"}).status_code == 404
