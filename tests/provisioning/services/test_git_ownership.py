"""Environments that Git owns: every edit is refused with a patch that Git takes, until an admin releases them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from governance.models import Approval, AuditEntry
from governance.services.quota import quota_set
from idp.catalog.models import System
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, PolicyDenied
from provisioning.domain.bundle import read_bundle
from provisioning.models import Change, Environment, GitSource, Run
from provisioning.selectors.git import change_patch
from provisioning.services.applying import documents_apply
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.decisions import change_approve
from provisioning.services.git_ownership import (
    EDITS,
    environment_give_back,
    environment_release,
    git_verdicts,
    git_verdicts_for_new,
)
from provisioning.services.git_sources import git_source_save
from provisioning.services.requests import KINDS
from provisioning.services.starts import changes_start_due
from tests.personas import NOW, Organisation
from tests.provisioning.git_repository import Repository, document, outcomes, started, sync, web
from tests.provisioning.organisation import Clock, carry_out, equip

pytestmark = pytest.mark.django_db


def settle() -> None:
    for run in Run.objects.filter(finished_at=None):
        carry_out(run, Clock())


@pytest.fixture
def owned(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Organisation:
    """checkout/try in Git, as two revisions, and checkout/other, which nobody keeps there."""
    equip(organisation)
    repository = Repository(monkeypatch)
    repository.commit(a=web())
    started(organisation, owns=True)
    sync(organisation)
    settle()
    repository.commit(a=web(replicas=2))
    sync(organisation)
    ask(organisation, ChangeRequest("create", "checkout", "other", spec=web("other")["spec"]))
    settle()
    return organisation


def ask(organisation: Organisation, request: ChangeRequest, who: str = "maintainer") -> Change:
    return change_submit(organisation.actor(who), replace(request, system="checkout", reason="Because."), now=NOW)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "update": ({"spec": web(replicas=3)["spec"]}, "+        replicas: 3"),
    "rollback": ({"revision": 1}, "+        replicas: 1"),
    "extend": ({"until": "20d"}, "+  expires: "),
    "delete": ({"confirm": "try"}, "deleted file mode 100644"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_edit_elsewhere_is_denied_with_a_patch(owned: Organisation, kind: str) -> None:
    fields, said = REFUSED[kind]
    with pytest.raises(PolicyDenied) as found:
        ask(owned, ChangeRequest(kind, "checkout", "try", **fields), "admin" if kind == "update" else "maintainer")
    denied = found.value
    assert "kept in Git, in a.yaml of https://git.example/payments/infra.git" in denied.message
    assert "git apply" in denied.remedy

    name, text = change_patch(owned.rights("developer"), denied.change_id or 0)

    assert name == f"slipway-{denied.change_id}.patch"
    assert text.startswith("diff --git a/a.yaml b/a.yaml\n")
    assert said in text
    assert Change.objects.get(pk=denied.change_id).state == "denied"


def test_every_kind_that_a_file_speaks_of_is_git_s(owned: Organisation) -> None:
    environment = Environment.objects.get(name="try")
    denied = {kind for kind in KINDS if git_verdicts(owned.actor("admin"), kind, environment)}
    by_others = {kind for kind in KINDS if git_verdicts(replace(PLATFORM, behalf="campaign"), kind, environment)}

    assert denied == EDITS
    assert by_others == EDITS - {"delete"}
    assert set(KINDS) - EDITS == {"sleep", "wake", "revert", "move"}
    assert not any(git_verdicts(owned.actor("admin"), kind, Environment.objects.get(name="other")) for kind in KINDS)


def test_files_applied_by_hand_are_denied_too(owned: Organisation) -> None:
    bundle = read_bundle([("mine.yaml", yaml.safe_dump(web(replicas=5)))])

    applied = documents_apply(owned.actor("developer"), bundle, now=NOW)

    assert [one.outcome for one in applied.refused] == ["refused"]
    assert "kept in Git" in applied.refused[0].message
    same = documents_apply(
        owned.actor("developer"), read_bundle([("m.yaml", yaml.safe_dump(web(replicas=2)))]), now=NOW
    )
    assert [one.outcome for one in same.results] == ["unchanged"]


def test_what_no_file_says_goes_on(owned: Organisation) -> None:
    for kind in ("sleep", "wake"):
        assert ask(owned, ChangeRequest(kind, "checkout", "try"), "developer").state == "running"
        settle()
    assert (
        change_plan(
            replace(PLATFORM), ChangeRequest("delete", "checkout", "try", reason="It expired."), now=NOW
        ).outcome
        == "starts"
    )
    assert ask(owned, ChangeRequest("delete", "checkout", "other", confirm="other")).state == "running"


def test_a_plan_says_so_before_anybody_asks(owned: Organisation) -> None:
    request = ChangeRequest("update", "checkout", "try", spec=web(replicas=3)["spec"])

    planned = change_plan(owned.actor("developer"), request, now=NOW)

    assert (planned.outcome, planned.denials[0].policy) == ("denied", "git")


def test_what_is_deleted_elsewhere_is_not_made_anew_but_by_git(owned: Organisation) -> None:
    Environment.objects.filter(name="try").update(state="gone", deleted_at=NOW)
    again = ChangeRequest("create", "checkout", "try", spec=web(replicas=5)["spec"])

    assert change_plan(owned.actor("developer"), again, now=NOW).denials[0].policy == "git"
    with pytest.raises(PolicyDenied) as found:
        ask(owned, again)

    assert "kept in Git, in a.yaml of https://git.example/payments/infra.git" in found.value.message
    assert "git apply" in found.value.remedy
    _, text = change_patch(owned.rights("developer"), found.value.change_id or 0)
    assert "-        replicas: 2\n+        replicas: 5" in text
    assert outcomes(sync(owned))["checkout/try"] == "created"


def test_what_git_could_not_make_yet_is_not_made_beside_it(owned: Organisation, monkeypatch: Any) -> None:
    repository = Repository(monkeypatch)
    repository.commit(a=web(replicas=2), b=web("next"), c=web("far", system="shop"))
    quota_set(PLATFORM, team=owned.payments, cpu=0, memory_gib=40, storage_gib=500, environments=10, now=NOW)
    assert outcomes(sync(owned)) == {"checkout/try": "unchanged", "checkout/next": "refused", "shop/far": "refused"}
    quota_set(PLATFORM, team=owned.payments, cpu=40, memory_gib=40, storage_gib=500, environments=10, now=NOW)

    with pytest.raises(PolicyDenied):
        ask(owned, ChangeRequest("create", "checkout", "next", spec=web("next", replicas=2)["spec"]))

    _, text = change_patch(owned.rights("developer"), Change.objects.latest("pk").pk)
    assert "+        replicas: 2" in text
    assert git_verdicts_for_new(owned.actor("admin"), System.objects.get(slug="shop"), "far") == ()
    assert outcomes(sync(owned))["checkout/next"] == "created"


def _released(one: Organisation) -> None:
    GitSource.objects.update(owns=True)
    environment_release(one.actor("admin"), document=document("checkout/live").pk, reason="No.", now=NOW)


TAKEN_OVER: dict[str, tuple[Any, Any]] = {
    "the-source-begins-to-own": (
        lambda one: None,
        lambda one: git_source_save(one.actor("maintainer"), name="infra", owns=True, now=NOW),
    ),
    "a-commit": (lambda one: None, lambda one: (GitSource.objects.update(owns=True), sync(one))),
    "given-back": (
        _released,
        lambda one: environment_give_back(one.actor("admin"), document=document("checkout/live").pk, now=NOW),
    ),
}


@pytest.mark.parametrize(("before", "take"), TAKEN_OVER.values(), ids=TAKEN_OVER)
def test_what_waits_is_denied_when_git_takes_over(
    organisation: Organisation, monkeypatch: Any, before: Any, take: Any
) -> None:
    equip(organisation)
    Repository(monkeypatch).commit(a={**web("live"), "spec": _prod()})
    started(organisation)
    sync(organisation)
    first = Change.objects.get()
    change_approve(organisation.actor("maintainer"), first.pk, plan_digest=first.plan_digest, now=NOW)
    settle()
    before(organisation)
    waits = ask(organisation, ChangeRequest("update", "checkout", "live", spec=_prod(replicas=3)), "developer")
    assert waits.state == "pending"

    take(organisation)

    waits.refresh_from_db()
    assert waits.state == "denied"
    said = waits.events.get(event="deny").text
    assert said == "checkout/live is kept in Git, in a.yaml of https://git.example/payments/infra.git."
    entry = AuditEntry.objects.get(action="change.refuse")
    assert (entry.data["cause"], entry.data["after"]["state"]) == ("git source infra", "denied")
    assert "+        replicas: 3" in change_patch(organisation.rights("developer"), waits.pk)[1]
    assert not Approval.objects.filter(change_id=waits.pk, state="waiting").exists()


def _prod(**inputs: Any) -> dict[str, Any]:
    return {**web("live", **inputs)["spec"], "stage": "prod"}


def test_what_was_agreed_to_is_asked_about_again_when_it_starts(owned: Organisation) -> None:
    GitSource.objects.update(owns=False)
    ask(owned, ChangeRequest("sleep", "checkout", "try"))
    agreed = ask(owned, ChangeRequest("update", "checkout", "try", spec=web(replicas=4)["spec"]))
    assert agreed.state == "approved"
    GitSource.objects.update(owns=True)
    settle()
    changes_start_due(now=NOW)

    agreed.refresh_from_db()
    assert agreed.state == "denied"
    assert agreed.verdicts[-1]["policy"] == "git"


def test_who_may_not_ask_reads_no_patch(owned: Organisation) -> None:
    with pytest.raises(PolicyDenied) as denied:
        ask(owned, ChangeRequest("delete", "checkout", "try", confirm="try"))
    number = denied.value.change_id or 0
    for who in ("viewer", "stranger", "auditor"):
        with pytest.raises(Forbidden):
            change_patch(owned.rights(who), number)
    with pytest.raises(NotFound):
        change_patch(owned.rights("developer"), Change.objects.get(environment_name="other").pk)


def test_an_admin_releases_it_and_git_leaves_it_alone(owned: Organisation) -> None:
    admin = owned.actor("admin")
    for who in ("maintainer", "auditor"):
        with pytest.raises(Forbidden):
            environment_release(owned.actor(who), document=document().pk, reason="Git is down.", now=NOW)
    with pytest.raises(InvalidInput):
        environment_release(admin, document=document().pk, reason=" ", now=NOW)

    environment_release(admin, document=document().pk, reason="Git is down.", now=NOW)

    assert ask(owned, ChangeRequest("update", "checkout", "try", spec=web(replicas=4)["spec"])).state == "running"
    settle()
    assert outcomes(sync(owned))["checkout/try"] == "left"
    entry = AuditEntry.objects.get(action="git-source.release")
    assert (entry.data["why"], entry.data["environment"]) == ("Git is down.", "checkout/try")
    with pytest.raises(Conflict):
        environment_release(admin, document=document().pk, reason="Again.", now=NOW)

    environment_give_back(admin, document=document().pk, now=NOW)

    with pytest.raises(PolicyDenied):
        ask(owned, ChangeRequest("update", "checkout", "try", spec=web(replicas=5)["spec"]))
    assert outcomes(sync(owned))["checkout/try"] == "changed"


def test_a_source_that_no_longer_owns_lets_go(owned: Organisation) -> None:
    git_source_save(owned.actor("maintainer"), name="infra", owns=False, now=NOW)

    assert ask(owned, ChangeRequest("update", "checkout", "try", spec=web(replicas=3)["spec"])).state == "running"
    assert Environment.objects.get(name="try").git == document()
