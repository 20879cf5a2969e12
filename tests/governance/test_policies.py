"""Policies as stored: saved, tested, compiled once, retired; and those that Slipway brings along."""

from __future__ import annotations

import logging
import time
from copy import deepcopy
from typing import Any

import pytest

from governance.domain.facts import completed, neutral_facts
from governance.domain.policy import failed_tests, parse_policy
from governance.models import AuditEntry, Policy
from governance.selectors.policies import policy_get, policy_list
from governance.services.policies import (
    active_policies,
    evaluate,
    policy_retire,
    policy_save,
    starter_policies,
    starter_policies_install,
)
from idp.kernel.errors import InvalidInput, NotFound, UserFault
from tests.governance.domain.test_policy import DOCUMENT, document
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.usefixtures("both_sides_told")


def save(organisation: Organisation, given: dict[str, Any]) -> Policy:
    return policy_save(organisation.actor("admin"), document=given, now=NOW)


def named(name: str, **spec: Any) -> dict[str, Any]:
    return {**document(**spec), "metadata": {"name": name}}


def test_it_counts_versions_and_ignores_an_equal_document(organisation: Organisation) -> None:
    assert save(organisation, DOCUMENT).version == 1
    assert save(organisation, deepcopy(DOCUMENT)).version == 1
    assert save(organisation, document(title="Others agree")).version == 2
    assert AuditEntry.objects.filter(action="policy.save").count() == 2
    assert policy_get(organisation.rights("viewer"), "prod-needs-two").title == "Others agree"


@pytest.mark.parametrize("persona", ["maintainer", "auditor", "anonymous", "platform_engineer"])
def test_it_lets_only_admins_save_and_retire(organisation: Organisation, persona: str) -> None:
    save(organisation, DOCUMENT)
    with pytest.raises(UserFault):
        policy_save(organisation.actor(persona), document=document(title="x"), now=NOW)
    with pytest.raises(UserFault):
        policy_retire(organisation.actor(persona), name="prod-needs-two", now=NOW)
    assert Policy.objects.get().active


@pytest.mark.parametrize(
    ("source", "path"),
    [("group:nobody", "spec.approvals.0.from"), ("team:nobody:maintainer", "spec.approvals.0.from")],
)
def test_it_refuses_approvers_that_are_not_there(organisation: Organisation, source: str, path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        save(organisation, document(approvals=[{"from": source}]))
    assert [error.path for error in caught.value.errors] == [path]


def test_it_refuses_to_enforce_what_fails_its_own_tests(organisation: Organisation) -> None:
    tests = [{"name": "dev asks", "facts": {"environment": {"stage": "dev"}}, "expect": "ask"}]
    with pytest.raises(InvalidInput, match="dev asks"):
        save(organisation, document(tests=tests))
    assert not Policy.objects.exists()
    save(organisation, document(tests=tests, mode="observe"))


def test_it_knows_of_a_change_in_one_query(organisation: Organisation, django_assert_num_queries: Any) -> None:
    save(organisation, DOCUMENT)
    first = active_policies()
    with django_assert_num_queries(1):
        again = active_policies()
    assert again is first
    save(organisation, document(message="Another."))
    assert [policy.message for policy in active_policies()] == ["Another."]
    policy_retire(organisation.actor("admin"), name="prod-needs-two", now=NOW)
    assert active_policies() == ()
    save(organisation, document(message="Another."))
    assert len(active_policies()) == 1


def test_it_retires_a_policy_but_keeps_it_readable(organisation: Organisation) -> None:
    save(organisation, DOCUMENT)
    policy_retire(organisation.actor("admin"), name="prod-needs-two", now=NOW)
    rights = organisation.rights("viewer")
    assert not policy_list(rights)
    assert [row.name for row in policy_list(rights, retired=True)] == ["prod-needs-two"]
    with pytest.raises(NotFound):
        policy_retire(organisation.actor("admin"), name="nothing", now=NOW)


def test_it_denies_when_a_stored_rule_no_longer_compiles(
    organisation: Organisation, caplog: pytest.LogCaptureFixture
) -> None:
    row = save(organisation, DOCUMENT)
    row.document["spec"]["when"] = "gone(change)"
    row.digest = "0" * 64
    row.save()
    with caplog.at_level(logging.WARNING):
        (verdict,) = evaluate(active_policies(), neutral_facts())
    assert verdict.blocks
    assert "gone" in caplog.text
    assert "gone" not in str(verdict.as_dict())


STARTERS = {document["metadata"]["name"]: document for document in starter_policies()}


@pytest.mark.parametrize("name", STARTERS)
def test_a_starter_policy_holds_what_its_tests_say(name: str) -> None:
    policy = parse_policy(STARTERS[name])
    assert failed_tests(policy) == []
    expected = {test.expect for test in policy.tests}
    assert len(expected) == 2, "it must show a case that fires and one that does not"


def test_starter_policies_are_installed_once_and_not_over_an_edited_one(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    edited = deepcopy(STARTERS["costly-needs-a-maintainer"])
    edited["spec"]["title"] = "Ours"
    policy_save(admin, document=edited, now=NOW)
    assert len(starter_policies_install(admin, now=NOW)) == len(STARTERS) - 1
    assert starter_policies_install(admin, now=NOW) == []
    assert Policy.objects.get(name="costly-needs-a-maintainer").title == "Ours"


@pytest.mark.parametrize("name", STARTERS)
def test_a_starter_policy_never_errs_on_an_unusual_change(name: str) -> None:
    resources = [
        {"name": "a", "action": "removed", "inputs": {}, "inputs_before": {"image": "x"}},
        {
            "name": "b",
            "action": "added",
            "capability": "route",
            "inputs": {"host": "x", "to": "${resources.a.outputs.s}"},
        },
        {"name": "c", "action": "updated", "inputs": {"image": "${resources.a.outputs.image}", "replicas": 1}},
    ]
    for kind in ("create", "delete", "sleep"):
        facts = completed({"change": {"kind": kind}, "stage": {"production": True}, "plan": {"resources": resources}})
        (verdict,) = evaluate([parse_policy(STARTERS[name])], facts)
        assert verdict.outcome != "errors", verdict.detail


def test_a_hundred_policies_are_quick_once_compiled() -> None:
    """A generous ceiling, so that only a lost cache is caught here; the figure itself is measured by the benchmark."""
    policies = [parse_policy(named(f"policy-{number}")) for number in range(100)]
    facts = completed({"environment": {"stage": "prod"}, "plan": {"resources": [{"name": "api"}] * 20}})
    evaluate(policies, facts)
    start = time.perf_counter()
    verdicts = evaluate(policies, facts)
    assert len(verdicts) == 100
    assert time.perf_counter() - start < 0.5
