"""A resource that one environment lends to another: granted, used, kept from harm, given back and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.access import rights_of
from idp.catalog.models import System
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from idp.kernel.tallies import differences
from provisioning.domain.driver import ObjectRef, TemporaryError
from provisioning.domain.secret_copy import copied_mark, mark_of
from provisioning.drivers.sandbox.driver import SandboxDriver
from provisioning.models import Borrowing, Change, Contract, Drift, Environment, Resource, ResourceGrant, Run, Stage
from provisioning.models.tally import USE_TALLY
from provisioning.orchestrator.copies import copies_refresh
from provisioning.selectors.capabilities import usage_counts
from provisioning.selectors.contract_flags import defective_uses, flags_forget
from provisioning.selectors.contract_neighbours import living_inputs
from provisioning.selectors.environments import environment_document
from provisioning.selectors.living import fleet_of, revisions_of, versions_beyond
from provisioning.services import decisions
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.lending import GrantWish, grant_end_set, grant_give, grant_take_back
from provisioning.services.score import ScoreWish, score_plan, score_submit
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip, sandbox, spec
from tests.provisioning.reconciler.watching import observe_once

pytestmark = pytest.mark.django_db

FROM = {"system": "checkout", "environment": "try", "resource": "db"}
WEB: dict[str, Any] = {
    "capability": "web-service@1",
    "inputs": {
        "image": "registry.example/web:1",
        "env": {
            "DATABASE_HOST": "${resources.orders.outputs.host}",
            "DATABASE_PASSWORD": "${resources.orders.outputs.credentials.password}",
        },
    },
}
TAKES = {"orders": {"from": FROM}, "web": WEB}
HOST = "db.checkout-try.svc"


@pytest.fixture
def organisation() -> Organisation:
    """``checkout/try`` has a database and runs."""
    made = Organisation.found()
    equip(made)
    assert carry_out(Run.objects.get(change=create(made, "try"))).state == "succeeded"
    return made


def grant(organisation: Organisation, who: str = "maintainer", **fields: Any) -> ResourceGrant:
    wish = {"system": "checkout", "environment": "try", "resource": "db", "to_system": "shop", **fields}
    return grant_give(organisation.actor(who), GrantWish(**wish), now=NOW)


def take(
    organisation: Organisation, resources: Any = None, name: str = "lab", kind: str = "create", **fields: Any
) -> ChangeRequest:
    wanted = {"stage": "dev", "resources": TAKES if resources is None else resources}
    return ChangeRequest(kind, "shop", name, spec=wanted, reason="Because.", **fields)


def taken(organisation: Organisation) -> Environment:
    """``shop/lab`` uses the database of ``checkout/try``."""
    grant(organisation)
    change = change_submit(organisation.actor("stranger"), take(organisation), now=NOW)
    assert carry_out(Run.objects.get(change=change)).state == "succeeded"
    return Environment.objects.get(name="lab")


def problems(organisation: Organisation, request: ChangeRequest, who: str = "stranger") -> dict[str, str]:
    planned = change_plan(organisation.actor(who), request, now=NOW)
    return {one.path: one.message for one in planned.problems}


def of_giver(kind: str, **fields: Any) -> ChangeRequest:
    return ChangeRequest(kind, "checkout", "try", reason="Because.", confirm="try", **fields)


def test_a_borrower_gets_copies_ways_and_outputs_and_pays_nothing(organisation: Organisation) -> None:
    environment = taken(organisation)
    row = Resource.objects.get(environment=environment, name="orders")
    assert row.outputs["host"] == HOST
    assert row.outputs["credentials"] == {"secretRef": {"name": "orders-credentials"}}
    refs = [ObjectRef(one["apiVersion"], one["kind"], one["namespace"], one["name"]) for one in row.objects_made]
    assert [(one.kind, one.namespace) for one in refs] == [
        ("Secret", "shop-lab"),
        ("NetworkPolicy", "shop-lab"),
        ("NetworkPolicy", "checkout-try"),
    ]
    assert all(one.exists for one in sandbox().observe(refs))
    assert environment.storage_gib == 0
    assert Borrowing.objects.get().environment == environment


def test_a_plan_says_who_lends(organisation: Organisation) -> None:
    grant(organisation)
    planned = change_plan(organisation.actor("stranger"), take(organisation), now=NOW)
    assert planned.problems == ()
    (row,) = (one for one in planned.plan["resources"] if one["name"] == "orders")
    assert (row["effect"], row["lender"], row["cost_after"]) == ("Lent by checkout/try", "checkout/try", 0)
    facts = {one["name"]: one["lender"] for one in planned.facts["plan"]["resources"]}
    assert facts == {"orders": "checkout/try", "web": ""}


def test_its_file_applied_again_changes_nothing(organisation: Organisation) -> None:
    environment = Environment.objects.select_related("system", "stage", "desired").get(pk=taken(organisation).pk)
    document = environment_document(environment)
    assert document["spec"]["resources"]["orders"]["from"] == FROM
    request = ChangeRequest("update", "shop", "lab", spec=document["spec"], reason="Again.")
    assert change_plan(organisation.actor("stranger"), request, now=NOW).outcome == "nothing"


@pytest.mark.parametrize(
    ("given", "fields", "words"),
    [
        pytest.param(None, {}, "No grant lets shop/lab use db of checkout/try", id="no-grant"),
        pytest.param({"to_system": "vault"}, {}, "No grant lets", id="for-another-system"),
        pytest.param({"to_environment": "other"}, {}, "No grant lets", id="for-another-environment"),
        pytest.param({"to_system": "", "to_team": True}, {}, "No grant lets", id="for-the-own-team"),
        pytest.param({"resource": "api"}, {}, "No grant lets", id="for-another-resource"),
        pytest.param({}, {"stage": "prod"}, "production uses only what is", id="production-from-dev"),
    ],
)
def test_it_refuses_what_is_not_granted(
    organisation: Organisation, given: dict[str, Any] | None, fields: dict[str, Any], words: str
) -> None:
    if given is not None:
        grant(organisation, **given)
    request = take(organisation)
    request.spec.update(fields)  # type: ignore[union-attr]
    assert words in problems(organisation, request)["spec.resources.orders.from"]


def test_only_maintainers_of_the_owner_share(organisation: Organisation) -> None:
    for who, error in (("developer", Forbidden), ("stranger", Forbidden), ("storefront_maintainer", Forbidden)):
        with pytest.raises(error):
            grant(organisation, who)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param({"resource": "nothing"}, "resource", id="no-such-resource"),
        pytest.param({"to_system": ""}, "to_system", id="to-nobody"),
        pytest.param({"to_system": "ghost"}, "to_system", id="to-what-is-not-there"),
        pytest.param({"to_team": True}, "to_system", id="to-both"),
        pytest.param({"to_system": "checkout", "to_environment": "try"}, "to_environment", id="to-itself"),
        pytest.param({"ends_at": NOW}, "ends_at", id="ended-before-it-began"),
        pytest.param({"beyond": True}, "beyond", id="beyond-what-it-is-not"),
        pytest.param({"score_id": "main"}, "score_id", id="no-identity"),
    ],
)
def test_it_says_what_is_wrong_with_a_grant(organisation: Organisation, fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        grant(organisation, **fields)
    assert path in [one.path for one in raised.value.errors]


def test_the_same_is_granted_once(organisation: Organisation) -> None:
    grant(organisation)
    with pytest.raises(Conflict):
        grant(organisation)


def test_a_restricted_system_is_not_there_for_who_may_not_see_it(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput):
        grant_give(
            organisation.actor("storefront_maintainer"),
            GrantWish("shop", "lab", "db", to_system="vault"),
            now=NOW,
        ) if Environment.objects.filter(name="lab").exists() else _shop_gives_to_vault(organisation)


def _shop_gives_to_vault(organisation: Organisation) -> None:
    change = change_submit(
        organisation.actor("stranger"),
        take(organisation, {"db": {"capability": "postgres@1", "inputs": {"storageGiB": 5}}}),
        now=NOW,
    )
    carry_out(Run.objects.get(change=change))
    grant_give(organisation.actor("storefront_maintainer"), GrantWish("shop", "lab", "db", to_system="vault"), now=NOW)


@pytest.mark.parametrize(
    ("request_of", "path"),
    [
        pytest.param(lambda: of_giver("delete"), "metadata.name", id="delete"),
        pytest.param(
            lambda: of_giver("update", spec={"stage": "dev", "resources": {"api": spec()["resources"]["shop"]}}),
            "spec.resources.db",
            id="remove",
        ),
        pytest.param(
            lambda: of_giver("update", spec=spec(db={"database": "other"})), "spec.resources.db", id="another-output"
        ),
        pytest.param(
            lambda: of_giver("upgrade", capability="postgres", version="2.0.0"), "spec.resources.db", id="upgrade"
        ),
    ],
)
def test_what_is_used_cannot_be_taken_away(organisation: Organisation, request_of: Any, path: str) -> None:
    taken(organisation)
    found = problems(organisation, request_of(), "maintainer")
    assert "shop/lab" in found[path]
    assert "give it back first" in found[path]


def test_what_is_used_may_change_where_nobody_is_hurt(organisation: Organisation) -> None:
    taken(organisation)
    assert problems(organisation, of_giver("update", spec=spec(db={"storageGiB": 6})), "maintainer") == {}
    planned = change_plan(organisation.actor("maintainer"), of_giver("sleep"), now=NOW)
    assert planned.problems == ()
    assert any("db is lent: shop/lab cannot reach it" in one for one in planned.plan["notes"])


def test_who_may_not_see_the_borrower_is_told_that_there_is_one(organisation: Organisation) -> None:
    taken(organisation)
    type(organisation.checkout).objects.filter(slug="shop").update(restricted=True)
    found = problems(organisation, of_giver("delete"), "maintainer")["metadata.name"]
    assert "shop" not in found
    assert "1 environment" in found


def test_it_is_given_back_and_then_taken_back(organisation: Organisation) -> None:
    environment = taken(organisation)
    given = ResourceGrant.objects.get()
    with pytest.raises(Conflict, match="shop/lab uses it"):
        grant_take_back(organisation.actor("maintainer"), given.pk, now=NOW)
    made = Resource.objects.get(environment=environment, name="orders").objects_made
    refs = [ObjectRef(one["apiVersion"], one["kind"], one["namespace"], one["name"]) for one in made]
    own = {"web": {**WEB, "inputs": {"image": "registry.example/web:1"}}}
    change = change_submit(organisation.actor("stranger"), take(organisation, own, kind="update"), now=NOW)
    assert carry_out(Run.objects.get(change=change)).state == "succeeded"
    assert not any(one.exists for one in sandbox().observe(refs))
    assert not Borrowing.objects.exists()
    grant_take_back(organisation.actor("maintainer"), given.pk, now=NOW)
    assert "No grant" in problems(organisation, take(organisation, kind="update"))["spec.resources.orders.from"]


def test_it_goes_with_the_borrower(organisation: Organisation) -> None:
    taken(organisation)
    request = ChangeRequest("delete", "shop", "lab", reason="Because.", confirm="lab")
    change = change_submit(organisation.actor("stranger"), request, now=NOW)
    assert carry_out(Run.objects.get(change=change)).state == "succeeded"
    assert not Borrowing.objects.exists()
    assert problems(organisation, of_giver("delete"), "maintainer") == {}


def test_after_its_end_nobody_begins_and_who_uses_it_goes_on(organisation: Organisation) -> None:
    taken(organisation)
    given = ResourceGrant.objects.get()
    grant_end_set(organisation.actor("maintainer"), given.pk, ends_at=NOW + timedelta(hours=1), now=NOW)
    later = NOW + timedelta(hours=2)
    more = {**TAKES, "web": {**WEB, "inputs": {**WEB["inputs"], "replicas": 2}}}
    using = change_plan(organisation.actor("stranger"), take(organisation, more, kind="update"), now=later)
    assert using.problems == ()
    fresh = change_plan(organisation.actor("stranger"), take(organisation, name="other"), now=later)
    assert "No grant" in fresh.problems[0].message


def test_a_change_that_waited_is_denied_when_the_grant_is_gone(organisation: Organisation) -> None:
    given = grant(organisation)
    Stage.objects.filter(name="dev").update(production=False)
    change = change_submit(organisation.actor("stranger"), take(organisation), now=NOW)
    # As if it had waited for an approval: nothing of it has begun.
    Run.objects.filter(change=change).delete()
    Borrowing.objects.all().delete()
    Change.objects.filter(pk=change.pk).update(state="approved", revision=None)
    Environment.objects.filter(name="lab").update(desired=None)
    grant_take_back(organisation.actor("maintainer"), given.pk, now=NOW)
    from provisioning.services import starts

    starts.changes_start_due(now=NOW)
    change.refresh_from_db()
    assert change.state == "denied"
    assert not Borrowing.objects.exists()
    assert decisions is not None


def test_what_is_borrowed_is_not_lent_on(organisation: Organisation) -> None:
    taken(organisation)
    wish = GrantWish("shop", "lab", "orders", to_system="checkout")
    with pytest.raises(InvalidInput, match="is lent to lab itself"):
        grant_give(organisation.actor("storefront_maintainer"), wish, now=NOW)


def test_what_is_borrowed_is_used_where_it_is_made_alone(organisation: Organisation) -> None:
    lender = Resource.objects.select_related("contract__capability").get(environment__name="try", name="db")
    taken(organisation)
    borrowed = Resource.objects.get(environment__name="lab", name="orders")
    capability, major = lender.contract.capability, lender.contract.major

    assert (borrowed.contract_id, borrowed.borrowed, lender.borrowed) == (lender.contract_id, True, False)
    assert usage_counts(capability, rights_of(organisation.actor("admin"))) == {lender.contract.version: 1}
    assert differences(USE_TALLY) == []
    found = revisions_of(fleet_of(capability.name, {major}).revisions)
    assert [one.environment.name for one in found] == ["try"]
    assert versions_beyond(capability.name, {major + 1}) == {lender.contract.version: 1}
    assert [place for place, _ in living_inputs(capability.name, major)] == ["checkout/try/db"]
    Contract.objects.filter(pk=lender.contract_id).update(state="defective")
    flags_forget()
    assert [one.environment for one in defective_uses(System.objects.values_list("pk", flat=True))] == ["try"]


@pytest.mark.parametrize(
    ("between", "words"),
    [
        pytest.param((), "shop/lab uses something of checkout/try already; two cannot", id="of-two"),
        pytest.param(("mid",), "checkout/mid hangs on checkout/try already, through 1 that lends", id="of-three"),
        pytest.param(("mid", "end"), "checkout/end hangs on checkout/try already, through 2 that lend", id="of-four"),
    ],
)
def test_environments_do_not_hang_on_each_other_in_a_circle(
    organisation: Organisation, between: tuple[str, ...], words: str
) -> None:
    last = taken(organisation)
    for name in between:
        create(organisation, name)
        borrower = Environment.objects.get(name=name)
        lent = ResourceGrant.objects.create(environment=last, resource="web", to_system=borrower.system, given_at=NOW)
        Borrowing.objects.create(grant=lent, environment=borrower, name="other", since=NOW)
        last = borrower
    giver = Environment.objects.select_related("system").get(name="try")
    ResourceGrant.objects.create(environment=last, resource="web", to_system=giver.system, given_at=NOW)
    place = {"system": last.system.slug, "environment": last.name, "resource": "web"}
    wanted = {**spec("dev"), "resources": {**spec("dev")["resources"], "other": {"from": place}}}

    told = problems(organisation, ChangeRequest("update", "checkout", "try", spec=wanted, reason="x"), "maintainer")

    assert words in told["spec.resources.other.from"]


def test_nobody_finds_a_grant_that_is_not_theirs(organisation: Organisation) -> None:
    given = grant(organisation)
    with pytest.raises(Forbidden):
        grant_take_back(organisation.actor("developer"), given.pk, now=NOW)
    with pytest.raises(NotFound):
        grant_take_back(organisation.actor("maintainer"), given.pk + 1, now=NOW)


SCORE = """\
apiVersion: score.dev/v1b1
metadata: {name: reports}
containers:
  main:
    image: registry.example/reports:1
    variables:
      HOST: ${resources.db.host}
      PASSWORD: ${resources.db.password}
resources:
  db: {type: postgres, id: orders}
"""


def score(organisation: Organisation, text: str = SCORE, name: str = "lab") -> ScoreWish:
    there = Environment.objects.filter(system__slug="shop", name=name, deleted_at=None).exists()
    return ScoreWish("shop", name, text, stage="" if there else "dev")


def test_a_score_file_names_what_is_lent_by_its_identity(organisation: Organisation) -> None:
    actor = organisation.actor("stranger")
    own = score_plan(actor, score(organisation), now=NOW)
    assert own.spec["resources"]["postgres-orders"]["capability"] == "postgres@1"
    grant(organisation, score_id="postgres.default#orders")
    plan = score_plan(actor, score(organisation), now=NOW)
    assert plan.problems == ()
    assert plan.spec["resources"]["postgres-orders"] == {"from": FROM}
    assert "lent by checkout/try" in {one.made_by for one in plan.translation.mapped}
    change = score_submit(actor, score(organisation), now=NOW)
    assert carry_out(Run.objects.get(change=change)).state == "succeeded"
    worker = Resource.objects.get(environment__name="lab", name="reports")
    assert worker.state == "ready"
    again = score_plan(actor, score(organisation), now=NOW)
    assert again.planned is not None
    assert again.planned.outcome == "nothing"


def test_a_score_file_goes_on_with_what_it_has(organisation: Organisation) -> None:
    """Its own stays its own when somebody lends under the same identity, and what is lent stays so after the end."""
    actor = organisation.actor("stranger")
    change = score_submit(actor, score(organisation), now=NOW)
    carry_out(Run.objects.get(change=change))
    given = grant(organisation, score_id="postgres.default#orders")
    assert score_plan(actor, score(organisation), now=NOW).planned.outcome == "nothing"  # type: ignore[union-attr]
    change = score_submit(actor, score(organisation, name="late"), now=NOW)
    carry_out(Run.objects.get(change=change))
    grant_end_set(organisation.actor("maintainer"), given.pk, ends_at=NOW, now=NOW)
    assert score_plan(actor, score(organisation, name="late"), now=NOW).planned.outcome == "nothing"  # type: ignore[union-attr]
    other = score_plan(actor, score(organisation, name="new"), now=NOW)
    assert "from" not in other.spec["resources"]["postgres-orders"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(SCORE.replace("type: postgres", "type: redis"), None, id="another identity is its own"),
        pytest.param(SCORE.replace("id: orders", "id: orders, params: {storage: 9Gi}"), "decides them", id="params"),
    ],
)
def test_what_else_a_score_file_says_of_it(organisation: Organisation, text: str, words: str | None) -> None:
    grant(organisation, score_id="postgres.default#orders")
    plan = score_plan(organisation.actor("stranger"), score(organisation, text), now=NOW)
    assert plan.problems == ()
    borrows = [one for one in plan.spec["resources"].values() if "from" in one]
    assert (len(borrows), any(words in note for note in plan.translation.notes) if words else True) == (
        1 if words else 0,
        True,
    )


def test_two_that_lend_under_one_identity_are_told(organisation: Organisation) -> None:
    assert carry_out(Run.objects.get(change=create(organisation, "second"))).state == "succeeded"
    grant(organisation, score_id="postgres.default#orders")
    grant(organisation, environment="second", score_id="postgres.default#orders")
    plan = score_plan(organisation.actor("stranger"), score(organisation), now=NOW)
    [problem] = plan.problems
    assert problem.path.endswith("resources.db.id")
    assert "checkout/second, checkout/try" in problem.message


def test_nothing_of_what_is_lent_counts_as_drift(organisation: Organisation) -> None:
    environment = taken(organisation)
    observe_once(environment.cluster, sandbox())
    assert not Drift.objects.exists()
    states = Environment.objects.values_list("name", "state")
    assert dict(states) == {"try": "ready", "lab": "ready"}


def test_a_secret_that_has_changed_is_copied_again(organisation: Organisation) -> None:
    environment = taken(organisation)
    assert copies_refresh() == 0
    source = ObjectRef("v1", "Secret", "checkout-try", "db-credentials")
    copy = ObjectRef("v1", "Secret", environment.namespace, "orders-credentials")
    before = copied_mark(sandbox().observe([copy])[0].manifest or {})
    sandbox().edit(source, {"metadata": {"annotations": {"rotated": "today"}}}, manager="operator")
    run = Run.objects.get(environment=environment)
    Run.objects.filter(pk=run.pk).update(state="running")
    assert copies_refresh() == 0
    Run.objects.filter(pk=run.pk).update(state="succeeded")
    assert copies_refresh() == 1
    after = copied_mark(sandbox().observe([copy])[0].manifest or {})
    assert after == mark_of(sandbox().observe([source])[0].manifest or {"metadata": {}}) != before
    assert copies_refresh() == 0


def test_a_cluster_that_does_not_answer_is_looked_at_again(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(organisation)

    def away(*_: object) -> object:
        raise TemporaryError("unreachable", "It is away.")

    monkeypatch.setattr(SandboxDriver, "observe", away)
    assert copies_refresh() == 0
