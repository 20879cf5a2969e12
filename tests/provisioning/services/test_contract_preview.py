"""A draft is shown with all it would change, and nothing is written."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from governance.models import AuditEntry
from idp.kernel.errors import Forbidden
from provisioning.contracts import builtin_documents
from provisioning.domain.contract import parse_contract
from provisioning.models import Contract
from provisioning.services.contract_preview import contract_preview, contract_strike
from tests.personas import Organisation
from tests.provisioning.organisation import create, equip

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    create(made, "one", db={"storageGiB": 300})
    create(made, "two")
    return made


def draft(version: str, **spec: Any) -> dict[str, Any]:
    data = copy.deepcopy(dict(builtin_documents())["postgres/1.0.0.yaml"].data)
    data["metadata"]["version"] = version
    data["spec"] |= spec
    return data


def test_it_shows_what_a_minor_version_changes(organisation: Organisation) -> None:
    data = draft("1.1.0")
    data["spec"]["inputs"]["properties"]["storageGiB"]["maximum"] = 900
    before = (Contract.objects.count(), AuditEntry.objects.count())
    shown = contract_preview(organisation.actor("admin"), document=data)
    assert shown.problems == ()
    assert shown.before is not None
    assert shown.before.version == "1.0.0"
    assert shown.compatibility is not None
    assert (shown.compatibility.level, shown.compatibility.allowed) == ("minor", True)
    assert [one.sentence for one in shown.differences] == ["`storageGiB` may now be up to 900 GiB"]
    assert (Contract.objects.count(), AuditEntry.objects.count()) == before


def test_it_reports_whom_a_major_cannot_take_along(organisation: Organisation) -> None:
    data = draft("2.0.0", upgrade={"1": {"storageGiB": "${inputs.storageGiB}"}})
    data["spec"]["inputs"]["properties"]["storageGiB"]["maximum"] = 100
    shown = contract_preview(organisation.actor("admin"), document=data)
    assert [(one.resource, one.is_clean) for one in shown.mapped] == [
        ("checkout/one/db", False),
        ("checkout/two/db", True),
    ]
    assert shown.mapped[0].problems[0].message == "must be at most 100 GiB"
    struck = contract_strike(organisation.actor("admin"), contract=shown.contract)
    assert [(one.living.environment, one.outcome) for one in struck] == [("one", "fails"), ("two", "unchanged")]


def test_with_problems_it_goes_no_further(organisation: Organisation) -> None:
    shown = contract_preview(organisation.actor("admin"), document=draft("1.1.0", usage={"cpu": "${nonsense}"}))
    assert [one.path for one in shown.problems] == ["spec.usage.cpu"]
    assert (shown.compatibility, shown.differences) == (None, ())


def test_a_first_version_has_nothing_to_follow(organisation: Organisation) -> None:
    data = draft("1.0.0")
    data["metadata"]["capability"] = "archive"
    shown = contract_preview(organisation.actor("admin"), document=data)
    assert (shown.problems, shown.before, shown.compatibility) == ((), None, None)


@pytest.mark.parametrize("persona", ["developer", "maintainer", "auditor"])
def test_it_is_for_admins(organisation: Organisation, persona: str) -> None:
    with pytest.raises(Forbidden):
        contract_preview(organisation.actor(persona), document=draft("1.1.0"))
    with pytest.raises(Forbidden):
        contract_strike(organisation.actor(persona), contract=parse_contract(draft("1.1.0")))
