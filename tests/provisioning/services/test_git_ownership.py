"""Environments that Git owns: every edit is refused with a patch that Git takes, until an admin releases them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from governance.models import AuditEntry
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, PolicyDenied
from provisioning.domain.bundle import read_bundle
from provisioning.models import Change, Environment, Run
from provisioning.selectors.git import change_patch
from provisioning.services.applying import documents_apply
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.git_ownership import EDITS, environment_give_back, environment_release, git_verdicts
from provisioning.services.git_sources import git_source_save
from provisioning.services.requests import KINDS
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
