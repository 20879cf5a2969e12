"""Agents: what they may never do, however they ask, and who signs beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from governance.access import rights_of
from governance.models import AuditEntry, Delegation, Notice
from governance.services.approvals import approvals_of
from governance.services.deciding import cosigners
from governance.services.systems import system_create
from governance.services.teams import membership_remove, membership_set, team_create
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, StalePlan, UserFault
from provisioning.models import AgentCall, AgentChange, AgentPlan, AgentSession, Change, ChangeAuthor, Run
from provisioning.selectors.agents import agent_get
from provisioning.selectors.changes import change_list, change_view
from provisioning.services.agent_cap import agent_spent
from provisioning.services.agent_changes import OverCap, agent_plan, agent_submit
from provisioning.services.agent_rules import agent_rules_save, agent_rules_take_back, agents_affected
from provisioning.services.agent_sessions import (
    agent_call_keep,
    agent_session_begin,
    agent_session_of,
    agent_sessions_purge,
)
from provisioning.services.agents import (
    AgentCaller,
    agent_act,
    agent_authenticate,
    agent_create,
    agent_rotate,
    agent_take_back,
    agent_update,
)
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.cosigning import change_cosign
from provisioning.services.decisions import change_approve, change_reject
from tests.personas import NOW, Organisation
from tests.provisioning.agents import agent, caller, wish
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> Organisation:
    """Without stages and contracts, where nobody asks for changes."""
    return Organisation.found()


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def asked(name: str = "try", stage: str = "dev", **resources: Any) -> ChangeRequest:
    return ChangeRequest("create", "checkout", name, spec=spec(stage, **resources), reason="A branch needs it.")


def submit(by: AgentCaller, request: ChangeRequest | None = None) -> Change:
    planned = agent_plan(by, request or asked(), now=NOW).planned
    return agent_submit(by, plan_digest=planned.plan_digest, now=NOW)


@pytest.mark.parametrize(
    ("who", "given", "error"),
    [
        pytest.param("developer", {}, None, id="a developer"),
        pytest.param("maintainer", {}, None, id="a maintainer"),
        pytest.param("viewer", {}, Forbidden, id="a viewer"),
        pytest.param("stranger", {}, Forbidden, id="another team"),
        pytest.param("anonymous", {}, NotSignedIn, id="nobody"),
        pytest.param("developer", {"team": "storefront"}, Forbidden, id="for another team"),
        pytest.param("developer", {"systems": ("shop",)}, InvalidInput, id="a system of another team"),
        pytest.param("developer", {"stages": ("moon",)}, InvalidInput, id="an unknown stage"),
        pytest.param("developer", {"kinds": ("revert",)}, InvalidInput, id="a kind for people"),
    ],
)
def test_it_is_made_within_ones_own_rights(
    people: Organisation, who: str, given: dict[str, Any], error: type[UserFault] | None
) -> None:
    def make() -> None:
        agent_create(people.actor(who), name="triage", wish=wish(**given), days=30, now=NOW)

    if error is None:
        make()
        assert AuditEntry.objects.get(action="agent.create").data["after"]["team"] == "payments"
    else:
        with pytest.raises(error):
            make()


def test_it_is_never_made_by_a_token_nor_by_an_agent(people: Organisation) -> None:
    by = caller(people)
    for actor in (people.actor("developer", scopes=("admin", "change")), by.actor):
        with pytest.raises(Forbidden, match="token"):
            agent_create(actor, name="child", wish=wish(), days=1, now=NOW)


@pytest.mark.parametrize(
    "ends",
    [
        pytest.param(lambda o, _: agent_act(o.actor("developer"), name="triage", act="pause", now=NOW), id="paused"),
        pytest.param(lambda o, _: agent_act(o.actor("maintainer"), name="triage", act="remove", now=NOW), id="removed"),
        pytest.param(lambda o, _: agent_rotate(o.actor("developer"), name="triage", days=3, now=NOW), id="rotated"),
        pytest.param(
            lambda o, made: type(made.owner).objects.filter(pk=made.owner_id).update(is_active=False), id="owner gone"
        ),
        pytest.param(lambda o, made: type(made).objects.update(expires_at=NOW), id="ended"),
    ],
)
def test_it_is_refused_at_once_when_it_ends(people: Organisation, ends: Callable[..., object]) -> None:
    made, plaintext = agent(people)
    assert agent_authenticate(plaintext, NOW).actor.username == "developer"
    ends(people, made)
    with pytest.raises(NotSignedIn, match="may call now"):
        agent_authenticate(plaintext, NOW)


@pytest.mark.parametrize("plaintext", ["", "slw_", "slw_abcdefghij_" + "x" * 30, "é" * 50, "x" * 500])
def test_it_knows_no_other_token(people: Organisation, plaintext: str) -> None:
    with pytest.raises(NotSignedIn):
        agent_authenticate(plaintext, NOW)


def test_it_notes_a_wrong_secret_once(people: Organisation) -> None:
    made, _ = agent(people)
    for _ in range(2):
        with pytest.raises(NotSignedIn):
            agent_authenticate(f"slw_{made.prefix}_{'x' * 40}", NOW, address="203.0.113.9")
    assert AuditEntry.objects.filter(action="agent.refused").count() == 1


def test_it_waits_for_a_signature_and_starts_with_it(organisation: Organisation) -> None:
    change = submit(caller(organisation))
    assert (change.state, change.via, change.requester.username) == ("pending", "mcp", "developer")
    assert [one.source for one in approvals_of(change.pk)] == ["cosign:payments"]
    told = Notice.objects.get(kind="cosign-waits")
    assert (told.person.username, "triage" in told.text) == ("developer", True)
    signed = change_cosign(organisation.actor("developer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    assert signed.state == "running"
    row = AgentChange.objects.get(change=change)
    assert (row.agent.name, row.signed_by, row.signed_digest) == ("triage", organisation.developer, change.plan_digest)
    entry = AuditEntry.objects.get(action="change.submit", object_id=str(change.pk))
    assert (entry.actor_name, entry.behalf, entry.via) == ("agent:triage", "developer", "mcp")


@pytest.mark.parametrize(
    ("who", "options", "error"),
    [
        pytest.param("viewer", {}, Forbidden, id="viewer"),
        pytest.param("stranger", {}, Forbidden, id="another team"),
        pytest.param("auditor", {}, Forbidden, id="auditor"),
        pytest.param("anonymous", {}, UserFault, id="nobody"),
        pytest.param("developer", {"scopes": ("read", "change")}, Forbidden, id="a token that may not approve"),
        pytest.param("maintainer", {}, None, id="maintainer"),
        pytest.param("second_maintainer", {"scopes": ("read", "change", "approve")}, None, id="a token that may"),
    ],
)
def test_it_is_signed_only_by_who_may_ask(
    organisation: Organisation, who: str, options: dict[str, Any], error: type[Exception] | None
) -> None:
    change = submit(caller(organisation))

    def sign() -> None:
        change_cosign(organisation.actor(who, **options), change.pk, plan_digest=change.plan_digest, now=NOW)

    if error is None:
        sign()
    else:
        with pytest.raises(error):
            sign()
    change.refresh_from_db()
    assert change.state == ("running" if error is None else "pending")


def test_it_never_signs_nor_decides_itself(organisation: Organisation) -> None:
    """Even with every scope, its actor is its owner, who asked."""
    by = caller(organisation, owner="maintainer")
    change = submit(by, asked(stage="prod"))
    for actor in (by.actor, replace(by.actor, scopes=None)):
        with pytest.raises(Forbidden):
            change_cosign(actor, change.pk, plan_digest=change.plan_digest, now=NOW)
        with pytest.raises(Forbidden):
            change_approve(actor, change.pk, plan_digest=change.plan_digest, now=NOW)
        with pytest.raises(Forbidden):
            change_reject(actor, change.pk, comment="No.", now=NOW)


def test_it_needs_an_agreement_beside_the_signature(organisation: Organisation) -> None:
    """Who signs takes part in asking, so that they agree to it no more; the owner signs and never agrees."""
    change = submit(caller(organisation, owner="maintainer"), asked(stage="prod"))
    digest = change.plan_digest
    assert sorted(one.source for one in approvals_of(change.pk)) == ["cosign:payments", "team:payments:maintainer"]
    change_cosign(organisation.actor("second_maintainer"), change.pk, plan_digest=digest, now=NOW)
    change.refresh_from_db()
    assert change.state == "pending"
    for who in ("second_maintainer", "maintainer"):
        with pytest.raises(Forbidden) as caught:
            change_approve(organisation.actor(who), change.pk, plan_digest=digest, now=NOW)
        assert caught.value.code == "own-change"
    change_approve(organisation.actor("admin"), change.pk, plan_digest=digest, now=NOW)
    change.refresh_from_db()
    assert change.state == "running"


def test_it_is_not_signed_by_who_agreed(organisation: Organisation) -> None:
    change = submit(caller(organisation), asked(stage="prod"))
    digest = change.plan_digest
    change_approve(organisation.actor("maintainer"), change.pk, plan_digest=digest, now=NOW)
    change.refresh_from_db()
    assert change.state == "pending"
    with pytest.raises(Forbidden, match="agreed to it already"):
        change_cosign(organisation.actor("maintainer"), change.pk, plan_digest=digest, now=NOW)
    change_cosign(organisation.actor("developer"), change.pk, plan_digest=digest, now=NOW)
    change.refresh_from_db()
    assert change.state == "running"


def test_it_signs_one_plan_once(organisation: Organisation) -> None:
    change = submit(caller(organisation))
    with pytest.raises(StalePlan):
        change_cosign(organisation.actor("developer"), change.pk, plan_digest="0" * 64, now=NOW)
    change_cosign(organisation.actor("developer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    with pytest.raises(Conflict, match="waits for no signature"):
        change_cosign(organisation.actor("developer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    plain = create(organisation, "mine", stage="prod")
    with pytest.raises(Conflict, match="waits for no signature"):
        change_cosign(organisation.actor("maintainer"), plain.pk, plan_digest=plain.plan_digest, now=NOW)
    hidden = ChangeRequest("create", "vault", "try", spec=spec())
    secret = submit(caller(organisation, "second"), hidden)
    with pytest.raises(NotFound):
        change_cosign(organisation.actor("stranger"), secret.pk, plan_digest=secret.plan_digest, now=NOW)


def test_it_is_in_the_queue_of_who_may_sign(organisation: Organisation) -> None:
    change = submit(caller(organisation, owner="maintainer"))
    waiting = {
        who: change_list(organisation.rights(who), waiting_on_me=True).filter(pk=change.pk).exists()
        for who in ("developer", "second_maintainer", "maintainer", "viewer", "stranger", "admin")
    }
    assert waiting == {
        "developer": True,
        "second_maintainer": True,
        "maintainer": False,
        "viewer": False,
        "stranger": False,
        "admin": False,
    }
    view = change_view(organisation.rights("second_maintainer"), change)
    assert (view.may_decide, view.approvals[0].label) == (False, "A co-signer of payments")
    assert {"developer", "maintainer", "second_maintainer"} <= set(view.approvals[0].who)


def test_it_asks_for_a_signature_again_when_the_base_moves(organisation: Organisation) -> None:
    carry_out(Run.objects.get(change=create(organisation)))
    change = submit(caller(organisation), ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3})))
    read = change.plan_digest
    other = ChangeRequest("update", "checkout", "try", spec=spec(api={"image": "registry.example/checkout-api:1.9.0"}))
    change_submit(organisation.actor("developer"), other, now=NOW)
    change.refresh_from_db()
    assert (change.state, change.plan_digest != read) == ("pending", True)
    waiting = approvals_of(change.pk, change.plan_digest).filter(state="waiting")
    assert [one.source for one in waiting] == ["cosign:payments"]
    with pytest.raises(StalePlan):
        change_cosign(organisation.actor("developer"), change.pk, plan_digest=read, now=NOW)


def test_it_asks_for_what_it_was_shown_and_nothing_else(organisation: Organisation) -> None:
    by = caller(organisation)
    planned = agent_plan(by, asked(), now=NOW).planned
    with pytest.raises(StalePlan, match="no such plan"):
        agent_submit(by, plan_digest="0" * 64, now=NOW)
    with pytest.raises(StalePlan, match="no such plan"):
        agent_submit(caller(organisation, "other"), plan_digest=planned.plan_digest, now=NOW)
    with pytest.raises(StalePlan, match="no such plan"):
        agent_submit(by, plan_digest=planned.plan_digest, now=NOW + timedelta(minutes=16))
    change = agent_submit(by, plan_digest=planned.plan_digest, now=NOW + timedelta(minutes=14))
    assert change.plan_digest == planned.plan_digest
    with pytest.raises(StalePlan):
        agent_submit(by, plan_digest=planned.plan_digest, now=NOW + timedelta(minutes=14))


def test_it_plans_again_when_the_base_moved(organisation: Organisation) -> None:
    carry_out(Run.objects.get(change=create(organisation)))
    by = caller(organisation)
    request = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3}))
    digest = agent_plan(by, request, now=NOW).planned.plan_digest
    change_submit(
        organisation.actor("developer"),
        ChangeRequest("update", "checkout", "try", spec=spec(db={"storageGiB": 6})),
        now=NOW,
    )
    with pytest.raises(UserFault) as caught:
        agent_submit(by, plan_digest=digest, now=NOW)
    assert not AgentChange.objects.exists()
    assert caught.value.code in ("plan-moved", "invalid")


@pytest.mark.parametrize(
    ("scope", "request_", "error"),
    [
        pytest.param({"kinds": ("update",)}, asked(), Forbidden, id="a kind"),
        pytest.param({"stages": ("staging",)}, asked(), Forbidden, id="a stage"),
        pytest.param({"systems": ("vault",)}, asked(), NotFound, id="a system"),
        pytest.param({}, ChangeRequest("create", "shop", "try", spec=spec()), NotFound, id="another team's system"),
        pytest.param({}, ChangeRequest("revert", "checkout", "try"), Forbidden, id="what only people judge"),
    ],
)
def test_it_does_nothing_beyond_its_scope(
    organisation: Organisation, scope: dict[str, Any], request_: ChangeRequest, error: type[UserFault]
) -> None:
    with pytest.raises(error):
        agent_plan(caller(organisation, **scope), request_, now=NOW)
    assert not AgentPlan.objects.exists()


def test_it_does_nothing_that_its_owner_may_not_do_any_more(organisation: Organisation) -> None:
    by = caller(organisation)
    digest = agent_plan(by, asked(), now=NOW).planned.plan_digest
    membership_remove(PLATFORM, team=organisation.payments, user=organisation.developer, now=NOW)
    with pytest.raises(Forbidden, match="developers and maintainers"):
        agent_submit(by, plan_digest=digest, now=NOW)


def test_its_scope_counts_when_it_asks_too(organisation: Organisation) -> None:
    by = caller(organisation)
    digest = agent_plan(by, asked(), now=NOW).planned.plan_digest
    agent_update(organisation.actor("developer"), name="triage", wish=wish(kinds=("update",)), now=NOW)
    with pytest.raises(Forbidden, match="may not ask for “create”"):
        agent_submit(by, plan_digest=digest, now=NOW)
    agent_take_back(organisation.actor("developer"), name="triage", now=NOW)
    assert agent_submit(by, plan_digest=digest, now=NOW).state == "pending"


def test_it_sees_nothing_where_its_team_has_no_systems(organisation: Organisation) -> None:
    team = team_create(PLATFORM, slug="empty", name="Empty", description="", now=NOW)
    membership_set(PLATFORM, team=team, user=organisation.developer, role="developer", now=NOW)
    by = caller(organisation, team="empty")
    assert not rights_of(by.actor).may_see(organisation.checkout)
    system_create(PLATFORM, slug="fresh", name="Fresh", description="", team=team, restricted=False, now=NOW)
    assert by.actor.systems == {""}


def test_it_spends_no_more_than_its_cap(organisation: Organisation) -> None:
    cost = agent_plan(caller(organisation, "scout"), asked(), now=NOW).asked
    assert cost > 0
    by = caller(organisation, monthly_cap=cost + Decimal("0.50"))
    submit(by)
    assert agent_spent(by.agent) == cost
    second = agent_plan(by, asked("more"), now=NOW)
    assert (second.may_submit, "may add 0.50 more" in second.refusal) == (False, True)
    agent_update(organisation.actor("developer"), name="triage", wish=wish(monthly_cap=cost * 2), now=NOW)
    again = AgentCaller(agent_get(organisation.rights("developer"), "triage"), by.actor)
    digest = agent_plan(again, asked("more"), now=NOW).planned.plan_digest
    agent_update(organisation.actor("developer"), name="triage", wish=wish(monthly_cap=cost), now=NOW)
    with pytest.raises(OverCap, match=r"may add 0\.00 more"):
        agent_submit(again, plan_digest=digest, now=NOW)
    assert Change.objects.filter(environment_name="more").count() == 0


def wants(by: AgentCaller, **api: Any) -> Change:
    return submit(by, ChangeRequest("update", "checkout", "try", spec=spec(api=api), reason="Busy."))


def test_its_cap_counts_when_its_change_is_planned_anew(organisation: Organisation) -> None:
    """What it adds grows when somebody makes the base cheaper."""
    carry_out(Run.objects.get(change=create(organisation, api={"replicas": 3})))
    asks = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 4}))
    cap = agent_plan(caller(organisation, "scout"), asks, now=NOW).asked
    change = wants(caller(organisation, monthly_cap=cap), replicas=4)
    smaller = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 2}), reason="Quiet.")
    change_submit(organisation.actor("developer"), smaller, now=NOW)
    change.refresh_from_db()
    assert change.state == "denied"
    assert "the agent triage may add" in change.events.get(event="deny").text


def test_its_cap_counts_when_its_change_starts(organisation: Organisation) -> None:
    by = caller(organisation)
    change, free = submit(by), submit(by, asked("other"))
    spent = agent_spent(by.agent)
    agent_update(organisation.actor("developer"), name="triage", wish=wish(monthly_cap=spent / 2), now=NOW)
    signed = change_cosign(organisation.actor("developer"), change.pk, plan_digest=change.plan_digest, now=NOW)
    assert (signed.state, Run.objects.filter(change=change).exists()) == ("denied", False)
    assert [one["policy"] for one in signed.verdicts if one["outcome"] == "denies"] == ["agents-stay-within-their-cap"]
    assert AuditEntry.objects.filter(action="change.refuse", object_id=str(change.pk)).exists()
    free = change_cosign(organisation.actor("developer"), free.pk, plan_digest=free.plan_digest, now=NOW)
    assert free.state == "running", "what the other no longer takes is free"


@pytest.mark.parametrize(
    ("person", "stand_in", "hours", "why"),
    [
        pytest.param("maintainer", "stranger", 1, "", id="for a maintainer"),
        pytest.param("developer", "stranger", 1, "", id="for the agent's owner"),
        pytest.param("admin", "stranger", 1, "", id="for an admin"),
        pytest.param("viewer", "stranger", 1, "stands in", id="for who may not sign"),
        pytest.param("maintainer", "stranger", -1, "stands in", id="no longer"),
    ],
)
def test_it_is_signed_by_who_stands_in(
    organisation: Organisation, person: str, stand_in: str, hours: int, why: str
) -> None:
    now = clock.now()
    change = submit(caller(organisation))
    Delegation.objects.create(
        person=organisation.people[person],
        stand_in=organisation.people[stand_in],
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(hours=hours),
        created_at=now,
    )
    by = organisation.actor(stand_in)
    if why:
        with pytest.raises(Forbidden, match=why):
            change_cosign(by, change.pk, plan_digest=change.plan_digest, now=now)
        return
    assert (f"stranger for {person}" in cosigners("payments")) == (person != "admin")
    assert change_cosign(by, change.pk, plan_digest=change.plan_digest, now=now).state == "running"
    assert AuditEntry.objects.get(action="change.cosign").data["for"] == person
    parts = set(ChangeAuthor.objects.filter(change=change).values_list("user__username", flat=True))
    assert parts == {"stranger", person} - {"developer"}


def test_who_stands_in_signs_nothing_restricted_nor_beside_an_agreement(organisation: Organisation) -> None:
    now = clock.now()
    Delegation.objects.create(
        person=organisation.maintainer,
        stand_in=organisation.people["stranger"],
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=1),
        created_at=now,
    )
    by = organisation.actor("stranger")
    hidden = submit(caller(organisation), ChangeRequest("create", "vault", "try", spec=spec()))
    with pytest.raises(NotFound):
        change_cosign(by, hidden.pk, plan_digest=hidden.plan_digest, now=now)
    change = submit(caller(organisation, "second"), asked(stage="prod"))
    change_approve(organisation.actor("maintainer"), change.pk, plan_digest=change.plan_digest, now=now)
    with pytest.raises(Forbidden, match="maintainer have agreed"):
        change_cosign(by, change.pk, plan_digest=change.plan_digest, now=now)


def test_it_goes_without_a_signature_where_admins_say_so(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    by = caller(organisation)
    assert agents_affected(["dev"]) == [{"stage": "dev", "freed": True, "agents": ["triage"]}]
    agent_rules_save(admin, unsigned=["dev"], now=NOW)
    assert submit(by).state == "running"
    agent_rules_take_back(admin, now=NOW)
    assert submit(by, asked("two")).state == "pending"
    entries = AuditEntry.objects.filter(action="agent-rules.update").order_by("sequence")
    assert [one.data["after"]["unsigned"] for one in entries] == [["dev"], []]


@pytest.mark.parametrize(
    ("who", "stages", "error"),
    [
        pytest.param("admin", ["prod"], InvalidInput, id="production"),
        pytest.param("admin", ["moon"], InvalidInput, id="unknown"),
        pytest.param("maintainer", ["dev"], Forbidden, id="no admin"),
    ],
)
def test_it_refuses_rules_for_agents(
    organisation: Organisation, who: str, stages: list[str], error: type[UserFault]
) -> None:
    with pytest.raises(error):
        agent_rules_save(organisation.actor(who), unsigned=stages, now=NOW)


@pytest.mark.parametrize(
    ("who", "act", "error"),
    [
        pytest.param("developer", "pause", None, id="owner"),
        pytest.param("maintainer", "pause", None, id="maintainer"),
        pytest.param("admin", "remove", None, id="admin"),
        pytest.param("auditor", "pause", Forbidden, id="auditor"),
        pytest.param("viewer", "pause", NotFound, id="viewer"),
        pytest.param("stranger", "remove", NotFound, id="stranger"),
        pytest.param("developer", "explode", InvalidInput, id="unknown act"),
    ],
)
def test_it_is_held_by_its_owner_and_managers(
    people: Organisation, who: str, act: str, error: type[UserFault] | None
) -> None:
    agent(people)
    if error is None:
        agent_act(people.actor(who), name="triage", act=act, now=NOW)
        assert {"before", "after"} <= set(AuditEntry.objects.get(action=f"agent.{act}").data)
    else:
        with pytest.raises(error):
            agent_act(people.actor(who), name="triage", act=act, now=NOW)


def test_only_its_owner_edits_it_and_gets_its_token(people: Organisation) -> None:
    agent(people)
    for who in ("maintainer", "admin"):
        with pytest.raises(Forbidden, match="Only developer"):
            agent_update(people.actor(who), name="triage", wish=wish(), now=NOW)
        with pytest.raises(Forbidden, match="Only developer"):
            agent_rotate(people.actor(who), name="triage", days=3, now=NOW)


def test_it_keeps_sessions_apart_and_forgets_old_ones(people: Organisation) -> None:
    by, other = caller(people), caller(people, "second")
    first = agent_session_begin(by, client="editor 1", now=NOW)
    later = NOW + timedelta(minutes=5)
    assert agent_session_of(by, key=first.key, client="x", now=later) == first
    assert agent_session_of(by, key="", client="editor 1", now=later) == first
    assert agent_session_of(other, key=first.key, client="editor 1", now=later) != first
    assert agent_session_of(by, key="", client="editor 2", now=later) != first
    assert agent_session_of(by, key="", client="editor 1", now=NOW + timedelta(minutes=31)) != first
    agent_call_keep(by, first, tool="plan", arguments={"token": "t"}, outcome="refused", code="x", now=later)
    first.refresh_from_db()
    assert (first.calls, first.refused, AgentCall.objects.get().arguments) == (1, 1, {"token": "(hidden)"})
    assert AuditEntry.objects.filter(action="agent.call").count() == 1
    assert agent_sessions_purge(NOW + timedelta(days=200)) == 4
    assert not AgentSession.objects.exists()
