"""The pages of clusters: what is read there, by whom, and what admins do."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.models import Change, Cluster, ClusterWatch, Stage
from provisioning.services.clusters import cluster_cordon, cluster_register
from tests.personas import NOW, Organisation
from tests.portal.pages import estate
from tests.portal.pages.test_environment_form import draft

pytestmark = pytest.mark.django_db

NEW = {
    "name": "eu-one",
    "title": "Frankfurt",
    "driver": "sandbox",
    "labels": "region=eu, tier=gold",
    "capacity_cpu": "64",
    "price_cpu": "18.50",
}


def text(answer: Any) -> str:
    return answer.content.decode()


def test_everybody_reads_how_full_a_cluster_is_and_what_lives_there(living: Change, sign_in: Any) -> None:
    Cluster.objects.update(capacity_cpu=8, labels={"region": "eu"})
    viewer = sign_in("viewer")
    listed, shown = text(viewer.get("/clusters/")), text(viewer.get("/clusters/sandbox/"))
    assert "region=eu" in listed
    assert "of 8" in listed
    assert "checkout / try" in shown
    assert "Nobody has said how much there is." in shown
    for page in (listed, shown):
        assert "Register a cluster" not in page
        assert "Cordon it" not in page


def test_it_counts_what_a_reader_may_not_see(equipped: Organisation, sign_in: Any) -> None:
    estate.environment(equipped.vault, Stage.objects.get(name="dev"), equipped.developer)
    assert "1 further environment that you may not see" in text(sign_in("stranger").get("/clusters/sandbox/"))


def test_an_admin_registers_edits_cordons_and_removes_a_cluster(equipped: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    assert admin.post("/clusters/new", NEW).status_code == 302
    made = Cluster.objects.get(name="eu-one")
    assert (made.labels, made.capacity_cpu, made.capacity_memory_gib) == ({"region": "eu", "tier": "gold"}, 64, None)
    assert 'value="region=eu, tier=gold"' in text(admin.get("/clusters/eu-one/edit"))
    assert admin.post("/clusters/eu-one/edit", {"title": "Berlin", "labels": "gpu"}).status_code == 302
    made.refresh_from_db()
    assert (made.title, made.labels, made.capacity_cpu, made.price_cpu) == ("Berlin", {"gpu": ""}, None, 0)
    assert admin.post("/clusters/eu-one/cordon", {"reason": "Old."}).status_code == 302
    assert "Old." in text(admin.get("/clusters/eu-one/"))
    assert admin.post("/clusters/eu-one/uncordon").status_code == 302
    assert admin.post("/clusters/eu-one/check").status_code == 302
    assert admin.post("/clusters/eu-one/remove", {"confirm_name": "eu-two"}).status_code == 422
    assert admin.post("/clusters/eu-one/remove", {"confirm_name": "eu-one"}).status_code == 302
    assert admin.get("/clusters/eu-one/").status_code == 404


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"labels": "Region=eu"}, "is no label", id="label"),
        pytest.param({"capacity_cpu": "-1"}, "greater than or equal to 0", id="capacity"),
        pytest.param({"name": "sandbox"}, "There is a cluster “sandbox” already.", id="taken"),
        pytest.param({"driver": "kubernetes"}, "Paste the kubeconfig", id="no kubeconfig"),
        pytest.param({"driver": "kubernetes", "kubeconfig": "a: [b"}, "not YAML that can be read", id="no YAML"),
        pytest.param({"price_cpu": "2000000"}, "Write a price a month", id="price"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    equipped: Organisation, sign_in: Any, change: dict[str, str], told: str
) -> None:
    answer = sign_in("admin").post("/clusters/new", NEW | change)
    assert answer.status_code == 422
    assert told in text(answer)


def test_it_never_shows_a_kubeconfig(equipped: Organisation, sign_in: Any) -> None:
    Cluster.objects.update(credentials="secret-kubeconfig", driver="kubernetes")
    admin = sign_in("admin")
    for path in ("/clusters/", "/clusters/sandbox/edit"):
        assert "secret-kubeconfig" not in text(admin.get(path))


def test_it_says_what_keeps_a_cluster_from_going(living: Change, sign_in: Any) -> None:
    admin = sign_in("admin")
    shown = text(admin.get("/clusters/sandbox/"))
    assert "Environment checkout/try lives there." in shown
    assert "Stage dev sends its environments there." in shown
    refused = admin.post("/clusters/sandbox/remove", {"confirm_name": "sandbox"})
    assert refused.status_code == 422
    assert "sandbox is not empty" in text(refused)


def test_it_says_since_when_a_cluster_does_not_answer(equipped: Organisation, sign_in: Any) -> None:
    ClusterWatch.objects.create(
        cluster=Cluster.objects.get(), unreachable_since=NOW, unreachable_why="Connection refused."
    )
    shown = text(sign_in("viewer").get("/clusters/sandbox/"))
    assert "Does not answer" in shown
    assert "Connection refused." in shown


def test_a_plan_says_where_a_new_environment_goes(equipped: Organisation, sign_in: Any) -> None:
    admin = equipped.actor("admin")
    for name in ("eu-one", "eu-two"):
        cluster_register(admin, name=name, title=name, driver="sandbox", labels={"region": "eu"}, now=NOW)
    cluster_cordon(admin, name="eu-one", now=NOW)
    Stage.objects.filter(name="dev").update(cluster_labels={"region": "eu"})
    sent = draft() | {"stage": "dev", "name": "more"}
    shown = text(sign_in("developer").post("/environments/plan", sent, HTTP_HX_REQUEST="true"))
    assert "It goes to eu-two, the one cluster with region=eu that can take it." in shown
