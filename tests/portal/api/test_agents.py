"""Agents over the API: by session to make and change them, by token to read what they are and did."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel import clock
from idp.kernel.errors import NotSignedIn
from provisioning.services.agent_sessions import agent_call_keep, agent_session_begin
from provisioning.services.agents import agent_authenticate
from tests.personas import Organisation
from tests.portal.api.client import Api
from tests.portal.api.conftest import Caller
from tests.provisioning.agents import caller

pytestmark = pytest.mark.django_db
NEW: dict[str, Any] = {
    "name": "triage",
    "team": "payments",
    "systems": ["checkout"],
    "stages": ["dev"],
    "kinds": ["create", "update"],
    "monthly_cap": 250.5,
    "days": 7,
}


def signed_in(organisation: Organisation, who: str = "developer") -> Api:
    return Api(user=organisation.people[who])


def made(client: Api, **more: Any) -> dict[str, Any]:
    answer = client.post("agents/", {**NEW, **more})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def test_its_token_is_in_one_answer_and_opens_the_door(organisation: Organisation) -> None:
    client = signed_in(organisation)
    first = made(client)
    assert agent_authenticate(first["token"], clock.now()).actor.systems == {"checkout"}
    shown = client.get("agents/triage/")
    assert first["token"] not in shown.content.decode()
    assert shown.json() | {"may_call": True, "monthly_cap": 250.5, "spent": 0} == shown.json()
    other = client.post("agents/triage/token/", {"days": 3}).json()["token"]
    assert agent_authenticate(other, clock.now()).agent.name == "triage"
    with pytest.raises(NotSignedIn):
        agent_authenticate(first["token"], clock.now())


def test_an_edit_needs_the_version_that_was_read_and_can_be_taken_back(organisation: Organisation) -> None:
    client = signed_in(organisation)
    made(client)
    tag = client.get("agents/triage/")["ETag"]
    assert client.patch("agents/triage/", {"stages": []}).status_code == 428
    edited = client.patch("agents/triage/", {"stages": [], "monthly_cap": 10}, If_Match=tag)
    assert edited.json() | {"stages": [], "monthly_cap": 10, "systems": ["checkout"]} == edited.json()
    assert client.patch("agents/triage/", {"monthly_cap": 9}, If_Match=tag).status_code == 412
    assert client.post("agents/triage/take-back/").json()["stages"] == ["dev"]
    assert client.delete("agents/triage/", If_Match=edited["ETag"]).status_code == 412
    assert client.delete("agents/triage/", If_Match=client.get("agents/triage/")["ETag"]).status_code == 204
    assert client.get("agents/triage/").status_code == 404


def test_it_is_switched_off_by_who_answers_for_its_team(organisation: Organisation) -> None:
    token = made(signed_in(organisation))["token"]
    maintainer = signed_in(organisation, "maintainer")
    assert maintainer.post("agents/triage/pause/").json() | {"state": "paused", "may_call": False}
    with pytest.raises(NotSignedIn):
        agent_authenticate(token, clock.now())
    assert maintainer.post("agents/triage/resume/").json()["may_call"] is True
    assert maintainer.patch("agents/triage/", {"monthly_cap": 1}, If_Match="*").status_code == 403


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({"name": "Triage"}, "name", id="capitals"),
        pytest.param({"name": "rules"}, "name", id="an address of the portal"),
        pytest.param({"team": "nobody"}, "team", id="no team"),
        pytest.param({"systems": ["shop"]}, "systems", id="a system of others"),
        pytest.param({"stages": ["moon"]}, "stages", id="no stage"),
        pytest.param({"kinds": ["revert"]}, "kinds.0", id="a kind for people"),
        pytest.param({"kinds": []}, "kinds", id="no kind"),
        pytest.param({"monthly_cap": -1}, "monthly_cap", id="less than nothing"),
        pytest.param({"monthly_cap": 0.001}, "monthly_cap", id="thousandths"),
        pytest.param({"days": 400}, "days", id="too long"),
    ],
)
def test_it_says_what_is_wrong_and_where(organisation: Organisation, body: dict[str, Any], path: str) -> None:
    answer = signed_in(organisation).post("agents/", {**NEW, **body})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


def test_a_token_reads_and_changes_nothing(api: Caller, organisation: Organisation) -> None:
    made(signed_in(organisation))
    client = api("developer")
    assert [one["name"] for one in client.get("agents/").json()["items"]] == ["triage"]
    refused = client.post("agents/", {**NEW, "name": "other"})
    assert (refused.status_code, "token" in refused.json()["detail"]) == (403, True)
    bound = api("developer", "read", systems=("checkout",))
    assert bound.get("agents/").json()["items"] == []
    assert bound.get("agents/triage/").status_code == 404


def test_what_it_called_is_read_page_by_page(api: Caller, organisation: Organisation) -> None:
    by = caller(organisation, now=clock.now())
    session = agent_session_begin(by, client="editor", now=clock.now())
    for tool in ("plan", "search"):
        sent = {"token": "hush", "query": "x"}
        agent_call_keep(by, session, tool=tool, arguments=sent, outcome="done", now=clock.now())
    client = api("maintainer", "read")
    (row,) = client.get("agents/triage/sessions/").json()["items"]
    assert (row["client"], row["calls"], client.get(row["url"]).json()) == ("editor", 2, row)
    first = client.get(f"{row['url']}calls/?limit=1").json()
    assert first["items"][0] | {"tool": "plan", "arguments": {"token": "(hidden)", "query": "x"}} == first["items"][0]
    assert [one["tool"] for one in client.get(first["next"]).json()["items"]] == ["search"]
    assert client.get("agents/triage/sessions/999999/calls/").status_code == 404
