"""What looks at Git tell people and programs: trouble once for each commit, not for each look, and its end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from governance.domain.event import EVENT_TYPES
from governance.models import Notice, OutgoingEvent
from governance.services.webhooks import webhook_create
from idp.kernel import outbound
from idp.kernel.git_reader import Refused
from provisioning.models import GitSource, GitSync
from provisioning.services.git_syncs import git_sync_pushed, git_syncs_sweep
from tests.personas import NOW, Organisation
from tests.provisioning.git_repository import Repository, carried, started, sync, web
from tests.provisioning.organisation import equip

pytestmark = pytest.mark.django_db
BROKEN = "kind: ["


@pytest.fixture
def repository(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Repository:
    equip(organisation)
    made = Repository(monkeypatch)
    made.commit(a=web())
    return made


def told(kind: str = "git-trouble") -> dict[str, list[str]]:
    """People by what they are told, in order."""
    found: dict[str, list[str]] = {}
    for title, name in Notice.objects.filter(kind=kind).order_by("pk").values_list("title", "person__username"):
        found.setdefault(title, []).append(name)
    return found


def events() -> list[str]:
    return list(OutgoingEvent.objects.filter(type__startswith="git.").order_by("pk").values_list("type", flat=True))


def look(organisation: Organisation) -> GitSync:
    """As a push asks for it."""
    row = git_sync_pushed(GitSource.objects.get(), now=NOW)
    return carried(row)


def test_refused_documents_are_told_once_for_each_commit(organisation: Organisation, repository: Repository) -> None:
    listening = {"name": "Ours", "url": "https://b.example/", "team": organisation.payments}
    webhook_create(organisation.actor("maintainer"), **listening, now=NOW)
    started(organisation)
    repository.commit(a=web(), b=BROKEN, c=web("far", system="shop"))

    look(organisation)
    look(organisation)

    assert told() == {"infra: 2 documents are refused": ["developer", "maintainer", "second_maintainer"]}
    said = Notice.objects.filter(kind="git-trouble").first()
    assert said.text.startswith("b.yaml: ")
    assert "shop/far: Only developers and maintainers of team storefront" in said.text
    assert said.url == f"/git/sources/infra/syncs/{GitSync.objects.order_by('pk')[1].pk}/"
    repository.commit(a=web(), b=BROKEN)
    look(organisation)
    assert list(told()) == ["infra: 2 documents are refused", "infra: 1 document is refused"]
    repository.commit(a=web())

    look(organisation)
    look(organisation)

    assert told("git-over") == {"infra is synced again": ["developer", "maintainer", "second_maintainer"]}
    assert not Notice.objects.filter(kind="git-trouble", title__contains="1 document", read_at=None).exists()
    assert events() == ["git.refused", "git.refused", "git.recovered"]
    for one in OutgoingEvent.objects.filter(type__startswith="git."):
        assert not list(Draft202012Validator(EVENT_TYPES[one.type].schema).iter_errors(one.data))
        assert one.data["commit"]["author"] == "Ada Lovelace"


def test_a_look_that_fails_is_told_once_and_that_it_is_over(organisation: Organisation, repository: Repository) -> None:
    started(organisation, every=5)
    repository.error = Refused("The Git server does not let Slipway read this repository.", remedy="Give a token.")

    look(organisation)
    look(organisation)

    assert told() == {"infra cannot be synced": ["maintainer", "second_maintainer"]}
    assert "Give a token." in Notice.objects.filter(kind="git-trouble")[0].text
    repository.error = None

    look(organisation)

    assert told("git-over") == {"infra is synced again": ["maintainer", "second_maintainer"]}
    assert not Notice.objects.filter(kind="git-trouble", read_at=None).exists()


def test_what_may_pass_is_told_when_it_did_not(organisation: Organisation, repository: Repository) -> None:
    started(organisation, every=5)
    look(organisation)
    repository.error = outbound.Unreachable("The Git server broke the connection off.", delay=60)
    git_syncs_sweep(now=NOW + timedelta(minutes=6))
    carried(GitSync.objects.get(state="queued"))
    assert told() == {}

    look(organisation)

    assert told() == {"infra cannot be synced": ["maintainer", "second_maintainer"]}


def test_who_asked_and_previews_are_told_nothing(organisation: Organisation, repository: Repository) -> None:
    started(organisation)
    repository.commit(b=BROKEN)

    sync(organisation, preview=True, who="maintainer")
    assert told() == {}
    sync(organisation, who="maintainer")

    assert told() == {"infra: 1 document is refused": ["developer", "second_maintainer"]}
