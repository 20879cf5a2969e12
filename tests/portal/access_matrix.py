"""Every address of Slipway with what it answers each kind of person and token. Read by ``test_access_matrix.py``.

A row is one method at one address of the world that ``furnish`` makes: ``checkout`` of team payments, ``vault`` of the
same team but restricted. People are asked with a session, tokens belong to the admin, so that only their scope counts.
Pages know no tokens: to them a token is nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from governance.domain.quota import Amounts
from governance.models import AuditEntry, PeopleEdit, Transfer
from governance.services.backstage_runs import import_ask, import_carry_out
from governance.services.backstage_sources import source_save
from governance.services.loans import loan_propose
from governance.services.notice_settings import unsubscribe_token
from governance.services.quota_requests import request_make
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.canonical import digest
from provisioning.contracts import builtin_documents
from provisioning.models import Capability, Change, Cluster, Drift, Environment, Orphan, Run, Stage
from provisioning.services.campaigns import CampaignSettings, campaign_draft, campaign_start
from provisioning.services.links import link_save
from tests.personas import NOW, Organisation
from tests.portal.api.client import SCOPES, token_for
from tests.provisioning.organisation import PROD_NEEDS_A_MAINTAINER, carry_out, create, equip, spec

PEOPLE = ("developer", "maintainer", "second_maintainer", "viewer", "stranger", "admin", "auditor")
TOKENS = ("token_read", "token_change", "token_approve", "token_admin")
WHO = (*PEOPLE, "anonymous", *TOKENS)
MANAGERS = ("maintainer", "second_maintainer", "admin")
Expected = Mapping[str, int]


@dataclass(frozen=True)
class Row:
    """``at`` are words of the address; a name of ``World.ids`` stands for its number. ``body`` may use them too."""

    name: str
    method: str
    expected: Expected
    at: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    query: str = ""

    @property
    def id(self) -> str:
        return f"{self.method} {self.name} {' '.join(self.at.values())}{self.query}".strip()


@dataclass
class World:
    organisation: Organisation
    ids: dict[str, Any]
    tokens: dict[str, str]


def furnish() -> World:
    """An organisation with a living environment, a waiting change, a failed one, and a restricted system's own."""
    organisation = Organisation.found()
    equip(organisation)
    living = create(organisation)
    carry_out(Run.objects.get(change=living))
    failed = create(organisation, "bad", api={"image": "registry.example/checkout-api:missing"})
    carry_out(Run.objects.get(change=failed))
    waiting = create(organisation, "live", stage="prod")
    hidden = _hidden(organisation)
    going = create(organisation, "going")
    ids = {
        "living": living.pk,
        "failed": failed.pk,
        "waiting": waiting.pk,
        "hidden": hidden.pk,
        "living_run": Run.objects.get(change=living).pk,
        "going_run": Run.objects.get(change=going).pk,
        "hidden_run": Run.objects.get(change=hidden).pk,
        "digest": waiting.plan_digest,
        "catalog_import": _catalog(organisation),
        **_git(organisation, living),
        "grant": _grant(organisation),
        "cluster": Cluster.objects.get().name,
        **_blast(organisation),
        **_quota(organisation),
        **_webhook(organisation),
        **_slack(organisation),
        "replay": _replay(organisation),
        **_campaigns(organisation),
        "drift": _drift("checkout"),
        "hidden_drift": _drift("vault"),
        "link": link_save(PLATFORM, stage=Stage.objects.get(name="dev"), now=NOW, **OLD_LINK).pk,
        "train": _train(organisation),
        "orphan": _orphan(),
        **_freeze(waiting),
        "transfer": Transfer.objects.create(
            system=organisation.systems["checkout"],
            giver=organisation.payments,
            taker=organisation.storefront,
            reason="Theirs.",
            asked_by=organisation.developer,
            asked_at=NOW,
        ).pk,
        "edit": PeopleEdit.objects.filter(kind="membership", key="payments/viewer").latest("pk").pk,
        "token": _token_of(organisation),
        **_login(),
        "delegation": _routes_and_stand_ins(organisation),
        "trusted": _trust(organisation),
        "agent_session": _agent(organisation),
        "way_in": _way_in(),
        "entry": AuditEntry.objects.filter(team_slug="").latest("sequence").pk,
        "unsubscribe": unsubscribe_token(organisation.developer.pk, "change-failed"),
    }
    scopes = {
        f"token_{scope}": token_for(organisation.admin, scope) for scope in ("read", "change", "approve", "admin")
    }
    return World(organisation, ids, scopes)


def _freeze(change: Change) -> dict[str, int]:
    """A freeze that is to come, and glass that a maintainer broke in it."""
    from provisioning.models import GlassBreak
    from provisioning.services.freezes import freeze_declare

    later = clock.now() + timedelta(days=1)
    row = freeze_declare(PLATFORM, title="Sale", reason="The sale.", starts_at=later, now=clock.now())
    broken = GlassBreak.objects.create(
        change=change, freezes=[row.pk], freeze=row, reason="Now.", broken_by_id=change.requester_id,
        broken_at=NOW, due_at=later,
    )  # fmt: skip
    return {"freeze": row.pk, "glass": broken.pk}


def _agent(organisation: Organisation) -> int:
    """The developer's agent, and a session in which it called nothing yet."""
    from provisioning.services.agent_sessions import agent_session_begin
    from tests.provisioning.agents import caller

    return agent_session_begin(caller(organisation, now=clock.now()), client="editor", now=clock.now()).pk


def _routes_and_stand_ins(organisation: Organisation) -> int:
    """A route with two versions that no policy asks for, and a maintainer who stands in for another."""
    from governance.services.delegations import delegation_create
    from governance.services.routes import route_save

    route_save(PLATFORM, document={**NEW_ROUTE, "metadata": {"name": "owners"}}, now=NOW)
    other = deepcopy(NEW_ROUTE) | {"metadata": {"name": "owners"}}
    other["spec"]["title"] = "Owners"
    route_save(PLATFORM, document=other, now=NOW)
    now = clock.now()
    lent: dict[str, Any] = {"starts_at": now, "ends_at": now + timedelta(days=3)}
    maintainer = organisation.actor("maintainer")
    return delegation_create(maintainer, stand_in="second_maintainer", now=now, **lent).pk


def _train(organisation: Organisation) -> int:
    """One of two promotions that wait to leave; written as the sweep of it would find it."""
    from provisioning.services.changes import ChangeRequest
    from provisioning.services.trains import TrainRequest, train_submit

    def member(name: str) -> ChangeRequest:
        hosts = {"resources": {"shop": {"inputs": {"host": f"{name}.example"}}}}
        return ChangeRequest("promote", "checkout", name, source="try", spec=hosts)

    return train_submit(
        organisation.actor("developer"), TrainRequest((member("one"), member("two"))), now=clock.now()
    ).pk


def _hidden(organisation: Organisation) -> Change:
    from provisioning.services.changes import ChangeRequest, change_submit

    request = ChangeRequest("create", "vault", "safe", spec=spec())
    change = change_submit(organisation.actor("developer"), request, now=NOW)
    carry_out(Run.objects.get(change=change))
    return change


def _quota(organisation: Organisation) -> dict[str, int]:
    """A loan that payments offers storefront, and payments' wish for more."""
    loan = loan_propose(
        organisation.actor("maintainer"),
        side="lender",
        lender=organisation.payments,
        borrower=organisation.storefront,
        amounts=Amounts.of({"cpu": 1}),
        ends_at=clock.now() + timedelta(days=30),
        reason="A sale.",
        now=clock.now(),
    )
    asked = request_make(
        organisation.actor("developer"),
        team=organisation.payments,
        amounts=Amounts.of({"cpu": 2}),
        reason="A sale.",
        now=clock.now(),
    )
    return {"loan": loan.pk, "quota_request": asked.pk}


def _drift(system: str) -> int:
    """An object that was found to differ."""
    place = Environment.objects.filter(system__slug=system, deleted_at=None, state="ready").earliest("pk")
    row = Drift.objects.create(
        environment=place,
        resource="api",
        api_version="apps/v1",
        kind="Deployment",
        namespace=place.namespace,
        name="api",
        fields=[{"kind": "changed", "path": "spec.replicas", "wanted": 2, "live": 5, "manager": "kubectl", "at": None}],
        fingerprint="f",
        managers="kubectl",
        state="open",
        seen_at=NOW,
    )
    return row.pk


def _blast(organisation: Organisation) -> dict[str, int]:
    """A report of a capability that team payments owns, worked off, and a row of it."""
    from provisioning.orchestrator.blast import blast_advance
    from provisioning.services.blast_reports import blast_of_draft

    Capability.objects.filter(name="web-service").update(owner=organisation.payments)
    data = deepcopy(dict(dict(builtin_documents())["web-service/1.2.0.yaml"].data))
    data["metadata"]["version"] = "1.3.0"
    report = blast_of_draft(organisation.actor("admin"), document=data, now=NOW)
    blast_advance(report.pk)
    return {"blast": report.pk, "blast_item": report.items.get(environment__name="try").pk}


def _replay(organisation: Organisation) -> int:
    from provisioning.orchestrator.policy_replay import replay_advance
    from provisioning.services.policy_replays import replay_of_policy

    report = replay_of_policy(organisation.actor("admin"), name="prod-needs-a-maintainer", now=clock.now())
    replay_advance(report.pk)
    return report.pk


def _campaigns(organisation: Organisation) -> dict[str, int]:
    """One of ``route`` that has been started for next month, and a draft of ``postgres``."""
    now = clock.now()
    admin, later = organisation.actor("admin"), now + timedelta(days=30)
    draft = campaign_draft(admin, CampaignSettings("postgres", "2.0.0", starts_at=later), now=now)
    running = campaign_draft(admin, CampaignSettings("route", "2.0.0", starts_at=later), now=now)
    campaign_start(admin, running.pk, now=now)
    items = {f"{one.environment.system.slug}/{one.environment.name}": one.pk for one in running.items.all()}
    return {
        "draft": draft.pk,
        "campaign": running.pk,
        "part": items["checkout/try"],
        "hidden_part": items["vault/safe"],
    }


def _catalog(organisation: Organisation) -> int:
    """A source whose only entity is an orphan, one that is a repository, and a preview that may be imported."""
    admin, files = organisation.actor("admin"), [("a.yaml", CATALOG_INFO.encode())]
    source_save(admin, name="org", kind="upload", owner="payments", now=NOW)
    source_save(admin, name="org", every=0, owner="storefront", now=NOW)
    source_save(admin, name="empty", kind="upload", now=NOW)
    source_save(admin, name="repo", kind="git", url="https://git.example/team/app.git", now=NOW)
    import_carry_out(import_ask(admin, source="org", files=files, now=NOW).pk, now=NOW)
    looked = import_ask(admin, source="org", files=files, preview=True, now=NOW)
    import_carry_out(looked.pk, now=NOW)
    import_carry_out(import_ask(admin, source="org", files=[("a.yaml", b"# none")], now=NOW).pk, now=NOW)
    return looked.pk


def _git(organisation: Organisation, living: Change) -> dict[str, int]:
    """A source of files in Git that was edited and looked at, and the document that an environment follows."""
    from provisioning.models import GitDocument, GitFile, GitSync
    from provisioning.services.git_sources import git_source_save

    row = git_source_save(organisation.actor("admin"), now=NOW, **NEW_GIT)
    git_source_save(organisation.actor("admin"), name="infra", every=5, now=NOW)
    head = {"apiVersion": "slipway.dev/v1", "kind": "Environment", "metadata": {"system": "checkout", "name": "try"}}
    data = {**head, "spec": spec()}
    GitFile.objects.create(source=row, path="try.yaml", text=json.dumps(data))
    kept = {"file": "try.yaml", "line": 1, "data": data, "commit": "c0ffee", "change": living, "outcome": "accepted"}
    made = GitDocument.objects.create(
        source=row, kind="Environment", name="checkout/try", claimed_at=NOW, seen_at=NOW, **kept
    )
    Environment.objects.filter(pk=living.environment_id).update(git=made)
    asked = {"mode": "preview", "state": "done", "asked_name": "admin", "asked_at": NOW}
    return {"git_document": made.pk, "git_sync": GitSync.objects.create(source=row, **asked).pk}


def _grant(organisation: Organisation) -> int:
    """The database of the living environment is lent, and nobody uses it."""
    from provisioning.services.lending import GrantWish, grant_give

    wish = GrantWish("checkout", "try", "db", to_system="shop")
    return grant_give(organisation.actor("maintainer"), wish, now=NOW).pk


def _orphan() -> int:
    """An object that a system left behind which is no more."""
    row = Orphan.objects.create(
        cluster=Cluster.objects.get(),
        api_version="v1",
        kind="ConfigMap",
        namespace="gone-long",
        name="settings",
        system="gone",
        environment="long",
        reason="no-environment",
        first_seen_at=NOW,
    )
    return row.pk


def _webhook(organisation: Organisation) -> dict[str, int]:
    """An endpoint of team payments, and something that it has been sent."""
    from governance.models import WebhookDelivery
    from governance.services.webhooks import webhook_create, webhook_test

    maker, now = organisation.actor("maintainer"), clock.now()
    row, _ = webhook_create(maker, name="Bot", url="https://hooks.example/in", team=organisation.payments, now=now)
    sent = webhook_test(maker, row.pk, now=now)
    WebhookDelivery.objects.filter(pk=sent.pk).update(state="failed")
    return {"webhook": row.pk, "delivery": sent.pk}


def _slack(organisation: Organisation) -> dict[str, int]:
    """An app of Slack that is believed, and a developer who is linked."""
    from governance.models import SlackLink
    from governance.services.slack import slack_app_set

    slack_app_set(PLATFORM, signing_secret="0123456789abcdef", now=clock.now())
    link = SlackLink.objects.create(person=organisation.developer, workspace="T1", member="U1", made_at=clock.now())
    return {"slack_link": link.pk}


def _token_of(organisation: Organisation) -> int:
    from governance.models import ApiToken

    token_for(organisation.developer, "read")
    return ApiToken.objects.latest("id").pk


def _trust(organisation: Organisation) -> None:
    """A service account of payments and a pipeline that may act as it."""
    from governance.services.service_accounts import service_account_create
    from governance.services.trust_rules import TrustWish, trust_rule_save

    service_account_create(PLATFORM, team=organisation.payments, username="payments-pipeline", now=NOW)
    trust_rule_save(PLATFORM, name="checkout-main", wish=TrustWish(**TRUST), now=NOW)


def _way_in() -> int:
    """A provider to sign in through that is switched off, and a rule for a group that SCIM tells."""
    from governance.domain.group_rule import Rule
    from governance.domain.oidc import ProviderWish
    from governance.models import GroupRule
    from governance.services.group_rules import group_rule_set
    from governance.services.sign_in_providers import provider_save

    wish = {**WAY_IN, "scopes": tuple(WAY_IN["scopes"])}
    provider_save(PLATFORM, name="corp", wish=ProviderWish(**wish), now=NOW)
    group_rule_set(PLATFORM, Rule(**GROUP_RULE), now=NOW)
    return GroupRule.objects.get().pk


def _login() -> dict[str, str]:
    """A command line that asks to act for whoever answers."""
    from governance.services.device_logins import login_ask

    login, device = login_ask(client="a laptop", scopes=["read"], address="192.0.2.1", now=clock.now())
    return {"login_code": login.code, "login_device": device}


def _expected(people: int, anonymous: int, tokens: Mapping[str, int], but: Mapping[str, int]) -> Expected:
    table = dict.fromkeys(PEOPLE, people) | {"anonymous": anonymous} | {f"token_{k}": v for k, v in tokens.items()}
    unknown = set(but) - set(table)
    assert not unknown, unknown
    return table | dict(but)


def for_people(people: int, **but: int) -> Expected:
    """A page: whoever is not signed in is led to the door."""
    return _expected(people, 302, dict.fromkeys(("read", "change", "approve", "admin"), 302), but)


def page_for(who: tuple[str, ...], status: int, otherwise: int = 403, **but: int) -> Expected:
    """A page that only some may use."""
    return for_people(otherwise, **(dict.fromkeys(who, status) | but))


def for_all(status: int) -> Expected:
    return dict.fromkeys(WHO, status)


def _scim() -> list[Row]:
    """SCIM knows neither sessions nor tokens of the API; ``tests/portal/api/test_scim.py`` has a token of its own."""
    edits, key = ("GET", "PUT", "PATCH", "DELETE"), {"key": "2819c223-7f76-453a-919d-413861904646"}
    addresses: list[tuple[str, tuple[str, ...], Mapping[str, str]]] = [
        ("config", ("GET",), {}),
        ("resource-types", ("GET",), {}),
        ("resource-type", ("GET",), {"name": "User"}),
        ("schemas", ("GET",), {}),
        ("schema", ("GET",), {"urn": "urn:ietf:params:scim:schemas:core:2.0:User"}),
        ("users", ("GET", "POST"), {}),
        ("user", edits, key),
        ("groups", ("GET", "POST"), {}),
        ("group", edits, key),
        ("nothing", (*edits, "POST"), {"rest": "Bulk"}),
    ]
    return [Row(f"scim:{name}", one, for_all(401), at) for name, methods, at in addresses for one in methods]


def reads(people: int = 200, **but: int) -> Expected:
    """An answer of the API that needs the scope read."""
    tokens = {"read": 200, "change": 403, "approve": 403, "admin": 403}
    return _expected(people, 401, tokens, but)


def needs(scope: str, who: tuple[str, ...], status: int, otherwise: int = 403, **but: int) -> Expected:
    """Something the API does for some people, and for a token with one scope; reading first needs ``read`` as well."""
    tokens = dict.fromkeys(("read", "change", "approve", "admin"), 403) | {scope: status}
    return _expected(otherwise, 401, tokens, dict.fromkeys(who, status) | but)


NEW_ROUTE: dict[str, Any] = {
    "apiVersion": "slipway.dev/v1",
    "kind": "ApprovalRoute",
    "metadata": {"name": "another"},
    "spec": {"title": "Another", "stages": [{"name": "Team", "approvers": [{"from": "team:maintainer"}]}]},
}
OWNERS = {"route": "owners"}


def looked(**fields: str) -> dict[str, str]:
    """``fields`` as a page sends them that has shown what they move."""
    return {**fields, "do": "save", "looked_at": digest({name: [value] for name, value in sorted(fields.items())})}


NEW_GIT = {"name": "infra", "team": "payments", "url": "https://git.example/payments/infra.git"}
INFRA = {"source": "infra"}
OF_GIT = {**INFRA, "document": "=git_document"}
PAGE_OF_GIT = {**INFRA, "number": "=git_document"}
STAND_IN = {"stand_in": "second_maintainer", "starts_at": "2999-01-01T00:00:00Z", "ends_at": "2999-01-09T00:00:00Z"}
DECIDERS = ("maintainer", "second_maintainer", "admin")
TRUST = {
    "issuer": "https://token.actions.example",
    "audience": "https://slipway.example",
    "subject": "repo:acme/checkout:*",
    "account": "payments-pipeline",
}
APPLIED = {
    "files": [
        {
            "path": "note.yaml",
            "text": "{apiVersion: slipway.dev/v1, kind: Environment, metadata: {system: checkout, name: filed}, "
            "spec: {stage: dev, resources: {}}}",
        }
    ]
}
TRUSTED = {"name": "checkout-main"}
WAY_IN: dict[str, Any] = {
    "title": "Corp",
    "issuer": "https://login.corp.example",
    "client_id": "slipway",
    "scopes": ["openid", "groups"],
    "group_claim": "groups",
    "active": False,
}
GROUP_RULE = {"source": "scim", "group": "devs", "team": "payments", "role": "viewer"}
CORP = {"name": "corp"}
CORP_API = {"provider": "corp"}
ASKERS = ("developer", "maintainer", "second_maintainer", "admin")
ADMIN = ("admin",)
CATALOG_INFO = """apiVersion: backstage.io/v1alpha1
kind: Domain
metadata: {name: retail}
spec: {owner: payments}
"""
SOURCE = {"source": "org"}
NEW_SOURCE = {"name": "more", "kind": "url", "url": "https://git.example/catalog-info.yaml"}
NEW_IMPORT = {"source": "org", "files": [{"path": "a.yaml", "text": CATALOG_INFO}]}
ENTITY = {"ref": "domain:default/retail"}
NEW_LINK = {"name": "Logs", "kind": "logs", "url": "https://logs.example/${environment.namespace}"}
OLD_LINK = {**NEW_LINK, "name": "Dashboard", "kind": "dashboard"}
UNSEEN = {"stranger": 404}
ONE_MORE = {"name": "more", "capability": "cache@1"}
SCORE = {
    "score": "apiVersion: score.dev/v1b1\nmetadata: {name: mailer}\n"
    "containers: {main: {image: registry.example/mailer:1.0.0}}\n",
    "system": "checkout",
    "environment": "scored",
    "stage": "dev",
}
NEW_WEBHOOK = {"name": "Another", "url": "https://hooks.example/other", "team": "payments"}
NEW_WEBHOOK_FORM = NEW_WEBHOOK | {"kind": "webhook"}
OF_WEBHOOK = {"webhook_id": "=webhook"}
OF_DELIVERY = OF_WEBHOOK | {"delivery_id": "=delivery"}
PAGE_OF_WEBHOOK = {"webhook": "=webhook"}
PAGE_OF_DELIVERY = PAGE_OF_WEBHOOK | {"delivery": "=delivery"}
ALL_TIME = {"since": "2020-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z"}
HANDED = {"system": "checkout", "team": "storefront", "reason": "Theirs."}
SLEEP = {"schedule": [{"days": ["sun"], "from": "01:00", "to": "05:00"}], "timezone": "UTC"}
DEPLOYMENT = "?api_version=apps/v1&kind=Deployment&name=api"
CHECKOUT = {"system": "checkout"}
VAULT = {"system": "vault"}
TRY = {"system": "checkout", "name": "try"}
SAFE = {"system": "vault", "name": "safe"}
DRIFT = {"drift_id": "=drift"}
OF_GRANT = {**TRY, "grant_id": "=grant"}
HIDDEN_DRIFT = {"drift_id": "=hidden_drift"}
SNOOZE = {"until": "2020-01-31T09:00:00Z", "reason": "Known."}
API_COMPONENT = {"component": "checkout-api"}
HIDDEN_COMPONENT = {"component": "vault-api"}
ANY_VERSION = "*"

NEW_TEAM = {"slug": "search", "name": "Search"}
NEW_SYSTEM = {"slug": "basket", "name": "Basket", "team": "payments"}
NEW_COMPONENT = {"slug": "basket-api", "name": "Basket API", "system": "checkout", "type": "service"}
NEW_STAGE = {"name": "qa", "title": "Trials", "order": 15, "cluster": "=cluster"}
STAGE = {"title": "Dev", "order": 900, "cluster": "=cluster"}
NEW_CLUSTER = {"name": "trial", "title": "Trial", "driver": "sandbox"}
SOON_DAY = f"{clock.now() + timedelta(days=30):%Y-%m-%d}"
QUOTA = {"cpu": 16, "memory_gib": 32, "storage_gib": 200, "environments": 10}
NEW_POLICY = deepcopy(PROD_NEEDS_A_MAINTAINER) | {"metadata": {"name": "another"}}
FIRST_VERSION = {"policy": "prod-needs-a-maintainer", "number": "1"}
A_POLICY = {"policy": "prod-needs-a-maintainer"}
READERS = ("admin", "auditor")
ASKED = {"kind": "create", "system": "checkout", "environment": "new", "spec": spec()}
ASKED_HIDDEN = ASKED | {"system": "vault"}
CAMPAIGN = {"campaign": "=campaign"}
API_CAMPAIGN = {"campaign_id": "=campaign"}
CAMPAIGN_ASKED = {"capability": "postgres", "target": "2.0.0", "starts_at": "2030-01-31T09:00:00Z"}
CONTRACT = {"apiVersion": "slipway.dev/v1", "kind": "Contract", "metadata": {"capability": "postgres"}, "spec": {}}

HEALTH = [
    Row("livez", "GET", for_all(200)),
    Row("readyz", "GET", for_all(200)),
    Row("metrics", "GET", for_all(200)),
    Row("mcp", "POST", for_all(401)),
]

API_START = [
    Row("api:index", "GET", for_all(200)),
    Row("api:openapi", "GET", for_all(200)),
    Row("api:docs", "GET", for_all(200)),
    Row("api:problem", "GET", for_all(200), {"code": "invalid"}),
    Row("api:schema", "GET", for_all(200), {"kind": "contract"}),
    Row("api:unknown", "GET", for_all(404), {"path": "nothing/"}),
    Row("api:login", "POST", for_all(201), body={"client": "a laptop", "scopes": ["read"]}),
    Row("api:login-token", "POST", for_all(202), body={"device_code": "=login_device"}),
    Row("api:login-end", "POST", _expected(409, 401, dict.fromkeys(SCOPES, 204), {}), body={}),
    Row("api:me", "GET", for_all(200) | {"anonymous": 401}),
    Row("api:my-notices", "GET", reads()),
    Row("api:my-second-factor", "GET", reads()),
    Row("api:my-notices", "PATCH", needs("change", PEOPLE, 200), body={"digest_hour": 7}),
    Row("api:notices", "GET", reads()),
    Row("api:notices-read", "POST", needs("change", PEOPLE, 200), body={"until": 1}),
    Row("api:search", "GET", reads(), query="?q=checkout"),
    Row("api:backstage-templates", "GET", reads()),
    Row("api:backstage-template", "GET", reads(), {"name": "slipway-postgres"}),
    Row("api:backstage-change", "GET", reads(), {"change_id": "=living"}),
    Row("api:backstage-change", "GET", reads(**UNSEEN), {"change_id": "=hidden"}),
    Row("api:resources", "POST", needs("change", ASKERS, 202, token_change=404), TRY, ONE_MORE),
    Row("api:resources", "POST", needs("change", ASKERS, 202, token_change=404, **UNSEEN), SAFE, ONE_MORE),
    Row("api:score-plans", "POST", needs("change", ASKERS, 200, token_change=403), body=SCORE),
    Row("api:score-changes", "POST", needs("change", ASKERS, 202, token_change=403), body=SCORE),
    Row("api:score-rules", "GET", reads()),
    Row("api:score-rules", "PUT", needs("admin", ADMIN, 200), body={"rules": []}),
    Row("api:score-rules-preview", "POST", needs("admin", ADMIN, 200), body={"rules": []}),
    Row("api:score-rules-restore", "POST", needs("admin", ADMIN, 200), body={"version": 0}),
    Row("api:score-rules-versions", "GET", reads()),
    Row("api:audit", "GET", reads(viewer=403)),
    Row("api:audit", "GET", reads(403, admin=200, auditor=200, stranger=200), query="?team=storefront"),
]

AUDIT = [
    Row("audit", "GET", for_people(200, viewer=403)),
    Row("audit", "GET", for_people(403, admin=200, auditor=200, stranger=200), query="?team=storefront"),
    Row("audit-entry", "GET", for_people(404, admin=200, auditor=200, viewer=403), {"number": "=entry"}),
    Row("audit-download", "GET", for_people(200, viewer=403), {"form": "csv"}),
    Row("audit-download", "GET", for_people(200, viewer=403), {"form": "jsonl"}),
]

API_CATALOG = [
    Row("api:teams", "GET", reads()),
    Row("api:teams", "POST", needs("admin", ADMIN, 201), body=NEW_TEAM),
    Row("api:team", "GET", reads(), {"team": "payments"}),
    Row("api:team", "PATCH", needs("admin", MANAGERS, 200, token_admin=403), {"team": "payments"}, {"name": "New"}),
    Row("api:members", "GET", reads(), {"team": "payments"}),
    Row("api:member", "GET", reads(), {"team": "payments", "username": "viewer"}),
    Row(
        "api:member",
        "PUT",
        needs("admin", MANAGERS, 200, token_admin=403),
        {"team": "payments", "username": "viewer"},
        {"role": "developer"},
    ),
    Row(
        "api:member",
        "DELETE",
        needs("admin", MANAGERS, 204, token_admin=403),
        {"team": "payments", "username": "viewer"},
    ),
    Row("api:systems", "GET", reads()),
    Row("api:systems", "POST", needs("admin", MANAGERS, 201), body=NEW_SYSTEM),
    Row("api:system", "GET", reads(), CHECKOUT),
    Row("api:system", "GET", reads(**UNSEEN), VAULT),
    Row("api:system", "PATCH", needs("admin", MANAGERS, 200, token_admin=403), CHECKOUT, {"name": "New"}),
    Row("api:system", "PATCH", needs("admin", MANAGERS, 200, token_admin=403, **UNSEEN), VAULT, {"name": "New"}),
    Row("api:system", "DELETE", needs("admin", MANAGERS, 409, token_admin=403), CHECKOUT),
    Row("api:system", "DELETE", needs("admin", MANAGERS, 409, token_admin=403, **UNSEEN), VAULT),
    Row("api:backstage-catalog-info", "GET", reads()),
    Row("api:backstage-entities", "GET", reads()),
    Row("api:backstage-sources", "GET", needs("admin", ADMIN, 200)),
    Row("api:backstage-sources", "POST", needs("admin", ADMIN, 201), body=NEW_SOURCE),
    Row("api:backstage-source", "GET", needs("admin", ADMIN, 200), SOURCE),
    Row("api:backstage-source", "PATCH", needs("admin", ADMIN, 200), SOURCE, {"groups": "create"}),
    Row("api:backstage-source", "DELETE", needs("admin", ADMIN, 204), {"source": "empty"}),
    Row("api:backstage-source-take-back", "POST", needs("admin", ADMIN, 200), SOURCE),
    Row("api:backstage-source-hook", "POST", needs("admin", ADMIN, 200), {"source": "repo"}),
    Row("api:backstage-orphans-remove", "POST", needs("admin", ADMIN, 200), SOURCE),
    Row("api:backstage-push", "POST", for_all(404), {"source": "repo"}),
    Row("api:git-sources", "GET", reads()),
    Row("api:git-sources", "POST", needs("admin", MANAGERS, 201), body={**NEW_GIT, "name": "other"}),
    Row("api:git-source", "GET", reads(**UNSEEN), INFRA),
    Row("api:git-source", "PATCH", needs("admin", MANAGERS, 200, token_admin=403, **UNSEEN), INFRA, {"every": 15}),
    Row("api:git-source", "DELETE", needs("admin", MANAGERS, 204, token_admin=403, **UNSEEN), INFRA),
    Row("api:git-start", "POST", needs("admin", MANAGERS, 200, token_admin=403, **UNSEEN), INFRA, {"active": True}),
    Row("api:git-take-back", "POST", needs("admin", MANAGERS, 200, token_admin=403, **UNSEEN), INFRA),
    Row("api:git-hook", "POST", needs("admin", MANAGERS, 200, token_admin=403, **UNSEEN), INFRA),
    Row("api:git-push", "POST", for_all(404), INFRA),
    Row("api:git-documents", "GET", reads(**UNSEEN), INFRA),
    Row("api:git-document", "GET", reads(**UNSEEN), OF_GIT),
    Row(
        "api:git-release",
        "POST",
        needs("admin", ADMIN, 200, token_admin=403, **UNSEEN),
        OF_GIT,
        {"released": True, "reason": "Git is down."},
    ),
    Row("api:git-syncs", "GET", reads(**UNSEEN), INFRA),
    Row("api:git-syncs", "POST", needs("admin", MANAGERS, 202, token_admin=403, **UNSEEN), INFRA, {"preview": True}),
    Row("api:git-sync", "GET", reads(**UNSEEN), INFRA | {"sync_id": "=git_sync"}),
    Row(
        "api:change-git-patch",
        "GET",
        needs("change", ("developer", *MANAGERS), 200, token_change=404),
        {"change_id": "=living"},
    ),
    Row("api:backstage-imports", "GET", needs("admin", ADMIN, 200)),
    Row("api:backstage-imports", "POST", needs("admin", ADMIN, 202), body=NEW_IMPORT),
    Row("api:backstage-import", "GET", needs("admin", ADMIN, 200), {"import_id": "=catalog_import"}),
    Row("api:backstage-import-apply", "POST", needs("admin", ADMIN, 202), {"import_id": "=catalog_import"}),
    Row("api:components", "GET", reads()),
    Row("api:components", "POST", needs("admin", MANAGERS, 201, token_admin=403), body=NEW_COMPONENT),
    Row("api:component", "GET", reads(), API_COMPONENT),
    Row("api:component", "GET", reads(**UNSEEN), HIDDEN_COMPONENT),
    Row("api:component", "PATCH", needs("admin", MANAGERS, 200, token_admin=403), API_COMPONENT, {"name": "New"}),
    Row(
        "api:component",
        "PATCH",
        needs("admin", MANAGERS, 200, token_admin=403, **UNSEEN),
        HIDDEN_COMPONENT,
        {"name": "New"},
    ),
    Row("api:component", "DELETE", needs("admin", MANAGERS, 204, token_admin=403), API_COMPONENT),
    Row("api:component", "DELETE", needs("admin", MANAGERS, 204, token_admin=403, **UNSEEN), HIDDEN_COMPONENT),
]

API_OWNERS = [
    Row("api:people", "GET", reads(403, admin=200)),
    Row("api:person", "GET", reads(403, admin=200), {"username": "viewer"}),
    Row("api:person", "PATCH", needs("admin", ADMIN, 200), {"username": "viewer"}, {"display_name": "V"}),
    Row("api:person-second-factor-reset", "POST", needs("admin", ADMIN, 409), {"username": "viewer"}, {}),
    Row("api:person-deactivate", "POST", needs("admin", ADMIN, 200), {"username": "viewer"}, {}),
    Row("api:person-reactivate", "POST", needs("admin", ADMIN, 200), {"username": "viewer"}, {}),
    Row("api:person-hand-over", "POST", needs("admin", ADMIN, 200), {"username": "viewer"}, {}),
    Row("api:people-edits", "GET", reads(403, admin=200)),
    Row("api:people-edit-take-back", "POST", needs("admin", MANAGERS, 200), {"edit_id": "=edit"}, {}),
    Row("api:groups", "GET", reads(403, admin=200)),
    Row("api:groups", "POST", needs("admin", ADMIN, 201), body={"name": "security"}),
    Row("api:group", "GET", reads(403, admin=200), {"group": "auditors"}),
    Row("api:group", "DELETE", needs("admin", ADMIN, 204), {"group": "platform"}),
    Row("api:group-members", "POST", needs("admin", ADMIN, 200), {"group": "auditors"}, {"username": "viewer"}),
    Row("api:group-member-remove", "POST", needs("admin", ADMIN, 200), {"group": "auditors"}, {"username": "auditor"}),
    Row("api:ownership", "GET", reads()),
    Row("api:system-ownership", "GET", reads(), CHECKOUT),
    Row("api:system-ownership", "GET", reads(**UNSEEN), VAULT),
    Row("api:system-confirm", "POST", needs("change", ASKERS, 200, token_change=403), CHECKOUT, {}),
    Row("api:system-confirm", "POST", needs("change", ASKERS, 200, token_change=403, **UNSEEN), VAULT, {}),
    Row("api:transfers", "GET", reads()),
    Row("api:transfers", "POST", needs("admin", MANAGERS, 409, token_admin=403), body=HANDED),
    Row(
        "api:transfers",
        "POST",
        needs("admin", MANAGERS, 201, token_admin=403, **UNSEEN),
        body=HANDED | {"system": "vault"},
    ),
    Row("api:transfer", "GET", reads(), {"transfer_id": "=transfer"}),
    Row(
        "api:transfer-agree",
        "POST",
        needs("admin", MANAGERS, 200, admin=409, token_admin=409),
        {"transfer_id": "=transfer"},
        {},
    ),
    Row(
        "api:transfer-decline",
        "POST",
        needs("admin", (*MANAGERS, "developer"), 200),
        {"transfer_id": "=transfer"},
        {},
    ),
]

API_PLATFORM = [
    Row("api:capabilities", "GET", reads()),
    Row("api:capability", "GET", reads(), {"capability": "postgres"}),
    Row("api:contracts", "GET", reads(), {"capability": "postgres"}),
    Row("api:contracts", "POST", needs("admin", ADMIN, 422), {"capability": "postgres"}, CONTRACT),
    Row("api:contract", "GET", reads(), {"capability": "postgres", "version": "1.0.0"}),
    Row(
        "api:contract",
        "PATCH",
        needs("admin", ADMIN, 200),
        {"capability": "postgres", "version": "1.0.0"},
        {"state": "defective", "reason": "It loses data."},
    ),
    Row("api:draft-blast", "POST", needs("admin", ADMIN, 422, 422), {"capability": "web-service"}, CONTRACT),
    Row(
        "api:contract-blast",
        "GET",
        needs("admin", MANAGERS, 202),
        {"capability": "web-service", "version": "1.0.0"},
    ),
    Row("api:blast-report", "GET", needs("admin", MANAGERS, 200), {"report_id": "=blast"}),
    Row("api:blast-again", "POST", needs("admin", MANAGERS, 200), {"report_id": "=blast"}, {}),
    Row("api:blast-items", "GET", needs("admin", MANAGERS, 200, token_admin=403), {"report_id": "=blast"}),
    Row("api:campaigns", "GET", reads()),
    Row("api:campaigns", "POST", needs("admin", ADMIN, 201), body=CAMPAIGN_ASKED),
    Row("api:campaign-preview", "POST", needs("admin", ADMIN, 200), body=CAMPAIGN_ASKED),
    Row("api:campaign", "GET", reads(), API_CAMPAIGN),
    Row("api:campaign-start", "POST", needs("admin", ADMIN, 200), {"campaign_id": "=draft"}, {}),
    Row("api:campaign-pause", "POST", needs("admin", ADMIN, 200), API_CAMPAIGN, {}),
    Row("api:campaign-resume", "POST", needs("admin", ADMIN, 409), API_CAMPAIGN, {}),
    Row("api:campaign-cancel", "POST", needs("admin", ADMIN, 200), API_CAMPAIGN, {}),
    Row("api:campaign-items", "GET", reads(), API_CAMPAIGN),
    Row("api:campaign-wave-rollback", "POST", needs("admin", ADMIN, 409), API_CAMPAIGN | {"wave": "1"}, {}),
    Row("api:campaign-wave-retry", "POST", needs("admin", ADMIN, 409), API_CAMPAIGN | {"wave": "1"}, {}),
    Row("api:campaign-take", "POST", needs("change", ASKERS, 200), API_CAMPAIGN | {"item_id": "=part"}, {}),
    Row(
        "api:campaign-take",
        "POST",
        needs("change", ASKERS, 200, **UNSEEN),
        API_CAMPAIGN | {"item_id": "=hidden_part"},
        {},
    ),
    Row(
        "api:campaign-postpone",
        "POST",
        needs("change", ASKERS, 422),
        API_CAMPAIGN | {"item_id": "=part"},
        {"until": "2020-01-01T09:00:00Z"},
    ),
    Row(
        "api:campaign-postpone",
        "POST",
        needs("change", ASKERS, 422, **UNSEEN),
        API_CAMPAIGN | {"item_id": "=hidden_part"},
        {"until": "2020-01-01T09:00:00Z"},
    ),
    Row("api:contract-checks", "POST", needs("admin", ADMIN, 200), body=CONTRACT),
    Row("api:contract-drafts", "POST", needs("admin", ADMIN, 422), body={"artifact": "crd", "text": "kind: Pod"}),
    Row("api:defaults", "GET", reads(), {"capability": "postgres"}),
    Row("api:defaults", "POST", needs("admin", ADMIN, 200), {"capability": "postgres"}, {"version": "1.0.0"}),
    Row("api:default-clear", "POST", needs("admin", ADMIN, 204), {"capability": "postgres", "major": "1"}, {}),
    Row(
        "api:capability-feedback",
        "GET",
        reads(403, admin=200),
        {"capability": "postgres"},
    ),
    Row("api:previews", "GET", reads(), {"capability": "postgres"}),
    Row("api:previews", "POST", needs("admin", MANAGERS, 200), {"capability": "postgres"}, {"team": "payments"}),
    Row(
        "api:preview-leave",
        "POST",
        needs("admin", MANAGERS, 204),
        {"capability": "postgres", "team": "payments"},
        {},
    ),
    Row("api:stages", "GET", reads()),
    Row("api:stages", "POST", needs("admin", ADMIN, 201), body=NEW_STAGE),
    Row("api:stage", "GET", reads(), {"stage": "dev"}),
    Row("api:stage", "PUT", needs("admin", ADMIN, 200), {"stage": "dev"}, STAGE),
    Row("api:stage-take-back", "POST", needs("admin", ADMIN, 409), {"stage": "dev"}),
    Row("api:stage-links", "GET", reads(), {"stage": "dev"}),
    Row("api:stage-links", "POST", needs("admin", ADMIN, 201), {"stage": "dev"}, NEW_LINK),
    Row("api:stage-link", "GET", reads(), {"stage": "dev", "link_id": "=link"}),
    Row("api:stage-link", "DELETE", needs("admin", ADMIN, 204), {"stage": "dev", "link_id": "=link"}),
    Row("api:environment-links", "GET", reads(), TRY),
    Row("api:environment-links", "GET", reads(**UNSEEN), SAFE),
    Row("api:freezes", "GET", reads()),
    Row("api:freezes", "POST", needs("admin", ADMIN, 201), body={"title": "Sale", "reason": "The sale."}),
    Row("api:freeze", "GET", reads(), {"freeze_id": "=freeze"}),
    Row("api:freeze", "PATCH", needs("admin", ADMIN, 200), {"freeze_id": "=freeze"}, {"title": "Sales"}),
    Row("api:freeze-lift", "POST", needs("admin", ADMIN, 200), {"freeze_id": "=freeze"}, {}),
    Row("api:freeze-take-back", "POST", needs("admin", ADMIN, 409), {"freeze_id": "=freeze"}, {}),
    Row("api:glass-breaks", "GET", reads()),
    Row("api:glass-review", "POST", needs("admin", ADMIN, 200), {"break_id": "=glass"}, {"verdict": "agreed"}),
    Row(
        "api:change-break-glass",
        "POST",
        needs("change", ASKERS, 409) | {"token_change": 404},
        {"change_id": "=waiting"},
        {"reason": "Now."},
    ),
    Row(
        "api:change-break-glass",
        "POST",
        needs("change", ASKERS, 409) | UNSEEN | {"token_change": 404},
        {"change_id": "=hidden"},
        {"reason": "Now."},
    ),
    Row("api:clusters", "GET", reads()),
    Row("api:clusters", "POST", needs("admin", ADMIN, 201), body=NEW_CLUSTER),
    Row("api:cluster", "GET", reads(), {"cluster": "=cluster"}),
    Row("api:cluster", "PATCH", needs("admin", ADMIN, 200), {"cluster": "=cluster"}, {"title": "New"}),
    Row("api:cluster-check", "POST", needs("admin", ADMIN, 200), {"cluster": "=cluster"}, {}),
    Row("api:cluster-cordon", "POST", needs("admin", ADMIN, 200), {"cluster": "=cluster"}, {"reason": "Old."}),
    Row("api:cluster-uncordon", "POST", needs("admin", ADMIN, 200), {"cluster": "=cluster"}, {}),
    Row("api:cluster-remove", "POST", needs("admin", ADMIN, 409), {"cluster": "=cluster"}, {"confirm": "=cluster"}),
    Row("api:cluster-drain", "GET", needs("read", (), 404, otherwise=404), {"cluster": "=cluster"}),
    Row("api:cluster-drain", "POST", needs("admin", ADMIN, 409), {"cluster": "=cluster"}, {"at_once": 3}),
    Row("api:cluster-drain", "PATCH", needs("admin", ADMIN, 404), {"cluster": "=cluster"}, {"act": "pause"}),
    Row("api:cluster-offer", "GET", reads(), {"cluster": "=cluster"}),
    Row("api:cluster-offer", "POST", needs("admin", ADMIN, 422), {"cluster": "=cluster"}, {"features": ["backups"]}),
    Row("api:contract-availability", "GET", reads(), {"capability": "postgres", "version": "2.0.0"}),
    Row("api:environment-health", "GET", reads(), TRY),
    Row("api:environment-health", "GET", reads(**UNSEEN), SAFE),
    Row(
        "api:resource-log",
        "GET",
        needs("change", ASKERS, 404),
        {"system": "checkout", "name": "bad", "resource": "api"},
    ),
    Row(
        "api:environment-release",
        "POST",
        needs("admin", ADMIN, 409, token_admin=404),
        TRY,
        {"api_version": "apps/v1", "kind": "Deployment", "name": "api", "reason": "It hangs."},
    ),
    Row(
        "api:environment-let-go",
        "POST",
        needs("admin", ADMIN, 404),
        TRY,
        {"confirm": "try", "reason": "That cluster is gone."},
    ),
    Row("api:orphans", "GET", needs("admin", ADMIN, 200)),
    Row("api:orphan-delete", "POST", needs("admin", ADMIN, 422), {"orphan_id": "=orphan"}, {"confirm": "other"}),
    Row("api:hosts", "GET", reads()),
    Row(
        "api:hosts",
        "POST",
        needs("admin", ADMIN, 201, token_admin=403),
        body={"host": "*.pay.example", "team": "payments"},
    ),
    Row("api:host-take-back", "POST", needs("admin", ADMIN, 204), {"host": "shop.dev.example"}, {}),
    Row("api:environment-drift", "GET", reads(), TRY),
    Row("api:environment-drift", "GET", reads(**UNSEEN), SAFE),
    Row("api:drift", "GET", reads(), DRIFT),
    Row("api:drift", "GET", reads(**UNSEEN), HIDDEN_DRIFT),
    Row("api:drift-adopt", "POST", needs("change", ASKERS, 422, token_change=404), DRIFT, {}),
    Row("api:drift-adopt", "POST", needs("change", ASKERS, 422, token_change=404, **UNSEEN), HIDDEN_DRIFT, {}),
    Row("api:drift-revert", "POST", needs("change", ASKERS, 202, token_change=404), DRIFT, {}),
    Row("api:drift-revert", "POST", needs("change", ASKERS, 202, token_change=404, **UNSEEN), HIDDEN_DRIFT, {}),
    Row("api:drift-snooze", "POST", needs("change", ASKERS, 422, token_change=404), DRIFT, SNOOZE),
    Row("api:drift-snooze", "POST", needs("change", ASKERS, 422, token_change=404, **UNSEEN), HIDDEN_DRIFT, SNOOZE),
    Row("api:grants", "GET", reads(), TRY),
    Row("api:grants", "GET", reads(**UNSEEN), SAFE),
    Row("api:grants", "POST", needs("admin", MANAGERS, 201, token_admin=404), TRY, {"resource": "db", "to_team": True}),
    Row("api:grant", "GET", reads(), OF_GRANT),
    Row("api:grant", "PATCH", needs("admin", MANAGERS, 200, token_admin=404), OF_GRANT, {"ends_at": None}),
    Row("api:grant", "DELETE", needs("admin", MANAGERS, 204, token_admin=404), OF_GRANT),
    Row(
        "api:grant-offers",
        "GET",
        reads(403, token_read=200, **dict.fromkeys((*ASKERS, "viewer"), 200)),
        {"system": "checkout"},
    ),
    Row("api:environment-secrets", "GET", reads(), TRY),
    Row("api:environment-secrets", "GET", reads(**UNSEEN), SAFE),
    Row("api:environment-secret", "GET", reads(404, token_read=404), {**TRY, "resource": "none"}),
    Row(
        "api:environment-secret",
        "PATCH",
        needs("change", ASKERS, 404, token_change=404),
        {**TRY, "resource": "none"},
        {"values": {"KEY": "x"}},
    ),
    Row(
        "api:environment-secret",
        "PATCH",
        needs("change", ASKERS, 404, token_change=404, **UNSEEN),
        {**SAFE, "resource": "none"},
        {"values": {"KEY": "x"}},
    ),
    Row("api:sleep", "GET", reads(), TRY),
    Row("api:sleep", "GET", reads(**UNSEEN), SAFE),
    Row("api:sleep", "PUT", needs("change", ASKERS, 200, token_change=404), TRY, SLEEP),
    Row("api:sleep", "PUT", needs("change", ASKERS, 200, token_change=404, **UNSEEN), SAFE, SLEEP),
    Row("api:sleep-hold", "POST", needs("change", ASKERS, 200, token_change=404), TRY, {"for": "4h"}),
    Row("api:sleep-hold", "POST", needs("change", ASKERS, 200, token_change=404, **UNSEEN), SAFE, {"for": "4h"}),
    Row("api:activity", "POST", needs("change", ASKERS, 200, token_change=404), TRY, {}),
    Row("api:activity", "POST", needs("change", ASKERS, 200, token_change=404, **UNSEEN), SAFE, {}),
    Row("api:approval-routes", "GET", reads()),
    Row("api:approval-routes", "POST", needs("admin", ADMIN, 201), body=NEW_ROUTE),
    Row("api:approval-route", "GET", reads(), OWNERS),
    Row("api:approval-route", "PUT", needs("admin", ADMIN, 200), OWNERS, NEW_ROUTE | {"metadata": {"name": "owners"}}),
    Row("api:approval-route", "DELETE", needs("admin", ADMIN, 204), OWNERS),
    Row("api:route-restore", "POST", needs("admin", ADMIN, 200), OWNERS, {"version": 1}),
    Row("api:rubber-stamps", "GET", reads(403, admin=200)),
    Row("api:stand-ins", "GET", reads()),
    Row("api:stand-ins", "POST", needs("approve", ("maintainer",), 201, 422, token_approve=403), body=STAND_IN),
    Row(
        "api:stand-in-withdraw",
        "POST",
        needs("approve", DECIDERS, 200, 404, token_approve=404),
        {"delegation_id": "=delegation"},
        {},
    ),
    Row("api:policies", "GET", reads()),
    Row("api:policies", "POST", needs("admin", ADMIN, 201), body=NEW_POLICY),
    Row("api:policy", "GET", reads(), {"policy": "prod-needs-a-maintainer"}),
    Row(
        "api:policy", "PUT", needs("admin", ADMIN, 200), {"policy": "prod-needs-a-maintainer"}, PROD_NEEDS_A_MAINTAINER
    ),
    Row("api:policy", "DELETE", needs("admin", ADMIN, 204), {"policy": "prod-needs-a-maintainer"}),
    Row("api:policy-versions", "GET", reads(), {"policy": "prod-needs-a-maintainer"}),
    Row("api:policy-version", "GET", reads(), FIRST_VERSION),
    Row("api:policy-restore", "POST", needs("admin", ADMIN, 200), FIRST_VERSION, {}),
    Row("api:policy-check", "POST", needs("admin", ADMIN, 200), body=NEW_POLICY),
    Row("api:policy-replays", "POST", needs("admin", ADMIN, 202), body={"document": NEW_POLICY, "days": 7}),
    Row("api:route-replays", "POST", needs("admin", ADMIN, 202), body={"route": "owners", "days": 7}),
    Row("api:quota-replays", "POST", needs("admin", ADMIN, 202), body={"team": "payments", "cpu": 1, "days": 7}),
    Row("api:policy-replay", "GET", needs("read", READERS, 200), {"report_id": "=replay"}),
    Row("api:policy-replay-items", "GET", needs("read", READERS, 200), {"report_id": "=replay"}),
    Row("api:quotas", "GET", reads()),
    Row("api:quota", "GET", reads(), {"team": "payments"}),
    Row("api:quota", "PUT", needs("admin", ADMIN, 200), {"team": "payments"}, QUOTA),
    Row("api:quota-ledger", "GET", reads(), {"team": "payments"}),
    Row("api:quota-requests", "GET", reads()),
    Row(
        "api:quota-requests",
        "POST",
        needs("change", ("developer", *MANAGERS), 409),
        body={"team": "payments", "cpu": 1, "reason": "Another wish waits."},
    ),
    Row("api:quota-request", "GET", reads(), {"request_id": "=quota_request"}),
    Row(
        "api:quota-request-decide",
        "POST",
        needs("admin", ADMIN, 200),
        {"request_id": "=quota_request"},
        {"grant": True},
    ),
    Row(
        "api:quota-request-withdraw",
        "POST",
        needs("change", ("developer", *MANAGERS), 200, token_change=403),
        {"request_id": "=quota_request"},
        {},
    ),
    Row("api:event-types", "GET", for_all(200)),
    Row("api:event-type-schema", "GET", for_all(200), {"event_type": "run.failed"}),
    Row("api:webhooks", "GET", reads()),
    Row("api:webhooks", "POST", needs("admin", MANAGERS, 201), body=NEW_WEBHOOK),
    Row("api:webhook", "GET", reads(404, **dict.fromkeys(MANAGERS, 200)), OF_WEBHOOK),
    Row("api:webhook", "PATCH", needs("admin", MANAGERS, 200, 404), OF_WEBHOOK, {"events": []}),
    Row("api:webhook", "DELETE", needs("admin", MANAGERS, 204, 404), OF_WEBHOOK),
    Row("api:webhook-rotate", "POST", needs("admin", MANAGERS, 200, 404), OF_WEBHOOK, {}),
    Row("api:webhook-pause", "POST", needs("admin", MANAGERS, 200, 404), OF_WEBHOOK, {}),
    Row("api:webhook-resume", "POST", needs("admin", MANAGERS, 409, 404), OF_WEBHOOK, {}),
    Row("api:webhook-take-back", "POST", needs("admin", MANAGERS, 409, 404), OF_WEBHOOK, {}),
    Row("api:webhook-test", "POST", needs("admin", MANAGERS, 202, 404), OF_WEBHOOK, {}),
    Row("api:webhook-replay", "POST", needs("admin", MANAGERS, 200, 404), OF_WEBHOOK, ALL_TIME),
    Row("api:webhook-deliveries", "GET", reads(404, **dict.fromkeys(MANAGERS, 200)), OF_WEBHOOK),
    Row("api:webhook-delivery", "GET", reads(404, **dict.fromkeys(MANAGERS, 200)), OF_DELIVERY),
    Row("api:webhook-delivery-replay", "POST", needs("admin", MANAGERS, 202, 404), OF_DELIVERY, {}),
    Row("api:loans", "GET", reads()),
    Row(
        "api:loans",
        "POST",
        needs("admin", MANAGERS, 201),
        body={
            "side": "lender",
            "lender": "payments",
            "borrower": "storefront",
            "cpu": 1,
            "ends_at": f"{SOON_DAY}T00:00:00Z",
            "reason": "A sale.",
        },
    ),
    Row("api:loan", "GET", reads(), {"loan_id": "=loan"}),
    Row("api:loan-accept", "POST", needs("admin", ADMIN, 200), {"loan_id": "=loan"}, {}),
    Row("api:loan-decline", "POST", needs("admin", ADMIN, 200), {"loan_id": "=loan"}, {}),
    Row("api:loan-withdraw", "POST", needs("admin", MANAGERS, 200), {"loan_id": "=loan"}, {}),
    Row("api:loan-return", "POST", needs("admin", ADMIN, 409), {"loan_id": "=loan"}, {}),
    Row("api:budgets", "GET", reads(), {"team": "payments"}),
    Row("api:budgets", "PUT", needs("admin", ADMIN, 200), {"team": "payments"}, {"items": []}),
    Row("api:cluster-prices", "GET", reads(), {"cluster": "=cluster"}),
    Row("api:cluster-prices", "PUT", needs("admin", ADMIN, 200), {"cluster": "=cluster"}, {"items": []}),
    Row("api:costs", "GET", reads()),
]

ENVIRONMENT_PARTS = (
    "environment",
    "resources",
    "revisions",
    "environment-changes",
    "environment-runs",
    "environment-events",
)
REVISION = {**TRY, "number": "1"}
HIDDEN_REVISION = {**SAFE, "number": "1"}
API_REVISIONS = [
    *(Row(f"api:{name}", "GET", reads(), REVISION) for name in ("revision", "revision-compare")),
    *(Row(f"api:{name}", "GET", reads(**UNSEEN), HIDDEN_REVISION) for name in ("revision", "revision-compare")),
    Row("environment-compare", "GET", for_people(200), TRY),
    Row("environment-compare", "GET", for_people(200, **UNSEEN), SAFE),
]
TRAIN = {"train": "=train"}
API_TRAIN = {"train_id": "=train"}
NO_TRAIN = {"members": []}
STAGE_AT = {"stage": "dev"}
PROMOTION = [
    Row("files", "GET", for_people(200)),
    Row("files", "POST", page_for(ASKERS, 200, 422), body={"do": "look", "text": APPLIED["files"][0]["text"]}),
    Row("files", "POST", page_for(ASKERS, 200, 422), body={"do": "apply", "text": APPLIED["files"][0]["text"]}),
    Row(
        "files",
        "POST",
        page_for(ASKERS, 200, 422),
        body={"do": "apply", "text": APPLIED["files"][0]["text"], "owner": "a", "prune": "true"},
    ),
    Row("files-export", "GET", for_people(200), {"form": "yaml"}),
    Row("trust-rules", "GET", page_for(ADMIN, 200)),
    Row("trust-rule-new", "GET", page_for(ADMIN, 200)),
    Row("trust-rule-new", "POST", page_for(ADMIN, 422), body={"name": "x"}),
    Row("trust-rule", "GET", page_for(ADMIN, 200), TRUSTED),
    Row(
        "trust-rule",
        "POST",
        page_for(ADMIN, 200),
        TRUSTED,
        {**TRUST, "name": "checkout-main", "scopes": "read", "minutes": "5", "active": "on", "do": "look"},
    ),
    Row("trust-rule-act", "POST", page_for(ADMIN, 302), TRUSTED, {"do": "remove", "confirm_name": "checkout-main"}),
    Row("sign-in-providers", "GET", page_for(ADMIN, 200)),
    Row("sign-in-provider-new", "GET", page_for(ADMIN, 200)),
    Row("sign-in-provider-new", "POST", page_for(ADMIN, 422), body={"name": "x"}),
    Row("sign-in-provider", "GET", page_for(ADMIN, 200), CORP),
    Row("sign-in-provider", "POST", page_for(ADMIN, 422), CORP, {"name": "corp", "issuer": "https://10.0.0.1"}),
    Row("sign-in-provider-act", "POST", page_for(ADMIN, 302), CORP, {"do": "remove"}),
    Row("group-rules", "GET", page_for(ADMIN, 200)),
    Row("group-rules", "POST", page_for(ADMIN, 200), body={**GROUP_RULE, "what": "remove", "do": "look"}),
    Row("trains", "GET", for_people(200)),
    Row("train-new", "GET", for_people(200)),
    Row("train-new", "POST", for_people(200), body={"do": "check"}),
    Row("train", "GET", for_people(200), TRAIN),
    Row("train-cancel", "POST", page_for(ASKERS, 302), TRAIN, {"reason": "No."}),
    Row("stage-windows", "GET", for_people(200), STAGE_AT),
    Row("stage-windows", "POST", page_for(ADMIN, 302), STAGE_AT, {"version": "1"}),
    Row("api:trains", "GET", reads()),
    Row("api:trains", "POST", needs("change", PEOPLE, 422), body=NO_TRAIN),
    Row("api:train-plan", "POST", needs("change", PEOPLE, 422), body=NO_TRAIN),
    Row("api:train", "GET", reads(), API_TRAIN),
    Row("api:train-cancel", "POST", needs("change", ASKERS, 200, token_change=403), API_TRAIN, {}),
    Row("api:stage-windows", "GET", reads(), STAGE_AT),
    Row("api:stage-windows", "PUT", needs("admin", ADMIN, 200), STAGE_AT, {"windows": []}),
]
API_ENVIRONMENTS = [
    *PROMOTION,
    *API_REVISIONS,
    Row("api:environments", "GET", reads()),
    *(Row(f"api:{part}", "GET", reads(), TRY) for part in ENVIRONMENT_PARTS),
    *(Row(f"api:{part}", "GET", reads(**UNSEEN), SAFE) for part in ENVIRONMENT_PARTS),
]

# A token that may change but not read cannot see the system it asks for: 403 with the scope that is missing.
ASK = {"token_change": 403}
DECIDERS = ("maintainer", "second_maintainer", "admin")
WAITING = {"change_id": "=waiting"}
HIDDEN = {"change_id": "=hidden"}
SAID = {"plan_digest": "=digest", "comment": "Said."}
NONSENSE = {"plan_digest": "0" * 64, "comment": "Said."}
API_CHANGES = [
    Row("api:token-exchange", "POST", for_all(403), body={"identity": "not.a.token.at.all.of.anybody"}),
    Row("api:second-factor-rule", "GET", needs("admin", ADMIN, 200)),
    Row("api:second-factor-rule", "PUT", needs("admin", ADMIN, 200), body={"required_of": "nobody"}),
    Row("api:local-sign-in", "GET", needs("admin", ADMIN, 200)),
    Row("api:local-sign-in", "PUT", needs("admin", ADMIN, 200), body={"open_to": "everybody"}),
    Row("api:sign-in-providers", "GET", needs("admin", ADMIN, 200)),
    Row("api:sign-in-provider", "GET", needs("admin", ADMIN, 200), CORP_API),
    Row("api:sign-in-provider", "PUT", needs("admin", ADMIN, 200), CORP_API, {**WAY_IN, "title": "Work"}),
    Row("api:sign-in-provider", "DELETE", needs("admin", ADMIN, 204), CORP_API),
    Row("api:sign-in-provider-check", "POST", needs("admin", ADMIN, 404), {"provider": "nobody"}, {}),
    Row("api:group-rules", "GET", needs("admin", ADMIN, 200)),
    Row("api:group-rules", "POST", needs("admin", ADMIN, 200), body={**GROUP_RULE, "role": "developer"}),
    Row("api:group-rules-preview", "POST", needs("admin", ADMIN, 200), body={**GROUP_RULE, "remove": True}),
    Row("api:group-rule", "GET", needs("admin", ADMIN, 200), {"rule_id": "=way_in"}),
    Row("api:group-rule", "DELETE", needs("admin", ADMIN, 200), {"rule_id": "=way_in"}),
    Row("api:trust-rules", "GET", needs("admin", ADMIN, 200)),
    Row("api:trust-rule", "GET", needs("admin", ADMIN, 200), {"rule": "checkout-main"}),
    Row("api:trust-rule", "PUT", needs("admin", ADMIN, 200), {"rule": "checkout-main"}, {**TRUST, "minutes": 5}),
    Row("api:trust-rule", "DELETE", needs("admin", ADMIN, 204), {"rule": "checkout-main"}),
    Row(
        "api:environment-deploy",
        "POST",
        needs("change", ASKERS, 422, token_change=404),
        TRY,
        {"images": {"checkout-web": "registry.example/web:1"}},
    ),
    Row("api:apply", "POST", needs("change", ASKERS, 200, 422, token_change=422), body=APPLIED),
    Row(
        "api:apply",
        "POST",
        _expected(200, 401, {"read": 403, "change": 200, "approve": 403, "admin": 403}, {}),
        query="?dry_run=true",
        body=APPLIED,
    ),
    Row("api:export", "GET", reads()),
    Row("api:plans", "POST", needs("change", ASKERS, 200, **ASK), body=ASKED),
    Row("api:plans", "POST", needs("change", ASKERS, 200, **ASK, **UNSEEN), body=ASKED_HIDDEN),
    Row("api:changes", "GET", reads()),
    Row("api:changes", "POST", needs("change", ASKERS, 202, **ASK), body=ASKED),
    Row("api:changes", "POST", needs("change", ASKERS, 202, **ASK, **UNSEEN), body=ASKED_HIDDEN),
    Row("api:change", "GET", reads(), WAITING),
    Row("api:change", "GET", reads(**UNSEEN), HIDDEN),
    Row(
        "api:change-cosign",
        "POST",
        needs("approve", ASKERS, 409, token_approve=404),
        WAITING,
        {"plan_digest": "=digest"},
    ),
    Row("api:change-approve", "POST", needs("approve", DECIDERS, 202, token_approve=404), WAITING, SAID),
    Row(
        "api:change-approve",
        "POST",
        needs("approve", DECIDERS, 409, 409, token_approve=404, **UNSEEN),
        HIDDEN,
        NONSENSE,
    ),
    Row("api:change-reject", "POST", needs("approve", DECIDERS, 202, token_approve=404), WAITING, SAID),
    Row(
        "api:change-reject", "POST", needs("approve", DECIDERS, 409, 409, token_approve=404, **UNSEEN), HIDDEN, NONSENSE
    ),
]
SAYS = {"token_read": 403, "token_change": 404, "token_approve": 404, "token_admin": 404}
API_CHANGES += [
    Row(f"api:change-{verb}", "POST", for_all(202) | {"anonymous": 401} | SAYS, WAITING, {"comment": "Said."})
    for verb in ("comment", "request-info")
]
API_CHANGES += [
    Row(f"api:change-{verb}", "POST", for_all(202) | {"anonymous": 401} | SAYS | UNSEEN, HIDDEN, {"comment": "Said."})
    for verb in ("comment", "request-info")
]
API_CHANGES += [
    Row("api:change-cancel", "POST", needs("change", ASKERS, 202, token_change=404), WAITING, {}),
    Row("api:change-cancel", "POST", needs("change", ASKERS, 409, token_change=404, **UNSEEN), HIDDEN, {}),
    Row("api:change-resume", "POST", needs("change", ASKERS, 202, token_change=404), {"change_id": "=failed"}, {}),
    Row("api:change-resume", "POST", needs("change", ASKERS, 409, token_change=404, **UNSEEN), HIDDEN, {}),
]
API_RUNS = [
    Row("api:run", "GET", reads(), {"run_id": "=living_run"}),
    Row("api:run", "GET", reads(**UNSEEN), {"run_id": "=hidden_run"}),
    Row(
        "api:run-feedback",
        "POST",
        needs("change", ("developer",), 200, token_change=403),
        {"run_id": "=living_run"},
        {"answer": "easy"},
    ),
    Row("api:run-events", "GET", reads(), {"run_id": "=living_run"}),
    Row("api:run-events", "GET", reads(**UNSEEN), {"run_id": "=hidden_run"}),
    Row("api:run-cancel", "POST", needs("change", ASKERS, 202, token_change=404), {"run_id": "=going_run"}, {}),
    Row(
        "api:run-cancel",
        "POST",
        needs("change", ASKERS, 409, token_change=404, **UNSEEN),
        {"run_id": "=hidden_run"},
        {},
    ),
]

SYSTEM_FORM = {"slug": "basket", "name": "Basket", "team": "payments"}
COMPONENT_FORM = {"slug": "basket-api", "name": "Basket API", "type": "service"}
BLAST = {"report": "=blast"}
PAGES_CATALOG = [
    Row("home", "GET", for_people(200)),
    Row("systems", "GET", for_people(200)),
    Row("system-new", "GET", page_for(("maintainer", "second_maintainer", "admin"), 200)),
    Row("system-new", "POST", page_for(MANAGERS, 302), body=SYSTEM_FORM),
    Row("system", "GET", for_people(200), CHECKOUT),
    Row("system", "GET", for_people(200, **UNSEEN), VAULT),
    Row("system-edit", "GET", page_for(MANAGERS, 200), CHECKOUT),
    Row("system-edit", "POST", page_for(MANAGERS, 302), CHECKOUT, {"name": "New"}),
    Row("system-edit", "POST", page_for(MANAGERS, 302, **UNSEEN), VAULT, {"name": "New"}),
    Row("system-delete", "POST", page_for(MANAGERS, 409), CHECKOUT, {"confirm_name": "checkout"}),
    Row("system-delete", "POST", page_for(MANAGERS, 409, **UNSEEN), VAULT, {"confirm_name": "vault"}),
    Row("components", "GET", for_people(200), CHECKOUT),
    Row("components", "GET", for_people(200, **UNSEEN), VAULT),
    Row("component-new", "GET", page_for(MANAGERS, 200), CHECKOUT),
    Row("component-new", "POST", page_for(MANAGERS, 302), CHECKOUT, COMPONENT_FORM),
    Row("component-new", "POST", page_for(MANAGERS, 302, **UNSEEN), VAULT, COMPONENT_FORM),
    Row("component", "GET", for_people(200), CHECKOUT | API_COMPONENT),
    Row("component", "GET", for_people(200, **UNSEEN), VAULT | HIDDEN_COMPONENT),
    Row("component-edit", "GET", page_for(MANAGERS, 200), CHECKOUT | API_COMPONENT),
    Row("component-edit", "POST", page_for(MANAGERS, 302), CHECKOUT | API_COMPONENT, {"name": "N", "type": "job"}),
    Row(
        "component-delete", "POST", page_for(MANAGERS, 302), CHECKOUT | API_COMPONENT, {"confirm_name": "checkout-api"}
    ),
    Row(
        "component-delete",
        "POST",
        page_for(MANAGERS, 302, **UNSEEN),
        VAULT | HIDDEN_COMPONENT,
        {"confirm_name": "vault-api"},
    ),
    Row("capabilities", "GET", for_people(200)),
    Row("capability", "GET", for_people(200), {"name": "postgres"}),
    Row("capability-new", "GET", page_for(ADMIN, 200)),
    Row("capability-new", "POST", page_for(ADMIN, 422), body={"do": "check", "text": "kind: Contract"}),
    Row("contract-new", "GET", page_for(ADMIN, 200), {"name": "postgres"}),
    Row(
        "contract-new", "POST", page_for(ADMIN, 422), {"name": "postgres"}, {"do": "publish", "text": "kind: Contract"}
    ),
    Row(
        "contract-state",
        "POST",
        page_for(ADMIN, 302),
        {"name": "postgres", "version": "1.0.0"},
        {"state": "defective", "reason": "It loses data."},
    ),
    Row("contract-blast", "GET", page_for(MANAGERS, 302), {"name": "web-service", "version": "1.0.0"}),
    Row("blast-report", "GET", page_for(MANAGERS, 200), BLAST),
    Row("policies", "GET", for_people(200)),
    Row("policy", "GET", for_people(200), A_POLICY),
    Row("policy-new", "GET", page_for(ADMIN, 200)),
    Row("policy-new", "POST", page_for(ADMIN, 422), body={"do": "save", "text": "no policy"}),
    Row("policy-edit", "GET", page_for(ADMIN, 200), A_POLICY),
    Row("policy-edit", "POST", page_for(ADMIN, 422), A_POLICY, {"do": "save", "text": "no policy"}),
    Row("policy-check", "POST", page_for(ADMIN, 200), body={"text": "no policy"}),
    Row("policy-enforce", "GET", page_for(ADMIN, 200), A_POLICY),
    Row("policy-enforce", "POST", page_for(ADMIN, 200), A_POLICY),
    Row("policy-version", "GET", for_people(200), FIRST_VERSION),
    Row("policy-act", "POST", page_for(ADMIN, 302), A_POLICY | {"act": "retire"}),
    Row("policy-act", "POST", page_for(ADMIN, 302), A_POLICY | {"act": "restore"}, {"number": "1"}),
    Row("policy-replay-ask", "POST", page_for(ADMIN, 302), A_POLICY),
    Row("policy-replay", "GET", page_for(READERS, 200), {"report": "=replay"}),
    Row("policy-replay-progress", "GET", page_for(READERS, 286), {"report": "=replay"}),
    Row("policy-replay-short", "GET", page_for(READERS, 286), {"report": "=replay"}),
    Row("policy-replay-again", "POST", page_for(ADMIN, 302), {"report": "=replay"}),
    Row("policy-replay-download", "GET", page_for(READERS, 200), {"report": "=replay", "form": "csv"}),
    Row("blast-progress", "GET", page_for(MANAGERS, 286), BLAST),
    Row("blast-again", "POST", page_for(MANAGERS, 302), BLAST),
    Row("blast-item", "GET", page_for(MANAGERS, 200), BLAST | {"item": "=blast_item"}),
    Row("blast-download", "GET", page_for(MANAGERS, 200), BLAST | {"form": "csv"}),
    Row("capability-draft", "GET", page_for(ADMIN, 200)),
    Row("capability-draft", "POST", page_for(ADMIN, 422), body={"artifact": "crd", "text": "kind: Pod"}),
    Row("capability-feedback", "GET", page_for(("admin",), 200), {"name": "postgres"}),
    Row(
        "contract-default",
        "POST",
        page_for(ADMIN, 302),
        {"name": "postgres", "version": "1.0.0"},
        {"do": "set"},
    ),
    Row(
        "capability-previews",
        "POST",
        page_for(MANAGERS, 302),
        {"name": "postgres"},
        {"do": "join", "team": "payments"},
    ),
    Row("approval-routes", "GET", for_people(200)),
    Row("git-sources", "GET", for_people(200)),
    Row("git-new", "GET", page_for(MANAGERS, 200)),
    Row("git-new", "POST", page_for(MANAGERS, 422), body={"name": "x"}),
    Row("git-edit", "GET", page_for(MANAGERS, 200, **UNSEEN), INFRA),
    Row("git-edit", "POST", page_for(MANAGERS, 422, **UNSEEN), INFRA, {"url": ""}),
    Row("git-source", "GET", for_people(200, **UNSEEN), INFRA),
    Row("git-host-key", "GET", page_for(MANAGERS, 404, **UNSEEN), INFRA),
    Row("git-host-key", "POST", page_for(MANAGERS, 404, **UNSEEN), INFRA, {"do": "forget"}),
    Row("git-act", "POST", page_for(MANAGERS, 302, **UNSEEN), INFRA | {"act": "preview"}),
    Row("git-act", "POST", page_for(MANAGERS, 302, **UNSEEN), INFRA | {"act": "start"}),
    Row("git-act", "POST", page_for(MANAGERS, 302, **UNSEEN), INFRA | {"act": "take-back"}),
    Row("git-act", "POST", page_for(MANAGERS, 200, **UNSEEN), INFRA | {"act": "hook"}),
    Row("git-act", "POST", page_for(MANAGERS, 302, **UNSEEN), INFRA | {"act": "remove"}, {"confirm_name": "infra"}),
    Row("git-sync", "GET", for_people(200, **UNSEEN), INFRA | {"number": "=git_sync"}),
    Row("git-document", "GET", for_people(200, **UNSEEN), PAGE_OF_GIT),
    Row("git-document", "POST", page_for(ADMIN, 302, **UNSEEN), PAGE_OF_GIT, {"do": "release", "reason": "Down."}),
    Row("git-document-patch", "GET", page_for(("developer", *MANAGERS), 200, **UNSEEN), PAGE_OF_GIT),
    Row("change-git-patch", "GET", page_for(("developer", *MANAGERS), 200), {"change": "=living"}),
    Row("backstage", "GET", page_for(ADMIN, 200)),
    Row("backstage-new", "GET", page_for(ADMIN, 200)),
    Row("backstage-new", "POST", page_for(ADMIN, 422), body={"name": "x"}),
    Row("backstage-edit", "GET", page_for(ADMIN, 200), SOURCE),
    Row("backstage-edit", "POST", page_for(ADMIN, 422), SOURCE, {"groups": "all"}),
    Row("backstage-source", "GET", page_for(ADMIN, 200), SOURCE),
    Row("backstage-upload", "POST", page_for(ADMIN, 422), body={"source": "org"}),
    Row("backstage-act", "POST", page_for(ADMIN, 302), {"source": "org", "act": "orphans"}),
    Row("backstage-act", "POST", page_for(ADMIN, 302), {"source": "org", "act": "take-back"}),
    Row("backstage-act", "POST", page_for(ADMIN, 302), {"source": "repo", "act": "preview"}),
    Row("backstage-act", "POST", page_for(ADMIN, 200), {"source": "repo", "act": "hook"}),
    Row("backstage-act", "POST", page_for(ADMIN, 302), {"source": "empty", "act": "remove"}, {"confirm_name": "empty"}),
    Row("backstage-import", "GET", page_for(ADMIN, 200), {"number": "=catalog_import"}),
    Row("backstage-import-apply", "POST", page_for(ADMIN, 302), {"number": "=catalog_import"}),
    Row("backstage-entities", "GET", for_people(200)),
    Row("backstage-entity", "GET", for_people(200), ENTITY),
    Row("service-accounts", "GET", page_for(MANAGERS, 200), {"team": "payments"}),
    Row("service-account-new", "POST", page_for(MANAGERS, 422), {"team": "payments"}, {"username": ""}),
    Row("service-token-new", "POST", page_for(MANAGERS, 422), {"team": "payments"}, {"name": "x"}),
    Row("service-token-revoke", "POST", page_for(MANAGERS, 404), {"team": "payments", "token": "1"}),
    Row("service-token-rotate", "POST", page_for(MANAGERS, 404), {"team": "payments", "token": "1"}),
    Row("guides", "GET", for_people(200)),
    Row("guide", "GET", for_people(200), {"name": "score"}),
    Row("guide-picture", "GET", for_people(200), {"picture": "score"}),
    Row("score-rules", "GET", for_people(200)),
    Row("score-rule-new", "GET", page_for(ADMIN, 200)),
    Row("score-rule-new", "POST", page_for(ADMIN, 422), body={"what": "resource"}),
    Row("score-rule-edit", "GET", page_for(ADMIN, 200), {"place": "0"}),
    Row("score-rule-edit", "POST", page_for(ADMIN, 422), {"place": "0"}, {"what": "web"}),
    Row("score-rules-restore", "POST", page_for(ADMIN, 302), body={"version": "0"}),
    Row("approval-route-new", "GET", page_for(ADMIN, 200)),
    Row(
        "approval-route-new",
        "POST",
        page_for(ADMIN, 200),
        body={"name": "x", "title": "X", "s0-name": "Team", "s0-a0-kind": "own", "do": "look"},
    ),
    Row("approval-route", "GET", for_people(200), OWNERS),
    Row("approval-route-edit", "GET", page_for(ADMIN, 200), OWNERS),
    Row(
        "approval-route-edit",
        "POST",
        page_for(ADMIN, 200),
        OWNERS,
        {"title": "X", "s0-name": "Team", "s0-a0-kind": "own", "do": "look"},
    ),
    Row("approval-route-act", "POST", page_for(ADMIN, 302), {**OWNERS, "act": "retire"}),
    Row("approval-route-act", "POST", page_for(ADMIN, 302), {**OWNERS, "act": "restore"}, {"version": "1"}),
    Row("approval-route-act", "POST", page_for(ADMIN, 302), {**OWNERS, "act": "replay"}, {"version": "1"}),
    Row("rubber-stamps", "GET", page_for(ADMIN, 200)),
    Row("rubber-stamps", "POST", page_for(ADMIN, 404), body={"gate": "0"}),
    Row("stand-ins", "GET", for_people(200)),
    Row(
        "stand-ins",
        "POST",
        page_for(("maintainer",), 302, 422),
        body={"stand_in": "second_maintainer", "from": "2999-01-01", "until": "2999-01-09"},
    ),
    Row("stand-in-withdraw", "POST", page_for(DECIDERS, 302, 404), {"delegation": "=delegation"}),
    Row("people-undo", "POST", page_for(MANAGERS, 302), {"edit": "=edit"}),
    Row("ownership", "GET", for_people(200)),
    Row("system-confirm", "POST", page_for(ASKERS, 302), CHECKOUT),
    Row("system-confirm", "POST", page_for(ASKERS, 302, **UNSEEN), VAULT),
    Row("system-transfer", "GET", page_for(MANAGERS, 200), CHECKOUT),
    Row("system-transfer", "GET", page_for(MANAGERS, 200, **UNSEEN), VAULT),
    Row("system-transfer", "POST", page_for(MANAGERS, 422), CHECKOUT, {"team": "storefront", "reason": "Theirs."}),
    Row(
        "system-transfer",
        "POST",
        page_for(MANAGERS, 302, **UNSEEN),
        VAULT,
        {"team": "storefront", "reason": "Theirs."},
    ),
    Row("transfer-act", "POST", page_for(MANAGERS, 302), {"transfer": "=transfer", "act": "agree"}),
    Row("people", "GET", page_for(ADMIN, 200)),
    Row("provisioning", "GET", page_for(ADMIN, 200)),
    Row("provisioning-token", "POST", page_for(ADMIN, 200), body={"days": "90"}),
    Row("provisioning-token", "POST", page_for(ADMIN, 422), body={"days": "7"}),
    Row("provisioning-end", "POST", page_for(ADMIN, 302)),
    Row("hand-over", "GET", page_for(ADMIN, 200)),
    Row("hand-over", "POST", page_for(ADMIN, 200), body={"person": "developer"}),
    Row("second-factor-rule", "GET", page_for(ADMIN, 200)),
    Row("local-sign-in", "GET", page_for(ADMIN, 200)),
    Row("local-sign-in", "POST", page_for(ADMIN, 200), body={"open_to": "everybody", "do": "look"}),
    Row("second-factor-rule", "POST", page_for(ADMIN, 200), body={"required_of": "admins", "do": "look"}),
    Row("person-factors", "GET", page_for(ADMIN, 200), {"username": "viewer"}),
    Row("person-factors", "POST", page_for(ADMIN, 302), {"username": "viewer"}),
    Row("person", "GET", page_for(ADMIN, 200), {"username": "viewer"}),
    Row("person", "POST", page_for(ADMIN, 200), {"username": "viewer"}, {"do": "look"}),
    Row("groups", "GET", page_for(ADMIN, 200)),
    Row("groups", "POST", page_for(ADMIN, 302), body={"name": "security"}),
    Row("group", "GET", page_for(ADMIN, 200), {"name": "auditors"}),
    Row("group", "POST", page_for(ADMIN, 200), {"name": "auditors"}, {"user": "viewer", "do": "look"}),
    Row("group-delete", "POST", page_for(ADMIN, 302), {"name": "platform"}),
    Row("team-place", "GET", page_for(ADMIN, 200), {"team": "payments"}),
    Row("team-place", "POST", page_for(ADMIN, 200), {"team": "payments"}, {"do": "look"}),
    Row("freezes", "GET", for_people(200)),
    Row("freeze-new", "GET", page_for(ADMIN, 200)),
    Row("freeze-new", "POST", page_for(ADMIN, 200), body={"title": "Sale", "do": "look"}),
    Row("freeze-switch", "GET", page_for(ADMIN, 200)),
    Row("freeze-switch", "POST", page_for(ADMIN, 302), body={"reason": "An attack.", "hours": "1"}),
    Row("freeze", "GET", for_people(200), {"freeze": "=freeze"}),
    Row("freeze-edit", "GET", page_for(ADMIN, 200), {"freeze": "=freeze"}),
    Row("freeze-edit", "POST", page_for(ADMIN, 200), {"freeze": "=freeze"}, {"title": "Sale", "do": "look"}),
    Row("freeze-act", "POST", page_for(ADMIN, 302), {"freeze": "=freeze", "act": "lift"}),
    Row("change-glass", "GET", page_for(ASKERS, 200), {"change": "=waiting"}),
    Row("change-glass", "GET", page_for(ASKERS, 200, **UNSEEN), {"change": "=hidden"}),
    Row("change-glass", "POST", page_for(ASKERS, 409), {"change": "=waiting"}, {"reason": "Now."}),
    Row("change-glass", "POST", page_for(ASKERS, 409, **UNSEEN), {"change": "=hidden"}, {"reason": "Now."}),
    Row("glass-review", "POST", page_for(ADMIN, 302), {"broken": "=glass"}, {"verdict": "agreed"}),
    Row("links", "GET", for_people(200)),
    Row("links", "POST", page_for(ADMIN, 302), body={"stage": "dev", **NEW_LINK}),
    Row("link-remove", "POST", page_for(ADMIN, 302), body={"stage": "dev", "link": "=link"}),
    Row("clusters", "GET", for_people(200)),
    Row("cluster-new", "GET", page_for(ADMIN, 200)),
    Row(
        "cluster-new",
        "POST",
        page_for(ADMIN, 302),
        body={"name": "trial", "title": "Trial", "driver": "sandbox"},
    ),
    Row("cluster", "GET", for_people(200), {"cluster": "=cluster"}),
    Row("cluster-edit", "GET", page_for(ADMIN, 200), {"cluster": "=cluster"}),
    Row("cluster-edit", "POST", page_for(ADMIN, 302), {"cluster": "=cluster"}, {"title": "New"}),
    Row("stages", "GET", for_people(200)),
    Row("stage", "GET", for_people(200), {"stage": "dev"}),
    Row("stage-new", "GET", page_for(ADMIN, 200)),
    Row("stage-new", "POST", page_for(ADMIN, 422), body={"name": "trial", "do": "save"}),
    Row("stage-edit", "GET", page_for(ADMIN, 200), {"stage": "dev"}),
    Row("stage-edit", "POST", page_for(ADMIN, 422), {"stage": "dev"}, {"title": "", "do": "look"}),
    Row("stage-take-back", "POST", page_for(ADMIN, 422), {"stage": "dev"}),
    Row("stage-isolation", "GET", for_people(200), {"stage": "dev"}),
    Row("stage-isolation", "POST", page_for(ADMIN, 302), {"stage": "dev"}, {"isolation": "namespace"}),
    Row("cluster-drain", "GET", for_people(200), {"cluster": "=cluster"}),
    Row(
        "cluster-drain",
        "POST",
        page_for(ADMIN, 422),
        {"cluster": "=cluster"},
        {"act": "start", "at_once": "3"},
    ),
    Row("cluster-act", "POST", page_for(ADMIN, 302), {"cluster": "=cluster", "act": "cordon"}, {"reason": "Old."}),
    Row("orphans", "GET", page_for(ADMIN, 200)),
    Row("orphan", "GET", page_for(ADMIN, 200), {"orphan": "=orphan"}),
    Row("orphan", "POST", page_for(ADMIN, 422), {"orphan": "=orphan"}, body={"confirm_name": "other"}),
    Row("environment-health", "GET", for_people(200), TRY),
    Row("environment-health", "GET", for_people(200, **UNSEEN), SAFE),
    Row("environment-log", "GET", page_for(ASKERS, 404), {"system": "checkout", "name": "bad", "resource": "api"}),
    Row("environment-log", "GET", page_for(ASKERS, 404, **UNSEEN), {**SAFE, "resource": "api"}),
    Row("environment-release", "GET", page_for(ADMIN, 200), TRY, query=DEPLOYMENT),
    Row(
        "environment-release",
        "POST",
        page_for(ADMIN, 422),
        TRY,
        body={"api_version": "apps/v1", "kind": "Deployment", "name": "api"},
    ),
    Row("environment-let-go", "GET", page_for(ADMIN, 404), TRY),
    Row("environment-let-go", "POST", page_for(ADMIN, 404), TRY, body={"confirm_name": "try", "reason": "It is gone."}),
    Row("hosts", "GET", for_people(200)),
    Row("hosts", "POST", page_for(ADMIN, 302), body={"host": "*.pay.example", "team": "payments"}),
    Row("host-release", "POST", page_for(ADMIN, 302), body={"host": "shop.dev.example"}),
    Row("campaigns", "GET", for_people(200)),
    Row("campaign-new", "GET", page_for(ADMIN, 200), query="?capability=route"),
    Row("campaign-new", "POST", page_for(ADMIN, 422), body={"capability": "route"}),
    Row("campaign", "GET", for_people(200), CAMPAIGN),
    Row("campaign-environments", "GET", for_people(200), CAMPAIGN),
    Row("campaign-act", "POST", page_for(ADMIN, 302), {"campaign": "=draft", "act": "start"}),
    Row("campaign-act", "POST", page_for(ADMIN, 302), CAMPAIGN | {"act": "pause"}),
    Row("campaign-act", "POST", page_for(ADMIN, 422), CAMPAIGN | {"act": "resume"}),
    Row("campaign-act", "POST", page_for(ADMIN, 302), CAMPAIGN | {"act": "cancel"}),
    Row("wave-act", "POST", page_for(ADMIN, 422), CAMPAIGN | {"wave": "1", "act": "rollback"}),
    Row("wave-act", "POST", page_for(ADMIN, 422), CAMPAIGN | {"wave": "1", "act": "retry"}),
    Row("campaign-take", "POST", page_for(ASKERS, 302), CAMPAIGN | {"item": "=part"}),
    Row("campaign-take", "POST", page_for(ASKERS, 302, **UNSEEN), CAMPAIGN | {"item": "=hidden_part"}),
    Row(
        "campaign-postpone", "POST", page_for(ASKERS, 422), CAMPAIGN | {"item": "=part"}, {"until": "2020-01-01 09:00"}
    ),
    Row(
        "campaign-postpone",
        "POST",
        page_for(ASKERS, 422, **UNSEEN),
        CAMPAIGN | {"item": "=hidden_part"},
        {"until": "2020-01-01 09:00"},
    ),
    Row("administration", "GET", for_people(200)),
    Row("teams", "GET", for_people(200)),
    Row("team-new", "GET", page_for(ADMIN, 200)),
    Row("team-new", "POST", page_for(ADMIN, 302), body=NEW_TEAM),
    Row("team", "GET", for_people(200), {"team": "payments"}),
    Row("team-edit", "GET", page_for(MANAGERS, 200), {"team": "payments"}),
    Row("team-edit", "POST", page_for(MANAGERS, 302), {"team": "payments"}, {"name": "New"}),
    Row("webhooks", "GET", for_people(200)),
    Row("webhook-new", "GET", page_for(MANAGERS, 200)),
    Row("webhook-new", "POST", page_for(MANAGERS, 200), body=NEW_WEBHOOK_FORM),
    Row("webhook", "GET", page_for(MANAGERS, 200, 404), PAGE_OF_WEBHOOK),
    Row("webhook-edit", "GET", page_for(MANAGERS, 200, 404), PAGE_OF_WEBHOOK),
    Row("webhook-edit", "POST", page_for(MANAGERS, 302, 404), PAGE_OF_WEBHOOK, {"name": "Other"}),
    Row("webhook-rotate", "POST", page_for(MANAGERS, 200, 404), PAGE_OF_WEBHOOK),
    Row("webhook-delete", "GET", page_for(MANAGERS, 200, 404), PAGE_OF_WEBHOOK),
    Row("webhook-delete", "POST", page_for(MANAGERS, 302, 404), PAGE_OF_WEBHOOK, {"confirm_name": "Bot"}),
    Row("webhook-replay", "POST", page_for(MANAGERS, 302, 404), PAGE_OF_WEBHOOK, {"span": "24h"}),
    Row("webhook-act", "POST", page_for(MANAGERS, 302, 404), PAGE_OF_WEBHOOK | {"act": "pause"}),
    Row("webhook-delivery", "GET", page_for(MANAGERS, 200, 404), PAGE_OF_DELIVERY),
    Row("webhook-delivery-replay", "POST", page_for(MANAGERS, 302, 404), PAGE_OF_DELIVERY),
    Row("slack-app", "GET", page_for(ADMIN, 200)),
    Row("slack-app", "POST", page_for(ADMIN, 302), body={"signing_secret": "0123456789abcdef0123456789abcdef"}),
    Row("slack-app-remove", "POST", page_for(ADMIN, 302)),
    Row("slack-actions", "POST", for_all(401)),
    Row("slack-commands", "POST", for_all(401)),
    Row("account-slack", "GET", for_people(200)),
    Row("account-slack-code", "POST", for_people(200)),
    Row("account-slack-unlink", "POST", for_people(409, developer=302)),
    Row("team-quota", "GET", page_for(ADMIN, 200), {"team": "payments"}),
    Row("team-quota", "POST", page_for(ADMIN, 200), {"team": "payments"}, QUOTA),
    Row("team-quota-undo", "POST", page_for(ADMIN, 409), {"team": "payments"}, {"edit": "0"}),
    Row("quotas", "GET", for_people(200)),
    Row("quota-decide", "POST", page_for(ADMIN, 302), {"asked": "=quota_request"}, {"do": "grant"}),
    Row("quota-ledger", "GET", for_people(200), {"team": "payments"}),
    Row("quota-room", "GET", for_people(200), {"team": "payments"}),
    Row("quota-more", "GET", for_people(200), {"team": "payments"}),
    Row(
        "quota-more",
        "POST",
        page_for(("developer", *MANAGERS), 409),
        {"team": "payments"},
        {"cpu": 1, "reason": "Another wish waits."},
    ),
    Row(
        "quota-more-withdraw",
        "POST",
        page_for(("developer", *MANAGERS), 302),
        {"team": "payments", "asked": "=quota_request"},
    ),
    Row("quota-loans", "GET", for_people(200), {"team": "payments"}),
    Row(
        "quota-loans",
        "POST",
        page_for(MANAGERS, 302),
        {"team": "payments"},
        {"side": "lender", "team": "storefront", "cpu": 1, "until": SOON_DAY, "reason": "A sale."},
    ),
    Row("loan-act", "POST", page_for(ADMIN, 302), {"team": "storefront", "loan": "=loan", "act": "accept"}),
    Row("team-budgets", "GET", for_people(200), {"team": "payments"}),
    Row(
        "team-budgets",
        "POST",
        page_for(ADMIN, 200),
        {"team": "payments"},
        {"do": "save", "budgets-TOTAL_FORMS": "1", "budgets-0-amount": "500", "budgets-0-deny": "100"},
    ),
    Row("team-budgets-undo", "POST", page_for(ADMIN, 409), {"team": "payments"}, {"edit": "0"}),
    Row("cluster-prices", "GET", page_for(ADMIN, 200), {"cluster": "=cluster"}),
    Row(
        "cluster-prices",
        "POST",
        page_for(ADMIN, 200),
        {"cluster": "=cluster"},
        {"do": "save", "lists-TOTAL_FORMS": "0"},
    ),
    Row("cluster-prices-undo", "POST", page_for(ADMIN, 409), {"cluster": "=cluster"}, {"edit": "0"}),
    Row("costs", "GET", for_people(200)),
    Row("costs-download", "GET", for_people(200)),
    Row(
        "team-member-set", "POST", page_for(MANAGERS, 200), {"team": "payments"}, {"user": "stranger", "role": "viewer"}
    ),
    Row(
        "team-member-set",
        "POST",
        page_for(MANAGERS, 302),
        {"team": "payments"},
        looked(user="viewer", role="developer"),
    ),
    Row("team-member-remove", "POST", page_for(MANAGERS, 302), {"team": "payments"}, looked(user="viewer")),
    Row("search", "GET", for_people(200), query="?q=checkout"),
]

AN_AGENT = {"name": "triage"}
HOLDERS = {"developer": 302, "maintainer": 302, "second_maintainer": 302, "admin": 302, "auditor": 403}
ONLY_OWNER = {"maintainer": 403, "second_maintainer": 403, "admin": 403, "auditor": 403}
LOOKERS = dict.fromkeys(("developer", "maintainer", "second_maintainer", "admin", "auditor"), 200)
PAGES_AGENTS = [
    Row("agents", "GET", for_people(200)),
    Row("agent-new", "GET", for_people(200)),
    Row("agent-new", "POST", for_people(422), body={"name": "x"}),
    Row("agents-rules", "GET", page_for(("admin",), 200)),
    Row("agents-rules", "POST", page_for(("admin",), 302), body={"do": "save", "unsigned": ["dev"]}),
    Row("agent", "GET", for_people(404, **LOOKERS), AN_AGENT),
    Row("agent-edit", "GET", for_people(404, developer=200, **ONLY_OWNER), AN_AGENT),
    Row("agent-edit", "POST", for_people(404, developer=422, **ONLY_OWNER), AN_AGENT, {"team": "payments"}),
    Row("agent-act", "POST", for_people(404, **HOLDERS), AN_AGENT, {"do": "pause"}),
    Row("agent-session", "GET", for_people(404, **LOOKERS), {**AN_AGENT, "session": "=agent_session"}),
    Row("change-cosign", "POST", page_for(ASKERS, 302), {"change": "=waiting"}, {"plan_digest": "=digest"}),
]

API_AGENT = {"agent": "triage"}
API_LOOKERS = dict.fromkeys(LOOKERS, 200) | {"token_read": 200}
API_HOLDERS = {**dict.fromkeys(HOLDERS, 200), "auditor": 403}
API_SESSION = {**API_AGENT, "session_id": "=agent_session"}
NEW_AGENT = {"name": "helper", "team": "payments", "kinds": ["update"], "monthly_cap": 10}


def signed_in(people: int, **but: int) -> Expected:
    """What the API does for sessions only: a token of whatever scope is refused."""
    return _expected(people, 401, dict.fromkeys(SCOPES, 403), but)


API_AGENTS = [
    Row("api:agents", "GET", reads()),
    Row("api:agents", "POST", signed_in(403, **dict.fromkeys(ASKERS, 201)), body=NEW_AGENT),
    Row("api:agent", "GET", reads(404, **API_LOOKERS), API_AGENT),
    Row("api:agent", "PATCH", signed_in(404, developer=200, **ONLY_OWNER), API_AGENT, {"monthly_cap": 5}),
    Row("api:agent", "DELETE", signed_in(404, **{**dict.fromkeys(HOLDERS, 204), "auditor": 403}), API_AGENT),
    Row("api:agent-pause", "POST", signed_in(404, **API_HOLDERS), API_AGENT, {}),
    Row("api:agent-resume", "POST", signed_in(404, **API_HOLDERS), API_AGENT, {}),
    Row("api:agent-take-back", "POST", signed_in(404, developer=409, **ONLY_OWNER), API_AGENT, {}),
    Row("api:agent-token", "POST", signed_in(404, developer=200, **ONLY_OWNER), API_AGENT, {"days": 3}),
    Row("api:agent-sessions", "GET", reads(404, **API_LOOKERS), API_AGENT),
    Row("api:agent-session", "GET", reads(404, **API_LOOKERS), API_SESSION),
    Row("api:agent-calls", "GET", reads(404, **API_LOOKERS), API_SESSION),
]

PAGES_ACCOUNT = [
    Row("account", "GET", for_people(200)),
    Row("token-new", "POST", for_people(200), body={"name": "ci", "scopes": ["read"], "days": "30"}),
    Row("token-revoke", "POST", for_people(404, developer=302), {"token": "=token"}),
    Row("token-rotate", "POST", for_people(404, developer=200), {"token": "=token"}),
    Row("command-line", "GET", for_people(200)),
    Row("command-line", "GET", for_people(422), query="?code=BCDF-GHJK"),
    Row(
        "command-line",
        "POST",
        for_people(302),
        body={"code": "=login_code", "scopes": "read", "days": "30", "do": "allow"},
    ),
    Row("second-factor", "GET", for_people(200)),
    *(Row(name, "GET", for_people(302)) for name in ("factor-app", "passkey-new")),
    *(
        Row(name, "POST", for_people(302))
        for name in ("factor-app", "factor-app-remove", "factor-codes", "passkey-new")
    ),
    Row("passkey-rename", "POST", for_people(404), {"passkey": "1000000000"}, {"name": "x"}),
    Row("passkey-remove", "POST", for_people(302), {"passkey": "1000000000"}),
    Row("account-confirm", "GET", for_people(200)),
    Row("account-confirm", "POST", for_people(422), body={"password": "wrong"}),
    Row("account-confirm-through", "GET", for_people(302), {"provider": "none"}),
    *(
        Row(name, method, for_all(302))
        for name in ("second-step", "second-factor-set-up", "second-factor-set-up-passkey")
        for method in ("GET", "POST")
    ),
    Row("login-passkey", "GET", for_people(302) | dict.fromkeys(("anonymous", *TOKENS), 200)),
    Row("login-passkey", "POST", for_people(302) | dict.fromkeys(("anonymous", *TOKENS), 422), body={"answer": "x"}),
    Row("account-notices", "GET", for_people(200)),
    Row("account-notices", "POST", for_people(302), body={"digest_hour": "7", "time_zone": "UTC"}),
    Row("notices", "GET", for_people(200)),
    Row("bell", "GET", for_people(200) | dict.fromkeys(("anonymous", *TOKENS), 286)),
    Row("notice-drawer", "GET", for_people(200)),
    Row("notices-read", "POST", for_people(302), body={"until": "1"}),
    Row("notices-seen", "POST", for_people(302), body={"url": "/changes/1/"}),
    Row("unsubscribe", "GET", for_all(200), {"token": "=unsubscribe"}),
    Row("unsubscribe", "POST", for_all(200), {"token": "=unsubscribe"}),
    Row("account-theme", "POST", for_people(302), body={"theme": "dark"}),
    Row("account-sessions", "POST", for_people(422), body={"password": "wrong"}),
    Row("account-session-end", "POST", for_people(404), {"session": "1000000000"}),
    Row("login", "GET", for_people(302) | dict.fromkeys(("anonymous", *TOKENS), 200)),
    Row("ways-in", "GET", for_people(302)),
    Row("ways-in", "POST", for_people(302), body={"do": "end", "issuer": "https://login.corp.example"}),
    Row("sign-in-through", "GET", for_people(302) | dict.fromkeys(("anonymous", *TOKENS), 400), {"provider": "none"}),
    Row("sign-in-return", "GET", dict.fromkeys(WHO, 400), {"provider": "none"}),
    Row("login", "POST", for_people(302) | dict.fromkeys(("anonymous", *TOKENS), 422), body={"username": "x"}),
    Row("logout", "POST", for_all(302)),
]

RUN = {"run": "=living_run"}
HIDDEN_RUN = {"run": "=hidden_run"}
PAGES_WORK = [
    Row("environments", "GET", for_people(200)),
    Row("environment-new", "GET", for_people(200, stranger=302)),
    Row("environment-drift", "GET", for_people(200), TRY),
    Row("environment-drift", "GET", for_people(200, **UNSEEN), SAFE),
    Row("environment-drift-decide", "GET", page_for(ASKERS, 200), TRY, query="?act=revert"),
    Row("environment-drift-decide", "GET", page_for(ASKERS, 200, **UNSEEN), SAFE, query="?act=snooze"),
    Row("environment-drift-decide", "POST", page_for(ASKERS, 200), TRY, {"act": "adopt"}),
    Row(
        "environment-drift-decide",
        "POST",
        page_for(ASKERS, 302, **UNSEEN),
        SAFE,
        {"act": "revert", "do": "submit"},
    ),
    Row("environment-new", "GET", page_for(ASKERS, 200), query="?system=checkout"),
    Row("environment-new", "GET", page_for(ASKERS, 200, **UNSEEN), query="?system=vault"),
    Row("environment-new", "POST", page_for(ASKERS, 200), body={"system": "checkout", "do": "check"}),
    Row("environment-score", "GET", for_people(200)),
    Row("environment-score", "GET", page_for(ASKERS, 200), query="?system=checkout"),
    Row("environment-score", "GET", page_for(ASKERS, 200, **UNSEEN), query="?system=vault"),
    Row("environment-score", "POST", page_for(ASKERS, 200), body=SCORE),
    Row("environment-plan", "POST", page_for(ASKERS, 200), body={"system": "checkout"}),
    Row("environment-plan", "POST", page_for(ASKERS, 200, **UNSEEN), body={"system": "vault"}),
    Row("environment-suggest", "POST", page_for(ASKERS, 200), body={"system": "checkout"}),
    Row("environment-draft-forget", "POST", for_people(302), body={"token": "0" * 16}),
    Row("environment-suggest", "POST", page_for(ASKERS, 200, **UNSEEN), body={"system": "vault"}),
    *(
        Row(name, "GET", for_people(200), TRY)
        for name in ("environment", "environment-revisions", "environment-changes", "environment-settings")
    ),
    *(
        Row(name, "GET", for_people(200, **UNSEEN), SAFE)
        for name in ("environment", "environment-revisions", "environment-changes")
    ),
    Row("environment-live", "GET", for_people(286), TRY),
    Row("environment-live", "GET", for_people(286, **UNSEEN), SAFE),
    Row("environment-settings", "GET", for_people(200, **UNSEEN), SAFE),
    Row("environment-sharing", "GET", for_people(200), TRY),
    Row("environment-sharing", "GET", for_people(200, **UNSEEN), SAFE),
    Row("environment-sharing", "POST", page_for(MANAGERS, 422), TRY, {"do": "look"}),
    Row("environment-grant", "POST", page_for(MANAGERS, 302), {**TRY, "grant": "=grant", "act": "close"}),
    Row("environment-secrets", "GET", for_people(200), TRY),
    Row("environment-secrets", "GET", for_people(200, **UNSEEN), SAFE),
    Row("environment-secret-fill", "POST", page_for(ASKERS, 404), {**TRY, "resource": "none"}, {"value.KEY": "x"}),
    Row(
        "environment-secret-fill",
        "POST",
        page_for(ASKERS, 404, **UNSEEN),
        {**SAFE, "resource": "none"},
        {"value.KEY": "x"},
    ),
    Row("environment-edit", "GET", page_for(ASKERS, 200), TRY),
    Row("environment-edit", "GET", page_for(ASKERS, 200, **UNSEEN), SAFE),
    Row("environment-edit", "POST", page_for(ASKERS, 200), TRY, {"do": "check"}),
    Row("environment-ask", "GET", page_for(ASKERS, 200), {**TRY, "kind": "sleep"}),
    Row("environment-ask", "GET", page_for(ASKERS, 200, **UNSEEN), {**SAFE, "kind": "clone"}),
    Row("environment-ask", "POST", page_for(ASKERS, 302), {**TRY, "kind": "sleep"}, {"do": "submit"}),
    Row("environment-sleep", "GET", for_people(200), TRY),
    Row("environment-sleep", "GET", for_people(200, **UNSEEN), SAFE),
    Row("environment-sleep", "POST", page_for(ASKERS, 302), TRY, {"do": "save"}),
    Row("environment-sleep", "POST", page_for(ASKERS, 302, **UNSEEN), SAFE, {"do": "save"}),
    Row("environment-hold", "POST", page_for(ASKERS, 302), TRY, {"for": "4h"}),
    Row("environment-hold", "POST", page_for(ASKERS, 302, **UNSEEN), SAFE, {"for": "4h"}),
    Row("environment-power", "POST", page_for(ASKERS, 302), {**TRY, "kind": "sleep"}),
    Row("environment-power", "POST", page_for(ASKERS, 302, **UNSEEN), {**SAFE, "kind": "sleep"}),
    Row("environment-extend", "POST", page_for(ASKERS, 302), TRY),
    Row("environment-extend", "POST", page_for(ASKERS, 302, **UNSEEN), SAFE),
    Row("environment-delete", "POST", page_for(ASKERS, 302), TRY, {"confirm_name": "try", "reason": "x"}),
    Row("environment-delete", "POST", page_for(ASKERS, 302, **UNSEEN), SAFE, {"confirm_name": "safe", "reason": "x"}),
    Row("changes", "GET", for_people(200)),
    Row("changes-decide", "POST", for_people(302), body={"change": "=waiting"}),
    Row("change", "GET", for_people(200), {"change": "=waiting"}),
    Row("change", "GET", for_people(200, **UNSEEN), {"change": "=hidden"}),
    Row(
        "change-decide",
        "POST",
        page_for(DECIDERS, 302),
        {"change": "=waiting"},
        {"decision": "approve", "plan_digest": "=digest"},
    ),
    Row(
        "change-decide",
        "POST",
        for_people(302, **UNSEEN),
        {"change": "=hidden"},
        {"decision": "comment", "comment": "Said."},
    ),
    Row("run", "GET", for_people(200), RUN),
    Row("run", "GET", for_people(200, **UNSEEN), HIDDEN_RUN),
    Row("run-events", "GET", for_people(200), RUN),
    Row("run-events", "GET", for_people(200, **UNSEEN), HIDDEN_RUN),
    Row("run-progress", "GET", for_people(286), RUN),
    Row("run-progress", "GET", for_people(286, **UNSEEN), HIDDEN_RUN),
    Row("run-cancel", "POST", page_for(ASKERS, 302), {"run": "=going_run"}),
    Row("run-feedback", "POST", page_for(("developer",), 302), RUN, {"answer": "easy"}),
    Row("run-feedback", "POST", page_for(("developer",), 302, **UNSEEN), HIDDEN_RUN, {"answer": "easy"}),
    Row("run-cancel", "POST", page_for(ASKERS, 409, **UNSEEN), HIDDEN_RUN),
]

MATRIX: list[Row] = [
    *HEALTH,
    *API_START,
    *AUDIT,
    *API_CATALOG,
    *API_OWNERS,
    *API_PLATFORM,
    *API_ENVIRONMENTS,
    *API_CHANGES,
    *API_RUNS,
    *PAGES_CATALOG,
    *PAGES_ACCOUNT,
    *PAGES_AGENTS,
    *API_AGENTS,
    *PAGES_WORK,
    *_scim(),
]
