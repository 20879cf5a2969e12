"""The whole way through every layer on the sandbox: create, approve, run, update, delete, and its quota."""

from __future__ import annotations

import pytest

from governance.models import AuditEntry
from governance.selectors.quota import quota_state
from governance.services.audit import audit_verify
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, StalePlan
from provisioning.models import Change, Environment, Resource, Run, RunEvent
from provisioning.selectors.changes import change_get, change_view
from provisioning.selectors.environments import environment_document, environment_resources
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.decisions import change_approve, change_cancel, change_reject
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox, spec

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def rights(organisation, who="developer"):
    from governance.access import rights_of

    return rights_of(organisation.actor(who))


def test_it_plans_without_writing_anything(organisation):
    before = (Change.objects.count(), Environment.objects.count(), AuditEntry.objects.count())

    planned = change_plan(
        organisation.actor("developer"), ChangeRequest("create", "checkout", "try", spec=spec()), now=NOW, objects=True
    )

    assert planned.outcome == "starts", planned.problems
    assert [one["name"] for one in planned.plan["resources"]] == ["db", "api", "shop"]
    assert planned.plan["cost_after"] > 0
    assert {one["kind"] for one in planned.plan["resources"][1]["objects"]} >= {"Deployment", "Service"}
    assert (Change.objects.count(), Environment.objects.count(), AuditEntry.objects.count()) == before


def test_it_runs_from_a_create_in_dev_to_ready_with_outputs(organisation):
    change = create(organisation)
    assert change.state == "running"
    run = carry_out(Run.objects.get(change=change))

    assert run.state == "succeeded", run.error
    change.refresh_from_db()
    environment = change.environment
    assert (change.state, environment.state) == ("succeeded", "ready")
    views = {one.name: one for one in environment_resources(environment)}
    assert views["db"].outputs["host"] == "db.checkout-try.svc"
    assert views["api"].state == views["shop"].state == "ready"
    assert views["db"].secret_outputs
    assert "password" not in str(views["db"].outputs)
    assert quota_state(change.system.team_id).used.environments == 1
    assert quota_state(change.system.team_id).held.environments == 0
    assert audit_verify() == []


def test_it_puts_the_objects_on_the_cluster_with_the_guardrails(organisation):
    carry_out(Run.objects.get(change=create(organisation)))

    from provisioning.domain.driver import Scope

    kinds = {ref.kind for ref in sandbox().list_managed(Scope("checkout", "try"), "checkout-try")}
    assert kinds >= {
        "Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding", "Deployment", "StatefulSet",
        "Service", "Ingress", "Secret",
    }  # fmt: skip


def test_it_waits_in_production_until_a_maintainer_agrees(organisation):
    change = create(organisation, "live", stage="prod")
    assert change.state == "pending"
    assert not Run.objects.exists()
    assert quota_state(change.system.team_id).held.environments == 1

    with pytest.raises(Forbidden):
        change_approve(organisation.actor("developer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    with pytest.raises(Forbidden):
        change_approve(organisation.actor("viewer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    with pytest.raises(StalePlan):
        change_approve(organisation.actor("maintainer"), change.pk, plan_digest="0" * 64, now=NOW)
    approved = change_approve(organisation.actor("maintainer"), change.pk, plan_digest=change.plan_digest, now=NOW)

    assert approved.state == "running"
    assert carry_out(Run.objects.get(change=change)).state == "succeeded"


def test_it_refuses_a_maintainers_own_change(organisation):
    change = create(organisation, "live", stage="prod", who="maintainer")
    with pytest.raises(Forbidden) as refusal:
        change_approve(organisation.actor("maintainer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    assert refusal.value.code == "own-change"
    assert change_get(rights(organisation), change.pk).state == "pending"


def test_it_gives_everything_back_when_a_create_is_rejected(organisation):
    change = create(organisation, "live", stage="prod")
    change_reject(organisation.actor("maintainer"), change.pk, comment="Not now.", now=NOW)

    change.refresh_from_db()
    assert change.state == "rejected"
    assert Environment.objects.get(pk=change.environment_id).deleted_at is not None
    assert not quota_state(change.system.team_id).held
    assert create(organisation, "live", stage="prod").state == "pending"


def test_it_lets_the_requester_cancel(organisation):
    change = create(organisation, "live", stage="prod")
    assert change_cancel(organisation.actor("developer"), change.pk, now=NOW).state == "cancelled"
    with pytest.raises(Conflict):
        change_cancel(organisation.actor("developer"), change.pk, now=NOW)


def test_it_updates_with_a_field_level_difference(organisation):
    environment = create(organisation).environment
    carry_out(Run.objects.get())
    document = environment_document(Environment.objects.get(pk=environment.pk))
    document["spec"]["resources"]["api"]["inputs"]["replicas"] = 3
    request = ChangeRequest("update", "checkout", "try", spec=document["spec"], base=1)

    planned = change_plan(organisation.actor("developer"), request, now=NOW)
    [updated] = [one for one in planned.plan["resources"] if one["action"] == "updated"]
    assert updated["name"] == "api"
    assert [(one["path"], one["before"], one["after"]) for one in updated["fields"]] == [("replicas", 2, 3)]

    change = change_submit(organisation.actor("developer"), request, now=NOW)
    assert carry_out(Run.objects.get(change=change)).state == "succeeded"
    environment.refresh_from_db()
    assert environment.observed.number == 2
    assert quota_state(environment.system.team_id).used.cpu == environment.cpu


def test_it_says_so_when_nothing_would_change(organisation):
    create(organisation)
    carry_out(Run.objects.get())
    document = environment_document(Environment.objects.get())
    with pytest.raises(InvalidInput) as refusal:
        change_submit(
            organisation.actor("developer"), ChangeRequest("update", "checkout", "try", spec=document["spec"]), now=NOW
        )
    assert refusal.value.code == "nothing-to-change"


def test_it_removes_a_resource_that_the_revision_no_longer_has(organisation):
    create(organisation)
    carry_out(Run.objects.get())
    wanted = spec()
    del wanted["resources"]["shop"]
    change = change_submit(
        organisation.actor("developer"), ChangeRequest("update", "checkout", "try", spec=wanted), now=NOW
    )
    assert carry_out(Run.objects.get(change=change)).state == "succeeded"

    from provisioning.domain.driver import Scope

    kinds = {ref.kind for ref in sandbox().list_managed(Scope("checkout", "try"), "checkout-try")}
    assert "Ingress" not in kinds
    assert not Resource.objects.filter(name="shop").exists()


def test_it_deletes_and_frees_the_quota(organisation):
    create(organisation)
    carry_out(Run.objects.get())
    with pytest.raises(InvalidInput) as refusal:
        change_submit(organisation.actor("developer"), ChangeRequest("delete", "checkout", "try", reason="x"), now=NOW)
    assert refusal.value.errors[0].path == "confirm"

    change = change_submit(
        organisation.actor("developer"), ChangeRequest("delete", "checkout", "try", confirm="try", reason="x"), now=NOW
    )
    assert carry_out(Run.objects.get(change=change)).state == "succeeded"

    from provisioning.domain.driver import Scope

    environment = Environment.objects.get()
    assert (environment.state, bool(environment.deleted_at)) == ("gone", True)
    assert sandbox().list_managed(Scope("checkout", "try"), "checkout-try") == []
    assert not quota_state(environment.system.team_id).used


def test_it_says_what_failed_and_goes_on_where_it_stopped(organisation):
    change = create(organisation, api={"image": "registry.example/checkout-api:missing"})
    run = carry_out(Run.objects.get(change=change))
    assert run.state == "failed"
    assert run.error["code"] == "image-not-found"
    assert run.error["remedy"]
    done_before = {step.key: step.finished_at for step in run.steps.filter(state="done")}
    assert "resource:db" in done_before
    assert change_view(rights(organisation), change_get(rights(organisation), change.pk)).may_resume

    from provisioning.services.starts import change_resume

    change_resume(organisation.actor("developer"), change.pk, now=NOW)
    assert carry_out(run, Clock(NOW)).state == "failed"
    assert {step.key: step.finished_at for step in run.steps.filter(key__in=done_before)} == done_before


def test_it_plans_a_waiting_change_anew_when_the_base_moves(organisation):
    create(organisation, "live", stage="prod")
    first = Change.objects.get()
    change_approve(organisation.actor("maintainer"), first.pk, plan_digest=first.plan_digest, now=NOW)
    carry_out(Run.objects.get())
    two = [
        change_submit(
            organisation.actor("developer"),
            ChangeRequest("update", "checkout", "live", spec=spec("prod", api={"replicas": replicas})),
            now=NOW,
        )
        for replicas in (3, 4)
    ]
    read = two[1].plan_digest
    change_approve(organisation.actor("maintainer"), two[0].pk, plan_digest=two[0].plan_digest, now=NOW)

    two[1].refresh_from_db()
    assert two[1].state == "pending"
    assert two[1].plan_digest != read
    with pytest.raises(StalePlan):
        change_approve(organisation.actor("maintainer"), two[1].pk, plan_digest=read, now=NOW)
    [updated] = [one for one in two[1].plan["resources"] if one["action"] == "updated"]
    assert [(one["before"], one["after"]) for one in updated["fields"]] == [(3, 4)]


def test_it_denies_a_waiting_change_that_can_no_longer_follow(organisation):
    create(organisation, "live", stage="prod")
    first = Change.objects.get()
    change_approve(organisation.actor("maintainer"), first.pk, plan_digest=first.plan_digest, now=NOW)
    carry_out(Run.objects.get())
    larger, smaller = [
        change_submit(
            organisation.actor("developer"),
            ChangeRequest("update", "checkout", "live", spec=spec("prod", db={"storageGiB": size})),
            now=NOW,
        )
        for size in (50, 20)
    ]
    change_approve(organisation.actor("maintainer"), larger.pk, plan_digest=larger.plan_digest, now=NOW)

    smaller.refresh_from_db()
    assert smaller.state == "denied"
    assert "only grows" in smaller.events.last().text
    assert not quota_state(smaller.system.team_id).held


def test_it_starts_an_approved_change_when_the_environment_is_free(organisation):
    create(organisation)
    second = change_submit(
        organisation.actor("developer"),
        ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3})),
        now=NOW,
    )
    assert second.state == "approved"
    carry_out(Run.objects.get())
    second.refresh_from_db()
    assert second.state == "running"
    assert carry_out(Run.objects.get(change=second)).state == "succeeded"


def test_it_hides_what_a_stranger_may_not_see(organisation):
    with pytest.raises(Forbidden):
        create(organisation, who="stranger")
    request = ChangeRequest("create", "vault", "try", spec=spec())
    with pytest.raises(NotFound):
        change_plan(organisation.actor("stranger"), request, now=NOW)


def test_it_cancels_a_run_between_two_steps(organisation, settings):
    settings.SANDBOX_READY_SECONDS = 600
    change = create(organisation)
    run = Run.objects.get(change=change)
    from provisioning.orchestrator import advance
    from provisioning.services.runs import run_cancel

    clock = Clock()
    advance(run.pk, now=clock)
    run_cancel(organisation.actor("developer"), run.pk, now=clock())
    assert carry_out(run, clock).state == "cancelled"
    change.refresh_from_db()
    assert (change.state, change.environment.state) == ("cancelled", "degraded")
    assert RunEvent.objects.filter(run=run, text__startswith="developer asked").exists()


@pytest.mark.parametrize(
    ("resource", "field", "value", "words"),
    [
        pytest.param("api", "replicas", -1, "at least 0", id="negative"),
        pytest.param("api", "image", "an image", "", id="space-in-image"),
        pytest.param("shop", "to", "${resources.nope.outputs.service}", "no resource", id="unknown-resource"),
        pytest.param("shop", "to", "${resources.db.outputs.host}", "does not fit", id="wrong-type"),
        pytest.param("shop", "host", "${resources.db.outputs.credentials.password}", "secret", id="secret-as-text"),
        pytest.param("shop", "host", "${environment.stage}_.example", "host name", id="wrong-once-resolved"),
        pytest.param("db", "storageGiB", "${resources.api.outputs.port}", "circle", id="cycle"),
    ],
)
def test_it_names_the_place_and_the_fix(organisation, resource, field, value, words):
    with pytest.raises(InvalidInput) as refusal:
        create(organisation, **{resource: {field: value}})
    found = [one for one in refusal.value.errors if words in one.message]
    assert found, refusal.value.errors
    expected = "spec.resources." if words == "circle" else f"spec.resources.{resource}.inputs.{field}"
    assert found[0].path.startswith(expected)
    assert not Change.objects.exists()
    assert not Environment.objects.exists()


def test_it_names_a_capability_that_is_not_there_and_the_one_that_is(organisation):
    wanted = spec()
    wanted["resources"]["db"] = {"capability": "postgress@1", "inputs": {}}
    with pytest.raises(InvalidInput) as refusal:
        change_submit(organisation.actor("developer"), ChangeRequest("create", "checkout", "try", spec=wanted), now=NOW)
    [problem] = [one for one in refusal.value.errors if one.path == "spec.resources.db.capability"]
    assert "no capability “postgress”" in problem.message
    assert "postgres" in problem.message.replace("postgress", "")
    assert not Change.objects.exists()
