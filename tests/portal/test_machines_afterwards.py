"""What a machine may when its person, its role or its scope went after it was made: nothing that went with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from governance.services.people import account_update
from governance.services.teams import membership_remove, membership_set
from governance.services.tokens import token_create
from idp.catalog.models import System, User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, GitSource
from provisioning.services.agents import agent_act, agent_rotate, agent_update
from provisioning.services.git_sources import git_source_save, git_source_start
from tests.personas import NOW, Organisation
from tests.portal.api.client import Api, token_for
from tests.portal.machines import account, tool_called
from tests.provisioning.agents import agent, wish
from tests.provisioning.git_repository import Repository, outcomes, started, sync, web
from tests.provisioning.organisation import equip, spec

pytestmark = pytest.mark.django_db
Happens = Callable[[Organisation], object]
NEW = {"kind": "create", "system": "checkout", "environment": "new", "spec": spec()}


@pytest.fixture
def organisation(db: None) -> Organisation:
    cache.clear()
    made = Organisation.found()
    equip(made)
    return made


def leaves(organisation: Organisation) -> None:
    membership_remove(PLATFORM, team=organisation.payments, user=organisation.developer, now=NOW)


def only_looks(organisation: Organisation) -> None:
    membership_set(PLATFORM, team=organisation.payments, user=organisation.developer, role="viewer", now=NOW)


def is_switched_off(organisation: Organisation) -> None:
    account_update(organisation.actor("admin"), username="developer", active=False, now=NOW)


def narrowed(**scope: Any) -> Happens:
    return lambda organisation: agent_update(
        organisation.actor("developer"), name="triage", wish=wish(**scope), now=NOW
    )


def handed_over(organisation: Organisation) -> None:
    System.objects.filter(slug="checkout").update(team=organisation.storefront)


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        pytest.param(leaves, "forbidden", id="its owner left the team"),
        pytest.param(only_looks, "forbidden", id="its owner only looks now"),
        pytest.param(is_switched_off, "bad-token", id="its owner is switched off"),
        pytest.param(narrowed(kinds=("update",)), "agent-scope", id="it may create no more"),
        pytest.param(narrowed(stages=("staging",)), "agent-scope", id="not at this stage any more"),
        pytest.param(narrowed(systems=("vault",)), "not-found", id="not in this system any more"),
        pytest.param(narrowed(monthly_cap=0), "over-spend-cap", id="its cap is lower"),
        pytest.param(handed_over, "not-found", id="the system is another team's"),
        pytest.param(
            lambda made: agent_act(made.actor("maintainer"), name="triage", act="pause", now=NOW),
            "bad-token",
            id="a maintainer paused it",
        ),
        pytest.param(
            lambda made: agent_rotate(made.actor("developer"), name="triage", days=3, now=NOW),
            "bad-token",
            id="it has another token",
        ),
    ],
)
def test_an_agent_loses_what_went_between_its_plan_and_its_submit(
    organisation: Organisation, client: Client, happens: Happens, code: str
) -> None:
    membership_set(PLATFORM, team=organisation.storefront, user=organisation.developer, role="developer", now=NOW)
    token = agent(organisation, now=clock.now(), systems=("checkout",))[1]
    planned = tool_called(client, token, "plan", NEW)
    assert planned["may_submit"]
    happens(organisation)
    asked = tool_called(client, token, "submit_change", {"plan_digest": planned["plan_digest"]})
    assert (asked["refused"], asked["code"]) == (True, code)
    assert not Change.objects.exists()


def test_an_agent_submits_no_plan_of_another(organisation: Organisation, client: Client) -> None:
    first = agent(organisation, "first", now=clock.now())[1]
    second = agent(organisation, "second", now=clock.now())[1]
    digest = tool_called(client, first, "plan", NEW)["plan_digest"]
    assert tool_called(client, second, "submit_change", {"plan_digest": digest})["code"] == "plan-first"


@pytest.mark.parametrize(
    ("happens", "read", "asked"),
    [
        pytest.param(leaves, 200, 403, id="they left the team"),
        pytest.param(only_looks, 200, 403, id="they only look now"),
        pytest.param(is_switched_off, 401, 401, id="they are switched off"),
    ],
)
def test_a_token_loses_what_its_person_lost(
    organisation: Organisation, happens: Happens, read: int, asked: int
) -> None:
    api = Api(token=token_for(organisation.developer))
    happens(organisation)
    assert api.get("systems/checkout/").status_code == read
    assert api.post("changes/", NEW).status_code == asked


@pytest.mark.parametrize(
    ("happens", "status"), [pytest.param(leaves, 403, id="left"), pytest.param(is_switched_off, 403, id="switched off")]
)
def test_a_program_asks_for_nobody_who_went(organisation: Organisation, happens: Happens, status: int) -> None:
    robot, now = account(organisation, "backstage"), clock.now()
    token = token_create(PLATFORM, owner=robot, name="b", scopes=("read", "change"), for_people=True, now=now)[1]
    happens(organisation)
    assert Api(token=token).post("changes/", NEW, Slipway_On_Behalf_Of="developer").status_code == status


def test_a_program_that_names_nobody_is_told_to(organisation: Organisation) -> None:
    robot, now = account(organisation, "backstage"), clock.now()
    token = token_create(PLATFORM, owner=robot, name="b", scopes=("read", "change"), for_people=True, now=now)[1]
    answer = Api(token=token).post("changes/", NEW)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (403, "token-scope")
    assert "named none" in told["detail"]
    assert "Slipway-On-Behalf-Of" in told["remedy"]


def test_files_in_git_stay_their_teams_when_who_made_the_source_left(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source asks as an account of the team: with nobody's rights but a developer's there."""
    repository = Repository(monkeypatch)
    repository.commit(a=web())
    started(organisation, who="maintainer")
    membership_remove(PLATFORM, team=organisation.payments, user=organisation.maintainer, now=NOW)
    account_update(organisation.actor("admin"), username="maintainer", active=False, now=NOW)
    assert outcomes(sync(organisation)) == {"checkout/try": "created"}
    assert Change.objects.get().requester == GitSource.objects.get().account


def loses_its_role(organisation: Organisation) -> None:
    user = GitSource.objects.get().account
    membership_remove(PLATFORM, team=organisation.payments, user=user, now=NOW)


def is_off(organisation: Organisation) -> None:
    User.objects.filter(pk=GitSource.objects.get().account_id).update(is_active=False)


def reaches_less(organisation: Organisation) -> None:
    git_source_save(organisation.actor("maintainer"), name="infra", systems=["vault"], now=NOW)
    assert sync(organisation, preview=True).state == "done"
    git_source_start(organisation.actor("maintainer"), name="infra", active=True, now=NOW)


@pytest.mark.parametrize("happens", [loses_its_role, is_off, reaches_less, handed_over])
def test_files_in_git_do_no_more_than_their_account_may_now(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, happens: Happens
) -> None:
    repository = Repository(monkeypatch)
    repository.commit(a=web())
    started(organisation)
    happens(organisation)
    assert outcomes(sync(organisation)) == {"checkout/try": "refused"}
    assert not Change.objects.exists()
