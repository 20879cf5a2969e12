"""Documents and PATCH of SCIM: the RFC's examples, what Entra and Okta send in their place, and mutated documents."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest

from governance.domain.scim_patch import patched
from governance.domain.scim_schema import GROUP, USER, account_email, account_name, clean, shown_name
from idp.kernel.errors import InvalidInput

WORK = {"value": "bjensen@example.com", "type": "work", "primary": True}
HOME = {"value": "babs@jensen.org", "type": "home"}
BABS: dict[str, Any] = {
    "userName": "bjensen",
    "externalId": "701984",
    "name": {"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara"},
    "displayName": "Babs Jensen",
    "active": True,
    "emails": [WORK, HOME],
}
FIRST, SECOND = "2819c223-7f76-453a-919d-413861904646", "902c246b-6245-4190-8e05-00816be7344a"
GUIDES: dict[str, Any] = {"displayName": "Tour Guides", "members": [{"value": FIRST}, {"value": SECOND}]}
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
WHOLE_USER: dict[str, Any] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
    "id": FIRST,
    "externalId": "701984",
    "USERNAME": "bjensen@example.com",
    "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "honorificPrefix": "Ms.", "x": 1},
    "displayName": "Babs Jensen",
    "nickName": "Babs",
    "profileUrl": "https://login.example.com/bjensen",
    "emails": [WORK, HOME],
    "addresses": [{"type": "work", "locality": "Hollywood"}],
    "phoneNumbers": [{"value": "555-555-5555", "type": "work"}],
    "title": None,
    "active": True,
    "password": "t1meMa$heen",
    "groups": [{"value": "e9e30dba-f08f-4109-8486-d5c6a331660a"}],
    ENTERPRISE: {"employeeNumber": "701984", "manager": {"value": "26118915"}},
    "meta": {"resourceType": "User", "version": 'W/"a330bc54f0671c9"'},
}


def op(name: str, path: str | None = None, value: Any = ...) -> dict[str, Any]:
    found: dict[str, Any] = {"op": name}
    if path is not None:
        found["path"] = path
    if value is not ...:
        found["value"] = value
    return found


def user(*operations: Any) -> dict[str, Any]:
    return patched(USER, BABS, {"Operations": list(operations)})


def test_it_keeps_what_it_knows_of_the_full_user_of_the_rfc() -> None:
    assert clean(USER, WHOLE_USER) == {
        "externalId": "701984",
        "userName": "bjensen@example.com",
        "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "honorificPrefix": "Ms."},
        "displayName": "Babs Jensen",
        "emails": [WORK, HOME],
        "active": True,
    }


@pytest.mark.parametrize(
    ("sent", "attribute", "value"),
    [
        pytest.param({"active": "False"}, "active", False, id="truth-as-text"),
        pytest.param({"active": "true"}, "active", True, id="truth-as-text-in-lower-case"),
        pytest.param({"emails": WORK}, "emails", [WORK], id="one-element-without-list"),
        pytest.param(
            {"emails": [{"value": "a@b.c", "primary": "True"}]},
            "emails",
            [{"value": "a@b.c", "primary": True}],
            id="primary-as-text",
        ),
        pytest.param(
            {"emails": [WORK, HOME | {"primary": True}]},
            "emails",
            [WORK | {"primary": False}, HOME | {"primary": True}],
            id="one-primary",
        ),
        pytest.param({"emails": [{"value": ""}, HOME]}, "emails", [HOME], id="empty-element"),
        pytest.param({"displayName": 7}, "displayName", "7", id="number-as-text"),
        pytest.param({"externalid": "x"}, "externalId", "x", id="case-of-names"),
        pytest.param({"displayName": " Babs "}, "displayName", "Babs", id="space"),
        pytest.param({"name": {"GivenName": "B"}}, "name", {"givenName": "B"}, id="case-of-parts"),
    ],
)
def test_it_reads_what_directories_send(sent: dict[str, Any], attribute: str, value: Any) -> None:
    assert clean(USER, {"userName": "b"} | sent)[attribute] == value


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        pytest.param({}, "userName", id="no-name"),
        pytest.param({"userName": ""}, "userName", id="empty-name"),
        pytest.param({"userName": ["a", "b"]}, "userName", id="two-names"),
        pytest.param({"userName": {"a": 1}}, "userName", id="name-of-parts"),
        pytest.param({"userName": "x" * 300}, "userName", id="long-name"),
        pytest.param({"userName": "b", "active": "yes"}, "active", id="truth"),
        pytest.param({"userName": "b", "active": 1}, "active", id="truth-as-number"),
        pytest.param({"userName": "b", "name": "Babs"}, "name", id="parts"),
        pytest.param({"userName": "b", "emails": [{"value": "x"}]}, "emails.value", id="no-address"),
        pytest.param({"userName": "b", "emails": [{"value": f"a{n}@b.c"} for n in range(30)]}, "emails", id="many"),
    ],
)
def test_it_refuses_a_value_and_says_where(sent: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean(USER, sent)
    assert (refused.value.code, refused.value.errors[0].path) == ("invalidValue", path)


@pytest.mark.parametrize(
    ("operations", "changed"),
    [
        pytest.param([op("replace", "active", "False")], {"active": False}, id="entra-truth-as-text"),
        pytest.param([op("Replace", "active", False)], {"active": False}, id="entra-capital-operation"),
        pytest.param([op("Replace", None, {"active": False})], {"active": False}, id="okta-switches-off"),
        pytest.param([op("replace", "active", [{"value": "False"}])], {"active": False}, id="old-entra-list-of-values"),
        pytest.param([op("replace", "ACTIVE", "false")], {"active": False}, id="case-of-path"),
        pytest.param([op("add", None, {"displayName": "B"})], {"displayName": "B"}, id="add-without-path"),
        pytest.param([op("Add", "externalId", "x")], {"externalId": "x"}, id="external-id"),
        pytest.param([op("replace", "name.familyName", "J")], {"name": BABS["name"] | {"familyName": "J"}}, id="part"),
        pytest.param(
            [op("replace", "name", {"familyName": "J"})],
            {"name": BABS["name"] | {"familyName": "J"}},
            id="parts-not-sent-stay",
        ),
        pytest.param(
            [op("replace", None, {"name.familyName": "J"})],
            {"name": BABS["name"] | {"familyName": "J"}},
            id="entra-path-as-key",
        ),
        pytest.param([op("replace", f"{USER.urn}:displayName", "B")], {"displayName": "B"}, id="urn-before-path"),
        pytest.param([op("replace", None, {USER.urn: {"displayName": "B"}})], {"displayName": "B"}, id="urn-as-key"),
        pytest.param([op("replace", f"{ENTERPRISE}:department", "Sales")], {}, id="extension-is-left-out"),
        pytest.param([op("add", f"{ENTERPRISE}:manager", [{"value": "x"}])], {}, id="manager-is-left-out"),
        pytest.param([op("replace", None, {ENTERPRISE: {"department": "x"}})], {}, id="extension-as-key"),
        pytest.param([op("replace", 'phoneNumbers[type eq "work"].value', "1")], {}, id="unknown-elements"),
        pytest.param([op("replace", "preferredLanguage", "de")], {}, id="unknown-attribute"),
        pytest.param([op("replace", "name.nickName", "x")], {}, id="unknown-part"),
        pytest.param(
            [op("replace", None, {"id": "x", "schemas": [], "displayName": "B"})],
            {"displayName": "B"},
            id="okta-sends-the-id",
        ),
        pytest.param(
            [op("replace", 'emails[type eq "work"].value', "b@c.d")],
            {"emails": [WORK | {"value": "b@c.d"}, HOME]},
            id="entra-address",
        ),
        pytest.param(
            [op("Replace", 'emails[type eq "Work"]', {"value": "b@c.d"})],
            {"emails": [WORK | {"value": "b@c.d"}, HOME]},
            id="element",
        ),
        pytest.param(
            [op("replace", None, {'emails[type eq "work"].value': "b@c.d"})],
            {"emails": [WORK | {"value": "b@c.d"}, HOME]},
            id="entra-address-as-key",
        ),
        pytest.param(
            [op("add", 'emails[type eq "other"].value', "b@c.d")],
            {"emails": [WORK, HOME, {"type": "other", "value": "b@c.d"}]},
            id="entra-adds-an-element",
        ),
        pytest.param(
            [op("replace", 'emails[type eq "other"].value', "b@c.d")],
            {"emails": [WORK, HOME, {"type": "other", "value": "b@c.d"}]},
            id="entra-replaces-what-is-not-there",
        ),
        pytest.param(
            [op("add", "emails", [{"value": "b@c.d", "type": "other"}])],
            {"emails": [WORK, HOME, {"value": "b@c.d", "type": "other"}]},
            id="rfc-add-to-list",
        ),
        pytest.param([op("add", "emails", [WORK])], {}, id="rfc-add-what-is-there"),
        pytest.param(
            [op("add", "emails", {"value": "b@c.d", "primary": True})],
            {"emails": [WORK | {"primary": False}, HOME, {"value": "b@c.d", "primary": True}]},
            id="rfc-new-primary",
        ),
        pytest.param([op("replace", "emails", [HOME])], {"emails": [HOME]}, id="replace-list"),
        pytest.param(
            [op("replace", 'emails[type eq "home"].primary', "True")],
            {"emails": [WORK | {"primary": False}, HOME | {"primary": True}]},
            id="primary-moves",
        ),
        pytest.param([op("remove", 'emails[type eq "home"]')], {"emails": [WORK]}, id="rfc-remove-element"),
        pytest.param(
            [op("remove", 'emails[type eq "work" and value ew "example.com"]')],
            {"emails": [HOME]},
            id="rfc-remove-with-two-conditions",
        ),
        pytest.param(
            [op("remove", 'emails[type eq "work"].primary')],
            {"emails": [{"value": WORK["value"], "type": "work"}, HOME]},
            id="remove-part-of-element",
        ),
        pytest.param([op("remove", 'emails[type eq "none"]')], {}, id="remove-what-is-not-there"),
        pytest.param([op("remove", "emails")], {"emails": ...}, id="remove-list"),
        pytest.param([op("remove", "displayName")], {"displayName": ...}, id="remove"),
        pytest.param([op("replace", "displayName", None)], {"displayName": ...}, id="null-removes"),
        pytest.param(
            [op("remove", "name.formatted")],
            {"name": {"familyName": "Jensen", "givenName": "Barbara"}},
            id="remove-part",
        ),
        pytest.param([op("remove", "title")], {}, id="remove-what-is-empty"),
        pytest.param(
            [op("replace", "displayName", "A"), op("replace", "displayName", "B")], {"displayName": "B"}, id="in-order"
        ),
    ],
)
def test_it_patches_a_person(operations: list[Any], changed: dict[str, Any]) -> None:
    before = deepcopy(BABS)
    wanted = {key: value for key, value in (BABS | changed).items() if value is not ...}
    assert user(*operations) == wanted
    assert before == BABS


def group(*operations: Any) -> dict[str, Any]:
    return patched(GROUP, GUIDES, {"schemas": [], "operations": list(operations)})


@pytest.mark.parametrize(
    ("operations", "members"),
    [
        pytest.param(
            [op("add", "members", [{"display": "B", "$ref": "../Users/x", "value": "x"}])],
            [FIRST, SECOND, "x"],
            id="rfc-add",
        ),
        pytest.param([op("Add", "members", {"value": "x"})], [FIRST, SECOND, "x"], id="add-one"),
        pytest.param([op("add", None, {"members": [{"value": "x"}]})], [FIRST, SECOND, "x"], id="add-without-path"),
        pytest.param(
            [op("add", "members", [{"value": FIRST.upper()}])], [FIRST.upper(), SECOND], id="add-who-is-there"
        ),
        pytest.param([op("remove", f'members[value eq "{FIRST}"]')], [SECOND], id="rfc-remove-by-filter"),
        pytest.param([op("Remove", "members", [{"$ref": None, "value": FIRST}])], [SECOND], id="entra-remove-by-list"),
        pytest.param([op("remove", "members", {"value": FIRST})], [SECOND], id="remove-by-object"),
        pytest.param([op("remove", "members", FIRST)], [SECOND], id="remove-by-text"),
        pytest.param([op("remove", "members", [{"value": "nobody"}])], [FIRST, SECOND], id="remove-who-is-not-there"),
        pytest.param([op("remove", "members")], [], id="rfc-remove-all"),
        pytest.param([op("replace", "members", [{"value": "x"}])], ["x"], id="okta-replace"),
        pytest.param([op("replace", "members", [])], [], id="replace-by-nobody"),
        pytest.param(
            [op("remove", f'members[value eq "{FIRST}"]'), op("add", "members", [{"value": "x"}])],
            [SECOND, "x"],
            id="rfc-remove-and-add",
        ),
    ],
)
def test_it_patches_members(operations: list[Any], members: list[str]) -> None:
    assert [one["value"] for one in group(*operations).get("members", ())] == members


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(op("replace", "displayName", "Guides"), id="path"),
        pytest.param(op("replace", None, {"id": "abf4dd94", "displayName": "Guides"}), id="okta"),
    ],
)
def test_it_renames_a_group(operation: dict[str, Any]) -> None:
    assert group(operation) == GUIDES | {"displayName": "Guides"}


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        pytest.param(op("delete", "title"), "invalidSyntax", id="unknown-operation"),
        pytest.param({"path": "title"}, "invalidSyntax", id="no-operation"),
        pytest.param("replace", "invalidSyntax", id="no-object"),
        pytest.param(op("remove"), "noTarget", id="remove-nothing"),
        pytest.param(op("replace", None, "x"), "invalidValue", id="no-path-no-object"),
        pytest.param(op("replace", "title"), "invalidValue", id="no-value"),
        pytest.param(op("replace", "active", "maybe"), "invalidValue", id="no-truth"),
        pytest.param(op("replace", "emails", [{"value": "nobody"}]), "invalidValue", id="no-address"),
        pytest.param(op("replace", "id", "x"), "mutability", id="id"),
        pytest.param(op("replace", "meta.version", "x"), "mutability", id="meta"),
        pytest.param(op("add", "groups", [{"value": "x"}]), "mutability", id="groups"),
        pytest.param(op("remove", "userName"), "mutability", id="required"),
        pytest.param(op("replace", "userName", ""), "invalidValue", id="required-made-empty"),
        pytest.param(op("replace", "a b c", "x"), "invalidPath", id="no-path"),
        pytest.param(op("replace", 7, "x"), "invalidPath", id="path-is-no-text"),
        pytest.param(op("replace", "title.x", "x"), "invalidPath", id="part-of-a-text"),
        pytest.param(op("replace", 'name[type eq "x"]', "x"), "invalidPath", id="element-of-an-object"),
        pytest.param(op("replace", 'emails[type is "work"].value', "x"), "invalidFilter", id="filter"),
        pytest.param(op("replace", 'emails[value co "nowhere"].value', "a@b.c"), "noTarget", id="no-element"),
    ],
)
def test_it_refuses_an_operation_with_the_word_of_the_rfc(operation: Any, word: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        user(operation)
    assert refused.value.code == word


@pytest.mark.parametrize("sent", [{}, {"Operations": []}, {"Operations": "x"}, {"Operations": [{}] * 2_000}])
def test_it_refuses_a_patch_without_operations(sent: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        patched(USER, BABS, sent)
    assert refused.value.code == "invalidSyntax"


@pytest.mark.parametrize(
    ("document", "email", "name"),
    [
        (BABS, "bjensen@example.com", "Babs Jensen"),
        ({"emails": [HOME, WORK | {"primary": False}]}, "bjensen@example.com", ""),
        ({"emails": [HOME], "name": {"givenName": "Babs", "familyName": "Jensen"}}, "babs@jensen.org", "Babs Jensen"),
        ({"name": {"formatted": "B. J."}}, "", "B. J."),
        ({}, "", ""),
    ],
)
def test_it_says_what_the_account_shows(document: dict[str, Any], email: str, name: str) -> None:
    assert (account_email(document), shown_name(document)) == (email, name)


@pytest.mark.parametrize(
    ("user_name", "account"),
    [
        ("bjensen@example.com", "bjensen@example.com"),
        ("ada_gmail.com#EXT#@tenant.onmicrosoft.com", "ada_gmail.com-EXT-@tenant.onmicrosoft.com"),
        ("EXAMPLE\\ada", "EXAMPLE-ada"),
        ("a/b", "a-b"),
        ("Ada Lovelace", "Ada-Lovelace"),
        ("###", "person"),
        ("x" * 256, "x" * 140),
    ],
)
def test_it_names_an_account_so_that_it_has_an_address(user_name: str, account: str) -> None:
    assert account_name(user_name) == account


PATHS = ("emails", 'emails[type eq "work"].value', "members", "name", "name.familyName", "active", "title", "userName")
VALUES: tuple[Any, ...] = (
    None, "", "x", "True", True, 7, 1.5, [], {}, [[]], [None], {"value": None}, [{"value": "a@b.c"}],
    {"value": {"value": 1}}, [WORK, HOME], {"emails": [{"type": "work"}]}, {"name.x": 1, "active": []}, WHOLE_USER,
)  # fmt: skip


def _mutated(dice: random.Random, value: Any) -> Any:
    """One place of the value is another."""
    if dice.random() < 0.25:
        return dice.choice(VALUES)
    if isinstance(value, dict) and value:
        key = dice.choice(sorted(value))
        changed = value | {key: _mutated(dice, value[key])}
        return changed if dice.random() < 0.8 else {name: one for name, one in changed.items() if name != key}
    if isinstance(value, list) and value:
        place = dice.randrange(len(value))
        return [*value[:place], _mutated(dice, value[place]), *value[place + 1 :]]
    return dice.choice((*PATHS, *VALUES)) if dice.random() < 0.7 else f'{value}[]"\\.:'


def test_it_answers_ten_thousand_mutated_documents_with_a_document_or_a_sentence() -> None:
    dice, words = random.Random(7643), set()
    for _ in range(10_000):
        resource, document = dice.choice(((USER, BABS), (GROUP, GUIDES)))
        operations = [op(dice.choice(("add", "Replace", "remove")), dice.choice((*PATHS, None)), dice.choice(VALUES))]
        sent = _mutated(dice, {"Operations": operations} if dice.random() < 0.6 else WHOLE_USER)
        if not isinstance(sent, dict):
            continue
        try:
            result = clean(resource, sent) if dice.random() < 0.5 else patched(resource, document, sent)
        except InvalidInput as refused:
            words.add(refused.code)
        else:
            assert result.get("userName" if resource is USER else "displayName")
    assert words == {"invalidValue", "invalidSyntax", "invalidPath", "noTarget", "mutability"}
