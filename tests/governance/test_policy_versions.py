"""Every version of a policy is kept, compared and taken back; drafts are checked with the place of each fault."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from django.contrib.auth.models import Group

from governance.domain.policy_text import policy_text
from governance.models import AuditEntry, Policy, PolicyVersion
from governance.selectors.policies import current_text, policy_version, text_of, version_before
from governance.services.policies import policy_restore, policy_retire, policy_save, starter_policies_install
from governance.services.policy_checks import PolicyCheck, policy_check
from idp.kernel.errors import Forbidden, InvalidInput, NotFound, PreconditionFailed
from tests.governance.domain.test_policy import DOCUMENT, document
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db


def save(organisation: Organisation, given: dict[str, Any], **more: Any) -> Policy:
    return policy_save(organisation.actor("admin"), document=given, now=NOW, **more)


def test_it_keeps_every_version_with_who_made_it(organisation: Organisation) -> None:
    save(organisation, DOCUMENT)
    save(organisation, document(title="Second"))
    policy_retire(organisation.actor("admin"), name="prod-needs-two", now=NOW)
    rows = list(PolicyVersion.objects.order_by("number").values_list("number", "active", "note", "by__username"))
    assert rows == [(1, True, "", "admin"), (2, True, "", "admin"), (3, False, "Retired", "admin")]


def test_it_takes_a_version_back_as_the_newest(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    save(organisation, DOCUMENT, text="# ours\n" + policy_text(DOCUMENT))
    save(organisation, document(title="Second"))
    policy_retire(admin, name="prod-needs-two", now=NOW)
    row = policy_restore(admin, name="prod-needs-two", number=1, expected_version=3, now=NOW)
    assert (row.version, row.active, row.title) == (4, True, DOCUMENT["spec"]["title"])
    assert current_text(row).startswith("# ours")
    entry = AuditEntry.objects.filter(action="policy.save").first()
    assert entry is not None
    assert entry.data["before"]["spec"]["title"] == "Second"
    assert entry.data["after"]["spec"]["title"] == DOCUMENT["spec"]["title"]
    kept = policy_version(organisation.rights("viewer"), row, 4)
    assert kept.note == "Taken back from version 1"
    before = version_before(row, 2)
    assert before is not None
    assert before.number == 1


def test_it_takes_nothing_back_that_no_longer_holds(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    save(organisation, DOCUMENT)
    save(organisation, document(effect="deny"))
    Group.objects.filter(name="platform").delete()
    with pytest.raises(InvalidInput, match="Version 1 no longer holds"):
        policy_restore(admin, name="prod-needs-two", number=1, now=NOW)
    with pytest.raises(NotFound):
        policy_restore(admin, name="prod-needs-two", number=7, now=NOW)


@pytest.mark.parametrize("who", ["maintainer", "auditor", "developer"])
def test_only_admins_take_back_and_check(organisation: Organisation, who: str) -> None:
    save(organisation, DOCUMENT)
    with pytest.raises(Forbidden):
        policy_restore(organisation.actor(who), name="prod-needs-two", number=1, now=NOW)
    with pytest.raises(Forbidden):
        policy_check(organisation.rights(who), document=DOCUMENT)


def test_it_refuses_an_edit_of_another_version(organisation: Organisation) -> None:
    save(organisation, DOCUMENT)
    save(organisation, document(title="Second"))
    with pytest.raises(PreconditionFailed):
        save(organisation, document(title="Third"), expected_version=1)
    with pytest.raises(PreconditionFailed):
        policy_retire(organisation.actor("admin"), name="prod-needs-two", expected_version=1, now=NOW)
    assert save(organisation, document(title="Third"), expected_version=2).version == 3


def test_a_comment_alone_is_a_version_too(organisation: Organisation) -> None:
    text = policy_text(DOCUMENT)
    save(organisation, DOCUMENT, text=text)
    assert save(organisation, DOCUMENT, text=text).version == 1
    row = save(organisation, DOCUMENT, text="# why\n" + text)
    assert (row.version, current_text(row)[:5]) == (2, "# why")
    assert save(organisation, DOCUMENT).version == 2


def test_what_came_as_json_is_written_out(organisation: Organisation) -> None:
    row = save(organisation, DOCUMENT)
    assert text_of(row.versions.get()) == current_text(row) == policy_text(DOCUMENT)


def test_starter_policies_keep_how_they_are_written(organisation: Organisation) -> None:
    starter_policies_install(organisation.actor("admin"), now=NOW)
    row = Policy.objects.get(name="production-images-are-ours")
    assert "when: >-" in current_text(row)


@pytest.mark.parametrize(
    ("scope", "path"),
    [({"teams": ["payments", "nobody"]}, "spec.scope.teams.1"), ({"systems": ["nothing"]}, "spec.scope.systems.0")],
)
def test_it_refuses_a_scope_that_nobody_is_in(organisation: Organisation, scope: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(organisation, document(scope=scope))
    assert [error.path for error in refused.value.errors] == [path]


def check(organisation: Organisation, text: str, **more: Any) -> PolicyCheck:
    return policy_check(organisation.rights("admin"), text=text, **more)


def test_it_shows_the_place_of_each_fault(organisation: Organisation) -> None:
    text = policy_text(document(when="stage.production && chnge.kind == 'x'", message="Costs ${plan.cst_after}."))
    found = check(organisation, text).found
    assert [(one.path, one.source[len(one.pointer) - 1 :][:5]) for one in found] == [
        ("spec.when", "chnge"),
        ("spec.message", "cst_a"),
    ]
    assert [text.splitlines()[(one.line or 0) - 1].split(":")[0].strip() for one in found] == ["when", "message"]
    assert "did you mean “change”" in found[0].message


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        pytest.param("spec: [\n", "not valid YAML", 2, id="yaml"),
        pytest.param("", "empty", None, id="nothing"),
        pytest.param("a: 1", "“apiVersion” is required", 1, id="schema"),
        pytest.param("- 1", "This is a map", 1, id="a-list"),
        pytest.param("x" * 70_000, "bytes", None, id="too-large"),
    ],
)
def test_it_says_why_a_text_is_no_policy(organisation: Organisation, text: str, words: str, line: int | None) -> None:
    checked = check(organisation, text)
    assert not checked.may_be_saved
    assert words in " ".join(one.message for one in checked.found)
    assert checked.found[0].line == line


@pytest.mark.parametrize(
    ("mode", "expect", "saved", "enforced"),
    [("enforce", "pass", True, True), ("enforce", "ask", False, False), ("observe", "ask", True, False)],
)
def test_failing_tests_keep_it_from_being_enforced(
    organisation: Organisation, mode: str, expect: str, saved: bool, enforced: bool
) -> None:
    tests = [{"name": "dev", "facts": {"environment": {"stage": "dev"}}, "expect": expect}]
    checked = check(organisation, policy_text(document(mode=mode, tests=tests)))
    assert (checked.may_be_saved, checked.may_be_enforced) == (saved, enforced)
    assert [(one.came, one.holds) for one in checked.tests] == [("pass", enforced)]


def test_it_must_be_the_policy_that_is_edited(organisation: Organisation) -> None:
    checked = check(organisation, policy_text(DOCUMENT), name="another")
    assert [one.path for one in checked.found] == ["metadata.name"]


def test_it_tells_names_that_are_not_there(organisation: Organisation) -> None:
    given = deepcopy(DOCUMENT)
    given["spec"]["approvals"] = [{"from": "group:nobody"}]
    checked = check(organisation, policy_text(given))
    assert [one.path for one in checked.found] == ["spec.approvals.0.from"]
    assert checked.tests
