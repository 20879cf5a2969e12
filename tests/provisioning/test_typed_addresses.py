"""Every door that takes an address from somebody, against every way to write one that leads inside.

A door either keeps the address, and then it refuses what can be seen of it, or it calls it, and then it refuses where
the name leads by then. That nothing else in the project opens a connection is held by ``tests/test_outgoing_calls.py``.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import paramiko
import pytest
from django.core.cache import cache

from governance.domain.oidc import ProviderWish
from governance.models import CatalogImport, SlackRequest, WebhookDelivery
from governance.models.entity import SOURCE_KINDS
from governance.services.backstage_runs import import_ask, import_carry_out
from governance.services.backstage_sources import source_save
from governance.services.oidc_calls import Endpoints, endpoints_of, keys_of, tokens_for
from governance.services.sign_in_providers import provider_save
from governance.services.slack import slack_answers_send
from governance.services.trust_rules import TrustWish, trust_rule_save
from governance.services.webhook_delivery import webhooks_send
from governance.services.webhooks import webhook_create, webhook_test
from governance.services.workload_exchange import _asked_keys
from idp.kernel import git_reader, vault
from idp.kernel.errors import InvalidInput, SlipwayError
from provisioning.services.git_sources import git_source_save
from tests import names
from tests.personas import NOW, Organisation, person

pytestmark = pytest.mark.django_db

HOSTS = (
    "127.0.0.1",
    "127.1",
    "2130706433",
    "017700000001",
    "0x7f.1",
    "0x7f000001",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "app.localhost.",
    "10.0.0.1",
    "192.168.0.1.",
    "172.16.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.169.254.",
    "2852039166",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "１２７.０.０.１",
    "127。0。0。1",
)
SHAPES = (
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "git://git.example/team/app.git",
    "ext::sh -c id",
    "gopher://git.example/_x",
    "ftp://git.example/app.git",
    "//git.example/app.git",
    "/etc/passwd",
    "https://name:word@git.example/app.git",
    "https://git.example\\@127.0.0.1/app.git",
    "https://git.example/a.git\r\nHost: inside",
    "https://[::1/app.git",
    "https:///app.git",
    "https://git.example:99999/app.git",
)

Save = Callable[[Organisation, str], Any]
KEEPS: dict[str, Save] = {
    "catalog by address": lambda found, url: source_save(found.actor("admin"), name="a", kind="url", url=url, now=NOW),
    "catalog from Git": lambda found, url: source_save(found.actor("admin"), name="a", kind="git", url=url, now=NOW),
    "a running Backstage": lambda found, url: source_save(
        found.actor("admin"), name="a", kind="backstage", url=url, now=NOW
    ),
    "files in Git": lambda found, url: git_source_save(
        found.actor("maintainer"), name="a", team="payments", url=url, now=NOW
    ),
    "webhook": lambda found, url: hook(found, "webhook", url),
    "Slack": lambda found, url: hook(found, "slack", url),
    "Teams": lambda found, url: hook(found, "teams", url),
    "issuer of a CI": lambda found, url: trust_rule_save(
        found.actor("admin"),
        name="ci",
        wish=TrustWish(url.removesuffix("/app.git"), "https://slipway.example", "repo:acme/*", "payments-ci"),
        now=NOW,
    ),
    "sign-in provider": lambda found, url: provider_save(
        found.actor("admin"), name="corp", wish=wished(url.removesuffix("/app.git")), now=NOW
    ),
}


def hook(found: Organisation, kind: str, url: str) -> Any:
    return webhook_create(found.actor("maintainer"), name="a", kind=kind, url=url, team=found.payments, now=NOW)


def wished(issuer: str) -> ProviderWish:
    return ProviderWish(title="Corp", issuer=issuer, client_id="slipway")


@pytest.fixture
def organisation() -> Organisation:
    found = Organisation.found()
    person("payments-ci", service_of=found.payments)
    cache.clear()
    return found


@pytest.mark.parametrize("save", KEEPS.values(), ids=KEEPS)
def test_it_keeps_no_address_that_leads_inside(organisation: Organisation, save: Save) -> None:
    for url in (*(f"https://{host}/app.git" for host in HOSTS), *SHAPES):
        with pytest.raises(InvalidInput) as refused:
            save(organisation, url)
        assert refused.value.errors[0].path in ("url", "issuer"), url
        assert refused.value.errors[0].message, url


@pytest.mark.parametrize("save", KEEPS.values(), ids=KEEPS)
def test_it_keeps_one_that_does_not(organisation: Organisation, save: Save) -> None:
    """Else the test above would hold for a door that takes nothing."""
    save(organisation, "https://git.example/app.git")


def private_key() -> str:
    text = io.StringIO()
    paramiko.ECDSAKey.generate().write_private_key(text)
    return text.getvalue()


def imported(found: Organisation, **fields: Any) -> str:
    source_save(found.actor("admin"), name="a", now=NOW, **fields)
    made = import_ask(found.actor("admin"), source="a", now=NOW)
    return carried(made)


def carried(made: CatalogImport) -> str:
    import_carry_out(made.pk, now=NOW)
    made.refresh_from_db()
    return f"{made.message} {[one['reason'] for one in made.report.get('refused', ())]}"


def referring(found: Organisation) -> str:
    """A document that is uploaded takes something in from an address."""
    source_save(found.actor("admin"), name="a", kind="upload", now=NOW)
    text = "apiVersion: a/v1\nkind: Thing\nmetadata: {name: one}\nspec: {x: {$text: 'https://rebound.example/x'}}\n"
    return carried(import_ask(found.actor("admin"), source="a", files=[("a.yaml", text.encode())], now=NOW))


def delivered(found: Organisation, kind: str) -> str:
    row, _ = hook(found, kind, "https://rebound.example/x")
    webhook_test(found.actor("maintainer"), row.pk, now=NOW)
    webhooks_send(now=NOW)
    return WebhookDelivery.objects.get().outcome


def answered_in_slack(found: Organisation) -> str:
    url = vault.encrypt("https://rebound.example/x")
    row = SlackRequest.objects.create(signature="a", at=NOW, answer={"text": "x"}, answer_url=url, answer_due=NOW)
    assert slack_answers_send(now=NOW) == 1
    row.refresh_from_db()
    return "leads into a private network" if (row.answer_due, row.tries) == (None, 1) else "tried again"


def told(call: Callable[[], Any]) -> str:
    try:
        return f"answered {call()!r}"
    except SlipwayError as error:
        return error.message


ENDPOINTS = Endpoints(*["https://rebound.example/x"] * 4, basic=True, document={})
SSH = "ssh://git@rebound.example/team/app.git"
CALLS: dict[str, Callable[[Organisation], str]] = {
    "catalog by address": lambda found: imported(found, kind="url", url="https://rebound.example/x"),
    "catalog from Git": lambda found: imported(found, kind="git", url="https://rebound.example/x.git"),
    "catalog from Git over ssh": lambda found: imported(found, kind="git", url=SSH, secret=private_key()),
    "a running Backstage": lambda found: imported(found, kind="backstage", url="https://rebound.example/"),
    "what a document takes in": referring,
    "files in Git": lambda found: told(lambda: git_reader.fetch("https://rebound.example/x.git")),
    "files in Git over ssh": lambda found: told(
        lambda: git_reader.fetch(SSH, secret=git_reader.Secret(key=private_key()))
    ),
    "webhook": lambda found: delivered(found, "webhook"),
    "Slack": lambda found: delivered(found, "slack"),
    "Teams": lambda found: delivered(found, "teams"),
    "an answer to Slack": answered_in_slack,
    "keys of a CI": lambda found: told(lambda: _asked_keys("https://rebound.example")),
    "a provider's document": lambda found: told(lambda: endpoints_of("https://rebound.example")),
    "a provider's keys": lambda found: told(lambda: keys_of(ENDPOINTS)),
    "a provider's tokens": lambda found: told(
        lambda: tokens_for(ENDPOINTS, client_id="a", secret="b", code="c", verifier="d", back="e")
    ),
}


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "::1"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_it_calls_no_name_that_leads_inside_by_then(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, call: Callable[[Organisation], str], address: str
) -> None:
    names.leads_to(monkeypatch, address)
    assert "leads into a private network" in call(organisation)


def test_every_kind_of_source_that_has_an_address_is_among_the_doors() -> None:
    assert set(SOURCE_KINDS) == {"upload", "url", "git", "backstage"}
