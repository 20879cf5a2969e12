"""The marketplace and a capability's page with 100 capabilities, 2,000 versions and 20,000 resources.

Queries are bounded and the same as with few; what the reader may not see is left out before anything is cut. Counted
with caches cold, since a worker's first page must be as good as its hundredth.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from idp.catalog.models import System, Team
from idp.kernel import clock
from portal.pages.shell import banners
from portal.reading import capability_cost, version_history
from provisioning.contracts import builtin_documents
from provisioning.models import (
    Capability,
    Contract,
    Environment,
    Feedback,
    FeedbackSubject,
    PreviewTeam,
    Resource,
    Stage,
)
from provisioning.selectors import capabilities as selectors
from tests.personas import NOW, PASSWORD, Organisation
from tests.provisioning.organisation import equip

CEILING = 12
SIZES = {"few": (3, 2, 30), "many": (100, 20, 20_000)}
PAGES = ("/capabilities/", "/capabilities/?q=store&category=data", "/capabilities/store-0/")
PEOPLE = ("developer", "admin")

pytestmark = [pytest.mark.django_db]
Counted = dict[tuple[str, str], dict[str, int]]


def fill(organisation: Organisation, capabilities: int, versions: int, resources: int) -> None:
    """Rows by the thousand; one restricted system of ten, so that visibility matters."""
    document = deepcopy(dict(dict(builtin_documents())["postgres/1.0.0.yaml"].data))
    team = organisation.payments
    made = Capability.objects.bulk_create(
        Capability(
            name=f"store-{number}", title="Store", summary="A store.", category="data", icon="database", owner=team,
            created_at=NOW, readme="# Store\n\nIt stores.",
        )
        for number in range(capabilities)
    )  # fmt: skip
    contracts = Contract.objects.bulk_create(
        (_version(one, number, document) for one in made for number in range(versions)), batch_size=500
    )
    PreviewTeam.objects.create(capability=made[0], team=team, joined_at=NOW)
    stage = Stage.objects.select_related("cluster").get(name="dev")
    systems = System.objects.bulk_create(
        System(slug=f"s{number}", name="S", team=team, restricted=number % 10 == 9, created_at=NOW)
        for number in range(max(2, resources // 200))
    )
    environments = Environment.objects.bulk_create(
        Environment(
            system=system, name="e", stage=stage, cluster=stage.cluster, namespace=f"{system.slug}-e", state="ready",
            created_at=NOW, changed_at=NOW,
        )
        for system in systems
    )  # fmt: skip
    Resource.objects.bulk_create(
        (
            Resource(
                environment=environments[number % len(environments)], name=f"r{number}", state="ready", changed_at=NOW,
                contract=contracts[(number * 7) % len(contracts)],
            )
            for number in range(resources)
        ),
        batch_size=2_000,
    )  # fmt: skip


def _version(capability: Capability, number: int, document: dict[str, Any]) -> Contract:
    body = {**document, "metadata": {"capability": capability.name, "version": f"1.{number}.0"}}
    return Contract(
        capability=capability, version=f"1.{number}.0", major=1, minor=number, patch=0, document=body,
        state="deprecated" if number % 5 == 1 else "stable", digest=f"{capability.pk}-{number}", published_at=NOW,
    )  # fmt: skip


@pytest.fixture(scope="module")
def counted(django_db_setup: None, django_db_blocker: Any) -> Counted:
    """Queries by page and person, by size."""
    found: Counted = {}
    with django_db_blocker.unblock():
        for size, numbers in SIZES.items():
            with transaction.atomic():
                organisation = Organisation.found()
                equip(organisation)
                fill(organisation, *numbers)
                with time_machine.travel(clock.now(), tick=False):  # nothing kept for seconds falls due meanwhile
                    numbers_of = _count()
                for (page, who), number in numbers_of.items():
                    found.setdefault((page, who), {})[size] = number
                transaction.set_rollback(True)
            cache.clear()
    return found


def _count() -> dict[tuple[str, str], int]:
    found = {}
    for who in PEOPLE:
        client = Client()
        assert client.login(username=who, password=PASSWORD)
        for page in PAGES:
            client.get(page)  # what a session and its rights cost the first time is another's to count
            _forget()
            banners()
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(page).status_code == 200
            found[page, who] = len([one for one in queries.captured_queries if "SAVEPOINT" not in one["sql"]])
    return found


def _forget() -> None:
    cache.delete("capabilities.price-lists")
    capability_cost._KNOWN.clear()
    version_history._KNOWN.clear()


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_stays_below_its_ceiling_whatever_there_is(counted: Counted, page: str, who: str) -> None:
    few, many = counted[page, who]["few"], counted[page, who]["many"]
    assert many <= few
    assert max(few, many) <= CEILING


@pytest.fixture
def organisation() -> Organisation:
    found = Organisation.found()
    equip(found)
    return found


def test_nothing_is_cut_before_what_may_be_seen_is_known(organisation: Organisation) -> None:
    """Six hundred restricted uses come before the one that a stranger may see."""
    fill(organisation, 1, 1, 0)
    stage, capability = Stage.objects.select_related("cluster").get(name="dev"), Capability.objects.get(name="store-0")
    contract = Contract.objects.get(capability=capability)
    for slug, restricted, number in (("aa-hidden", True, 600), ("zz-open", False, 1)):
        system = System.objects.create(
            slug=slug, name=slug, team=organisation.payments, restricted=restricted, created_at=NOW
        )
        environment = Environment.objects.create(
            system=system, name="e", stage=stage, cluster=stage.cluster, namespace=slug, state="ready",
            created_at=NOW, changed_at=NOW,
        )  # fmt: skip
        Resource.objects.bulk_create(
            Resource(environment=environment, name=f"r{one}", state="ready", changed_at=NOW, contract=contract)
            for one in range(number)
        )
    rights = organisation.rights("stranger")
    versions = list(selectors.contracts_of(capability))
    found = selectors.usage_page(capability, rights, versions)
    assert ([one.system.slug for one in found.uses], found.more) == (["zz-open"], False)
    for who, unseen in (("stranger", 600), ("admin", 0)):
        uses = selectors.uses_of(capability, organisation.rights(who))
        assert (uses.used, uses.unseen) == ({contract.pk: 601}, unseen)


def test_systems_come_by_pages(organisation: Organisation, client: Client) -> None:
    fill(organisation, 1, 1, 35 * 200)
    client.force_login(organisation.admin)
    first = client.get("/capabilities/store-0/")
    assert (len(first.context["usage"].lines), first.context["usage"].more) == (30, True)
    assert "using=2" in first.content.decode()
    second = client.get("/capabilities/store-0/", {"using": "2"})
    assert (len(second.context["usage"].lines), second.context["usage"].more) == (5, False)


def test_versions_come_by_pages_with_what_each_changed(organisation: Organisation, client: Client) -> None:
    fill(organisation, 1, 30, 0)
    client.force_login(organisation.developer)
    first = client.get("/capabilities/store-0/")
    assert [line.contract.version for line in first.context["versions"]][:2] == ["1.29.0", "1.28.0"]
    assert all(line.step is not None for line in first.context["versions"])
    last = client.get("/capabilities/store-0/", {"history": "3"}).context
    assert [line.contract.version for line in last["versions"]][-1] == "1.0.0"
    assert last["versions"][-1].step is None
    assert (last["history"].newer, last["history"].older) == (2, None)
    assert client.get("/capabilities/store-0/", {"history": "99", "using": "x"}).status_code == 200


def test_it_says_how_much_is_out_of_sight(organisation: Organisation, client: Client) -> None:
    fill(organisation, 1, 1, 2_000)
    client.force_login(organisation.stranger)
    text = client.get("/capabilities/store-0/").content.decode()
    assert "200 of the 2,000 in use are in restricted systems that you may not look into." in text
    client.force_login(organisation.admin)
    assert "restricted systems that you may not" not in client.get("/capabilities/store-0/").content.decode()


def test_feedback_is_counted_for_everyone_and_read_by_the_owner(organisation: Organisation, client: Client) -> None:
    from tests.provisioning.organisation import carry_out, create

    change = create(organisation)
    run = carry_out(change.runs.get())
    capability = Capability.objects.get(name="postgres")
    Capability.objects.filter(pk=capability.pk).update(owner=Team.objects.get(slug="storefront"))
    said = Feedback.objects.create(
        run=run, person=organisation.developer, answer="hard", words="Too many fields.", created_at=NOW, changed_at=NOW
    )
    FeedbackSubject.objects.create(feedback=said, contract=Contract.objects.filter(capability=capability)[0])
    for who, reads in (("developer", False), ("stranger", True), ("admin", True)):
        client.force_login(organisation.people[who])
        text = client.get("/capabilities/postgres/").content.decode()
        assert "<strong>0 %</strong> found it easy" in text
        answer = client.get("/capabilities/postgres/feedback")
        assert answer.status_code == (200 if reads else 403)
        assert ("Too many fields." in answer.content.decode()) is reads
        assert ("Read what people wrote" in text) is reads
