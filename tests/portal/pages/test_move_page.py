"""The page on which a move is looked at and asked for: where to, what is lost, the name typed once more."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.models import Change, Environment, Stage
from provisioning.services.clusters import cluster_register
from tests.personas import NOW, Organisation
from tests.portal.pages.test_cluster_pages import text

pytestmark = pytest.mark.django_db
ASK = "/environments/checkout/try/ask/move"


@pytest.fixture
def two_clusters(living: Change, equipped: Organisation) -> None:
    cluster_register(
        equipped.actor("admin"), name="eu-two", title="Two", driver="sandbox", labels={"region": "eu"}, now=NOW
    )
    Stage.objects.filter(name="dev").update(cluster_labels={"region": "eu"})


def test_it_shows_where_to_and_what_stays_behind(two_clusters: None, sign_in: Any) -> None:
    shown = text(sign_in("developer").get(ASK))
    for words in (
        "Move checkout / try",
        "of data of db are not moved",
        "Its name, to confirm",
        '<option value="eu-two"',
        "It goes to eu-two",
    ):
        assert words in shown


def test_it_asks_for_the_name_before_it_moves(two_clusters: None, sign_in: Any) -> None:
    developer = sign_in("developer")
    refused = developer.post(ASK, {"do": "submit", "cluster": "eu-two", "reason": "It goes."})
    assert refused.status_code == 422
    assert "to confirm that its data stays behind and is deleted" in text(refused)
    sent = {"do": "submit", "cluster": "eu-two", "reason": "It goes.", "confirm": "try"}
    assert developer.post(ASK, sent).status_code == 302
    assert Change.objects.get(kind="move").title == "Move checkout / try to eu-two"
    assert Environment.objects.get(name="try").cluster.name == "eu-two"
    assert "Back to sandbox" in text(developer.get(ASK))


def test_it_says_why_it_cannot_go_anywhere(living: Change, sign_in: Any) -> None:
    shown = text(sign_in("developer").get(ASK))
    assert "There is no other cluster that dev allows." in shown
    assert "disabled" in shown
