"""Objects that no environment knows are found, listed and left alone until an admin decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.access import rights_of
from governance.models import AuditEntry
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, Transient
from provisioning.domain.driver import LABEL_RESOURCE, ObjectRef, Scope
from provisioning.models import Environment, Orphan, Resource, Run
from provisioning.orchestrator import advance
from provisioning.selectors.orphans import orphan_list
from provisioning.services.orphans import orphan_delete, orphans_sweep
from tests.personas import NOW, Organisation
from tests.provisioning.drivers import manifests as made
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]

LOST = Scope("gone", "long")


@pytest.fixture
def living(organisation: Organisation) -> Environment:
    equip(organisation)
    assert carry_out(Run.objects.get(change=create(organisation))).state == "succeeded"
    return Environment.objects.get()


def lose(scope: Scope = LOST, **labels: str) -> ObjectRef:
    """Leave a ConfigMap behind in the namespace of ``scope``."""
    driver, space = sandbox(), f"{scope.system}-{scope.environment}"
    manifest: dict[str, Any] = made.config_map(space, scope)
    manifest["metadata"]["labels"] = {**manifest["metadata"]["labels"], **labels}
    spaces = [made.namespace_object(space, scope)] if scope == LOST else []
    driver.apply([*spaces, manifest], scope)
    return ObjectRef.of(manifest)


def found() -> list[tuple[str, str, str]]:
    return [(one.kind, one.name, one.reason) for one in Orphan.objects.filter(state="open").order_by("id")]


def test_it_finds_nothing_where_all_is_known(living: Environment) -> None:
    assert orphans_sweep(now=NOW) == 0


def test_it_finds_what_no_environment_has(living: Environment) -> None:
    ref = lose()
    assert orphans_sweep(now=NOW) == 2
    assert ("ConfigMap", ref.name, "no-environment") in found()
    assert ("Namespace", "gone-long", "no-environment") in found()


def test_it_finds_what_no_resource_recorded(living: Environment) -> None:
    row = Resource.objects.get(name="api")
    row.objects_made = [one for one in row.objects_made if one["kind"] != "Service"]
    row.save()
    orphans_sweep(now=NOW)
    assert found() == [("Service", "api", "not-recorded")]


def test_it_leaves_what_a_run_is_making(living: Environment, organisation: Organisation) -> None:
    sandbox().tell("checkout-other/Deployment/*", "stall")
    create(organisation, "other")
    run = Run.objects.latest("id")
    advance(run.pk, now=Clock())
    run.refresh_from_db()
    assert run.state == "running"
    lose(Scope("checkout", "other"))
    assert orphans_sweep(now=NOW) == 0


def test_it_leaves_what_others_made(living: Environment) -> None:
    ref = lose(Scope("checkout", "try"), **{LABEL_RESOURCE: ""})
    assert orphans_sweep(now=NOW) == 0
    assert sandbox().observe([ref])[0].exists


def test_it_keeps_when_it_saw_them_first_and_forgets_what_went(living: Environment) -> None:
    ref = lose()
    orphans_sweep(now=NOW)
    orphans_sweep(now=NOW + timedelta(hours=1))
    assert {one.first_seen_at for one in Orphan.objects.all()} == {NOW}
    sandbox().vanish(ref)
    orphans_sweep(now=NOW + timedelta(hours=2))
    assert Orphan.objects.get(name=ref.name).state == "vanished"


def test_it_deletes_nothing_by_itself(living: Environment) -> None:
    ref = lose()
    for hour in range(5):
        orphans_sweep(now=NOW + timedelta(hours=hour))
    assert sandbox().observe([ref])[0].exists


def test_it_knows_nothing_of_a_cluster_that_does_not_answer(living: Environment) -> None:
    lose()
    orphans_sweep(now=NOW)
    sandbox().tell("*", "unavailable")
    assert orphans_sweep(now=NOW) == 2


def test_an_admin_deletes_one(living: Environment, organisation: Organisation) -> None:
    ref = lose()
    orphans_sweep(now=NOW)
    row = Orphan.objects.get(name=ref.name)
    orphan_delete(organisation.actor("admin"), row.pk, confirm=ref.name, now=NOW)
    seen = sandbox().observe([ref])[0]
    assert seen.deleting or not seen.exists
    assert AuditEntry.objects.get(action="orphan.delete").data["before"]["namespace"] == "gone-long"
    row.refresh_from_db()
    assert (row.state, row.ended_by) == ("deleted", organisation.admin)
    with pytest.raises(NotFound):
        orphan_delete(organisation.actor("admin"), row.pk, confirm=ref.name, now=NOW)


def test_it_wants_the_name(living: Environment, organisation: Organisation) -> None:
    ref = lose()
    orphans_sweep(now=NOW)
    with pytest.raises(InvalidInput):
        orphan_delete(organisation.actor("admin"), Orphan.objects.get(name=ref.name).pk, confirm="x", now=NOW)


def test_it_does_not_delete_what_belongs_to_somebody_by_now(living: Environment, organisation: Organisation) -> None:
    row = Resource.objects.get(name="api")
    before = row.objects_made
    row.objects_made = [one for one in before if one["kind"] != "Service"]
    row.save()
    orphans_sweep(now=NOW)
    row.objects_made = before
    row.save()
    with pytest.raises(Conflict):
        orphan_delete(organisation.actor("admin"), Orphan.objects.get().pk, confirm="api", now=NOW)
    assert sandbox().observe([ObjectRef("v1", "Service", "checkout-try", "api")])[0].exists


def test_it_says_so_when_the_cluster_does_not_answer(living: Environment, organisation: Organisation) -> None:
    ref = lose()
    orphans_sweep(now=NOW)
    sandbox().tell("*", "unavailable")
    with pytest.raises(Transient):
        orphan_delete(organisation.actor("admin"), Orphan.objects.get(name=ref.name).pk, confirm=ref.name, now=NOW)
    assert Orphan.objects.get(name=ref.name).state == "open"


@pytest.mark.parametrize("who", ["developer", "maintainer", "auditor"])
def test_only_admins_see_and_delete(living: Environment, organisation: Organisation, who: str) -> None:
    lose()
    orphans_sweep(now=NOW)
    with pytest.raises(Forbidden):
        orphan_list(rights_of(organisation.actor(who)))
    with pytest.raises(Forbidden):
        orphan_delete(organisation.actor(who), Orphan.objects.first().pk, confirm="settings", now=NOW)
