"""Each page on which the platform is run asks at most twelve queries, and as many with 60 rows of everything as with 4.

The growth stays within one page of every list, so that no count is flat only because the rest was not shown. Counted
once for the module, as the admin who may act on every row and as a developer who reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import Loan, PeopleEdit, Quota, QuotaRequest, Transfer
from governance.services.audit import audit_append
from governance.services.policies import starter_policies_install
from governance.services.routes import route_save
from idp.catalog.models import Team, User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Cluster, Drain, DrainItem, Freeze, GlassBreak, HostClaim, Orphan, Stage
from tests.personas import NOW, Organisation
from tests.portal.pages import estate
from tests.provisioning.services.test_approval_routes import TEAM, route

CEILING = 12
SIZES = (4, 60)
PAGES: dict[str, tuple[str, list[str], str]] = {
    "administration": ("administration", [], ""),
    "stages": ("stages", [], ""),
    "stage": ("stage", ["dev"], ""),
    "drain": ("cluster-drain", ["sandbox"], ""),
    "cluster": ("cluster", ["sandbox"], ""),
    "hosts": ("hosts", [], ""),
    "quotas": ("quotas", [], ""),
    "a team's ledger": ("quota-ledger", ["payments"], ""),
    "what a team lends": ("quota-loans", ["payments"], ""),
    "costs": ("costs", [], ""),
    "policies": ("policies", [], ""),
    "approval routes": ("approval-routes", [], ""),
    "freezes": ("freezes", [], ""),
    "freezes, also those over": ("freezes", [], "?tab=all"),
    "ownership": ("ownership", [], ""),
    "audit": ("audit", [], "?team=payments"),
}
OF_ADMINS: dict[str, tuple[str, list[str], str]] = {
    "people": ("people", [], ""),
    "a person": ("person", ["developer"], ""),
    "of whom a second factor is required": ("second-factor-rule", [], ""),
    "groups": ("groups", [], ""),
    "a group": ("group", ["auditors"], ""),
    "orphans": ("orphans", [], ""),
    "every entry of the audit log": ("audit", [], ""),
}
LOOKED_AT = [("developer", name) for name in PAGES] + [("admin", name) for name in (*PAGES, *OF_ADMINS)]

pytestmark = [pytest.mark.django_db]
Counted = dict[tuple[str, str], list[int]]


@pytest.fixture(scope="module")
def counted(django_db_setup: None, django_db_blocker: Any) -> Iterator[Counted]:
    """Queries by who looks and page, one number for each size. What was made is gone afterwards."""
    with django_db_blocker.unblock(), transaction.atomic():
        cache.clear()
        organisation = Organisation.found()
        estate.install()
        starter_policies_install(PLATFORM, now=NOW)
        found: Counted = {one: [] for one in LOOKED_AT}
        before = 0
        for size in SIZES:
            grow(organisation, range(before, size))
            before = size
            for who, page in LOOKED_AT:
                found[who, page].append(queries(organisation.people[who], page))
        yield found
        transaction.set_rollback(True)
        cache.clear()


def queries(who: User, page: str) -> int:
    """Of the second look: what the shell keeps for seconds is asked anew by the first."""
    name, arguments, query = {**PAGES, **OF_ADMINS}[page]
    client = Client()
    client.force_login(who)
    url = reverse(name, args=arguments) + query
    cache.clear()
    client.get(url)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(url)
    assert answer.status_code == 200, page
    return len(asked)


def grow(organisation: Organisation, numbers: range) -> None:
    """One more of everything for each number."""
    people(organisation, numbers)
    places(organisation, numbers)
    rules(organisation, numbers)


def people(organisation: Organisation, numbers: range) -> None:
    """Teams without anybody that own a system each, with a quota, a wish and a loan; people in a group; transfers."""
    teams = Team.objects.bulk_create(Team(slug=f"t{n}", name=f"T{n}", created_at=NOW) for n in numbers)
    Quota.objects.bulk_create(
        Quota(team=one, cpu=9, memory_gib=9, storage_gib=9, environments=9, updated_at=NOW) for one in teams
    )
    QuotaRequest.objects.bulk_create(
        QuotaRequest(team=one, cpu=1, reason="More.", made_by=organisation.developer, made_at=NOW) for one in teams
    )
    loans = {"state": "active", "cpu": 1, "reason": "For a while.", "ends_at": clock.now() + timedelta(days=9)}
    Loan.objects.bulk_create(
        Loan(lender=organisation.payments, borrower=one, made_by=organisation.maintainer, made_at=NOW, **loans)
        for one in teams
    )
    users = User.objects.bulk_create(User(username=f"u{n}", email=f"u{n}@example.com", password="!") for n in numbers)
    auditors = organisation.people["auditor"].groups.get(name="auditors")
    for one in users:
        one.groups.add(auditors)
    PeopleEdit.objects.bulk_create(
        PeopleEdit(kind="group", key="auditors", label=f"Add u{n} to auditors", by="admin", at=NOW) for n in numbers
    )
    for team in teams:
        estate.systems(team, 1, prefix=f"alone-{team.slug}")
    Transfer.objects.bulk_create(
        Transfer(
            system=system,
            giver=organisation.payments,
            taker=organisation.storefront,
            reason="Theirs.",
            asked_by=organisation.maintainer,
            asked_at=NOW,
        )
        for system in estate.systems(organisation.payments, len(numbers), prefix=f"goes-{numbers.start}")
    )


def places(organisation: Organisation, numbers: range) -> None:
    """Stages, environments in a drain, host names and orphans of the one cluster, and changes behind broken glass."""
    cluster = Cluster.objects.get(name="sandbox")
    Stage.objects.bulk_create(
        Stage(name=f"s{n}", title=f"S{n}", order=1_000 + n, cluster=cluster, created_at=NOW) for n in numbers
    )
    systems = estate.systems(organisation.payments, len(numbers), prefix=f"moves-{numbers.start}")
    made = estate.environments(systems, [Stage.objects.get(name="dev")])
    drain, _ = Drain.objects.get_or_create(
        cluster=cluster, defaults={"at_once": 3, "started_by": organisation.admin, "started_at": NOW}
    )
    requests = [estate.change(one, organisation.developer) for one in made]
    DrainItem.objects.bulk_create(
        DrainItem(drain=drain, environment=one, state="moving", wave=1, change=change)
        for one, change in zip(made, requests, strict=True)
    )
    HostClaim.objects.bulk_create(
        HostClaim(
            host=f"h{n}.example.com",
            team=organisation.payments,
            origin="given",
            made_by=organisation.admin,
            made_at=NOW,
        )
        for n in numbers
    )
    Orphan.objects.bulk_create(
        Orphan(
            cluster=cluster,
            api_version="v1",
            kind="ConfigMap",
            namespace="lost",
            name=f"lost-{n}",
            system="gone",
            environment="dev",
            reason="no-environment",
            first_seen_at=NOW,
        )
        for n in numbers
    )
    broken(organisation, requests, clock.now())


def broken(organisation: Organisation, requests: list[Change], now: Any) -> None:
    """A freeze that holds and another that is over for each change, whose glass was broken."""
    told = {"title": "Held", "reason": "The books are closed.", "covers": ["update"]}
    declared = {"declared_by": organisation.admin, "declared_at": NOW, "starts_at": now - timedelta(days=1)}
    for change in requests:
        Freeze.objects.create(**told, **declared, ends_at=now - timedelta(hours=1), scope={"stages": ["prod"]})
        holds = Freeze.objects.create(**told, **declared, ends_at=now + timedelta(days=1), scope={"stages": ["prod"]})
        GlassBreak.objects.create(
            change=change,
            freeze=holds,
            freezes=[holds.pk],
            reason="It burns.",
            broken_by=organisation.maintainer,
            broken_at=now,
            due_at=now + timedelta(days=1),
        )


def rules(organisation: Organisation, numbers: range) -> None:
    """Approval routes and entries of the audit log."""
    for number in numbers:
        route_save(PLATFORM, document=route(TEAM, name=f"r{number}"), now=NOW)
        audit_append(
            organisation.actor("developer"),
            action="freeze.declare",
            object_type="freeze",
            object_id=number,
            object_label="Held",
            team_slug="payments",
            now=NOW,
        )


@pytest.mark.parametrize(("who", "page"), LOOKED_AT)
def test_it_asks_no_more_with_more_rows(counted: Counted, who: str, page: str) -> None:
    few, many = counted[who, page]
    assert few == many


@pytest.mark.parametrize(("who", "page"), LOOKED_AT)
def test_it_stays_below_its_ceiling(counted: Counted, who: str, page: str) -> None:
    assert max(counted[who, page]) <= CEILING
