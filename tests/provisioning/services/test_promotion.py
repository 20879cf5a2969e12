"""Promotion through the gate: what has proven itself goes on, what has not waits or is decided on with a reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import InvalidInput, PolicyDenied
from provisioning.models import Change, Environment, Run, Stage
from provisioning.selectors.proven import ran_ready
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.decisions import change_approve
from provisioning.services.observations import cluster_reachable, cluster_unreachable, watch_claim
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, spec

pytestmark = pytest.mark.django_db

OVERRIDE = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "untested-needs-two"},
    "spec": {
        "title": "Two maintainers agree on what has not proven itself",
        "mode": "enforce",
        "when": "change.kind == 'promote' && !plan.tested",
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer", "count": 1}],
        "message": "It has not run long enough.",
        "tests": [{"name": "tested is free", "facts": {"change": {"kind": "promote"}}, "expect": "pass"}],
    },
}


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    Stage.objects.filter(name="staging").update(soak_minutes=60)
    return made


@pytest.fixture
def tried(organisation: Organisation) -> Environment:
    """``checkout/try`` at dev, Ready since just after NOW."""
    carry_out(Run.objects.get(change=create(organisation)))
    return Environment.objects.get()


def request(name: str = "next", **asked: Any) -> ChangeRequest:
    hosts = {"resources": {"shop": {"inputs": {"host": "shop.staging.example"}}}}
    return ChangeRequest("promote", "checkout", name, **{"source": "try", "spec": hosts, **asked})


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


SOAKED = later(90)


def plan(organisation: Organisation, *, now: datetime = SOAKED, **asked: Any) -> Any:
    return change_plan(organisation.actor("developer"), request(**asked), now=now)


def promote(organisation: Organisation, *, now: datetime = SOAKED, **asked: Any) -> Change:
    change = change_submit(organisation.actor("developer"), request(**asked), now=now)
    carry_out(Run.objects.get(change=change), Clock(now))
    change.refresh_from_db()
    assert change.state == "succeeded"
    return change


def paths(planned: Any) -> list[str]:
    return [one.path for one in planned.problems]


def test_it_makes_the_environment_that_does_not_exist_yet(organisation, tried):
    change = promote(organisation)
    made = Environment.objects.get(name="next")
    assert (made.stage.name, made.state) == ("staging", "ready")
    assert change.title == "Promote try to checkout / next"
    resources = made.desired.document["resources"]
    before = tried.desired.document["resources"]
    assert {name: one["contract"] for name, one in resources.items()} == {
        name: one["contract"] for name, one in before.items()
    }
    assert resources["api"]["inputs"]["image"] == before["api"]["inputs"]["image"]
    assert resources["shop"]["inputs"]["host"] == "shop.staging.example"
    assert change.intent["revision"] == 1
    assert change.facts["plan"]["tested"] is True


def test_it_asks_for_what_belongs_to_the_new_environment(organisation, tried):
    assert paths(plan(organisation, spec=None)) == ["spec.resources.shop.inputs.host"]


def test_it_denies_what_has_not_run_long_enough(organisation, tried):
    planned = plan(organisation, now=later(20))
    assert planned.outcome == "denied"
    (denial,) = planned.denials
    assert denial.policy == "only-tested-sets"
    assert "60 minutes are asked for" in denial.message
    with pytest.raises(PolicyDenied):
        change_submit(organisation.actor("developer"), request(), now=later(20))
    assert Change.objects.get(kind="promote").facts["plan"]["tested"] is False


@pytest.mark.parametrize(("reason", "outcome"), [("", "denied"), ("The shop is down.", "waits")])
def test_a_policy_may_let_people_decide_with_a_reason(organisation, tried, reason, outcome):
    policy_save(PLATFORM, document=OVERRIDE, now=NOW)
    planned = plan(organisation, now=later(20), reason=reason)
    assert planned.outcome == outcome


def test_it_keeps_what_belongs_to_the_target_and_shows_what_differs(organisation, tried):
    promote(organisation)
    staged = Environment.objects.get(name="next")
    wider = ChangeRequest(
        "update", "checkout", "next",
        spec=spec("staging", api={"replicas": 6}, db={"storageGiB": 10}, shop={"host": "shop.staging.example"}),
    )  # fmt: skip
    change = change_submit(organisation.actor("developer"), wider, now=later(95))
    carry_out(Run.objects.get(change=change), Clock(later(95)))
    newer = ChangeRequest("update", "checkout", "try", spec=spec(api={"image": "registry.example/checkout-api:1.9.0"}))
    change = change_submit(organisation.actor("developer"), newer, now=later(100))
    carry_out(Run.objects.get(change=change), Clock(later(100)))
    planned = plan(organisation, now=later(170), spec=None, resources=("api",))
    assert planned.outcome == "starts", planned.problems
    changed = [(one["name"], one["fields"]) for one in planned.plan["resources"] if one["action"] != "unchanged"]
    assert [(name, [line["path"] for line in lines]) for name, lines in changed] == [("api", ["image"])]
    staged.refresh_from_db()
    assert planned.target["resources"]["api"]["inputs"]["replicas"] == 6


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        pytest.param({"source": "nowhere"}, "from", id="no-such-environment"),
        pytest.param({"source": ""}, "from", id="none-named"),
        pytest.param({"source": "next"}, "from", id="itself"),
        pytest.param({"resources": ("api",)}, "resources", id="without-what-it-needs"),
        pytest.param({"spec": {"stage": "prod"}}, "from", id="past-a-stage"),
        pytest.param({"revision": 7}, "revision", id="no-such-revision"),
    ],
)
def test_it_refuses_with_the_field_to_mend(organisation, tried, asked, path):
    assert path in paths(plan(organisation, **asked))


def test_what_never_was_ready_is_not_promoted(organisation):
    create(organisation)
    assert paths(plan(organisation)) == ["from"]


def test_nothing_follows_the_last_stage(organisation, tried):
    Stage.objects.filter(name="staging").update(promotes_from=None)
    assert paths(plan(organisation)) == ["from"]
    with pytest.raises(InvalidInput):
        change_submit(organisation.actor("developer"), request(), now=later(90))


def test_it_knows_for_how_long_earlier_revisions_ran(organisation, tried):
    for minutes, replicas in ((30, 3), (35, 4)):
        wish = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": replicas}))
        change = change_submit(organisation.actor("developer"), wish, now=later(minutes))
        carry_out(Run.objects.get(change=change), Clock(later(minutes)))
    tried.refresh_from_db()
    ran = {number: round(minutes) for number, _, minutes in ran_ready(tried, later(95))}
    assert ran == {1: 30, 2: 5, 3: 60}


def test_a_promotion_that_waits_keeps_the_set_that_was_agreed(organisation, tried):
    Stage.objects.filter(name="staging").update(production=True)
    waiting = change_submit(organisation.actor("developer"), request(reason="Go."), now=later(90))
    assert waiting.state == "pending"
    newer = ChangeRequest("update", "checkout", "try", spec=spec(api={"image": "registry.example/checkout-api:2.0.0"}))
    change = change_submit(organisation.actor("developer"), newer, now=later(91))
    carry_out(Run.objects.get(change=change), Clock(later(91)))
    change_approve(organisation.actor("maintainer"), waiting.pk, plan_digest=waiting.plan_digest, now=later(95))
    carry_out(Run.objects.get(change=waiting), Clock(later(95)))
    made = Environment.objects.get(name="next")
    assert made.desired.document["resources"]["api"]["inputs"]["image"].endswith(":1.8.3")


def test_what_nobody_could_see_is_not_time_in_which_it_has_proven_itself(organisation, tried):
    began = tried.ready_since
    watching = watch_claim(tried.cluster, owner="one")
    assert watching is not None
    cluster_unreachable(watching, "It is away.", now=later(10))
    cluster_reachable(watching, now=later(70))
    tried.refresh_from_db()
    assert tried.ready_since == began + timedelta(minutes=60)
    [(_, _, minutes)] = ran_ready(tried, later(80))
    assert 15 < minutes < 21
