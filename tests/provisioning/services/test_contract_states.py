"""Moving versions between states: who may, what is refused, what new environments get, and what is kept of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from governance.models import AuditEntry
from governance.selectors.quota import quota_state
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from provisioning.contracts import builtin_documents
from provisioning.models import Change, Contract, Environment, PreviewTeam, Resource, Run
from provisioning.selectors.contract_flags import defective_uses, flagged_in, flags
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.contract_states import contract_state_set, preview_join, preview_leave
from provisioning.services.contracts import contract_publish
from provisioning.services.replanning import changes_replan
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]

SUNSET = NOW + timedelta(days=60)


@pytest.fixture
def organisation() -> Organisation:
    found = Organisation.found()
    equip(found)
    return found


def publish(version: str, state: str = "stable") -> Contract:
    """Another version of postgres like the first."""
    document: dict[str, Any] = dict(dict(builtin_documents())["postgres/1.0.0.yaml"].data)
    document = {**document, "metadata": {**document["metadata"], "version": version}}
    return contract_publish(PLATFORM, document={**document, "spec": {**document["spec"], "state": state}}, now=NOW)


def move(
    organisation: Organisation, state: str, *, version: str = "1.0.0", who: str = "admin", **rest: Any
) -> Contract:
    given: dict[str, Any] = {"reason": "It loses data; move to 1.1.0." if state in ("deprecated", "defective") else ""}
    if state == "deprecated":
        given["sunset"] = SUNSET
    return contract_state_set(
        organisation.actor(who), capability="postgres", version=version, state=state, now=NOW, **(given | rest)
    )


def plan(organisation: Organisation, capability: str, *, kind: str = "create", name: str = "new") -> Any:
    spec = {"stage": "dev", "resources": {"db": {"capability": capability, "inputs": {"storageGiB": 5}}}}
    return change_plan(organisation.actor("developer"), ChangeRequest(kind, "checkout", name, spec=spec), now=NOW)


def test_it_keeps_the_note_and_tells_the_audit(organisation: Organisation) -> None:
    publish("1.1.0")
    moved = move(organisation, "deprecated", replacement="1.1.0")
    assert (moved.state, moved.sunset_at, moved.replacement, moved.state_since) == ("deprecated", SUNSET, "1.1.0", NOW)
    entry = AuditEntry.objects.get(action="contract.state")
    assert entry.data["before"] == "stable"
    assert entry.data["after"] == "deprecated"
    [note] = flags().values()
    assert note.label == "postgres 1.0.0"


def test_the_same_again_leaves_no_entry(organisation: Organisation) -> None:
    first = move(organisation, "defective")
    assert move(organisation, "defective").state_version == first.state_version == 2
    assert AuditEntry.objects.filter(action="contract.state").count() == 1


def test_an_end_can_be_put_off_and_the_beginning_stays(organisation: Organisation) -> None:
    move(organisation, "deprecated")
    later = SUNSET + timedelta(days=30)
    moved = contract_state_set(
        organisation.actor("admin"), capability="postgres", version="1.0.0", state="deprecated",
        reason="Later after all.", sunset=later, now=NOW + timedelta(days=3),
    )  # fmt: skip
    assert (moved.sunset_at, moved.state_since) == (later, NOW)


REFUSED: dict[str, tuple[type[Exception], dict[str, Any]]] = {
    "an illegal move": (Conflict, {"state": "retired"}),
    "no reason": (InvalidInput, {"state": "defective", "reason": " "}),
    "no end": (InvalidInput, {"state": "deprecated", "sunset": None}),
    "a developer": (Forbidden, {"state": "defective", "who": "developer"}),
    "a maintainer": (Forbidden, {"state": "defective", "who": "maintainer"}),
    "no such version": (NotFound, {"state": "defective", "version": "9.0.0"}),
    "moved meanwhile": (PreconditionFailed, {"state": "defective", "expected_version": 7}),
}


@pytest.mark.parametrize(("error", "asked"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(organisation: Organisation, error: type[Exception], asked: dict[str, Any]) -> None:
    with pytest.raises(error), transaction.atomic():
        move(organisation, **asked)
    assert Contract.objects.get(capability__name="postgres", version="1.0.0").state == "stable"
    assert not AuditEntry.objects.filter(action="contract.state").exists()


def test_it_retires_only_what_is_not_in_use(organisation: Organisation) -> None:
    carry_out(Run.objects.get(change=create(organisation)))
    move(organisation, "defective")
    with pytest.raises(Conflict, match="1 living resource uses it"), transaction.atomic():
        move(organisation, "retired")
    Resource.objects.filter(name="db").update(state="gone")
    assert move(organisation, "retired").state == "retired"


def test_a_defective_version_gets_no_new_use_and_existing_ones_stay(organisation: Organisation) -> None:
    carry_out(Run.objects.get(change=create(organisation)))
    move(organisation, "defective")
    refused = plan(organisation, "postgres@1.0.0")
    assert refused.outcome == "invalid"
    assert [one.path for one in refused.problems] == ["spec.resources.db.capability"]
    assert "takes no new use" in refused.problems[0].message
    kept = plan(organisation, "postgres@1.0.0", kind="update", name="try")
    assert kept.problems == ()
    assert [note.state for note in flagged_in(kept.target)] == ["defective"]
    [use] = defective_uses([organisation.checkout.pk])
    assert (use.system, use.environment, use.resource) == ("checkout", "try", "db")
    assert use.note.reason == "It loses data; move to 1.1.0."
    assert defective_uses([organisation.vault.pk]) == []


def test_a_newer_version_is_chosen_instead_of_a_defective_one(organisation: Organisation) -> None:
    publish("1.1.0")
    move(organisation, "defective", version="1.1.0", reason="It loses data; stay on 1.0.0.")
    assert plan(organisation, "postgres@1").target["resources"]["db"]["contract"] == "1.0.0"


@pytest.mark.parametrize("who", ["maintainer", "admin"])
def test_previews_are_for_teams_that_joined(organisation: Organisation, who: str) -> None:
    publish("1.1.0", "preview")
    assert plan(organisation, "postgres@1").target["resources"]["db"]["contract"] == "1.0.0"
    assert "preview" in plan(organisation, "postgres@1.1.0").problems[0].message
    preview_join(organisation.actor(who), capability="postgres", team="payments", now=NOW)
    preview_join(organisation.actor(who), capability="postgres", team="payments", now=NOW)
    assert plan(organisation, "postgres@1.1.0").problems == ()
    assert plan(organisation, "postgres@1").target["resources"]["db"]["contract"] == "1.0.0"
    preview_leave(organisation.actor(who), capability="postgres", team="payments", now=NOW)
    assert plan(organisation, "postgres@1.1.0").outcome == "invalid"
    entries = AuditEntry.objects.filter(action__startswith="preview.").order_by("pk")
    assert [one.action for one in entries] == ["preview.join", "preview.leave"]


@pytest.mark.parametrize("who", ["developer", "viewer", "stranger", "auditor"])
def test_only_maintainers_join_previews(organisation: Organisation, who: str) -> None:
    with pytest.raises(Forbidden):
        preview_join(organisation.actor(who), capability="postgres", team="payments", now=NOW)
    assert not PreviewTeam.objects.exists()


def ask(organisation: Organisation, name: str, *, stage: str = "prod", size: int = 5, version: str = "1") -> Change:
    """A change that waits for a maintainer, or starts at once at dev."""
    spec = {"stage": stage, "resources": {"db": {"capability": f"postgres@{version}", "inputs": {"storageGiB": size}}}}
    living = Change.objects.filter(environment__name=name, environment__desired__isnull=False).exists()
    request = ChangeRequest("update" if living else "create", "checkout", name, spec=spec, reason="It must be.")
    return change_submit(organisation.actor("developer"), request, now=NOW)


def test_a_change_that_waits_is_denied_when_its_version_becomes_defective(organisation: Organisation) -> None:
    waiting = ask(organisation, "live")
    assert waiting.state == "pending"
    other = ask(organisation, "other", version="1.0.0")
    publish("1.1.0")
    beside = ask(organisation, "beside")
    move(organisation, "defective")
    for change in (waiting, other, beside):
        change.refresh_from_db()
    assert (waiting.state, other.state, beside.state) == ("denied", "denied", "pending")
    told = waiting.events.order_by("-pk").first()
    assert "postgres 1.0.0 is defective and takes no new use" in told.text
    assert quota_state(organisation.payments.pk).held.storage_gib == 5  # of the one beside


def test_a_change_of_what_runs_a_defective_version_may_still_be_made(organisation: Organisation) -> None:
    carry_out(Run.objects.get(change=ask(organisation, "try", stage="dev")))
    carry_out(Run.objects.get(change=ask(organisation, "try", stage="dev", size=6)))
    first = ask(organisation, "try", stage="dev", size=7)
    behind = ask(organisation, "try", stage="dev", size=8)
    assert (first.state, behind.state) == ("running", "approved")
    move(organisation, "defective")
    behind.refresh_from_db()
    assert behind.state == "approved"


def test_a_change_is_denied_when_it_is_planned_anew_for_a_preview_that_was_left(organisation: Organisation) -> None:
    publish("1.1.0", state="preview")
    who = organisation.actor("maintainer")
    preview_join(who, capability="postgres", team="payments", now=NOW)
    carry_out(Run.objects.get(change=ask(organisation, "try", stage="dev")))
    first = ask(organisation, "try", stage="dev", size=6)
    behind = ask(organisation, "try", stage="dev", size=7, version="1.1.0")
    assert behind.state == "approved"
    preview_leave(who, capability="postgres", team="payments", now=NOW)
    behind.refresh_from_db()
    environment = Environment.objects.select_related("system__team", "stage", "cluster", "desired").get()
    changes_replan(environment, except_change=first.pk, moves=[], now=NOW)
    behind.refresh_from_db()
    assert behind.state == "denied"
    assert "1.1.0 is a preview" in behind.events.order_by("-pk").first().text
