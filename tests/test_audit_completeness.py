"""No code path changes what is governed without an entry in the audit log.

Three nets: every service that takes an actor and writes reaches ``audit_append`` (read from the source); every address
that writes a governed table leaves an entry of its request; and every entry of an edit that an address leaves tells
what it was before and after. What sweeps leave is looked at in ``tests/provisioning/services/test_behalf.py``.
A table is governed unless ``WORKINGS`` says why it is not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache as remembered
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction

from governance.models import AuditEntry
from tests.audited_sides import one_sided
from tests.portal.access_matrix import MATRIX, PEOPLE, Row, World, furnish
from tests.portal.test_access_matrix import ask

ROOMS = ("governance/services", "provisioning/services")
APPS = ("catalog", "governance", "provisioning")
WRITES = {"save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
APPEND = ("governance.services.audit", "audit_append")

PARTS = {
    "entry_add": "a row of the ledger, part of what audits itself",
    "quota_open": "part of making a team",
    "session_kept": "part of a sign-in, whose entry it is",
    "authors_keep": "part of a submit",
    "edit_keep": "the version that an audited edit leaves behind",
    "people_edit_keep": "the version that an audited edit leaves behind",
    "scim_authenticate": "when a token was last used",
    "notices_read": "what one has read is one's own",
    "notices_read_about": "what one has read is one's own",
    "notices_read_all": "what one has read is one's own",
    "draft_keep": "a draft is one's own until it is asked for",
    "draft_forget": "a draft is one's own until it is asked for",
    "activity_report": "a sign of life, as often as somebody is there",
    "blast_of_draft": "a report is a cache",
    "blast_of_version": "a report is a cache",
    "blast_again": "a report is a cache",
    "replay_of_draft": "a report is a cache",
    "replay_of_policy": "a report is a cache",
    "replay_again": "a report is a cache",
    "replay_ask": "a report is a cache",
    "replay_of_quota": "a report is a cache",
    "replay_of_route": "a report is a cache",
    "replay_of_route_draft": "a report is a cache",
    "contract_preview": "nothing stays of it",
    "documents_try": "nothing stays of it",
    "document_judge": "nothing stays of it; its caller takes it back",
}
"""Services with an actor that write without an entry, and why they may."""

WORKINGS = {
    "governance_apitoken": "when a token was last used; its making and its end are audited by the services' net",
    "governance_devicelogin": "a question of nobody yet; its answer, and the token made of it, are audited",
    "governance_auditentry": "the log itself",
    "governance_audithead": "the log itself",
    "governance_notice": "what people are told",
    "governance_scimrefusal": "what was refused to a directory, for the page of administrators",
    "governance_idempotencyrecord": "answers kept for repeats",
    "provisioning_changeevent": "the history of a change, part of its page",
    "provisioning_blastreport": "a cache",
    "provisioning_blastitem": "a cache",
    "provisioning_keptdraft": "one's own until it is asked for",
    "provisioning_policyreplay": "a cache",
}
QUIET = {"api:activity": "a sign of life, as often as somebody is there; the sleep that it prevents is audited"}
"""Addresses whose writes leave no entry."""


# --- services, read from the source ---------------------------------------------------------------------------------

Name = tuple[str, str]


@remembered
def functions() -> dict[Name, ast.FunctionDef]:
    return {(module, node.name): node for module, tree in modules().items() for node in tree.body if _is_function(node)}


def _is_function(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef)


@remembered
def modules() -> dict[str, ast.Module]:
    found = {}
    for room in ROOMS:
        for file in sorted((settings.BASE_DIR / room).glob("*.py")):
            found[f"{room.replace('/', '.')}.{file.stem}"] = ast.parse(Path(file).read_text(encoding="utf-8"))
    return found


@remembered
def imported(module: str) -> dict[str, Name]:
    """Names in a module that come from a service: (module, name)."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(modules()[module])
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(tuple(_dotted()))
        for alias in node.names
    }


def _dotted() -> list[str]:
    return [room.replace("/", ".") for room in ROOMS]


@remembered
def used(name: Name) -> frozenset[Name]:
    """Services that a function names, by themselves or through their module."""
    module, _ = name
    found: set[Name] = set()
    for node in ast.walk(functions()[name]):
        if isinstance(node, ast.Name):
            found.add(imported(module).get(node.id, (module, node.id)))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            package, inner = imported(module).get(node.value.id, ("", ""))
            found.add((f"{package}.{inner}", node.attr))
    return frozenset(one for one in found if one in functions())


def reached(name: Name) -> set[Name]:
    seen: set[Name] = set()
    left = [name]
    while left:
        one = left.pop()
        if one not in seen:
            seen.add(one)
            left.extend(used(one))
    return seen


@remembered
def writes(name: Name) -> bool:
    if name == APPEND:
        return False
    for node in ast.walk(functions()[name]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            of = ast.unparse(node.func.value)
            if node.func.attr in ("save", "bulk_create") or "objects" in of or ".filter" in of:
                return True
    return False


def use_cases() -> list[Name]:
    """Public services that take an actor and write, by themselves or through others."""
    return sorted(
        name
        for name, node in functions().items()
        if not name[1].startswith("_")
        and "actor" in [one.arg for one in (*node.args.args, *node.args.kwonlyargs)]
        and any(writes(one) for one in reached(name))
    )


def test_there_are_use_cases_to_look_at() -> None:
    assert len(use_cases()) > 60


@pytest.mark.parametrize("name", use_cases(), ids=lambda name: ".".join(name))
def test_a_service_that_writes_appends_to_the_audit_log(name: Name) -> None:
    assert APPEND in reached(name) or name[1] in PARTS, f"{name[1]} writes, and nothing of it is in the audit log"


@pytest.mark.parametrize("name", PARTS)
def test_an_exception_is_still_one(name: str) -> None:
    found = [one for one in use_cases() if one[1] == name]
    assert all(APPEND not in reached(one) for one in found), f"{name} is audited by now; take it out of PARTS"


# --- addresses, asked -----------------------------------------------------------------------------------------------

_WRITE = re.compile(r'^\s*(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
_SIGNED_IN = re.compile(r'^UPDATE "catalog_user" SET "last_login" = %s WHERE')
"""What the test itself writes by signing somebody in."""
SUCCESS = (200, 201, 202, 204, 302)
MUTATING = [row for row in MATRIX if row.method not in ("GET", "HEAD") and set(row.expected.values()) & set(SUCCESS)]


def governed() -> frozenset[str]:
    tables = {model._meta.db_table for app in APPS for model in apps.get_app_config(app).get_models()}
    joined = {
        field.m2m_db_table()
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.local_many_to_many
    }
    return frozenset(tables | joined) - set(WORKINGS)


@contextmanager
def written() -> Iterator[set[str]]:
    """The tables that statements of this block write, without what a savepoint took back."""
    tables: set[str] = set()
    before: dict[str, frozenset[str]] = {}

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if sql.startswith("SAVEPOINT "):
            before[sql.rsplit(maxsplit=1)[-1]] = frozenset(tables)
        elif sql.startswith("ROLLBACK TO SAVEPOINT "):
            tables.intersection_update(before[sql.rsplit(maxsplit=1)[-1]])
        found = _WRITE.match(sql)
        if found and context["cursor"].rowcount != 0 and not _SIGNED_IN.match(sql):
            tables.add(found.group(1))
        return answer

    with connection.execute_wrapper(note):
        yield tables


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once; each request is rolled back to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield furnish()
        transaction.set_rollback(True)


def doer(row: Row) -> str:
    return next(who for who in ("admin", *PEOPLE, "anonymous") if row.expected.get(who) in SUCCESS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "row",
    [one for one in MUTATING if any(one.expected.get(w) in SUCCESS for w in (*PEOPLE, "anonymous"))],
    ids=lambda row: row.id,
)
def test_an_address_that_changes_something_leaves_an_entry(world: World, row: Row, monkeypatch: Any) -> None:
    before = AuditEntry.objects.latest("sequence").sequence
    left: list[AuditEntry] = []
    changed: set[str] = set()
    rollback = transaction.set_rollback

    def looked(value: bool, using: str | None = None) -> None:
        left.extend(AuditEntry.objects.filter(sequence__gt=before))
        changed.update(tables & governed())
        rollback(value, using)

    monkeypatch.setattr("tests.portal.test_access_matrix.transaction.set_rollback", looked)
    cache.clear()
    with written() as tables:
        ask(world, row, doer(row))
    assert not changed or left or row.name in QUIET, f"{row.id} wrote {sorted(changed)} and left no entry"
    assert one_sided(left) == [], (
        "it edits: keep before and after, or say in tests/audited_sides.py why it edits nothing"
    )


def test_every_exception_is_a_table() -> None:
    tables = {model._meta.db_table for app in APPS for model in apps.get_app_config(app).get_models()}
    assert set(WORKINGS) <= tables
