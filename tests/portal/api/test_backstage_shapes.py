"""A catalog written as people write theirs goes in, out and in again, and is the same catalog each time.

``tests/governance/catalog/`` has what public catalogs have: folded and literal texts, anchors, placeholders, odd kinds
and versions, names with capitals and dots, other namespaces, words that look like numbers and the other way round, a
byte order mark and Windows' line ends. ``expected.json`` there is what Backstage's own parser
(``@backstage/plugin-catalog-node`` with ``yaml`` 2) reads of it, with the files that it takes in filled in by hand, so
that it is no word of ours.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from governance.domain.backstage.reading import MOST_ENTITY_BYTES
from governance.domain.backstage.refs import ref_of
from governance.domain.backstage.writing import as_yaml
from governance.models import CatalogSource, Entity, EntityRelation
from governance.services.backstage_import import entities_import
from governance.services.backstage_reading import Gathered, SourceFile, entity_items, gather
from idp.catalog.models import Component, Dependency, System, User
from tests.governance.backstage_catalogs import file, source
from tests.personas import NOW, actor_of

ROOT = Path(__file__).parents[2] / "governance" / "catalog"
EXPECTED: list[dict[str, Any]] = json.loads((ROOT / "expected.json").read_text(encoding="utf-8"))
WRITTEN = ("all.yaml", "ledger/catalog-info.yaml", "odd/kinds.yaml", "teams/people.yaml")
TAKEN_IN = ("ledger/openapi.yaml", "odd/limits.json", "odd/matrix.yaml")
WRONG = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: "${{ values.name }}"}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: LEDGER, description: another one of that name}
spec: {type: team, children: []}
---
kind: Component
  metadata: [
"""


def files(*further: SourceFile) -> list[SourceFile]:
    """As a repository has them: one with a byte order mark, one with the line ends of Windows, none in good order."""
    found = {path: (ROOT / path).read_bytes() for path in (*WRITTEN, *TAKEN_IN)}
    found["teams/people.yaml"] = b"\xef\xbb\xbf" + found["teams/people.yaml"]
    found["odd/kinds.yaml"] = found["odd/kinds.yaml"].replace(b"\n", b"\r\n")
    return [SourceFile(path, content) for path, content in found.items()] + list(further)


def read(*further: SourceFile) -> Gathered:
    gathered = gather(files(*further))
    gathered.refused = [one for one in gathered.refused if one.file not in TAKEN_IN]
    return gathered


def exact(value: Any) -> Any:
    """Comparable as YAML and JSON mean it: 1 and 1.0 are one number, and neither is true."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return (type(value).__name__, value) if isinstance(value, (bool, str)) else value


def by_ref(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(ref_of(data)): exact(data) for data in found}


def stands() -> dict[str, Any]:
    """Everything that the expected entities are here: as data, among each other, and as rows of ours."""
    refs = list(by_ref(EXPECTED))
    linked = ("ref", "team__slug", "system__slug", "component__slug", "person__username", "note")
    mine = Component.objects.filter(entities__ref__in=refs)
    return {
        "entities": by_ref([one.data for one in Entity.objects.filter(ref__in=refs)]),
        "linked": sorted(map(repr, Entity.objects.filter(ref__in=refs).values_list(*linked))),
        "relations": sorted(
            EntityRelation.objects.filter(entity__ref__in=refs).values_list("source_ref", "type", "target_ref")
        ),
        "systems": list(System.objects.filter(entities__ref__in=refs).distinct().values("slug", "name", "description")),
        "components": list(mine.order_by("slug").values("slug", "name", "type", "repository", "links", "description")),
        "needs": sorted(
            Dependency.objects.filter(component__in=mine).values_list("component__slug", "needs__slug"),
        ),
    }


def put(gathered: Gathered) -> CatalogSource:
    where = source("shapes", groups="create", users="create")
    outcome = entities_import(actor_of(User.objects.get(username="admin")), source=where, gathered=gathered, now=NOW)
    assert outcome.refused == gathered.refused
    return where


def taken_out(admin: Any) -> str:
    return b"".join(admin.get("backstage/catalog-info.yaml").streaming_content).decode()


def test_it_reads_what_backstage_reads() -> None:
    gathered = read()

    assert gathered.refused == []
    assert {ref: exact(item.data) for ref, item in gathered.items.items()} == by_ref(EXPECTED)


def test_what_is_wrong_beside_it_costs_only_itself() -> None:
    gathered = read(file(WRONG, "zz/catalog-info.yaml"))

    assert [one.code for one in gathered.refused] == ["skeleton", "stands-twice", "broken-yaml"]
    assert {ref: exact(item.data) for ref, item in gathered.items.items()} == by_ref(EXPECTED)


@pytest.mark.django_db
def test_it_is_the_same_catalog_after_it_went_out_and_in_again(api: Any) -> None:
    admin = api("admin")
    with transaction.atomic():
        put(read())
        first, text = stands(), taken_out(admin)
        transaction.set_rollback(True)
    assert first["entities"] == by_ref(EXPECTED)
    assert first["needs"] == [("ledger-api-v2-1", "bank-link"), ("ledger-api-v2-1", "ledger-suite")]
    assert not Entity.objects.exists()

    put(gather([file(text)]))

    assert stands() == first
    again = gather([file(taken_out(admin))])
    assert again.refused == []
    assert {ref: exact(again.items[ref].data) for ref in first["entities"]} == first["entities"]


@pytest.mark.django_db
def test_its_pages_say_the_same_and_come_in_as_those_of_a_backstage(api: Any) -> None:
    put(read())
    items: list[Any] = []
    url = "backstage/entities?limit=10"
    while url:
        page = api("admin").get(url).json()
        items += page["items"]
        url = (page["next"] or "").removeprefix("/api/v1/")
    digests = dict(Entity.objects.values_list("ref", "digest"))

    back = entity_items(items, "backstage")

    assert back.refused == []
    assert {ref: exact(back.items[ref].data) for ref in by_ref(EXPECTED)} == by_ref(EXPECTED)
    assert {ref: back.items[ref].digest for ref in digests if "openapi" not in ref} == digests


LONG = {
    "lines": "    a line of it\n",
    "short lines": "a\n",
    "blanks at the end": "a \n",
    "bytes that are escaped": "\x07\x1b\u2028",
    "letters of three bytes": "漢字",
    "json": '{"a": ["b", 1]}, ',
}


@pytest.mark.parametrize("unit", LONG.values(), ids=LONG)
def test_the_largest_entity_that_is_taken_goes_out_and_comes_in_again(unit: str) -> None:
    room = (MOST_ENTITY_BYTES - 300) // len(json.dumps(unit, ensure_ascii=False).encode()[1:-1])
    spec = {"type": "openapi", "lifecycle": "x", "owner": "x", "definition": {"$text": "./api.yaml"}}
    data = {"apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": {"name": "large"}, "spec": spec}
    taken = gather([file(as_yaml(data)), SourceFile("api.yaml", (unit * room).encode())]).items["api:default/large"]

    (back,) = gather([file(as_yaml(taken.data))]).items.values()

    assert (back.data, back.digest) == (taken.data, taken.digest)


def test_what_is_larger_is_refused_in_words() -> None:
    spec = {"type": "openapi", "lifecycle": "x", "owner": "x", "definition": "x" * (MOST_ENTITY_BYTES + 1)}
    data = {"apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": {"name": "large"}, "spec": spec}

    for gathered in (gather([file(as_yaml(data))]), entity_items([data], "backstage")):
        (found,) = gathered.refused
        assert (found.code, "2,500,000 bytes" in found.reason) == ("too-large", True)


def test_numbers_that_a_database_writes_out_come_back_as_what_they_were() -> None:
    written = gather([file("apiVersion: a/v1\nkind: A\nmetadata: {name: a}\nspec: {n: [1e20, 2.5e300, -1e19]}\n")])
    (item,) = written.items.values()
    kept = {**item.data, "spec": {"n": [10**20, int(2.5e300), -(10**19)]}}

    (back,) = gather([file(as_yaml(kept))]).items.values()
    (page,) = entity_items([kept], "backstage").items.values()

    assert back.digest == page.digest == item.digest
