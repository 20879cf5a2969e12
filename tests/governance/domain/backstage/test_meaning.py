"""References, relations, our names for theirs, what becomes of an entity, and what stands in other files."""

from __future__ import annotations

from typing import Any

import pytest

from governance.domain.backstage.mapping import component_type, links, repository, shown_name
from governance.domain.backstage.placeholders import Unreadable, resolve
from governance.domain.backstage.reading import Draft, read_file
from governance.domain.backstage.refs import Ref, WrongRef, parse
from governance.domain.backstage.relations import INVERSE, Relation, relations_of
from governance.domain.backstage.slugs import slug_free, slug_of
from idp.catalog.names import is_slug

REFS = {
    "name": ("shop", "component:default/shop"),
    "kind": ("API:shop", "api:default/shop"),
    "namespace": ("x/shop", "component:x/shop"),
    "all": ("system:x/Shop", "system:x/shop"),
    "two-colons": ("a:b:c", "a:default/b:c"),
    "two-slashes": ("a/b/c", "component:a/b/c"),
    "slash-before-colon": ("a/b:c", "component:a/b:c"),
}
WRONG = ("", ":a", "a:", "/a", "a/", "a:/b", "a:b/")
SLUGS = {
    "as-it-is": ("shop", "shop"),
    "capitals": ("Shop", "shop"),
    "dots": ("Foo.Bar_baz", "foo-bar-baz"),
    "digit-first": ("3scale", "x-3scale"),
    "dashes": ("a---b", "a-b"),
}


@pytest.mark.parametrize(("text", "expected"), REFS.values(), ids=REFS)
def test_it_reads_references_as_backstage_does(text: str, expected: str) -> None:
    assert str(parse(text, kind="Component")) == expected


@pytest.mark.parametrize("text", WRONG)
def test_it_refuses_references_with_an_empty_part(text: str) -> None:
    with pytest.raises(WrongRef):
        parse(text, kind="Component")


def test_a_reference_takes_its_namespace_from_where_it_stands() -> None:
    assert parse("a", kind="System", namespace="x") == Ref("System", "x", "a")
    with pytest.raises(WrongRef, match="Write the kind"):
        parse("a")


def entity(kind: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": {"name": "one", **metadata}, "spec": spec}


RELATIONS = {
    "component": (
        entity(
            "Component",
            {"owner": "a", "system": "s", "providesApis": ["p"], "consumesApis": ["x/c"], "dependsOn": ["resource:db"]},
        ),
        {
            Relation("component:default/one", "ownedBy", "group:default/a"),
            Relation("component:default/one", "partOf", "system:default/s"),
            Relation("component:default/one", "providesApi", "api:default/p"),
            Relation("component:default/one", "consumesApi", "api:x/c"),
            Relation("component:default/one", "dependsOn", "resource:default/db"),
        },
    ),
    "the-other-way-round": (
        entity("Resource", {"owner": "user:me", "dependencyOf": ["component:b"]}),
        {
            Relation("resource:default/one", "ownedBy", "user:default/me"),
            Relation("component:default/b", "dependsOn", "resource:default/one"),
        },
    ),
    "group": (
        entity("Group", {"parent": "p", "children": ["c"], "members": ["m"]}, namespace="org"),
        {
            Relation("group:org/one", "childOf", "group:org/p"),
            Relation("group:org/c", "childOf", "group:org/one"),
            Relation("user:org/m", "memberOf", "group:org/one"),
        },
    ),
    "user": (
        entity("User", {"memberOf": ["a"]}),
        {Relation("user:default/one", "memberOf", "group:default/a")},
    ),
    "unknown-kind": (entity("Thing", {"owner": "a"}), set()),
}


@pytest.mark.parametrize(("data", "expected"), RELATIONS.values(), ids=RELATIONS)
def test_it_computes_relations_in_one_direction_with_a_name_for_the_other(
    data: dict[str, Any], expected: set[Relation]
) -> None:
    found = relations_of(data)

    assert found == expected
    assert all(one.type in INVERSE for one in found)


@pytest.mark.parametrize(("name", "expected"), SLUGS.values(), ids=SLUGS)
def test_it_makes_our_name_from_theirs(name: str, expected: str) -> None:
    assert slug_of(name) == expected
    assert is_slug(expected)


@pytest.mark.parametrize("name", ["a" * 63, "A.b" * 20, "9" * 63, "a" * 29 + "-" + "b" * 20])
def test_long_names_become_short_ones_that_stay_apart(name: str) -> None:
    assert is_slug(slug_of(name))
    assert slug_of(name) != slug_of(name[:-1] + "z")


def test_a_collision_is_told_and_gets_the_same_name_every_time() -> None:
    first = slug_free("Foo.Bar", "component:default/foo.bar", {})
    second = slug_free("foo-bar", "component:default/foo-bar", {"foo-bar"})

    assert first == ("foo-bar", False)
    assert second == slug_free("foo-bar", "component:default/foo-bar", {"foo-bar"})
    assert second[1]
    assert is_slug(second[0])


@pytest.mark.parametrize(
    ("word", "expected"),
    [("service", "service"), ("Website", "website"), ("lib", "library"), ("cronjob", "job"), ("?", "service")],
)
def test_free_types_become_one_of_ours(word: str, expected: str) -> None:
    assert component_type(word) == expected


NOTES = {
    "location": ({"backstage.io/source-location": "url:https://git.example/a/b/"}, "https://git.example/a/b/"),
    "github": ({"github.com/project-slug": "acme/shop"}, "https://github.com/acme/shop"),
    "a-file": ({"backstage.io/source-location": "file:/etc/passwd"}, ""),
    "a-script": ({"backstage.io/view-url": "javascript:alert(1)"}, ""),
    "none": ({}, ""),
}


@pytest.mark.parametrize(("notes", "expected"), NOTES.values(), ids=NOTES)
def test_the_repository_comes_from_annotations(notes: dict[str, str], expected: str) -> None:
    assert repository(entity("Component", {}, annotations=notes)) == expected


def test_only_web_links_become_links_of_ours() -> None:
    data = entity("Component", {}, links=[{"url": "https://a.example/x"}, {"url": "javascript:alert(1)", "title": "x"}])

    assert links(data) == [{"title": "a.example", "url": "https://a.example/x"}]
    assert shown_name(entity("Group", {"profile": {"displayName": "The team"}})) == "The team"


FILES = {
    "a.txt": b"hello",
    "a.json": b'{"a": [1]}',
    "a.yaml": b"b: yes",
    "two.yaml": b"a: 1\n---\nb: 2",
    "bad": b"\xff",
}


def read(said: str, _: str) -> bytes:
    if said not in FILES:
        raise Unreadable("there is no such file")
    return FILES[said]


def filled(definition: str) -> tuple[Any, Any]:
    (draft,) = read_file("f", f"kind: API\nspec:\n  definition: {definition}\n")
    assert isinstance(draft, Draft)
    data, finding = resolve(draft, read)
    return data["spec"]["definition"], finding


PLACEHOLDERS = {
    "text": ("{$text: a.txt}", "hello"),
    "json": ("{$json: a.json}", {"a": [1]}),
    "yaml": ("{$yaml: a.yaml}", {"b": "yes"}),
    "openapi": ("{$openapi: a.yaml}", "b: yes"),
    "deep": ("{x: [{$text: a.txt}]}", {"x": ["hello"]}),
    "a-json-schema": ("{$ref: '#/a'}", {"$ref": "#/a"}),
    "two-keys": ("{$text: a.txt, b: 1}", {"$text": "a.txt", "b": 1}),
    "not-text": ("{$text: 3}", {"$text": 3}),
}


@pytest.mark.parametrize(("written", "expected"), PLACEHOLDERS.values(), ids=PLACEHOLDERS)
def test_it_fills_what_stands_in_other_files(written: str, expected: Any) -> None:
    assert filled(written) == (expected, None)


@pytest.mark.parametrize("written", ["{$text: gone}", "{$json: a.txt}", "{$yaml: two.yaml}", "{$text: bad}"])
def test_a_file_that_cannot_be_taken_in_is_a_finding_with_its_place(written: str) -> None:
    _, finding = filled(written)

    assert (finding.code, finding.path, finding.line) == ("placeholder", "spec.definition", 3)


def test_a_document_takes_in_a_bounded_number_of_files() -> None:
    _, finding = filled(f"[{', '.join(['{$text: a.txt}'] * 30)}]")

    assert "at most 20 files" in finding.reason
