"""The pages of files in Git: looked at, started, told apart, and cheap to read."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from idp.kernel import outbound
from provisioning.models import Change, Environment, GitDocument, GitSource, GitSync, Run
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.git_sources import git_source_save
from provisioning.services.git_syncs import git_sync_ask
from tests.personas import NOW, Organisation
from tests.provisioning.git_repository import URL, Repository, carried, started, sync, web
from tests.provisioning.organisation import Clock, carry_out, equip

pytestmark = pytest.mark.django_db
CEILING = 12
FORM = {"name": "infra", "team": "payments", "url": URL, "every": "5", "secret": "s3cret-token", "owns": "on"}


@pytest.fixture
def repository(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Repository:
    equip(organisation)
    made = Repository(monkeypatch)
    made.commit(a=web(), b="kind: [")
    return made


def looked_at(page: str) -> str:
    return page.partition('name="looked_at" value="')[2].partition('"')[0]


def test_a_source_is_looked_at_saved_previewed_and_started(organisation: Any, repository: Any, sign_in: Any) -> None:
    person, at = sign_in("maintainer"), reverse("git-new")
    text = person.post(at, {**FORM, "do": "look"}).content.decode()
    assert "Nothing is applied by saving" in text
    assert "as a developer of payments could" in text
    assert "governs" not in text
    assert not GitSource.objects.exists()
    unlooked = person.post(at, {**FORM, "do": "save", "looked_at": "other"})
    assert (unlooked.status_code, GitSource.objects.count()) == (200, 0)

    saved = person.post(at, {**FORM, "do": "save", "looked_at": looked_at(text)})

    carried(GitSync.objects.get())
    shown = person.get(saved["Location"]).content.decode()
    assert "Would be created" in shown
    assert '<code class="break">b.yaml' in shown
    assert "s3cret" not in shown + person.get(reverse("git-source", args=["infra"])).content.decode()
    assert not Change.objects.exists()
    person.post(reverse("git-act", args=["infra", "start"]))
    carried(GitSync.objects.get(mode="sync"))
    shown = person.get(reverse("git-source", args=["infra"])).content.decode()
    assert "Follows commits" in shown
    assert "checkout/try" in shown
    assert "Make it so" in shown


def test_a_wrong_address_is_said_at_its_field(organisation: Any, sign_in: Any) -> None:
    person, given = sign_in("maintainer"), FORM | {"url": "https://127.0.0.1/x.git"}
    text = person.post(reverse("git-new"), {**given, "do": "look"}).content.decode()

    refused = person.post(reverse("git-new"), {**given, "do": "save", "looked_at": looked_at(text)})

    assert refused.status_code == 422
    assert not GitSource.objects.exists()


def test_a_look_that_failed_says_what_to_do_next(organisation: Any, repository: Any, sign_in: Any) -> None:
    git_source_save(organisation.actor("maintainer"), name="infra", team="payments", url=URL, now=NOW)
    repository.error = outbound.Unreachable("The Git server broke the connection off.", delay=60)
    failed = carried(git_sync_ask(organisation.actor("maintainer"), source="infra", preview=True, now=NOW))
    at = reverse("git-sync", args=["infra", failed.pk])
    shown = sign_in("maintainer").get(at).content.decode()
    assert "The Git server broke the connection off." in shown
    assert "Look again" in shown
    assert reverse("git-edit", args=["infra"]) in shown
    assert "Nothing is applied yet" not in shown
    assert "Look again" not in sign_in("viewer").get(at).content.decode()


def test_what_is_refused_is_said_once(organisation: Any, repository: Any, sign_in: Any) -> None:
    repository.commit(a=web(replicas="many"), b="kind: [")
    started(organisation)
    done = sync(organisation)
    shown = sign_in("maintainer").get(reverse("git-sync", args=["infra", done.pk])).content.decode()
    told = [error["message"] for line in done.report for error in line["errors"]]
    assert len(told) == 2
    assert [shown.count(escape(one)) for one in told] == [1, 1]


def test_what_git_owns_says_so_and_gives_the_patch(organisation: Any, repository: Any, sign_in: Any) -> None:
    started(organisation, owns=True)
    sync(organisation)
    for run in Run.objects.all():
        carry_out(run, Clock())
    developer = sign_in("developer")
    environment = developer.get(reverse("environment", args=["checkout", "try"])).content.decode()
    assert f"From Git: git.example/payments/infra@{repository.head[:8]} a.yaml, edited there only" in environment
    made = Change.objects.get()
    change = developer.get(reverse("change", args=[made.pk])).content.decode()
    assert f'href="https://git.example/payments/infra/commit/{repository.head}"' in change
    assert "by Ada Lovelace, a.yaml" in change

    answer = developer.post(
        reverse("environment-delete", args=["checkout", "try"]), {"confirm_name": "try", "reason": "Done."}
    )

    denied = Change.objects.get(state="denied")
    assert answer.status_code == 422 or "kept in Git" in answer.content.decode()
    page = developer.get(reverse("change", args=[denied.pk])).content.decode()
    assert reverse("change-git-patch", args=[denied.pk]) in page
    patch = developer.get(reverse("change-git-patch", args=[denied.pk]))
    assert patch["Content-Type"].startswith("text/x-diff")
    assert patch.content.decode().startswith("diff --git a/a.yaml b/a.yaml\ndeleted file mode 100644\n")


def test_what_differs_is_shown_and_downloaded(organisation: Any, repository: Any, sign_in: Any) -> None:
    started(organisation)
    sync(organisation)
    for run in Run.objects.all():
        carry_out(run, Clock())
    edited = ChangeRequest("update", "checkout", "try", spec=web(replicas=3)["spec"])
    change_submit(organisation.actor("developer"), edited, now=NOW)
    for run in Run.objects.filter(finished_at=None):
        carry_out(run, Clock())
    at = ["infra", GitDocument.objects.get(name="checkout/try").pk]

    text = sign_in("developer").get(reverse("git-document", args=at)).content.decode()

    assert "Differs" in text
    assert "+        replicas: 3" in text
    patch = sign_in("developer").get(reverse("git-document-patch", args=at)).content.decode()
    assert "+        replicas: 3" in patch
    assert "replicas: 3" not in sign_in("viewer").get(reverse("git-document", args=at)).content.decode()


def test_a_source_is_removed_by_who_types_its_name(organisation: Any, repository: Any, sign_in: Any) -> None:
    started(organisation)
    person, at = sign_in("maintainer"), reverse("git-act", args=["infra", "remove"])
    refused = person.post(at, {"confirm_name": "infr"})
    assert (refused.status_code, GitSource.objects.count()) == (422, 1)
    assert "to confirm that Git no longer says" in refused.content.decode()

    assert person.post(at, {"confirm_name": "infra"}).status_code == 302

    assert not GitSource.objects.exists()


def _many(organisation: Organisation, number: int) -> GitSource:
    row = git_source_save(organisation.actor("admin"), name="infra", team="payments", url=URL, now=NOW)
    like = Environment.objects.get(name="try")
    stage, system = like.stage, like.system
    for one in range(number):
        name = f"e{one}"
        Environment.objects.get_or_create(system=system, name=name, defaults=_place(stage, f"checkout-{name}", like))
        GitDocument.objects.get_or_create(
            source=row,
            kind="Environment",
            name=f"checkout/{name}",
            defaults={"file": f"{name}.yaml", "outcome": "accepted", "claimed_at": NOW, "seen_at": NOW},
        )
        GitSync.objects.create(source=row, mode="sync", state="done", asked_name="a push", asked_at=NOW)
        git_source_save(organisation.actor("admin"), name=f"s{one}", team="payments", url=URL, now=NOW)
    return row


def _place(stage: Any, namespace: str, like: Any) -> dict[str, Any]:
    shared = {"stage": stage, "cluster": like.cluster, "state": "ready", "desired": like.desired}
    return {**shared, "namespace": namespace, "created_at": NOW, "changed_at": NOW}


def test_the_pages_cost_the_same_for_many_documents(organisation: Any, repository: Any, sign_in: Any) -> None:
    change_submit(
        organisation.actor("developer"), ChangeRequest("create", "checkout", "try", spec=web()["spec"]), now=NOW
    )
    person, asked = sign_in("maintainer"), {}
    for number in (1, 8):
        _many(organisation, number)
        document = GitDocument.objects.get(name="checkout/e0").pk
        pages = {
            "sources": reverse("git-sources"),
            "source": reverse("git-source", args=["infra"]),
            "document": reverse("git-document", args=["infra", document]),
            "sync": reverse("git-sync", args=["infra", GitSync.objects.filter(source__name="infra").first().pk]),
        }
        for name, at in pages.items():
            person.get(at)
            with CaptureQueriesContext(connection) as queries:
                assert person.get(at).status_code == 200
            asked.setdefault(name, []).append(len(queries))
    assert {name: one[0] == one[1] and one[1] <= CEILING for name, one in asked.items()} == dict.fromkeys(
        asked, True
    ), asked
