"""Backstage's own rules, row by row: what it takes is taken, what it refuses is refused with its place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from governance.domain.backstage.rules import faults_of, is_core

COMPONENT: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "shop"},
    "spec": {"type": "service", "lifecycle": "production", "owner": "team-a"},
}


def component(path: str, value: Any) -> dict[str, Any]:
    data = deepcopy(COMPONENT)
    *above, last = path.split(".")
    place = data
    for key in above:
        place = place.setdefault(key, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return data


def of(kind: str, spec: Any, version: str = "backstage.io/v1alpha1") -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "one"}, "spec": spec}


def link(**fields: Any) -> dict[str, Any]:
    return component("metadata.links", [{"url": "https://a.example", **fields}])


TAKEN = {
    "capitals": component("metadata.name", "Shop"),
    "underscore": component("metadata.name", "a_b"),
    "dots-and-dashes-together": component("metadata.name", "a..b--c"),
    "63-letters": component("metadata.name", "a" * 63),
    "the-other-version": component("apiVersion", "backstage.io/v1beta1"),
    "free-keys-in-spec": component("spec.whatever", {"deep": [1, None, True]}),
    "free-keys-in-metadata": component("metadata.whatever", 3),
    "free-type": component("spec.type", "quantum thing"),
    "empty-label-value": component("metadata.labels", {"tier": ""}),
    "label-with-prefix": component("metadata.labels", {"acme.example/tier": "One_1"}),
    "empty-annotation": component("metadata.annotations", {"x": ""}),
    "empty-description": component("metadata.description", ""),
    "tag-with-colon": component("metadata.tags", ["lang:c++", "c#", "a-b"]),
    "mail-link": component("metadata.links", [{"url": "mailto:a@b.example"}]),
    "web-link": component("metadata.links", [{"url": "https://x.example/a b", "title": "T", "icon": "dash_board"}]),
    "link-with-an-icon-of-two-words": link(icon="a b"),
    "link-with-a-type-and-free-keys": link(type=" ", extra=3),
    "no-tags-and-no-links": component("metadata", {"name": "shop", "tags": [], "links": []}),
    "namespace-two-dashes": component("metadata.namespace", "a--b"),
    "version-prefix-two-dashes": of("Thing", {}, "acme--x.example/v1"),
    "label-prefix-two-dashes": component("metadata.labels", {"acme--x.example/tier": "one"}),
    "annotation-prefix-two-dashes": component("metadata.annotations", {"acme--x.example/tier": "one"}),
    "lenient-reference": component("spec.dependsOn", ["a:b:c", "component:x/y/z"]),
    "server-made": component("relations", []),
    "api": of("API", {"type": "openapi", "lifecycle": "x", "owner": "a", "definition": "openapi: 3"}),
    "resource": of("Resource", {"type": "db", "owner": "user:me"}),
    "system": of("System", {"owner": "a"}),
    "domain": of("Domain", {"owner": "a", "subdomainOf": "b"}),
    "group": of("Group", {"type": "team", "children": []}),
    "user": of("User", {"memberOf": []}),
    "location-empty": of("Location", {}),
    "location": of("Location", {"type": "url", "targets": ["./a.yaml"], "presence": "optional"}),
    "template": of("Template", {"type": "x", "steps": [{"action": "${{ x }}"}]}, "scaffolder.backstage.io/v1beta3"),
    "unknown-kind": of("AiResource", {"owner": 3}),
    "unknown-group": of("Component", {}, "acme.example/v7"),
    "no-spec-of-an-unknown-kind": {"apiVersion": "x/v1", "kind": "Thing", "metadata": {"name": "a"}},
}
REFUSED = {
    "no-version": (component("apiVersion", ...), "apiVersion"),
    "no-kind": (component("kind", ...), "kind"),
    "kind-is-a-number": (component("kind", 3), "kind"),
    "kind-with-dash": (component("kind", "Big-Thing"), "kind"),
    "kind-in-small-letters": (component("kind", "component"), "kind"),
    "no-metadata": (component("metadata", ...), "metadata"),
    "metadata-is-a-list": (component("metadata", []), "metadata"),
    "no-name": (component("metadata.name", ...), "metadata.name"),
    "name-with-blank": (component("metadata.name", "a b"), "metadata.name"),
    "name-ends-with-dash": (component("metadata.name", "a-"), "metadata.name"),
    "name-with-line-break": (component("metadata.name", "a\n"), "metadata.name"),
    "64-letters": (component("metadata.name", "a" * 64), "metadata.name"),
    "name-is-a-number": (component("metadata.name", 12), "metadata.name"),
    "namespace-with-capital": (component("metadata.namespace", "Prod"), "metadata.namespace"),
    "namespace-ends-with-dash": (component("metadata.namespace", "a-"), "metadata.namespace"),
    "namespace-with-dot": (component("metadata.namespace", "a.b"), "metadata.namespace"),
    "foreign-root-key": (component("owner", "a"), "owner"),
    "annotation-number": (component("metadata.annotations", {"port": 80}), "metadata.annotations.port"),
    "annotation-boolean": (component("metadata.annotations", {"on": True}), "metadata.annotations.on"),
    "annotation-key": (component("metadata.annotations", {"a/b/c": "x"}), "metadata.annotations.a/b/c"),
    "label-with-blank": (component("metadata.labels", {"a": "b c"}), "metadata.labels.a"),
    "tag-with-capital": (component("metadata.tags", ["Java"]), "metadata.tags.0"),
    "tag-too-long": (component("metadata.tags", ["a" * 64]), "metadata.tags.0"),
    "tag-two-dashes": (component("metadata.tags", ["a--b"]), "metadata.tags.0"),
    "tags-left-empty": (component("metadata.tags", None), "metadata.tags"),
    "links-left-empty": (component("metadata.links", None), "metadata.links"),
    "link-without-url": (component("metadata.links", [{"title": "x"}]), "metadata.links.0.url"),
    "link-relative": (component("metadata.links", [{"url": "/docs"}]), "metadata.links.0.url"),
    "link-empty-title": (link(title=" "), "metadata.links.0.title"),
    "link-empty-icon": (link(icon=" "), "metadata.links.0.icon"),
    "link-icon-number": (link(icon=3), "metadata.links.0.icon"),
    "link-empty-type": (link(type=""), "metadata.links.0.type"),
    "link-type-number": (link(type=3), "metadata.links.0.type"),
    "empty-owner": (component("spec.owner", ""), "spec.owner"),
    "no-owner": (component("spec.owner", ...), "spec.owner"),
    "owner-list": (component("spec.owner", ["a"]), "spec.owner"),
    "lifecycle-number": (component("spec.lifecycle", 1), "spec.lifecycle"),
    "spec-is-text": (component("spec", "x"), "spec"),
    "no-spec": (component("spec", ...), "spec"),
    "depends-on-without-kind": (component("spec.dependsOn", ["db"]), "spec.dependsOn.0"),
    "depends-on-text": (component("spec.dependsOn", "component:db"), "spec.dependsOn"),
    "empty-kind-in-reference": (component("spec.system", ":a"), "spec.system"),
    "empty-name-in-reference": (component("spec.owner", "group:"), "spec.owner"),
    "unresolved-definition": (
        of("API", {"type": "x", "lifecycle": "x", "owner": "a", "definition": {"$text": "x"}}),
        "spec.definition",
    ),
    "group-without-children": (of("Group", {"type": "team"}), "spec.children"),
    "group-empty-child": (of("Group", {"type": "team", "children": [""]}), "spec.children.0"),
    "user-without-groups": (of("User", {}), "spec.memberOf"),
    "user-empty-mail": (of("User", {"memberOf": [], "profile": {"email": ""}}), "spec.profile.email"),
    "presence": (of("Location", {"presence": "maybe"}), "spec.presence"),
    "old-template": (of("Template", {}, "backstage.io/v1beta2"), "apiVersion"),
    "core-kind-at-a-wrong-version": (of("System", {"owner": "a"}, "backstage.io/v1"), "apiVersion"),
    "nul": (component("metadata.description", "a\x00b"), ""),
    "half-a-character": (component("metadata.description", "\ud800"), ""),
}


@pytest.mark.parametrize("data", TAKEN.values(), ids=TAKEN)
def test_it_takes_what_backstage_takes(data: dict[str, Any]) -> None:
    assert faults_of(data) == []


@pytest.mark.parametrize(("data", "path"), REFUSED.values(), ids=REFUSED)
def test_it_refuses_what_backstage_refuses_and_says_where(data: dict[str, Any], path: str) -> None:
    faults = faults_of(data)

    assert path in [fault[1] for fault in faults]
    assert all(fault[2].endswith(".") for fault in faults)


def test_it_names_old_templates() -> None:
    ((code, _, reason),) = faults_of(of("Template", {}, "backstage.io/v1beta2"))

    assert code == "old-template"
    assert "scaffolder.backstage.io/v1beta3" in reason


def test_it_tells_a_number_among_annotations_from_other_faults() -> None:
    ((code, _, reason),) = faults_of(component("metadata.annotations", {"port": 8080}))

    assert (code, "quotes around 8080" in reason) == ("number-as-text", True)


def test_core_kinds_are_those_at_core_versions() -> None:
    assert is_core(COMPONENT)
    assert not is_core(TAKEN["unknown-group"])
