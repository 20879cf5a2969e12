"""Whatever is sent as a document: it is taken whole or told what is wrong, soon, and leaves nothing half behind.

A few hundred in every run of the suite. All 10,000 of each door, as docs/benchmarks.md tells:
``SLIPWAY_MUTATED=10000 .venv/bin/pytest -n0 tests/portal/api/test_mutated_documents.py``.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from django.apps import apps
from django.core.cache import cache
from django.db import connection, transaction

from governance.domain.backstage.relations import relations_of
from governance.models import CatalogImport, CatalogSource, Entity, EntityRelation
from governance.services.backstage_import import entities_import
from governance.services.backstage_reading import SourceFile, gather
from governance.services.backstage_runs import import_carry_out
from idp.kernel import clock
from tests.governance.backstage_catalogs import API, COMPONENT, GROUP, SYSTEM, source
from tests.mutations import EXTREME, mutated
from tests.personas import NOW
from tests.portal.api.test_capabilities import contract_document
from tests.provisioning.domain.score.files import WHOLE
from tests.provisioning.organisation import spec
from tests.provisioning.services.test_policy_replays import NO_LATEST

pytestmark = pytest.mark.django_db
NUMBER = int(os.environ.get("SLIPWAY_MUTATED", "60"))
LONGEST = 2.0
CATALOG = (
    COMPONENT.format(name="Cart", owner="payments", system="web.shop", needs="component:Front"),
    "---\n".join((SYSTEM.format(name="Web.Shop", owner="payments"), GROUP.format(name="payments", title="Payments"))),
    API.format(name="cart-api", owner="payments", system="web.shop"),
    "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\nspec: {targets: [./a.yaml, 'http://b']}\n",
    "apiVersion: a/v1\nkind: Thing\nmetadata: {name: one}\nspec:\n  x: {$text: ./a.yaml}\n  y: &a [1]\n  z: *a\n",
    "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: {name: new.person}\nspec: {memberOf: [payments]}\n",
)


def written(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False)


ENVIRONMENT = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Environment",
    "metadata": {"system": "checkout", "name": "filed"},
    "spec": spec("dev"),
}


def scored(text: str) -> tuple[Any, str]:
    place = {"system": "checkout", "environment": "scored", "stage": "dev"}
    return {"score": text, "images": {"mailer": "registry.example/mailer:1.0.0"}, **place}, "application/json"


def filed(text: str) -> tuple[Any, str]:
    return {"files": [{"path": "a.yaml", "text": text}]}, "application/json"


def plain(text: str) -> tuple[Any, str]:
    return text.encode("utf-8", "surrogatepass"), "application/yaml"


DOORS: dict[str, tuple[str, str, str, Callable[[str], tuple[Any, str]]]] = {
    "score": ("developer", "score/changes/", WHOLE, scored),
    "files": ("developer", "apply/", written(ENVIRONMENT), filed),
    "files as a stream": ("developer", "apply/?dry_run=true", written(ENVIRONMENT), plain),
    "policy": ("admin", "policy-checks/", written(NO_LATEST), plain),
    "contract": ("admin", "contract-checks/", written(contract_document(version="1.1.0")), plain),
    "policy among files": ("admin", "apply/", written(NO_LATEST), filed),
    "contract among files": ("admin", "apply/", written(contract_document(version="1.1.0")), filed),
}
ONLY_SAYS = ("files as a stream", "policy", "contract")


def counts() -> dict[str, int]:
    """Rows of every table but those that note that somebody asked at all."""
    noted = {"governance_apitoken", "django_session"}
    tables = sorted({model._meta.db_table for model in apps.get_models()} - noted)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{one}', COUNT(*) FROM \"{one}\"" for one in tables))
        return dict(cursor.fetchall())


@contextmanager
def in_time(text: str) -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < LONGEST, text[:500]


@contextmanager
def taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("door", DOORS)
def test_a_document_is_taken_or_refused_and_leaves_nothing_half(api: Any, door: str) -> None:
    who, path, seed, sent = DOORS[door]
    client, seen = api(who), Counter[int]()
    client.get("me")  # the first use of a token is in the audit log
    before = counts()
    for text in (seed, *EXTREME.values(), *mutated((seed,), NUMBER)):
        cache.clear()
        body, media = sent(text)
        with taken_back():
            with in_time(text):
                answer = client.call("POST", path, body, media=media)
            seen[answer.status_code] += 1
            assert answer.status_code in (200, 202, 400, 403, 409, 413, 422), (answer.content[:300], text[:500])
            if answer.status_code >= 400 or door in ONLY_SAYS:
                assert counts() == before, (answer.content[:300], text[:500])
    assert seen[202 if door == "score" else 200], seen
    if door not in ONLY_SAYS:
        assert sum(seen[status] for status in (400, 403, 422)) > NUMBER / 10, seen


def require_whole(where: CatalogSource, known: dict[str, Any]) -> None:
    """Of a source is here what was read of it, with its relations, and nothing else."""
    rows = {row.ref: row for row in Entity.objects.filter(source=where)}
    assert {ref: row.data for ref, row in rows.items()} == {ref: known[ref] for ref in rows}
    for ref, row in rows.items():
        said = {(one.type, one.source, one.target) for one in relations_of(known[ref])}
        held = EntityRelation.objects.filter(entity=row).values_list("type", "source_ref", "target_ref")
        assert set(held) == said, ref


def test_an_import_writes_whole_entities_of_whatever_it_is_given(organisation: Any) -> None:
    admin, where, taken = organisation.actor("admin"), source(), 0
    for text in (*EXTREME.values(), *mutated(CATALOG, NUMBER)):
        file = SourceFile("catalog-info.yaml", text.encode("utf-8", "surrogatepass"))
        with taken_back():
            with in_time(text):
                found = gather([file])
                done = entities_import(admin, source=where, gathered=found, now=NOW)
            assert set(done.created) == set(Entity.objects.filter(source=where).values_list("ref", flat=True))
            assert set(done.created) <= set(found.items), text[:500]
            require_whole(where, {ref: item.data for ref, item in found.items.items()})
            taken += len(done.created)
    assert taken > NUMBER / 10


def test_an_import_over_the_api_ends_with_a_report(api: Any) -> None:
    admin = api("admin")
    admin.post("backstage/sources/", {"name": "ours", "kind": "upload", "owner": "payments"})
    for text in (*EXTREME.values(), *mutated(CATALOG, max(20, NUMBER // 10))):
        cache.clear()
        files = [
            {"path": "a.yaml", "text": text},
            {"path": "b.yaml", "text": SYSTEM.format(name="b", owner="payments")},
        ]
        with taken_back(), in_time(text):
            asked = admin.post("backstage/imports/", {"source": "ours", "files": files})
            assert asked.status_code in (202, 400, 413, 422), (asked.content[:300], text[:500])
            if asked.status_code == 202:
                import_carry_out(asked.json()["id"], now=clock.now())
                done = CatalogImport.objects.get(pk=asked.json()["id"])
                assert (done.state, "itself failed" in done.message) == ("done", False), (done.message, text[:500])
                assert Entity.objects.filter(ref="system:default/b").exists(), text[:500]


def test_a_body_of_a_hundred_megabytes_is_refused_unread(api: Any) -> None:
    admin = api("admin")
    admin.post("backstage/sources/", {"name": "ours", "kind": "upload", "owner": "payments"})
    before = counts()
    body = json.dumps({"source": "ours", "files": [{"path": "a.yaml", "text": "a" * 100_000_000}]}).encode()
    with in_time("a hundred megabytes"):
        assert admin.call("POST", "backstage/imports/", body).status_code == 413
    assert counts() == before
