"""The version that a major leads to: who chooses it, what it changes, and how long it holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from governance.models import AuditEntry
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, NotFound
from provisioning.contracts import builtin_documents
from provisioning.models import Capability, Contract, DefaultVersion
from provisioning.selectors.capabilities import contracts_of, defaults_of, latest_contracts
from provisioning.services.changes import ChangeRequest, change_plan
from provisioning.services.contract_states import contract_state_set
from provisioning.services.contracts import contract_publish
from provisioning.services.default_versions import default_version_clear, default_version_set
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import equip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]


@pytest.fixture
def organisation() -> Organisation:
    found = Organisation.found()
    equip(found)
    for version in ("1.1.0", "1.2.0"):
        publish(version)
    return found


def publish(version: str, state: str = "stable") -> Contract:
    first = f"postgres/{version.partition('.')[0]}.0.0.yaml"
    document: dict[str, Any] = dict(dict(builtin_documents())[first].data)
    document = {**document, "metadata": {**document["metadata"], "version": version}}
    return contract_publish(PLATFORM, document={**document, "spec": {**document["spec"], "state": state}}, now=NOW)


def choose(organisation: Organisation, version: str, who: str = "admin") -> DefaultVersion:
    return default_version_set(organisation.actor(who), capability="postgres", version=version, now=NOW)


def planned(organisation: Organisation, reference: str) -> str:
    spec = {"stage": "dev", "resources": {"db": {"capability": reference, "inputs": {"storageGiB": 5}}}}
    plan = change_plan(organisation.actor("developer"), ChangeRequest("create", "checkout", "new", spec=spec), now=NOW)
    return str(plan.plan["resources"][0]["contract_after"])


def test_it_leads_what_is_asked_for_to_the_chosen_version(organisation: Organisation) -> None:
    assert planned(organisation, "postgres@1") == "1.2.0"
    choose(organisation, "1.1.0")
    assert planned(organisation, "postgres@1") == "1.1.0"
    assert planned(organisation, "postgres@1.2") == "1.2.0"
    assert planned(organisation, "postgres@1.2.0") == "1.2.0"


def test_it_leads_the_newest_major_to_the_chosen_version(organisation: Organisation) -> None:
    publish("2.1.0")
    choose(organisation, "1.1.0")
    assert latest_contracts(["postgres"])["postgres"].version == "2.1.0"
    choose(organisation, "2.0.0")
    assert latest_contracts(["postgres"])["postgres"].version == "2.0.0"


def test_it_goes_back_to_the_newest_when_cleared(organisation: Organisation) -> None:
    choose(organisation, "1.1.0")
    default_version_clear(organisation.actor("admin"), capability="postgres", major=1, now=NOW)
    assert planned(organisation, "postgres@1") == "1.2.0"
    entries = AuditEntry.objects.filter(action="contract.default").order_by("pk").values_list("data", flat=True)
    assert [(one["before"], one["after"]) for one in entries] == [(None, "1.1.0"), ("1.1.0", None)]


def test_it_is_audited_once_for_the_same_choice(organisation: Organisation) -> None:
    choose(organisation, "1.1.0")
    choose(organisation, "1.1.0")
    assert AuditEntry.objects.filter(action="contract.default").count() == 1


def test_it_is_dropped_when_the_version_is_no_longer_stable(organisation: Organisation) -> None:
    choose(organisation, "1.1.0")
    contract_state_set(
        organisation.actor("admin"),
        capability="postgres",
        version="1.1.0",
        state="deprecated",
        reason="Slow.",
        sunset=NOW + timedelta(days=9),
        now=NOW,
    )
    assert not DefaultVersion.objects.exists()
    assert AuditEntry.objects.get(action="contract.state").data["was_default"] is True


def test_it_leads_to_the_newest_where_nobody_chose(organisation: Organisation) -> None:
    publish("1.3.0-rc.1")
    rows = contracts_of(Capability.objects.get(name="postgres"))
    assert {major: row.version for major, row in defaults_of(rows).items()} == {1: "1.2.0", 2: "2.0.0"}


@pytest.mark.parametrize("who", ["developer", "maintainer", "auditor", "platform_engineer"])
def test_it_lets_only_admins_choose(organisation: Organisation, who: str) -> None:
    with pytest.raises(Forbidden):
        choose(organisation, "1.1.0", who)
    with pytest.raises(Forbidden):
        default_version_clear(organisation.actor(who), capability="postgres", major=1, now=NOW)


@pytest.mark.parametrize("version", ["1.3.0-rc.1", "1.4.0"], ids=["a-pre-release", "a-preview"])
def test_it_refuses_what_no_major_leads_to(organisation: Organisation, version: str) -> None:
    publish(version, "stable" if "-" in version else "preview")
    with pytest.raises(Conflict):
        choose(organisation, version)


def test_it_says_what_there_is_not(organisation: Organisation) -> None:
    with pytest.raises(NotFound):
        choose(organisation, "9.0.0")
    with pytest.raises(NotFound):
        default_version_set(organisation.actor("admin"), capability="nothing", version="1.0.0", now=NOW)


def test_the_database_holds_one_for_each_major(organisation: Organisation) -> None:
    choose(organisation, "1.1.0")
    other = Contract.objects.get(capability__name="postgres", version="1.2.0")
    with pytest.raises(IntegrityError), transaction.atomic():
        DefaultVersion.objects.create(capability=other.capability, major=1, contract=other, set_at=NOW)
