"""Who may do what: the whole table by persona, and how a token narrows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.access import Rights, eligible_for_group, eligible_for_team, rights_of, team_approvers, visible
from governance.services.teams import membership_remove, membership_set
from idp.catalog.models import Component, System
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Forbidden, NotFound, NotSignedIn, SlipwayError
from tests.personas import NOW, PERSONAS, Organisation

QUESTIONS: dict[str, Callable[[Rights, Organisation], bool]] = {
    "see checkout": lambda rights, it: rights.may_see(it.checkout),
    "see vault": lambda rights, it: rights.may_see(it.vault),
    "request checkout": lambda rights, it: rights.may_request(it.checkout),
    "request vault": lambda rights, it: rights.may_request(it.vault),
    "approve as payments": lambda rights, it: rights.may_approve_as(it.payments.pk),
    "manage payments": lambda rights, it: rights.may_manage(it.payments),
    "administer": lambda rights, it: rights.may_administer(),
    "audit of payments": lambda rights, it: rights.may_read_audit("payments"),
    "audit of all": lambda rights, it: rights.may_read_audit(None),
}
EVERYTHING = set(QUESTIONS)

ALLOWED: dict[str, set[str]] = {
    "anonymous": set(),
    "viewer": {"see checkout", "see vault"},
    "developer": {"see checkout", "see vault", "request checkout", "request vault", "audit of payments"},
    "maintainer": EVERYTHING - {"administer", "audit of all"},
    "second_maintainer": EVERYTHING - {"administer", "audit of all"},
    "stranger": {"see checkout"},
    "storefront_maintainer": {"see checkout"},
    "admin": EVERYTHING,
    "auditor": {"see checkout", "see vault", "audit of payments", "audit of all"},
    "platform_engineer": {"see checkout"},
}


def allowed(rights: Rights, organisation: Organisation) -> set[str]:
    return {question for question, ask in QUESTIONS.items() if ask(rights, organisation)}


def test_it_asks_about_every_persona() -> None:
    assert set(ALLOWED) == {*PERSONAS, "anonymous"}


@pytest.mark.parametrize("persona", ALLOWED)
def test_it_allows_what_the_table_says(organisation: Organisation, persona: str) -> None:
    assert allowed(organisation.rights(persona), organisation) == ALLOWED[persona]


SCOPED = [
    ("read", {"see checkout", "see vault", "audit of payments", "audit of all"}),
    ("change", {"request checkout", "request vault"}),
    ("approve", {"approve as payments"}),
    ("admin", {"manage payments", "administer"}),
]


@pytest.mark.parametrize(("scope", "may"), SCOPED, ids=[scope for scope, _ in SCOPED])
@pytest.mark.parametrize("persona", ["admin", "maintainer", "viewer"])
def test_it_narrows_a_token_to_its_scopes(organisation: Organisation, persona: str, scope: str, may: set[str]) -> None:
    rights = organisation.rights(persona, scopes=[scope])
    assert allowed(rights, organisation) == ALLOWED[persona] & may


def test_it_narrows_a_token_to_its_systems(organisation: Organisation) -> None:
    rights = organisation.rights("admin", scopes=["read", "change", "approve", "admin"], systems=["checkout"])
    assert allowed(rights, organisation) == {"see checkout", "request checkout", "approve as payments"}
    assert list(visible(System.objects.all(), rights, "")) == [organisation.checkout]


REFUSALS: list[tuple[str, str, list[str] | None, Callable[[Rights, Organisation], None], type[SlipwayError]]] = [
    ("nobody sees", "anonymous", None, lambda r, o: r.require_see(o.checkout), NotSignedIn),
    ("a stranger does not learn of vault", "stranger", None, lambda r, o: r.require_see(o.vault), NotFound),
    ("nor by asking for a change", "stranger", None, lambda r, o: r.require_request(o.vault), NotFound),
    ("nor by managing it", "storefront_maintainer", None, lambda r, o: r.require_manage_system(o.vault), NotFound),
    ("a viewer does not change", "viewer", None, lambda r, o: r.require_request(o.checkout), Forbidden),
    ("a developer does not manage", "developer", None, lambda r, o: r.require_manage(o.payments), Forbidden),
    ("a maintainer does not administer", "maintainer", None, lambda r, o: r.require_admin(), Forbidden),
    ("a token without read", "developer", ["change"], lambda r, o: r.require_see(o.checkout), Forbidden),
    ("a token without change", "developer", ["read"], lambda r, o: r.require_request(o.checkout), Forbidden),
    ("a token without admin", "admin", ["read", "change"], lambda r, o: r.require_admin(), Forbidden),
]


@pytest.mark.parametrize(
    ("persona", "scopes", "ask", "error"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_it_refuses_in_words(
    organisation: Organisation,
    persona: str,
    scopes: list[str] | None,
    ask: Callable[[Rights, Organisation], None],
    error: type[SlipwayError],
) -> None:
    with pytest.raises(error) as caught:
        ask(organisation.rights(persona, scopes=scopes), organisation)
    assert caught.value.message.endswith(".")
    assert caught.value.remedy or error is NotFound


def test_it_refuses_a_token_without_read_in_lists(organisation: Organisation) -> None:
    with pytest.raises(Forbidden):
        visible(System.objects.all(), organisation.rights("developer", scopes=["change"]), "")


@pytest.mark.parametrize(
    ("persona", "slugs"),
    [
        ("developer", ["checkout", "shop", "vault"]),
        ("stranger", ["checkout", "shop"]),
        ("auditor", ["checkout", "shop", "vault"]),
        ("anonymous", []),
    ],
)
def test_it_lists_only_what_the_person_may_see(organisation: Organisation, persona: str, slugs: list[str]) -> None:
    rights = organisation.rights(persona)
    assert [row.slug for row in visible(System.objects.order_by("slug"), rights, "")] == slugs
    seen = visible(Component.objects.order_by("system__slug"), rights)
    assert [row.system.slug for row in seen] == slugs


@pytest.mark.parametrize("teams", [1, 6])
def test_it_reads_rights_in_one_query(
    organisation: Organisation, django_assert_num_queries: Callable[..., object], teams: int
) -> None:
    from governance.services.teams import team_create

    for number in range(teams - 1):
        team = team_create(PLATFORM, slug=f"extra-{number}", name="Extra", now=NOW)
        membership_set(PLATFORM, team=team, user=organisation.developer, role="developer", now=NOW)
    actor = organisation.actor("developer")
    with django_assert_num_queries(1):
        rights = rights_of(actor)
    assert len(rights.teams) == teams


def test_it_gives_no_rights_to_an_account_that_is_switched_off(organisation: Organisation) -> None:
    actor = organisation.actor("admin")
    organisation.admin.is_active = False
    organisation.admin.save()
    assert allowed(rights_of(actor), organisation) == set()
    assert not rights_of(Actor(user_id=10**9, username="gone")).signed_in


def test_it_withdraws_rights_with_the_membership(organisation: Organisation) -> None:
    actor = organisation.actor("maintainer")
    membership_remove(PLATFORM, team=organisation.payments, user=organisation.maintainer, now=NOW)
    assert allowed(rights_of(actor), organisation) == {"see checkout"}


def test_it_knows_who_may_approve(organisation: Organisation) -> None:
    everybody = [user.pk for user in organisation.people.values()]
    people = organisation.people
    team_id = organisation.payments.pk
    assert [user.username for user in team_approvers(team_id)] == ["maintainer", "second_maintainer"]
    may = {people[name].pk for name in ("maintainer", "second_maintainer", "admin")}
    assert eligible_for_team(team_id, everybody) == may
    assert eligible_for_team(None, everybody) == {people["admin"].pk}
    assert eligible_for_group("platform", everybody) == {people["platform_engineer"].pk}


@pytest.mark.parametrize(
    ("fields", "scope", "told", "remedy"),
    [
        pytest.param({}, "change", "scope “change”", "on your account page", id="a person's token"),
        pytest.param(
            {"behalf": "team payments", "username": "payments-ci"},
            "change",
            "scope “change”",
            "A maintainer of payments makes a token of payments-ci with the scope “change”",
            id="a service account",
        ),
        pytest.param(
            {"behalf": "team payments", "withheld": frozenset({"change"})},
            "change",
            "named none, so it does not have the scope “change”",
            "Slipway-On-Behalf-Of",
            id="a program that names nobody",
        ),
        pytest.param(
            {"agent": "backstage", "username": "ada"},
            "approve",
            "asks for people does not have the scope “approve”",
            "Let ada do it",
            id="a program for a person",
        ),
        pytest.param({"via": "mcp", "username": "ada"}, "approve", "An agent reads", "Let ada do it", id="an agent"),
    ],
)
def test_a_refusal_names_the_scope_and_where_to_get_it(
    fields: dict[str, Any], scope: str, told: str, remedy: str
) -> None:
    actor = Actor(user_id=1, **{"username": "ada", "via": "api", "scopes": frozenset({"read"}), **fields})
    with pytest.raises(Forbidden) as raised:
        Rights(actor, signed_in=True).require_scope(scope)
    assert told in raised.value.message
    assert remedy in raised.value.remedy
    assert raised.value.code == "token-scope"
