"""Files in Git: what a commit leads to, for whom, once; and what never blocks what is beside it."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from governance.models import AuditEntry, Policy
from governance.services.quota import quota_set
from idp.kernel import outbound
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from provisioning.models import Change, ChangeAuthor, Environment, GitDocument, GitSource, GitSync, Run
from provisioning.selectors.git import document_difference, document_view, document_views
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_reject
from provisioning.services.git_sources import (
    git_source_hook,
    git_source_remove,
    git_source_save,
    git_source_start,
    git_source_take_back,
)
from provisioning.services.git_syncs import git_sync_ask, git_sync_pushed, git_syncs_sweep
from tests.personas import NOW, Organisation
from tests.provisioning.git_repository import (
    URL,
    Repository,
    carried,
    document,
    outcomes,
    small,
    source,
    started,
    sync,
    web,
)
from tests.provisioning.organisation import PROD_NEEDS_A_MAINTAINER, Clock, carry_out, equip

pytestmark = pytest.mark.django_db
CALM = {**copy.deepcopy(PROD_NEEDS_A_MAINTAINER), "metadata": {"name": "calm"}}
BROKEN = "kind: ["


@pytest.fixture
def set_up(organisation: Organisation) -> Organisation:
    equip(organisation)
    return organisation


@pytest.fixture
def repository(set_up: Organisation, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(monkeypatch)
    made.commit(a=web())
    return made


def settle() -> None:
    for run in Run.objects.filter(finished_at=None):
        carry_out(run, Clock())


def state(name: str = "checkout/try") -> str:
    views = document_views(GitSource.objects.get())
    return next(one.state for one in views if one.row.name == name)


# --- who keeps a source, and what it may be ---


@pytest.mark.parametrize("who", ["developer", "viewer", "stranger", "storefront_maintainer", "auditor"])
def test_only_maintainers_of_the_team_and_admins_keep_sources(set_up: Organisation, who: str) -> None:
    source(set_up)
    actor = set_up.actor(who)
    for ask in (
        lambda: git_source_save(actor, name="other", team="payments", url=URL, now=NOW),
        lambda: git_source_save(actor, name="infra", every=5, now=NOW),
        lambda: git_source_start(actor, name="infra", active=True, now=NOW),
        lambda: git_source_hook(actor, name="infra", now=NOW),
        lambda: git_source_take_back(actor, name="infra", now=NOW),
        lambda: git_source_remove(actor, name="infra", confirm="infra", now=NOW),
        lambda: git_sync_ask(actor, source="infra", now=NOW),
    ):
        with pytest.raises(Forbidden):
            ask()


def test_what_governs_is_for_admins_only(set_up: Organisation) -> None:
    with pytest.raises(Forbidden):
        source(set_up, governs=True)
    source(set_up, "admin", governs=True)
    with pytest.raises(Forbidden):
        git_source_save(set_up.actor("maintainer"), name="infra", every=5, now=NOW)


WRONG: dict[str, dict[str, Any]] = {
    "loopback": {"url": "https://127.0.0.1/x.git"},
    "metadata": {"url": "https://169.254.169.254/x.git"},
    "private-ssh": {"url": "ssh://git@10.0.0.1/x.git"},
    "a-file": {"url": "file:///srv/x.git"},
    "token-over-http": {"url": "http://git.example/x.git", "secret": "s"},
    "nowhere": {"url": ""},
    "another-team's-system": {"systems": ["shop"]},
    "unknown-team": {"team": "nobody"},
    "branch": {"branch": "a..b"},
    "too-seldom": {"every": 100_000},
    "name": {"name": "Not A Name"},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
def test_it_refuses_sources_that_cannot_be(set_up: Organisation, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        source(set_up, **fields)
    assert not GitSource.objects.exists()


def test_a_secret_is_kept_encrypted_sent_and_never_told(set_up: Organisation, repository: Repository) -> None:
    row = source(set_up, secret="t0ps3cret")
    sync(set_up, preview=True)

    assert repository.asked == [("t0ps3cret", "")]
    assert "t0ps3cret" not in row.secret
    assert "t0ps3cret" not in str(list(AuditEntry.objects.values_list("data", flat=True)))


def test_nothing_is_applied_before_somebody_looked(set_up: Organisation, repository: Repository) -> None:
    row = source(set_up, every=5)
    with pytest.raises(Conflict):
        git_source_start(set_up.actor("maintainer"), name="infra", active=True, now=NOW)
    with pytest.raises(Conflict):
        git_sync_ask(set_up.actor("maintainer"), source="infra", now=NOW)
    assert git_sync_pushed(row, now=NOW) is None
    assert git_syncs_sweep(now=NOW + timedelta(days=1)) == 0

    looked = sync(set_up, preview=True)

    assert outcomes(looked) == {"checkout/try": "created"}
    assert not Environment.objects.exists()
    assert not Change.objects.exists()
    assert not GitDocument.objects.exists()


def test_an_edit_of_the_place_stops_it_until_it_is_looked_at_and_is_taken_back(
    set_up: Organisation, repository: Repository
) -> None:
    started(set_up)
    row = git_source_save(set_up.actor("maintainer"), name="infra", every=5, now=NOW)
    assert row.active
    row = git_source_save(set_up.actor("maintainer"), name="infra", pattern="envs/*.yaml", now=NOW)
    assert not row.active
    with pytest.raises(Conflict):
        git_source_start(set_up.actor("maintainer"), name="infra", active=True, now=NOW)

    row = git_source_take_back(set_up.actor("maintainer"), name="infra", now=NOW)

    assert (row.pattern, row.every) == ("**/*.yaml **/*.yml", 5)


# --- what a commit leads to ---


def test_a_commit_becomes_a_change_with_its_author_and_link(set_up: Organisation, repository: Repository) -> None:
    repository.email = "maintainer@example.com"
    started(set_up)
    done = sync(set_up)
    change = Change.objects.get()

    assert (done.state, outcomes(done)) == ("done", {"checkout/try": "created"})
    assert (change.requester.username, change.via, change.reason.split("\n")[0]) == ("git-infra", "git", "Make it so")
    assert change.commit.commit == repository.head
    assert change.commit.link == f"https://git.example/payments/infra/commit/{repository.head}"
    assert (change.commit.author, change.commit.path) == ("Ada Lovelace", "a.yaml")
    assert Environment.objects.get().git == document()
    entry = AuditEntry.objects.get(action="change.submit")
    assert (entry.actor_name, entry.behalf, entry.via) == ("git-infra", "Ada Lovelace <maintainer@example.com>", "git")
    assert AuditEntry.objects.get(action="change.from-git").data["commit"] == repository.head
    assert list(ChangeAuthor.objects.values_list("user__username", "part")) == [("maintainer", "wrote the commit")]
    assert state() == "waiting"
    settle()
    assert state() == "in-sync"


def test_the_same_commit_is_applied_once(set_up: Organisation, repository: Repository) -> None:
    row = started(set_up, every=5)
    sync(set_up)
    settle()

    row.refresh_from_db()
    pushed = carried(git_sync_pushed(row, now=NOW))
    assert pushed.message == "There is no new commit."
    repository.commit(a=web(), readme=web("other"))
    git_syncs_sweep(now=NOW + timedelta(minutes=6))
    due = carried(GitSync.objects.get(state="queued"))
    assert outcomes(due) == {"checkout/try": "unchanged", "checkout/other": "created"}
    assert outcomes(sync(set_up))["checkout/try"] == "unchanged"
    assert Change.objects.count() == 2


def test_a_force_push_back_goes_back(set_up: Organisation, repository: Repository) -> None:
    started(set_up)
    first = repository.head
    sync(set_up)
    settle()
    repository.commit(a=web(replicas=2))
    sync(set_up)
    settle()
    repository.commit(a=web())
    repository.head = first

    assert outcomes(sync(set_up)) == {"checkout/try": "changed"}
    settle()
    assert Environment.objects.get().desired.document["resources"]["api"]["inputs"]["replicas"] == 1


def test_a_wrong_file_never_blocks_a_right_one(set_up: Organisation, repository: Repository) -> None:
    wrong = web("wrong")
    wrong["spec"]["resources"]["api"]["inputs"]["replicas"] = "many"
    huge = {"kind": "Note", "text": "a"}
    started(set_up)
    repository.commit(a=web(), b=BROKEN, c=wrong, d=huge, e=[web("e"), web("e")], f=CALM, g=web("x", system="shop"))

    done = sync(set_up)

    assert done.state == "done"
    assert outcomes(done) == {
        "checkout/try": "created",
        "b.yaml": "refused",
        "checkout/wrong": "refused",
        "d.yaml": "refused",
        "checkout/e": "refused",
        "calm": "refused",
        "shop/x": "refused",
    }
    told = {one["file"]: one for one in done.report if one["outcome"] == "refused"}
    assert told["b.yaml"]["errors"][0]["line"]
    assert told["c.yaml"]["errors"][0]["path"] == "spec.resources.api.inputs.replicas"
    assert told["c.yaml"]["errors"][0]["line"] > 1
    assert "written twice" in told["e.yaml"]["message"]
    assert "applies environments only" in told["f.yaml"]["message"]
    assert "Only developers and maintainers of team storefront" in told["g.yaml"]["message"]
    assert Environment.objects.filter(name="e").exists()
    assert not Policy.objects.filter(name="calm").exists()


ESCAPES = {
    "another-team": ({}, "shop", "Only developers and maintainers of team storefront"),
    "outside-its-systems": ({"systems": ["vault"]}, "checkout", "There is no system"),
    "no-such-system": ({}, "nothing", "There is no system"),
}


@pytest.mark.parametrize(("fields", "system", "said"), ESCAPES.values(), ids=ESCAPES)
def test_a_file_reaches_no_further_than_its_source(
    set_up: Organisation, repository: Repository, fields: dict[str, Any], system: str, said: str
) -> None:
    repository.commit(a=web(system=system))
    started(set_up, owns=True, **fields)

    done = sync(set_up)

    assert outcomes(done) == {f"{system}/try": "refused"}
    assert said in done.report[0]["message"]
    assert not Change.objects.exists()


def test_a_source_that_governs_applies_policies_in_order(set_up: Organisation, repository: Repository) -> None:
    repository.commit(z=CALM)
    started(set_up, "admin", governs=True)
    assert not Policy.objects.filter(name="calm").exists()

    assert outcomes(sync(set_up)) == {"calm": "created"}

    assert AuditEntry.objects.filter(action__startswith="policy.", behalf="git source infra").exists()
    assert state("calm") == "in-sync"
    Policy.objects.filter(name="calm").update(document={})
    assert state("calm") == "differs"


def test_what_the_portal_would_ask_is_asked(set_up: Organisation, repository: Repository) -> None:
    production = web("live")
    production["spec"]["stage"] = "prod"
    repository.commit(a=production)
    started(set_up)

    assert outcomes(sync(set_up)) == {"checkout/live": "waiting"}
    change = Change.objects.get()
    assert (change.state, state("checkout/live")) == ("pending", "waiting")
    change_reject(set_up.actor("maintainer"), change.pk, plan_digest=change.plan_digest, comment="No.", now=NOW)
    assert state("checkout/live") == "refused"
    repository.commit(a=production, b=web())
    assert outcomes(sync(set_up, who="maintainer"))["checkout/live"] in ("waiting", "refused")


def test_a_denied_change_is_told_with_its_commit(set_up: Organisation, repository: Repository) -> None:
    quota_set(PLATFORM, team=set_up.payments, cpu=0, memory_gib=40, storage_gib=500, environments=10, now=NOW)
    started(set_up)

    done = sync(set_up)

    assert outcomes(done) == {"checkout/try": "refused"}
    assert Change.objects.get(state="denied").commit.commit == repository.head
    assert done.report[0]["change"] == Change.objects.get().pk


def test_a_look_that_fails_says_why_and_changes_nothing(set_up: Organisation, repository: Repository) -> None:
    started(set_up, every=5)
    sync(set_up)
    repository.error = outbound.Unreachable("The Git server broke the connection off.", delay=60)
    repository.commit()

    failed = sync(set_up)

    assert (failed.state, "tried again by schedule" in failed.message) == ("failed", True)
    assert document().gone_at is None


@pytest.mark.parametrize(
    ("every", "active", "preview"),
    [
        pytest.param(0, True, False, id="it has no schedule"),
        pytest.param(5, False, False, id="it was stopped meanwhile"),
        pytest.param(5, True, True, id="a preview is not repeated"),
    ],
)
def test_it_promises_no_further_try_where_none_comes(
    set_up: Organisation, repository: Repository, every: int, active: bool, preview: bool
) -> None:
    started(set_up, every=every)
    made = git_sync_ask(set_up.actor("maintainer"), source="infra", preview=preview, now=NOW)
    if not active:
        git_source_start(set_up.actor("maintainer"), name="infra", active=False, now=NOW)
    repository.error = outbound.Unreachable("The Git server broke the connection off.", delay=60)

    failed = carried(made)

    assert (failed.state, "by schedule" in failed.message) == ("failed", False)


def test_a_source_that_is_stopped_while_it_reads_applies_nothing(
    set_up: Organisation, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(set_up)
    made = git_sync_ask(set_up.actor("maintainer"), source="infra", now=NOW)
    git_source_start(set_up.actor("maintainer"), name="infra", active=False, now=NOW)

    assert carried(made).state == "failed"
    assert not Change.objects.exists()


def test_a_worker_that_died_is_followed_and_nothing_is_twice(set_up: Organisation, repository: Repository) -> None:
    started(set_up)
    repository.commit(a=web(), b=web("other"))
    first = sync(set_up)
    GitSync.objects.filter(pk=first.pk).update(state="running", lease_until=NOW - timedelta(seconds=1), anew=False)
    GitSource.objects.update(known="")

    again = carried(first)

    assert outcomes(again) == {"checkout/try": "unchanged", "checkout/other": "unchanged"}
    assert Change.objects.count() == 2
    GitSync.objects.filter(pk=first.pk).update(state="running", lease_until=NOW - timedelta(seconds=1), attempts=3)
    assert carried(first).state == "failed"


# --- what left the files ---


def test_what_left_the_files_stays_and_is_said(set_up: Organisation, repository: Repository) -> None:
    repository.commit(a=web(), b=web("other"))
    started(set_up, owns=True)
    sync(set_up)
    settle()
    repository.commit(b=web("other"))

    done = sync(set_up)

    assert outcomes(done)["checkout/try"] == "gone"
    assert state() == "gone"
    assert Environment.objects.get(name="try").git is None
    assert not Change.objects.filter(kind="delete").exists()


PRUNED = {
    "no-data": (web(), web("other"), "deleted"),
    "data": (small(), web("other"), "gone"),
    "all-files-gone": (web(), None, "gone"),
}


@pytest.mark.parametrize(("there", "stays", "outcome"), PRUNED.values(), ids=PRUNED)
def test_a_source_that_prunes_deletes_what_holds_no_data(
    set_up: Organisation, repository: Repository, there: Any, stays: Any, outcome: str
) -> None:
    repository.commit(a=there, **({"b": stays} if stays else {}))
    started(set_up, prune=True)
    sync(set_up)
    settle()
    repository.commit(**({"b": stays} if stays else {}))
    assert outcomes(sync(set_up, preview=True))["checkout/try"] == "gone"

    assert outcomes(sync(set_up))["checkout/try"] == outcome

    deletes = Change.objects.filter(kind="delete")
    assert deletes.count() == (1 if outcome == "deleted" else 0)
    settle()
    sync(set_up)
    assert deletes.count() == (1 if outcome == "deleted" else 0)
    assert GitDocument.objects.filter(name="checkout/try").exists() is (outcome != "deleted")


def test_a_file_that_cannot_be_read_is_still_there(set_up: Organisation, repository: Repository) -> None:
    started(set_up, prune=True)
    sync(set_up)
    settle()
    repository.commit(a=BROKEN, b=web("other"))

    sync(set_up)

    assert document().gone_at is None
    assert not Change.objects.filter(kind="delete").exists()


def test_a_large_commit_applies_what_is_right_in_it(set_up: Organisation, repository: Repository) -> None:
    started(set_up)
    many = {f"z{at}": {**CALM, "metadata": {"name": f"calm-{at}"}} for at in range(210)}
    repository.commit(a=web(), b="#" * 1_000_001, **many)

    done = sync(set_up)

    assert done.state == "done"
    found = outcomes(done)
    assert (found["checkout/try"], found["b.yaml"], found["calm-209"]) == ("created", "refused", "refused")
    assert Environment.objects.filter(name="try").exists()


def test_two_sources_never_fight_for_one_environment(set_up: Organisation, repository: Repository) -> None:
    started(set_up)
    sync(set_up)
    started(set_up, name="second")

    done = sync(set_up, name="second")

    assert outcomes(done) == {"checkout/try": "refused"}
    assert "The source infra has it already" in done.report[0]["message"]
    assert Environment.objects.get().git.source.name == "infra"


# --- drift between Git and Slipway ---


def test_what_was_edited_elsewhere_differs_and_is_put_back_when_somebody_syncs(
    set_up: Organisation, repository: Repository
) -> None:
    started(set_up)
    sync(set_up)
    settle()
    edited = web(replicas=3)["spec"]
    change_submit(set_up.actor("developer"), ChangeRequest("update", "checkout", "try", spec=edited), now=NOW)
    settle()
    view = document_view(GitSource.objects.get(), document().pk)
    assert view.state == "differs"
    assert "+        replicas: 3" in document_difference(view)
    repository.commit(a=web(), b=web("other"))
    row = GitSource.objects.get()
    assert outcomes(carried(git_sync_pushed(row, now=NOW)))["checkout/try"] == "unchanged"

    assert outcomes(sync(set_up))["checkout/try"] == "changed"

    settle()
    assert state() == "in-sync"


def test_a_source_that_is_removed_leaves_what_it_made(set_up: Organisation, repository: Repository) -> None:
    row = started(set_up, owns=True)
    sync(set_up)
    settle()
    git_source_remove(set_up.actor("maintainer"), name="infra", confirm="infra", now=NOW)

    row.account.refresh_from_db()
    assert not row.account.is_active
    assert Environment.objects.get().git is None
    assert Change.objects.get().commit.source == "infra"
    edited = ChangeRequest("update", "checkout", "try", spec=web(replicas=3)["spec"])
    assert change_submit(set_up.actor("developer"), edited, now=NOW).state == "running"
    assert started(set_up).account.is_active
