"""What the cluster says to a plan before anybody decides: asked of it, and nothing written."""

from __future__ import annotations

import pytest

from idp.kernel.errors import Conflict, Forbidden, InvalidInput, Transient
from provisioning.domain.driver import ObjectRef, Scope, TemporaryError
from provisioning.models import Change, Run
from provisioning.services import dry_runs
from provisioning.services.changes import ChangeRequest
from provisioning.services.dry_runs import change_dry_run
from tests.personas import NOW
from tests.provisioning.organisation import carry_out, create, equip, sandbox, spec

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def equipped(organisation):
    equip(organisation)


def asked(organisation, kind="create", name="try", who="developer", **resources):
    wanted = None if kind == "delete" else spec(**resources)
    return change_dry_run(organisation.actor(who), ChangeRequest(kind, "checkout", name, spec=wanted), now=NOW)


def test_it_shows_every_object_of_a_new_environment_and_makes_none(organisation):
    _, answers = asked(organisation)
    assert {one["action"] for one in answers} == {"added"}
    assert {"Namespace", "NetworkPolicy", "StatefulSet", "Deployment", "Ingress"} <= {one["kind"] for one in answers}
    assert {one["resource"] for one in answers} == {"", "api", "db", "shop"}
    assert sandbox().list_managed(Scope("checkout", "try"), "checkout-try") == []
    assert not Change.objects.exists()


def test_it_names_only_what_differs(organisation):
    carry_out(Run.objects.get(change=create(organisation)))
    _, answers = asked(organisation, "update", api={"replicas": 3})
    changed = [(one["kind"], one["name"]) for one in answers if one["action"] == "updated"]
    assert ("Deployment", "api") in changed
    assert all(kind in ("Deployment", "ResourceQuota", "PodDisruptionBudget") for kind, _ in changed)
    assert "password" not in str(next(one for one in answers if one["kind"] == "Secret")["after"].get("data", ""))


def test_it_says_what_the_cluster_would_refuse(organisation):
    carry_out(Run.objects.get(change=create(organisation)))
    sandbox().edit(
        ObjectRef("apps/v1", "Deployment", "checkout-try", "api"), {"spec": {"replicas": 9}}, manager="kubectl-edit"
    )
    with pytest.raises(Conflict, match="kubectl-edit"):
        asked(organisation, "update", api={"replicas": 3})


def test_it_says_when_the_cluster_does_not_answer(organisation, monkeypatch):
    class Away:
        def dry_run(self, objects, scope):
            raise TemporaryError("unreachable", "Nothing listens there.")

    monkeypatch.setattr(dry_runs, "open_driver", lambda kind, options: Away())
    with pytest.raises(Transient, match="Nothing listens there"):
        asked(organisation)


def test_it_refuses_what_cannot_be_tried(organisation):
    with pytest.raises(InvalidInput) as refusal:
        asked(organisation, api={"replicas": -1})
    assert refusal.value.errors[0].path == "spec.resources.api.inputs.replicas"
    carry_out(Run.objects.get(change=create(organisation)))
    with pytest.raises(InvalidInput, match="nothing to try"):
        asked(organisation, "delete")
    with pytest.raises(Forbidden):
        asked(organisation, who="stranger", name="other")
