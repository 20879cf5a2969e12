"""Applying files of documents: all tried first, each with the caller's rights, and nothing the second time."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
import yaml

from governance.models import AuditEntry, Policy
from governance.services.quota import quota_set
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, InvalidInput
from provisioning.domain.bundle import read_bundle
from provisioning.models import AppliedDocument, Change, Contract, Environment, Run
from provisioning.services.applying import Wish, documents_apply, documents_try
from provisioning.services.decisions import change_approve
from tests.personas import NOW
from tests.provisioning.organisation import PROD_NEEDS_A_MAINTAINER, Clock, carry_out, equip, spec


def environment(name: str = "try", stage: str = "dev", system: str = "checkout", **more) -> dict:
    made = spec(stage, **more.pop("inputs", {}))
    made["resources"]["shop"]["inputs"]["host"] = f"{name}.{stage}.example"
    return {
        "apiVersion": "slipway.dev/v1",
        "kind": "Environment",
        "metadata": {"system": system, "name": name},
        "spec": {**made, **more},
    }


CACHE = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Contract",
    "metadata": {"capability": "note", "version": "1.0.0"},
    "spec": {
        "title": "A note",
        "summary": "Text for those who come later.",
        "owner": "platform",
        "inputs": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"text": {"type": "string", "default": "hello"}},
        },
        "objects": {
            "map": {
                "manifest": {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "${resource.name}"},
                    "data": {"text": "${inputs.text}"},
                }
            }
        },
        "examples": [{"name": "one", "inputs": {}}],
    },
}
CALM = {**copy.deepcopy(PROD_NEEDS_A_MAINTAINER), "metadata": {"name": "calm"}}


def files(*documents: dict, path: str = "all.yaml"):
    return read_bundle([(path, yaml.safe_dump_all(documents, sort_keys=False))])


def outcomes(applied) -> list[tuple[str, str]]:
    return [(one.name, one.outcome) for one in applied.results]


def settle(at=NOW) -> None:
    for run in Run.objects.filter(finished_at=None):
        carry_out(run, Clock(at))


@pytest.fixture
def set_up(organisation):
    equip(organisation)
    return organisation


@pytest.mark.django_db
def test_many_kinds_are_applied_in_order_and_the_second_time_writes_nothing(set_up):
    uses_note = environment("noted")
    uses_note["spec"]["resources"]["note"] = {"capability": "note@1", "inputs": {}}
    bundle = files(uses_note, CALM, CACHE)
    admin = set_up.actor("admin")
    tried = documents_try(admin, bundle, now=NOW)
    assert not Contract.objects.filter(capability__name="note").exists()
    assert Change.objects.count() == 0
    applied = documents_apply(admin, bundle, now=NOW)
    expected = [("note 1.0.0", "created"), ("calm", "created"), ("checkout/noted", "created")]
    assert outcomes(tried) == outcomes(applied) == expected
    assert applied.carried_out
    settle()
    before = AuditEntry.objects.count(), Change.objects.count(), AppliedDocument.objects.get(kind="Policy").applied_at
    again = documents_apply(admin, bundle, now=NOW)
    assert {one.outcome for one in again.results} == {"unchanged"}
    after = AuditEntry.objects.count(), Change.objects.count(), AppliedDocument.objects.get(kind="Policy").applied_at
    assert after == before


@pytest.mark.django_db
def test_one_refused_document_keeps_all_from_being_applied(set_up):
    wrong = environment("other", inputs={"api": {"replicas": "many"}})
    applied = documents_apply(set_up.actor("developer"), files(environment(), wrong), now=NOW)
    assert not applied.carried_out
    assert outcomes(applied) == [("checkout/try", "created"), ("checkout/other", "refused")]
    error = applied.errors()[0]
    assert error.path == "all.yaml: spec.resources.api.inputs.replicas"
    text = yaml.safe_dump_all((environment(), wrong), sort_keys=False).splitlines()
    assert "replicas: many" in text[error.line - 1]
    assert Environment.objects.count() == 0


@pytest.mark.django_db
def test_a_file_that_cannot_be_read_keeps_all_from_being_applied(set_up):
    bundle = read_bundle([("bad.yaml", "a: ["), ("good.yaml", yaml.safe_dump(environment()))])
    applied = documents_apply(set_up.actor("developer"), bundle, now=NOW)
    assert [(one.file, one.outcome) for one in applied.results] == [("bad.yaml", "refused"), ("good.yaml", "created")]
    assert Environment.objects.count() == 0


@pytest.mark.parametrize(
    ("who", "documents", "said"),
    [
        pytest.param("developer", (CACHE,), "Only platform admins", id="a developer publishes no contract"),
        pytest.param("developer", (CALM,), "Only platform admins", id="nor a policy"),
        pytest.param("stranger", (environment(),), "may ask for changes", id="a stranger changes no environment"),
        pytest.param("stranger", (environment(system="vault"),), "no system", id="nor sees a restricted one"),
        pytest.param("viewer", (environment(),), "may ask for changes", id="nor does a viewer"),
    ],
)
@pytest.mark.django_db
def test_each_document_needs_the_callers_own_rights(set_up, who, documents, said):
    applied = documents_apply(set_up.actor(who), files(*documents), now=NOW)
    assert applied.results[0].outcome == "refused"
    assert said in applied.results[0].message
    assert (Contract.objects.filter(capability__name="note").count(), Environment.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_token_bound_to_a_system_applies_nothing_elsewhere(set_up):
    bound = set_up.actor("admin", scopes=("read", "change"), systems=("shop",))
    assert documents_apply(bound, files(environment()), now=NOW).results[0].outcome == "refused"


@pytest.mark.django_db
def test_what_is_there_already_asks_for_no_rights_of_an_admin(set_up):
    documents_apply(set_up.actor("admin"), files(CACHE, CALM), now=NOW)
    again = documents_apply(set_up.actor("developer"), files(CACHE, CALM), Wish(owner="mine"), now=NOW)
    assert outcomes(again) == [("note 1.0.0", "unchanged"), ("calm", "unchanged")]
    assert not AppliedDocument.objects.filter(owner="mine").exists()


@pytest.mark.django_db
def test_what_waits_for_approval_is_not_asked_for_twice(set_up):
    bundle = files(environment("live", "prod"))
    developer = set_up.actor("developer")
    assert outcomes(documents_try(developer, bundle, now=NOW)) == [("checkout/live", "waiting")]
    first = documents_apply(developer, bundle, now=NOW)
    again = documents_apply(developer, bundle, now=NOW)
    assert outcomes(first) == outcomes(again) == [("checkout/live", "waiting")]
    assert [one.results[0].change for one in (first, again)] == [Change.objects.get().pk] * 2
    change = Change.objects.get()
    change_approve(set_up.actor("maintainer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    settle()
    assert outcomes(documents_apply(developer, bundle, now=NOW)) == [("checkout/live", "unchanged")]


@pytest.mark.django_db
def test_a_span_of_life_counts_from_when_it_was_written(set_up):
    developer = set_up.actor("developer")
    documents_apply(developer, files(environment(expires="7d")), now=NOW)
    settle()
    later = NOW + timedelta(days=3)
    assert outcomes(documents_apply(developer, files(environment(expires="7d")), now=later))[0][1] == "unchanged"
    assert outcomes(documents_apply(developer, files(environment(expires="9d")), now=later))[0][1] == "changed"
    settle(later)
    assert Environment.objects.get().expires_at.date() == (later + timedelta(days=9)).date()


@pytest.mark.django_db
def test_policy_and_quota_refuse_in_the_try_already(set_up):
    quota_set(PLATFORM, team=set_up.payments, cpu=1, memory_gib=40, storage_gib=500, environments=10, now=NOW)
    tried = documents_try(set_up.actor("developer"), files(environment(inputs={"api": {"replicas": 9}})), now=NOW)
    assert tried.results[0].outcome == "refused"
    assert "does not have enough" in tried.results[0].message
    assert Change.objects.count() == 0


@pytest.mark.django_db
def test_pruning_lists_first_and_takes_the_digest_of_the_list(set_up):
    developer = set_up.actor("developer")
    mine = Wish(owner="payments/infra")
    documents_apply(developer, files(environment("one"), environment("two")), mine, now=NOW)
    settle()
    fewer = files(environment("one"))
    tried = documents_try(developer, fewer, Wish("payments/infra", prune=True), now=NOW)
    assert tried.pruning.names == (("Environment", "checkout/two"),)
    for confirm in ("", "0" * 64):
        with pytest.raises(Conflict, match="would take away Environment checkout/two"):
            documents_apply(developer, fewer, Wish("payments/infra", prune=True, confirm=confirm), now=NOW)
    wish = Wish("payments/infra", prune=True, confirm=tried.pruning.digest)
    assert outcomes(documents_apply(developer, fewer, wish, now=NOW)) == [
        ("checkout/one", "unchanged"),
        ("checkout/two", "deleted"),
    ]
    assert Change.objects.filter(kind="delete", environment_name="two").count() == 1
    assert documents_try(developer, fewer, Wish("payments/infra", prune=True), now=NOW).pruning.names == ()


@pytest.mark.django_db
def test_pruning_takes_nothing_of_others(set_up):
    documents_apply(set_up.actor("developer"), files(environment("one")), Wish(owner="shared"), now=NOW)
    documents_apply(set_up.actor("admin"), files(CALM), Wish(owner="shared"), now=NOW)
    settle()
    other = environment("own", system="shop")
    for one in other["spec"]["resources"].values():
        one.pop("component", None)
    asked = documents_try(set_up.actor("stranger"), files(other), Wish("shared", prune=True), now=NOW)
    assert asked.pruning.names == ()
    admin = documents_try(set_up.actor("admin"), files(other), Wish("shared", prune=True), now=NOW)
    assert admin.pruning.names == (("Environment", "checkout/one"), ("Policy", "calm"))
    wish = Wish("shared", prune=True, confirm=admin.pruning.digest)
    documents_apply(set_up.actor("admin"), files(other), wish, now=NOW)
    assert not Policy.objects.get(name="calm").active


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param(Wish(prune=True), id="pruning without an owner"),
        pytest.param(Wish(owner="A b"), id="an owner that is none"),
        pytest.param(Wish(reason="x" * 4001), id="a reason that is too long"),
    ],
)
@pytest.mark.django_db
def test_it_refuses_what_cannot_be_asked(set_up, wish):
    with pytest.raises(InvalidInput):
        documents_apply(set_up.actor("developer"), files(environment()), wish, now=NOW)
