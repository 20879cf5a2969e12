"""An admin lets go of what hangs: after a wait, with a reason, and written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from governance.models import AuditEntry
from idp.kernel import clock
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from provisioning.domain.driver import ObjectRef
from provisioning.models import Environment, Run, RunEvent
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.releases import object_release
from tests.personas import Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox

pytestmark = pytest.mark.django_db

API = {"api_version": "apps/v1", "kind": "Deployment", "name": "api"}
LATER = timedelta(hours=2)


@pytest.fixture
def hanging(organisation: Organisation) -> Environment:
    """It is being deleted, and its Deployment is held."""
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation, now=clock.now())), Clock(clock.now()))
    sandbox().tell("*/Deployment/api", "hold")
    asked = ChangeRequest("delete", "checkout", "try", reason="Over.", confirm="try")
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), asked, now=clock.now()))
    with pytest.raises(AssertionError, match="still running"):
        carry_out(run, Clock(clock.now()), rounds=3)
    return Environment.objects.select_related("cluster", "system__team", "desired").get()


def test_it_lets_a_hanging_deletion_end(hanging: Environment, organisation: Organisation) -> None:
    now = datetime.now(UTC) + LATER
    object_release(organisation.actor("admin"), hanging, **API, reason="Its controller is gone.", now=now)
    assert sandbox().observe([ObjectRef("apps/v1", "Deployment", "checkout-try", "api")])[0].manifest is None
    entry = AuditEntry.objects.get(action="object.release")
    assert entry.actor_name == organisation.actor("admin").username
    assert entry.data["reason"] == "Its controller is gone."
    assert "sandbox.slipway.dev/hold" in entry.data["before"]["finalizers"]
    assert RunEvent.objects.filter(level="warn", text__contains="releases Deployment api").exists()
    assert carry_out(Run.objects.get(kind="delete"), Clock(now)).state == "succeeded"


def test_it_waits_before_anybody_may(hanging: Environment, organisation: Organisation) -> None:
    with pytest.raises(Conflict, match="lasted 30 minutes") as raised:
        object_release(organisation.actor("admin"), hanging, **API, reason="Now.", now=datetime.now(UTC))
    assert raised.value.code == "too-early"
    assert not AuditEntry.objects.filter(action="object.release").exists()


def test_the_operator_sets_the_wait(hanging: Environment, organisation: Organisation, settings) -> None:
    settings.RELEASE_AFTER_MINUTES = 0
    object_release(organisation.actor("admin"), hanging, **API, reason="Now.", now=datetime.now(UTC) + timedelta(1))
    assert AuditEntry.objects.filter(action="object.release").exists()


@pytest.mark.parametrize("who", ["developer", "maintainer", "auditor"])
def test_only_admins_may(hanging: Environment, organisation: Organisation, who: str) -> None:
    with pytest.raises(Forbidden):
        object_release(organisation.actor(who), hanging, **API, reason="Please.", now=datetime.now(UTC) + LATER)


def test_it_wants_a_reason(hanging: Environment, organisation: Organisation) -> None:
    with pytest.raises(InvalidInput):
        object_release(organisation.actor("admin"), hanging, **API, reason=" ", now=datetime.now(UTC) + LATER)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({**API, "name": "other"}, NotFound),
        ({**API, "api_version": "apps/v1/namespaces/kube-system/x"}, NotFound),
        ({"api_version": "v1", "kind": "Namespace", "name": "checkout-try"}, Conflict),
        ({"api_version": "v1", "kind": "Namespace", "name": "kube-system"}, NotFound),
    ],
    ids=["what is not ours", "a crooked address", "the namespace", "another namespace"],
)
def test_it_releases_nothing_else(hanging: Environment, organisation: Organisation, asked, error) -> None:
    with pytest.raises(error):
        object_release(organisation.actor("admin"), hanging, **asked, reason="So.", now=datetime.now(UTC) + LATER)


def test_it_has_nothing_to_release_of_what_stays(organisation: Organisation) -> None:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    with pytest.raises(Conflict, match="nothing to release"):
        object_release(
            organisation.actor("admin"), Environment.objects.get(), **API, reason="So.", now=datetime.now(UTC) + LATER
        )
