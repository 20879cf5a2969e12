"""One table: every address and method of the API, and every tool, by every kind of machine identity.

It is made from the URLs, with the requests of the access matrix. What a machine is let do, its person may do in the
portal and its scope names; what it is shown, its person is shown. An address, a method or a tool that nobody thought of
here fails, in words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver

from portal.api.operation import Operation
from portal.mcp.tools import TOOLS
from tests.portal.access_matrix import MATRIX, SAFE, TRY, Row
from tests.portal.machines import AGENTS, MACHINES, REFUSED, Machine, Machinery, bearer, machinery
from tests.provisioning.organisation import spec

pytestmark = pytest.mark.django_db

PUBLIC = "anybody"
SESSION = "only people who are signed in"
SAYING = "change or approve"
ENDS_ITSELF = ("POST", "api:login-end")
WITHOUT_SCOPE: Mapping[tuple[str, str], str] = {
    **{("GET", f"api:{name}"): PUBLIC for name in ("index", "openapi", "schema", "event-types", "event-type-schema")},
    ("GET", "api:me"): "anybody who is known",
    **{("POST", f"api:{name}"): PUBLIC for name in ("login", "login-token", "token-exchange")},
    **{("POST", f"api:{name}"): "a signature of its own" for name in ("backstage-push", "git-push")},
    ENDS_ITSELF: "the token that ends",
    **{("POST", f"api:change-{name}"): SAYING for name in ("comment", "request-info")},
    **{("POST", f"api:{name}"): SESSION for name in ("agents", "agent-pause", "agent-resume", "agent-take-back")},
    ("POST", "api:agent-token"): SESSION,
    ("PATCH", "api:agent"): SESSION,
    ("DELETE", "api:agent"): SESSION,
}
"""What operations ask that declare no scope. Whoever adds one says here what it asks instead."""


def api_methods(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, str, Operation]]:
    """Every method of every address of the API, from the URLs."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from api_methods(pattern.url_patterns, f"{prefix}{pattern.namespace}:" if pattern.namespace else "")
        elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "cls"):
            view = pattern.callback.cls
            for method in view().allowed_methods:
                if hasattr(getattr(view, method.lower(), None), "operation"):
                    yield method, f"{prefix}{pattern.name}", getattr(view, method.lower()).operation


@cache
def operations() -> dict[tuple[str, str], Operation]:
    return {(method, name): declared for method, name, declared in api_methods() if method != "HEAD"}


@cache
def rows() -> list[Row]:
    return [row for row in MATRIX if (row.method, row.name) in operations()]


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[Machinery]:
    """Made once; each request is rolled back to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        with machinery() as world:
            yield world
        transaction.set_rollback(True)


def test_every_operation_of_the_api_is_asked_for_by_machines() -> None:
    missing = set(operations()) - {(row.method, row.name) for row in rows()}
    told = ", ".join(f"{method} {name}" for method, name in sorted(missing))
    assert not missing, f"Add a row to tests/portal/access_matrix.py, so that machines ask for it too: {told}"


def test_every_operation_without_a_scope_says_what_it_asks_instead() -> None:
    silent = {key for key, declared in operations().items() if declared.scope is None}
    new = ", ".join(f"{method} {name}" for method, name in sorted(silent - set(WITHOUT_SCOPE)))
    assert not new, f"Declare a scope, or say in WITHOUT_SCOPE what is asked of a machine instead: {new}"
    assert set(WITHOUT_SCOPE) <= silent, "these have a scope now, or are gone"


def test_nothing_that_writes_asks_only_to_read() -> None:
    """So that a token that reads changes nothing: even a plan and a preview ask for more."""
    loose = [key for key, declared in operations().items() if declared.scope == "read" and key[0] != "GET"]
    assert not loose, "Ask for the scope “change” or “admin” here, for a token that reads must not."


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_it_does_no_more_than_its_person_and_its_scope(made: Machinery, machine: Machine) -> None:
    wrong: dict[str, str] = {}
    for row in rows():
        own = made.answer(machine.name, row)
        if own.status >= 500:
            wrong[row.id] = f"it fails with {own.status}"
        elif own.refused or (row.method, row.name) == ENDS_ITSELF:
            continue
        elif not _named(machine, row):
            wrong[row.id] = f"{own.status}, which its scopes do not name"
        elif (persons := made.answer(machine.person, row)).refused or (own.done and not persons.done):
            wrong[row.id] = f"{own.status}, but its person gets {persons.status}"
    assert not wrong


def _named(machine: Machine, row: Row) -> bool:
    """Whether the machine's scopes name what the row asks for."""
    scope = operations()[row.method, row.name].scope
    if scope is not None:
        return scope in machine.scopes
    asks = WITHOUT_SCOPE[row.method, row.name]
    return bool({"change", "approve"} & machine.scopes) if asks == SAYING else asks != SESSION


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_it_is_shown_no_more_than_its_person(made: Machinery, machine: Machine) -> None:
    wrong: dict[str, Any] = {}
    for row in rows():
        own = made.answer(machine.name, row)
        asked = f"{row.at} {row.body} {row.query}"
        heard = [word for word in machine.hidden if word in own.text and word not in asked]
        if heard:
            wrong[row.id] = f"hears of {', '.join(heard)}"
        elif row.method == "GET" and own.done and own.text[:1] == "{" and row.name != "api:me":
            more = Counter(things(own.json)) - Counter(things(made.answer(machine.person, row).json))
            wrong |= {row.id: list(more)[:3]} if more else {}
    assert not wrong


def things(value: Any, at: str = "") -> Iterator[str]:
    """Each thing in a list of an answer, by what it is called there, or by what is said of it in words."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from things(inner, f"{at}.{name}")
    elif isinstance(value, list):
        for inner in value:
            if called := _called(inner):
                yield f"{at} {called}"
            yield from things(inner, at)


KEYS = ("id", "slug", "name", "username", "key", "number", "url", "host", "path", "version", "change")


def _called(thing: Any) -> Any:
    """Nothing for a sum, and for a line whose names are left out, as the ledger does for a system that is not seen."""
    if not isinstance(thing, dict):
        return thing
    if named := {key: thing[key] for key in KEYS if thing.get(key) is not None}:
        return named
    return None if None in thing.values() else {key: one for key, one in thing.items() if isinstance(one, str)}


@pytest.mark.parametrize("machine", AGENTS, ids=lambda machine: machine.name)
def test_an_agent_neither_decides_nor_administers(made: Machinery, machine: Machine) -> None:
    """Whatever its owner may; said once more of what matters most."""
    asked = [row for row in rows() if operations()[row.method, row.name].scope in ("approve", "admin")]
    asked += [row for row in rows() if WITHOUT_SCOPE.get((row.method, row.name)) == SESSION]
    assert {row.id: made.answer(machine.name, row).status for row in asked if not _refuses(made, machine, row)} == {}


def _refuses(made: Machinery, machine: Machine, row: Row) -> bool:
    return made.answer(machine.name, row).refused


def test_a_token_that_reads_writes_nothing(made: Machinery) -> None:
    reader = next(one for one in MACHINES if one.name == "token that reads")
    free = (PUBLIC, "a signature of its own", "the token that ends")
    writes = [row for row in rows() if row.method != "GET" and WITHOUT_SCOPE.get((row.method, row.name)) not in free]
    assert len(writes) > 150
    assert {row.id: made.answer(reader.name, row).status for row in writes if not _refuses(made, reader, row)} == {}


def once_each(rows: list[Row]) -> list[Row]:
    """One row of each method of each address."""
    return list({(row.method, row.name): row for row in rows}.values())


@pytest.mark.parametrize("who", ["agent", "scim"])
def test_the_api_opens_to_no_token_of_another_door(made: Machinery, who: str) -> None:
    token = made.scim if who == "scim" else made.agents["agent of an admin"]
    asked = {row.id: made.ask(row, made.nobody, bearer(token)) for row in once_each(rows())}
    pushes = {row.id for row in rows() if row.name in ("api:backstage-push", "api:git-push")}
    assert {id: one.status for id, one in asked.items() if one.status != 401 and id not in pushes} == {}
    assert {asked[id].status for id in pushes} <= set(REFUSED)


def test_scim_opens_to_its_own_token_only(made: Machinery) -> None:
    asked = [row for row in MATRIX if row.name.startswith("scim:")]
    others = {**made.headers, **{name: bearer(token) for name, token in made.agents.items()}}
    found = {(row.id, who): made.ask(row, made.nobody, others[who]).status for row in asked for who in others}
    assert {key: status for key, status in found.items() if status != 401} == {}
    assert all(made.ask(row, made.nobody, bearer(made.scim)).status != 401 for row in asked)


def test_agents_come_in_by_their_door_only(made: Machinery) -> None:
    row = Row("mcp", "POST", {}, body={})
    others = {name: made.headers[name] for name in made.headers if name not in made.agents} | {"": bearer(made.scim)}
    assert {made.ask(row, made.nobody, headers).status for headers in others.values()} == {401}
    assert made.ask(row, made.clients["admin"], {}).status == 401


@pytest.mark.parametrize("who", ["agent of an admin", "Backstage for a developer", "scim"])
def test_no_page_opens_to_a_machine(made: Machinery, who: str) -> None:
    """Pages know sessions only: whoever sends a token is nobody there."""
    tokens = {"scim": bearer(made.scim), "agent of an admin": bearer(made.agents["agent of an admin"])}
    headers = tokens.get(who) or made.headers[who]
    pages = [row for row in once_each(MATRIX) if ":" not in row.name and row.name != "mcp"]
    assert len(pages) > 300
    wrong = {}
    for row in pages:
        status, nobodys = made.ask(row, made.nobody, headers).status, made.answer("nobody", row).status
        wrong |= {row.id: status} if status != nobodys else {}
    assert not wrong


# --- tools: each by the request of the API that shows or does the same ---

NEW = {"kind": "create", "environment": "new", "spec": spec()}
POSTGRES = {"capability": "postgres", "version": "1.0.0"}
SYSTEMS = ("checkout", "vault", "shop")
Case = tuple[dict[str, Any], Row]


def _read(name: str, at: Mapping[str, str] = MappingProxyType({}), query: str = "") -> Row:
    return Row(f"api:{name}", "GET", {}, at, query=query)


TOOL_CASES: Mapping[str, list[Case]] = {
    "list_systems": [({}, _read("systems"))],
    "get_system": [({"system": one}, _read("system", {"system": one})) for one in SYSTEMS],
    "list_environments": [({}, _read("environments"))],
    "get_environment": [
        ({"system": "checkout", "environment": "try"}, _read("environment", TRY)),
        ({"system": "vault", "environment": "safe"}, _read("environment", SAFE)),
    ],
    "list_capabilities": [({}, _read("capabilities"))],
    "get_contract": [({"capability": "postgres", "version": "1.0.0"}, _read("contract", POSTGRES))],
    "list_changes": [({}, _read("changes"))],
    "get_change": [({"change": f"={one}"}, _read("change", {"change_id": f"={one}"})) for one in ("living", "hidden")],
    "get_run": [({"run": f"={one}_run"}, _read("run", {"run_id": f"={one}_run"})) for one in ("living", "hidden")],
    "search": [({"query": one}, _read("search", query=f"?q={one}")) for one in ("checkout", "vault", "ledger")],
    **{
        tool: [(NEW | {"system": one}, Row(f"api:{door}", "POST", {}, body=NEW | {"system": one})) for one in SYSTEMS]
        for tool, door in (("plan", "plans"), ("submit_change", "changes"))
    },
}


def test_every_tool_stands_in_the_table() -> None:
    new, gone = set(TOOLS) - set(TOOL_CASES), set(TOOL_CASES) - set(TOOLS)
    assert not new, f"Say in TOOL_CASES which request of the API shows or does the same as {', '.join(sorted(new))}."
    assert not gone, f"These are no tools any more: {', '.join(sorted(gone))}."


@pytest.mark.parametrize("machine", AGENTS, ids=lambda machine: machine.name)
@pytest.mark.parametrize("tool", TOOL_CASES)
def test_a_tool_does_no_more_than_the_owner_could(made: Machinery, tool: str, machine: Machine) -> None:
    for arguments, row in TOOL_CASES[tool]:
        with transaction.atomic():
            found = _used(made, machine.name, tool, arguments)
            transaction.set_rollback(True)
        told = json.dumps(found)
        assert not [word for word in machine.hidden if word in told and word not in json.dumps(arguments)]
        if found["refused"]:
            continue
        owners = made.answer(machine.person, row)
        assert owners.done, f"{tool} {arguments}: the owner gets {owners.status}"
        named = {one.get("id", one.get("name")) for one in found.get("items", ())}
        assert not [one for one in named if json.dumps(one) not in owners.text]


def _used(made: Machinery, who: str, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a tool answers; before it submits it plans."""
    if tool != "submit_change":
        return made.call(who, tool, arguments)
    planned = made.call(who, "plan", arguments)
    return made.call(who, tool, {"plan_digest": planned.get("plan_digest") or "0" * 64})


@pytest.mark.parametrize(
    ("who", "system", "may"),
    [
        pytest.param("agent of a developer", "checkout", True, id="its system"),
        pytest.param("agent of a developer", "vault", False, id="another of its owner's"),
        pytest.param("agent of an admin", "shop", False, id="another team's, though its owner may"),
    ],
)
def test_it_really_asks_for_what_it_may(made: Machinery, who: str, system: str, may: bool) -> None:
    """So that the table above does not hold because agents can do nothing at all."""
    with transaction.atomic():
        assert _used(made, who, "submit_change", NEW | {"system": system})["refused"] is not may
        transaction.set_rollback(True)
