"""Every kind of machine identity, in the world of the access matrix. Read by ``test_machines.py``.

A machine acts for somebody: whoever owns the agent or the token, whom a program names, or a service account with a
role. What has no door of its own at the API (an agent, files in Git) is let in there by its Actor all the same, so that
what holds it is proved at every address and not only at the door that it has today.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import reverse
from jwt.algorithms import RSAAlgorithm

from governance.models import ApiToken
from governance.services.components import component_create
from governance.services.scim_tokens import scim_token_make
from governance.services.service_accounts import service_account_create
from governance.services.teams import membership_set
from governance.services.tokens import token_create
from governance.services.workload_exchange import workload_exchange
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.git_reader import Commit
from portal.api import authentication
from provisioning.models import GitSource
from provisioning.services.agents import agent_authenticate
from provisioning.services.git_applying import git_actor
from tests.personas import NOW, Organisation
from tests.portal.access_matrix import TRUST, Row, World, furnish
from tests.portal.api.client import SCOPES, connections_stay, token_for
from tests.provisioning.agents import agent

READS = frozenset({"read"})
ASKS = frozenset({"read", "change"})
ALL = frozenset(SCOPES)
PERSONS = ("developer", "maintainer", "admin", "stranger")
REFUSED = (401, 403, 404)


@dataclass(frozen=True)
class Machine:
    """``person``: the persona whom it may not exceed. ``scopes``: what it was given. ``hidden``: names of things of
    which it may not even hear."""

    name: str
    person: str
    scopes: frozenset[str]
    hidden: tuple[str, ...] = ()


LEDGER: dict[str, Any] = {
    "name": "Ledger",
    "type": "service",
    "description": "",
    "repository": "",
    "links": [],
    "depends_on": [],
}
CHECKOUT_ONLY = ("vault", "shop-ledger")
MACHINES = (
    Machine("agent of a developer", "developer", ASKS, CHECKOUT_ONLY),
    Machine("agent of a maintainer", "maintainer", ASKS, ("shop-ledger",)),
    Machine("agent of an admin", "admin", ASKS, ("shop-ledger",)),
    Machine("Git source", "developer", ASKS, CHECKOUT_ONLY),
    Machine("token that reads", "developer", READS),
    Machine("token that asks", "developer", frozenset({"change"})),
    Machine("token that decides", "maintainer", frozenset({"approve"})),
    Machine("token that administers", "admin", frozenset({"admin"})),
    Machine("token of another team", "stranger", ALL, ("vault",)),
    Machine("service account", "developer", ALL),
    Machine("service account of one system", "developer", ALL, CHECKOUT_ONLY),
    Machine("pipeline", "developer", ASKS),
    Machine("Backstage for a developer", "developer", ASKS),
    Machine("Backstage for nobody", "developer", READS),
)
AGENTS = tuple(one for one in MACHINES if one.name.startswith("agent"))


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    @property
    def refused(self) -> bool:
        return self.status in REFUSED

    @property
    def done(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Machinery:
    """The world with its machines. ``headers`` of each, ``clients`` of people who are signed in."""

    world: World
    headers: dict[str, dict[str, str]]
    clients: dict[str, Client]
    agents: dict[str, str]
    scim: str
    nobody: Client = field(default_factory=Client)
    heard: dict[tuple[str, str], Answer] = field(default_factory=dict)

    def answer(self, who: str, row: Row) -> Answer:
        """What a person or machine is answered; asked once."""
        if (who, row.id) not in self.heard:
            client = self.clients.get(who, self.nobody)
            self.heard[who, row.id] = self.ask(row, client, self.headers.get(who, {}))
        return self.heard[who, row.id]

    def ask(self, row: Row, client: Client, headers: Mapping[str, str]) -> Answer:
        """The row's request; whatever it wrote is gone afterwards."""
        at = {name: self.value(value) for name, value in row.at.items()}
        address = reverse(row.name, kwargs=at) + row.query
        body = self.value(row.body)
        plain = not row.name.startswith(("api:", "scim:")) and row.method == "POST"
        client.raise_request_exception, client.handler = False, self.nobody.handler  # which takes long to make
        cache.clear()
        with transaction.atomic():
            if plain:
                response = client.post(address, body or {}, headers=dict(headers))
            else:
                data = "" if body is None else json.dumps(body)
                sent = {"If-Match": "*", **headers}
                response = client.generic(row.method, address, data, content_type="application/json", headers=sent)
            streams = getattr(response, "streaming", False) and "event-stream" in response.get("Content-Type", "")
            text = "" if streams else response.getvalue().decode("utf-8", "replace")
            with connections_stay():
                response.close()
            transaction.set_rollback(True)
        return Answer(response.status_code, text)

    def call(self, machine: str, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a tool answers an agent; what it wrote stays until the caller rolls it back."""
        return tool_called(self.nobody, self.agents[machine], tool, self.value(dict(arguments)))

    def value(self, value: Any) -> Any:
        """``value`` with ``=name`` replaced by what the world calls so."""
        if isinstance(value, str) and value.startswith("="):
            return self.world.ids[value[1:]]
        if isinstance(value, dict):
            return {key: self.value(inner) for key, inner in value.items()}
        return value


def tool_called(client: Client, token: str, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a tool answers the agent with ``token``; ``refused`` says whether it did what was asked."""
    params = {"name": tool, "arguments": dict(arguments)}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"MCP-Protocol-Version": "2025-06-18", **bearer(token)}
    response = client.post("/mcp", json.dumps(message), content_type="application/json", headers=headers)
    if response.status_code != 200:
        return {"refused": True, "status": response.status_code, **json.loads(response.content)}
    result = json.loads(response.content)["result"]
    return {**json.loads(result["content"][0]["text"]), "refused": result["isError"]}


@contextmanager
def machinery() -> Iterator[Machinery]:
    """Inside a transaction that the caller rolls back."""
    cache.clear()
    world = furnish()
    organisation, now = world.organisation, clock.now()
    component_create(PLATFORM, system=organisation.systems["shop"], slug="shop-ledger", **LEDGER, now=NOW)
    agents = _agents(organisation)
    actors = {name: agent_authenticate(token, now).actor for name, token in agents.items()}
    actors["Git source"] = _git_actor()
    tokens = _tokens(organisation)
    headers = {name: bearer(token) for name, token in tokens.items()} | {name: bearer(name) for name in actors}
    headers["Backstage for a developer"] |= {authentication.ON_BEHALF: "user:default/developer"}
    scim = scim_token_make(PLATFORM, days=90, now=now)[1]
    # Otherwise the first use in an hour of the clock is told in the audit log, and the answers differ by that.
    ApiToken.objects.update(last_used_at=now + timedelta(hours=1))
    made = Machinery(world, headers, _signed_in(organisation), agents, scim)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authentication, "token_authenticate", _by_actor(actors))
        yield made
    cache.clear()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _by_actor(actors: Mapping[str, Actor]) -> Callable[..., Actor]:
    """Authentication as it is, beside names of machines without a token of the API."""
    usual = authentication.token_authenticate
    return lambda plaintext, **more: actors[plaintext] if plaintext in actors else usual(plaintext, **more)


def _agents(organisation: Organisation) -> dict[str, str]:
    """Tokens of agents, by machine."""
    known = {"now": clock.now(), "kinds": ("create", "update")}
    return {
        "agent of a developer": agent(organisation, "one", systems=("checkout",), stages=("dev",), **known)[1],
        "agent of a maintainer": agent(organisation, "two", owner="maintainer", **known)[1],
        "agent of an admin": agent(organisation, "three", owner="admin", **known)[1],
    }


def _git_actor() -> Actor:
    """The account of the world's source, held to one system, as it applies a commit."""
    GitSource.objects.filter(name="infra").update(systems=["checkout"])
    source = GitSource.objects.select_related("account").get(name="infra")
    return git_actor(source, Commit("c0ffee", "Ada", "ada@example.com", "Change it", NOW))


def _tokens(organisation: Organisation) -> dict[str, str]:
    robot, bound, portal = (account(organisation, name) for name in ("robot", "bound", "backstage"))
    for_people = token_create(PLATFORM, owner=portal, name="for people", scopes=ASKS, for_people=True, now=clock.now())[
        1
    ]
    return {
        "token that reads": token_for(organisation.developer, "read"),
        "token that asks": token_for(organisation.developer, "change"),
        "token that decides": token_for(organisation.maintainer, "approve"),
        "token that administers": token_for(organisation.admin, "admin"),
        "token of another team": token_for(organisation.stranger),
        "service account": token_for(robot),
        "service account of one system": token_for(bound, systems=("checkout",)),
        "pipeline": _exchanged(organisation),
        "Backstage for a developer": for_people,
        "Backstage for nobody": for_people,
    }


def account(organisation: Organisation, name: str) -> User:
    """A service account of payments, a developer there; more than that none of them can be."""
    user = service_account_create(PLATFORM, team=organisation.payments, username=name, now=NOW)
    membership_set(PLATFORM, team=organisation.payments, user=user, role="developer", now=NOW)
    return user


@lru_cache(maxsize=1)
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _exchanged(organisation: Organisation) -> str:
    """What a pipeline gets for the identity that its CI signed; the issuer's keys are known already."""
    account(organisation, TRUST["account"])
    public = json.loads(RSAAlgorithm.to_jwk(_key().public_key())) | {"kid": "one", "use": "sig"}
    cache.set(f"jwks:{TRUST['issuer']}", [public])
    now = clock.now()
    claims = {"iss": TRUST["issuer"], "aud": TRUST["audience"], "sub": "repo:acme/checkout:ref:main", "jti": "one"}
    told = jwt.encode(
        {**claims, "iat": now, "exp": now + timedelta(minutes=5)}, _key(), "RS256", headers={"kid": "one"}
    )
    return workload_exchange(told, now=now)[1]


def _signed_in(organisation: Organisation) -> dict[str, Client]:
    clients = {name: Client() for name in PERSONS}
    for name, client in clients.items():
        client.force_login(organisation.people[name])
    return clients
