"""SCIM 2.0 as directories use it: people, groups, what follows from both, and what its token does not open."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance.access import PLATFORM_ADMINS, rights_of
from governance.domain.group_rule import Rule
from governance.models import ApiToken, AuditEntry, OpenSession, ScimRefusal, ScimToken, ScimUser
from governance.selectors.provisioned import provisioned_person
from governance.services.group_rules import group_rule_set
from governance.services.people import account_update
from governance.services.scim_tokens import scim_token_make, scim_tokens_end
from governance.services.scim_users import scim_user_adopt
from governance.services.tokens import token_create
from idp.catalog.models import Membership, User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, InvalidInput
from provisioning.selectors.ownership import team_views
from tests.personas import Organisation, actor_of
from tests.portal.api.client import token_for

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
JSON = dict[str, Any]
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ADA: JSON = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "externalId": "0b1e",
    "userName": "Ada@Example.com",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada@example.com", "type": "work", "primary": True}],
    "active": True,
}


class Directory:
    """A directory with a token. ``last`` is the last response."""

    def __init__(self, token: str | None = None) -> None:
        self.client = Client(raise_request_exception=False)
        self.token = scim_token_make(PLATFORM, days=90, now=clock.now())[1] if token is None else token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = "" if body is None else body if isinstance(body, bytes) else json.dumps(body)
        sent = {
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): one for name, one in headers.items()},
        }
        media = sent.pop("Content-Type", "application/scim+json")
        self.last = self.client.generic(method, f"/scim/v2/{path}", data, content_type=media, headers=sent)
        assert self.last.status_code < 500
        if self.last.content:
            assert self.last["Content-Type"] == "application/scim+json"
        return self.last.json() if self.last.content else None

    def made(self, body: JSON, path: str = "Users") -> JSON:
        found = self.call("POST", path, body)
        assert self.last.status_code == 201, found
        return found

    def patched(self, path: str, *operations: JSON) -> JSON:
        found = self.call("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})
        assert self.last.status_code == 200, found
        return found

    def names(self, path: str, text: str) -> list[str]:
        found = self.call("GET", f"{path}?filter={text}")
        assert self.last.status_code == 200, found
        return [one.get("userName") or one["displayName"] for one in found["Resources"]]

    def word(self) -> tuple[int, str]:
        """The status and SCIM's word of a refusal."""
        body = self.last.json()
        assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert (body["status"], bool(body["detail"])) == (str(self.last.status_code), True)
        return self.last.status_code, body.get("scimType", "")


@pytest.fixture
def directory(db: None) -> Directory:
    cache.clear()
    return Directory()


def account(found: JSON) -> User:
    return User.objects.get(provisioned__key=found["id"])


def test_it_makes_a_person_who_has_no_password_and_is_nobody_special(directory: Directory) -> None:
    made = directory.made(ADA)
    user = account(made)
    assert directory.last["Location"] == made["meta"]["location"]
    assert (directory.last["ETag"], made["meta"]["version"]) == ('W/"1"', 'W/"1"')
    assert (user.username, user.email, user.display_name) == ("Ada@Example.com", "ada@example.com", "Ada Lovelace")
    assert user.is_active
    assert not user.has_usable_password()
    assert not user.is_superuser
    assert not user.is_staff
    assert not user.groups.exists()
    assert directory.call("GET", f"Users/{made['id']}") == made
    assert {name: made[name] for name in ADA} == ADA


@pytest.mark.parametrize("name", ["ada@example.com", "ADA@EXAMPLE.COM"])
def test_a_name_is_taken_once_whatever_its_case(directory: Directory, name: str) -> None:
    directory.made(ADA)
    directory.call("POST", "Users", ADA | {"userName": name})
    assert directory.word() == (409, "uniqueness")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('userName eq "ADA@example.com"', ["Ada@Example.com"], id="name"),
        pytest.param('externalId eq "0b1e"', ["Ada@Example.com"], id="external-id"),
        pytest.param('emails.value eq "Ada@example.com"', ["Ada@Example.com"], id="address"),
        pytest.param('emails[type eq "work" and value co "example"]', ["Ada@Example.com"], id="element"),
        pytest.param('emails[type eq "home"]', [], id="no-element"),
        pytest.param('userName sw "b" or displayName pr', ["bob"], id="or"),
        pytest.param('userName sw "b" and active eq false', [], id="and"),
        pytest.param(
            'not (userName eq "bob") and meta.created gt "2020-01-01T00:00:00Z"', ["Ada@Example.com"], id="not"
        ),
        pytest.param('userName ne "bob"', ["Ada@Example.com"], id="ne"),
        pytest.param("externalId eq null", ["bob"], id="null"),
        pytest.param('id eq "nobody"', [], id="id"),
    ],
)
def test_it_finds_people(directory: Directory, text: str, found: list[str]) -> None:
    directory.made(ADA)
    directory.made({"userName": "bob"})
    assert directory.names("Users", text) == found


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("filter=userName is x", "invalidFilter"),
        ("filter=", "invalidFilter"),
        ('filter=nickName eq "x"', "invalidFilter"),
        ("filter=userName eq 7", "invalidFilter"),
        ('filter=active eq "perhaps"', "invalidFilter"),
        ('filter=meta.created gt "soon"', "invalidFilter"),
        ('filter=meta.created co "2020"', "invalidFilter"),
        ('filter=userName eq "a\\u0000"', "invalidFilter"),
        ("startIndex=x", "invalidValue"),
    ],
)
def test_a_wrong_query_is_refused_in_words(directory: Directory, query: str, word: str) -> None:
    directory.call("GET", f"Users?{query}")
    assert directory.word() == (400, word)


def test_it_pages_from_one_on(directory: Directory) -> None:
    for name in ("a", "b", "c"):
        directory.made({"userName": name})
    pages = {
        "startIndex=2&count=1": (2, ["b"]),
        "startIndex=0&count=2": (1, ["a", "b"]),
        "startIndex=-5&count=0": (1, []),
        "startIndex=9": (9, []),
        "count=-1": (1, []),
        f"startIndex={10**30}": (2**31 - 1, []),
    }
    for query, (start, names) in pages.items():
        found = directory.call("GET", f"Users?{query}")
        assert (found["totalResults"], found["startIndex"], found["itemsPerPage"]) == (3, start, len(names)), query
        assert [one["userName"] for one in found["Resources"]] == names


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("attributes=userName", {"schemas", "id", "userName"}),
        ("attributes=USERNAME,name.givenName,nothing", {"schemas", "id", "userName", "name"}),
        ("attributes=urn:ietf:params:scim:schemas:core:2.0:User:active", {"schemas", "id", "active"}),
        ("excludedAttributes=name,emails,meta,id", {"schemas", "id", "userName", "externalId", "active"}),
    ],
)
def test_it_answers_the_attributes_that_are_asked_for(directory: Directory, query: str, keys: set[str]) -> None:
    made = directory.made(ADA)
    found = directory.call("GET", f"Users/{made['id']}?{query}")
    assert set(found) == keys
    assert found.get("name", {"givenName": "Ada"}) == {"givenName": "Ada"}


def test_a_replace_sets_everything_and_an_equal_one_nothing(directory: Directory) -> None:
    made = directory.made(ADA)
    changed = directory.call("PUT", f"Users/{made['id']}", {"userName": "ada", "displayName": "Ada L."})
    user = account(made)
    assert (changed["userName"], changed["active"], changed["meta"]["version"]) == ("ada", True, 'W/"2"')
    assert "emails" not in changed
    assert "externalId" not in changed
    assert (user.username, user.email, user.display_name) == ("Ada@Example.com", "", "Ada L.")
    again = directory.call("PUT", f"Users/{made['id']}", {"userName": "ada", "displayName": "Ada L."})
    assert again == changed
    assert provisioned_person("ADA") == user
    assert provisioned_person("Ada@Example.com") is None


def test_it_keeps_an_edit_that_was_not_seen(directory: Directory) -> None:
    made = directory.made(ADA)
    path = f"Users/{made['id']}"
    directory.call("PUT", path, ADA | {"title": "Countess"}, If_Match='W/"1"')
    for method in ("PUT", "DELETE"):
        directory.call(method, path, ADA, If_Match='W/"1"')
        assert directory.word() == (412, "")
    assert directory.call("GET", path, If_None_Match='W/"2"') is None
    assert directory.last.status_code == 304


def test_whoever_is_switched_off_has_nothing_any_more(directory: Directory, organisation: Organisation) -> None:
    made = directory.made(ADA)
    user = account(made)
    Membership.objects.filter(team=organisation.payments).delete()
    Membership.objects.create(team=organisation.payments, user=user, role="developer", created_at=clock.now())
    browser = Client()
    browser.force_login(user)
    OpenSession.objects.create(user=user, key=browser.session.session_key, began_at=clock.now(), seen_at=clock.now())
    token_create(actor_of(user), owner=user, name="mine", scopes=["read"], now=clock.now())
    assert browser.get("/account/").status_code == 200
    assert not team_views()[organisation.payments.pk].alone

    found = directory.patched(f"Users/{made['id']}", {"op": "Replace", "path": "active", "value": "False"})
    assert found["active"] is False
    assert browser.get("/account/").status_code == 302
    assert not OpenSession.objects.exists()
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert team_views()[organisation.payments.pk].alone, "what the team owns is seen to by whoever follows"
    assert not rights_of(actor_of(user)).signed_in

    directory.patched(f"Users/{made['id']}", {"op": "replace", "value": {"active": True}})
    assert rights_of(actor_of(user)).signed_in
    assert browser.get("/account/").status_code == 302, "the old session stays ended"
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    actions = list(AuditEntry.objects.filter(object_id=str(user.pk)).order_by("sequence").values_list("action", "via"))
    assert actions == [("account.provision", "scim"), ("account.deactivate", "scim"), ("account.activate", "scim")]


def test_whoever_is_let_go_is_nobody_and_comes_again_without_roles(
    directory: Directory, organisation: Organisation
) -> None:
    made = directory.made(ADA)
    user = account(made)
    user.groups.add(Group.objects.get(name=PLATFORM_ADMINS))
    Membership.objects.create(team=organisation.payments, user=user, role="developer", created_at=clock.now())
    assert directory.call("DELETE", f"Users/{made['id']}") is None
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        directory.call(method, f"Users/{made['id']}", ADA)
        assert directory.word() == (404, "")
    assert directory.names("Users", 'userName eq "ada@example.com"') == []
    user.refresh_from_db()
    assert not user.is_active
    assert not user.groups.exists()
    assert not user.memberships.exists()
    assert provisioned_person("ada@example.com") is None

    again = directory.made(ADA)
    assert again["id"] != made["id"]
    assert account(again).pk == user.pk
    assert account(again).is_active
    assert not user.memberships.exists()


def test_it_takes_over_nobody_who_was_made_here(directory: Directory, organisation: Organisation) -> None:
    for name in ("developer", "DEVELOPER", "admin", "slipway-robot"):
        directory.call("POST", "Users", {"userName": name})
        if name != "slipway-robot":
            assert directory.word() == (409, "uniqueness")
    assert directory.names("Users", 'userName eq "developer"') == []
    account(directory.made({"userName": "slipway"})).refresh_from_db()
    assert {"slipway-2", "slipway-robot"} <= set(User.objects.values_list("username", flat=True))

    admin, now = organisation.actor("admin"), clock.now()
    scim_user_adopt(admin, username="developer", now=now)
    assert directory.names("Users", 'userName eq "developer"') == ["developer"]
    assert not User.objects.get(username="developer").has_usable_password()
    with pytest.raises(Conflict, match="platform admin"):
        scim_user_adopt(admin, username="admin", now=now)
    with pytest.raises(Conflict, match="already"):
        scim_user_adopt(admin, username="developer", now=now)


def test_names_of_two_people_who_had_the_same_are_told_apart(directory: Directory) -> None:
    first = directory.made({"userName": "ada"})
    directory.patched(f"Users/{first['id']}", {"op": "replace", "path": "userName", "value": "ada.byron"})
    second = directory.made({"userName": "ada"})
    assert (account(first).username, account(second).username) == ("ada", "ada-2")


def test_the_last_admin_is_not_switched_off(directory: Directory, organisation: Organisation) -> None:
    made = directory.made(ADA)
    account(made).groups.add(Group.objects.get(name=PLATFORM_ADMINS))
    User.objects.filter(pk=organisation.admin.pk).update(is_active=False)
    directory.call("PUT", f"Users/{made['id']}", ADA | {"active": False})
    assert directory.word() == (409, "")
    assert account(made).is_active
    assert "last platform admin" in ScimRefusal.objects.get().detail


def test_what_the_directory_says_is_not_edited_here(directory: Directory, organisation: Organisation) -> None:
    made = directory.made(ADA)
    admin, now, name = organisation.actor("admin"), clock.now(), account(made).username
    for field, value in {"email": "x@example.com", "display_name": "X"}.items():
        with pytest.raises(InvalidInput) as refused:
            account_update(admin, username=name, now=now, **{field: value})  # type: ignore[arg-type]
        assert [one.path for one in refused.value.errors] == [field]

    account_update(admin, username=name, active=False, now=now)
    directory.call("PUT", f"Users/{made['id']}", ADA | {"title": "Countess"})
    assert not account(made).is_active, "an admin's word holds while the directory repeats itself"
    account_update(admin, username=name, active=True, now=now)
    directory.call("PUT", f"Users/{made['id']}", ADA | {"active": False})
    with pytest.raises(InvalidInput, match="switched this person off"):
        account_update(admin, username=name, active=True, now=now)


def test_groups_give_roles_by_rules_and_never_more(directory: Directory, organisation: Organisation) -> None:
    admin, now = organisation.actor("admin"), clock.now()
    group_rule_set(admin, Rule("scim", "Payments", "payments", "developer"), now=now)
    group_rule_set(admin, Rule("scim", "9f3c", "storefront", "viewer"), now=now)
    ada, bob = directory.made(ADA), directory.made({"userName": "bob", "active": False})
    group = directory.made(
        {"displayName": "Payments", "externalId": "9f3c", "members": [{"value": ada["id"]}, {"value": bob["id"]}]},
        "Groups",
    )
    path = f"Groups/{group['id']}"

    def roles(found: JSON) -> dict[str, str]:
        return dict(Membership.objects.filter(user=account(found)).values_list("team__slug", "role"))

    both = {"payments": "developer", "storefront": "viewer"}
    assert (roles(ada), roles(bob)) == (both, {})
    shown = directory.call("GET", f"Users/{ada['id']}")
    assert [one["display"] for one in shown["groups"]] == ["Payments"]
    directory.patched(f"Users/{bob['id']}", {"op": "replace", "path": "active", "value": True})
    assert roles(bob) == both, "who is switched on gets what their groups give"

    directory.patched(path, {"op": "remove", "path": f'members[value eq "{bob["id"]}"]'})
    assert (roles(ada), roles(bob)) == (both, {})
    directory.patched(path, {"op": "replace", "value": {"id": group["id"], "displayName": "Paying"}})
    assert roles(ada) == {"storefront": "viewer"}
    directory.patched(path, {"op": "add", "path": "members", "value": [{"value": bob["id"]}]})
    directory.patched(path, {"op": "Remove", "path": "members", "value": [{"value": ada["id"]}]})
    assert (roles(ada), roles(bob)) == ({}, {"storefront": "viewer"})
    assert directory.call("DELETE", path) is None
    assert roles(bob) == {}
    directory.call("GET", path)
    assert directory.word() == (404, "")


def test_a_group_is_found_and_refused_in_words(directory: Directory) -> None:
    ada = directory.made(ADA)
    group = directory.made({"displayName": "Guides", "externalId": "g1", "members": [{"value": ada["id"]}]}, "Groups")
    for text in ('displayName eq "GUIDES"', 'externalId eq "g1"', f'members[value eq "{ada["id"]}"]'):
        assert directory.names("Groups", text) == ["Guides"]
    assert directory.names("Groups", f'id eq "{group["id"]}" and members.value eq "nobody"') == []
    found = directory.call("GET", f"Groups/{group['id']}?excludedAttributes=members")
    assert "members" not in found
    directory.call("POST", "Groups", {"displayName": "guides"})
    assert directory.word() == (409, "uniqueness")
    directory.call("POST", "Groups", {"displayName": "Nested", "members": [{"value": group["id"], "type": "Group"}]})
    assert directory.word() == (400, "invalidValue")
    directory.call("POST", "Groups", {"members": []})
    assert directory.word() == (400, "invalidValue")
    many = [{"value": str(number)} for number in range(1_001)]
    directory.call("PUT", f"Groups/{group['id']}", {"displayName": "Guides", "members": many})
    assert directory.word() == (413, "")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        pytest.param("POST", "Users", b"{", 400, "invalidSyntax", id="broken-json"),
        pytest.param("POST", "Users", b'{"userName":"a","userName":"b"}', 400, "invalidSyntax", id="key-twice"),
        pytest.param("POST", "Users", b'{"userName":"\\ud800"}', 400, "invalidSyntax", id="half-a-character"),
        pytest.param("POST", "Users", b"[]", 400, "invalidSyntax", id="list"),
        pytest.param("POST", "Users", b"", 400, "invalidValue", id="nothing"),
        pytest.param("POST", "Users", {"userName": None}, 400, "invalidValue", id="no-name"),
        pytest.param("PATCH", "Users", {}, 405, "", id="method"),
        pytest.param("GET", "Users/%00", None, 404, "", id="nul-in-address"),
        pytest.param("GET", "Users/nobody", None, 404, "", id="nobody"),
        pytest.param("POST", "Bulk", {}, 404, "", id="bulk"),
        pytest.param("GET", "Me", None, 404, "", id="me"),
        pytest.param("GET", "Schemas/urn:none", None, 404, "", id="schema"),
        pytest.param("POST", "Users", b"x" * 1_100_000, 413, "", id="large"),
    ],
)
def test_it_refuses_in_the_words_of_scim(
    directory: Directory, method: str, path: str, body: Any, status: int, word: str
) -> None:
    directory.call(method, path, body)
    assert directory.word() == (status, word)


def test_it_takes_plain_json_and_no_other_kind(directory: Directory) -> None:
    directory.call("POST", "Users", {"userName": "a"}, Content_Type="application/json")
    assert directory.last.status_code == 201
    directory.call("POST", "Users", {"userName": "b"}, Content_Type="text/plain")
    assert directory.word() == (415, "")


def test_it_says_what_it_can(directory: Directory) -> None:
    config = directory.call("GET", "ServiceProviderConfig")
    assert config["patch"]["supported"]
    assert config["etag"]["supported"]
    assert not config["bulk"]["supported"]
    assert [one["id"] for one in directory.call("GET", "ResourceTypes")["Resources"]] == ["User", "Group"]
    assert directory.call("GET", "ResourceTypes/User")["endpoint"] == "/Users"
    for one in directory.call("GET", "Schemas/")["Resources"]:
        assert directory.call("GET", f"Schemas/{one['id']}") == one
        assert all(part["type"] == "complex" or "subAttributes" not in part for part in one["attributes"])


def test_its_token_opens_nothing_else_and_nothing_else_opens_it(
    directory: Directory, organisation: Organisation
) -> None:
    for path in ("me", "people/", "teams/", "systems/"):
        answer = directory.client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {directory.token}"})
        assert answer.status_code == 401, path
    assert directory.client.get("/people/", headers={"Authorization": f"Bearer {directory.token}"}).status_code == 302
    for wrong in (token_for(organisation.admin), directory.token[:-1] + "x", "slw_none", ""):
        other = Directory(wrong)
        other.client.force_login(organisation.admin)
        other.call("GET", "Users")
        assert other.word() == (401, "")
        assert other.last["WWW-Authenticate"].startswith("Bearer")


def test_a_token_is_turned_over_and_ended(directory: Directory, organisation: Organisation) -> None:
    admin, now = organisation.actor("admin"), clock.now()
    newer = Directory(scim_token_make(admin, days=365, now=now)[1])
    assert {directory.call("GET", "Users")["totalResults"], newer.call("GET", "Users")["totalResults"]} == {0}
    assert ScimToken.objects.earliest("pk").expires_at <= now + timedelta(hours=24)
    ScimToken.objects.filter(pk=ScimToken.objects.earliest("pk").pk).update(expires_at=now)
    directory.call("GET", "Users")
    assert directory.word() == (401, "")
    assert scim_tokens_end(admin, now=now) == 1
    newer.call("GET", "Users")
    assert newer.word() == (401, "")
    with pytest.raises(Conflict):
        scim_tokens_end(admin, now=now)
    with pytest.raises(InvalidInput):
        scim_token_make(admin, days=7, now=now)


def test_it_is_held_to_a_rate(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    from rest_framework.settings import api_settings

    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "principal", "2/min")
    for _ in range(2):
        directory.call("GET", "ServiceProviderConfig")
        assert directory.last.status_code == 200
    directory.call("GET", "ServiceProviderConfig")
    assert directory.word() == (429, "")
    assert int(directory.last["Retry-After"]) >= 1


def test_only_the_newest_refusals_are_kept(directory: Directory) -> None:
    for number in range(25):
        directory.call("GET", f"Users/nobody-{number}")
    kept = list(ScimRefusal.objects.values_list("request", flat=True))
    assert (len(kept), kept[0]) == (20, "GET /scim/v2/Users/nobody-24")


@pytest.mark.parametrize("path", ["Users", 'Users?filter=emails[type eq "work"]', "Groups", "Groups?filter=id pr"])
def test_a_list_costs_as_many_queries_for_many_as_for_few(directory: Directory, path: str) -> None:
    counted = []
    for size in (2, 20):
        for number in range(size):
            made = directory.made({"userName": f"p{size}-{number}", "emails": f"p{size}-{number}@example.com"})
            directory.made({"displayName": f"g{size}-{number}", "members": [{"value": made["id"]}]}, "Groups")
        directory.call("GET", path)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = directory.call("GET", path)
        counted.append(len(queries))
        assert found["itemsPerPage"] == found["totalResults"] > 0 or "work" in path
    assert counted[0] == counted[1] <= 6


def test_a_row_of_each_person_stays_when_the_directory_repeats_itself(directory: Directory) -> None:
    made = directory.made(ADA)
    before = AuditEntry.objects.count()
    directory.patched(f"Users/{made['id']}", {"op": "replace", "path": "active", "value": "True"})
    directory.patched(f"Users/{made['id']}", {"op": "replace", "path": "nickName", "value": "x"})
    assert (ScimUser.objects.get().version, AuditEntry.objects.count()) == (1, before)
