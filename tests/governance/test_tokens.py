"""API tokens: shown once, kept hashed, narrowed, ended."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from governance.access import rights_of
from governance.models import ApiToken, AuditEntry
from governance.services.teams import membership_set
from governance.services.tokens import token_authenticate, token_create, token_get, token_revoke, tokens_of
from idp.catalog.models import User
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, InvalidInput, NotFound, NotSignedIn, UserFault
from tests.personas import NOW, Organisation, person

pytestmark = pytest.mark.usefixtures("both_sides_told")


def make(organisation: Organisation, persona: str = "developer", **given: Any) -> tuple[ApiToken, str]:
    wanted: dict[str, Any] = {"name": "ci", "scopes": ["read", "change"]} | given
    owner: User = wanted.pop("owner", organisation.people[persona])
    return token_create(organisation.actor(persona), owner=owner, now=NOW, **wanted)


def test_it_becomes_its_owner_narrowed(organisation: Organisation) -> None:
    token, plaintext = make(organisation, systems=["vault"])
    actor = token_authenticate(plaintext, NOW)
    assert (actor.user_id, actor.username, actor.via) == (organisation.developer.pk, "developer", "api")
    assert (actor.scopes, actor.systems, actor.token_id) == ({"read", "change"}, {"vault"}, token.pk)
    rights = rights_of(actor)
    assert rights.may_request(organisation.vault)
    assert not rights.may_see(organisation.checkout)


def test_it_keeps_no_plaintext(organisation: Organisation) -> None:
    token, plaintext = make(organisation)
    secret = plaintext.split("_", 2)[2]
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert secret not in str(row)
    assert secret not in str(list(AuditEntry.objects.values_list("data", flat=True)))
    assert plaintext.startswith(f"slw_{token.prefix}_")
    assert token.expires_at == NOW + timedelta(days=90)


def test_it_is_refused_with_one_sentence_whatever_is_wrong(organisation: Organisation) -> None:
    _, good = make(organisation, expires_at=NOW + timedelta(days=1))
    revoked, over = make(organisation)
    token_revoke(organisation.actor("developer"), token=revoked, now=NOW)
    _, idle = make(organisation, "viewer")
    organisation.viewer.is_active = False
    organisation.viewer.save()
    wrong = good[:-1] + ("a" if good[-1] != "a" else "b")
    said = set()
    for plaintext, when in (
        (good, NOW + timedelta(days=1)),
        (wrong, NOW),
        (over, NOW),
        (idle, NOW),
        ("slw_unknown234_" + "x" * 43, NOW),
        ("", NOW),
        ("Bearer x", NOW),
        ("slw_" + "x" * 10_000, NOW),
        (good + "\n\x00", NOW),
    ):
        with pytest.raises(NotSignedIn) as caught:
            token_authenticate(plaintext, when)
        said.add(caught.value.message)
    assert len(said) == 1
    assert token_authenticate(good, NOW).username == "developer"


def test_it_notes_its_use_once_a_minute(organisation: Organisation, django_assert_num_queries: Any) -> None:
    token, plaintext = make(organisation)
    for seconds, queries, noted in ((0, 7, 0), (30, 1, 0), (59, 1, 0), (61, 2, 61)):
        with django_assert_num_queries(queries):
            token_authenticate(plaintext, NOW + timedelta(seconds=seconds))
        token.refresh_from_db()
        assert token.last_used_at == NOW + timedelta(seconds=noted)


def uses(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("sequence"))


def test_the_first_use_in_an_hour_is_in_the_audit_log(organisation: Organisation) -> None:
    token, plaintext = make(organisation)
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    for minutes in (0, 10, 59, 61, 119, 185):
        token_authenticate(plaintext, hour + timedelta(minutes=minutes), request_id="request-1", address="192.0.2.7")
    assert [(entry.at - hour) // timedelta(minutes=1) for entry in uses("token.use")] == [0, 61, 185]
    entry = uses("token.use")[0]
    assert (entry.actor_name, entry.token_id, entry.address) == ("developer", token.pk, "192.0.2.7")
    assert entry.request_id == "request-1"


def test_a_vain_use_is_in_the_audit_log_once(organisation: Organisation) -> None:
    token, plaintext = make(organisation)
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=NOW)
    for given in (plaintext, plaintext, plaintext[:-1], "slw_unknown0_xxxxxxxxxxxx"):
        with pytest.raises(NotSignedIn):
            token_authenticate(given, NOW, address="192.0.2.7")
    assert [entry.data["why"] for entry in uses("token.refused")] == ["It was revoked.", "The secret is wrong."]
    assert {(entry.actor_name, entry.object_id) for entry in uses("token.refused")} == {("", str(token.pk))}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "root"]}, "scopes"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW + timedelta(days=400)}, "expires_at"),
        ({"systems": ["nothing"]}, "systems"),
    ],
    ids=["no name", "long name", "no scope", "unknown scope", "over already", "too long", "unknown system"],
)
def test_it_refuses_a_wrong_token(organisation: Organisation, given: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make(organisation, **given)
    assert [error.path for error in caught.value.errors] == [path]


def test_it_does_not_tell_of_systems_that_the_owner_cannot_see(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput, match="vault"):
        make(organisation, "stranger", systems=["vault"])


def test_a_token_cannot_make_or_end_tokens(organisation: Organisation) -> None:
    token, plaintext = make(organisation, "admin", scopes=["read", "change", "approve", "admin"])
    actor = token_authenticate(plaintext, NOW)
    with pytest.raises(Forbidden, match="A token cannot make tokens"):
        token_create(actor, owner=organisation.admin, name="x", scopes=["admin"], now=NOW)
    with pytest.raises(Forbidden):
        token_revoke(actor, token=token, now=NOW)


def test_people_make_tokens_for_themselves_and_their_teams_robots_only(organisation: Organisation) -> None:
    robot = person("payments-ci", service_of=organisation.payments)
    membership_set(PLATFORM, team=organisation.payments, user=robot, role="developer", now=NOW)
    for persona in ("developer", "storefront_maintainer", "auditor"):
        with pytest.raises(UserFault):
            make(organisation, persona, owner=robot)
    for persona in ("maintainer", "admin"):
        with pytest.raises(Forbidden):
            make(organisation, persona, owner=organisation.developer)
        _, plaintext = make(organisation, persona, owner=robot)
        assert token_authenticate(plaintext, NOW).username == "payments-ci"


@pytest.mark.parametrize(("persona", "may"), [("developer", True), ("admin", True), ("maintainer", False)])
def test_a_token_is_ended_by_its_owner_or_an_admin(organisation: Organisation, persona: str, may: bool) -> None:
    token, plaintext = make(organisation)
    actor = organisation.actor(persona)
    if not may:
        with pytest.raises(Forbidden):
            token_revoke(actor, token=token, now=NOW)
        with pytest.raises(NotFound):
            token_get(actor, token.pk)
        return
    token_revoke(actor, token=token_get(actor, token.pk), now=NOW)
    token_revoke(actor, token=token, now=NOW)
    with pytest.raises(NotSignedIn):
        token_authenticate(plaintext, NOW)
    assert AuditEntry.objects.filter(action="token.revoke").count() == 1


def test_it_lists_a_persons_own(organisation: Organisation) -> None:
    first, _ = make(organisation)
    second, _ = make(organisation)
    make(organisation, "viewer")
    assert list(tokens_of(organisation.developer)) == [second, first]


def test_the_command_prints_a_token_that_works(organisation: Organisation) -> None:
    from idp.kernel import clock

    printed = StringIO()
    call_command(
        "slipway_token", "developer", "--scope", "read, change", "--systems", "vault", "--days", "7", stdout=printed
    )
    actor = token_authenticate(printed.getvalue().strip(), clock.now())
    assert (actor.username, actor.scopes, actor.systems) == ("developer", {"read", "change"}, {"vault"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "no account"),
        (["developer", "--scope", "root"], "scopes: Choose"),
        (["developer", "--days", "0"], "expires_at"),
        (["developer", "--days", "9999999999"], "expires_at"),
        (["developer", "--systems", "nothing"], "systems"),
    ],
    ids=["user", "scope", "days", "too many days", "systems"],
)
def test_the_command_says_what_is_wrong(organisation: Organisation, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("slipway_token", *arguments)
