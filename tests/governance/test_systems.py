"""Systems and components as use cases."""

from __future__ import annotations

from typing import Any

import pytest

from governance.models import AuditEntry
from governance.services.systems import (
    component_create,
    component_delete,
    component_update,
    system_create,
    system_delete,
    system_update,
)
from idp.catalog.models import Component, System
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed, UserFault
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.usefixtures("both_sides_told")


def create(organisation: Organisation, **given: Any) -> Component:
    wanted: dict[str, Any] = {"slug": "ledger", "name": "Ledger", "type": "service"} | given
    return component_create(organisation.actor("maintainer"), system=organisation.checkout, now=NOW, **wanted)


def test_it_adds_a_system_to_the_maintainers_team(organisation: Organisation) -> None:
    system = system_create(
        organisation.actor("maintainer"), slug="refunds", name="Refunds", team=organisation.payments, now=NOW
    )
    assert System.objects.get(slug="refunds").team == organisation.payments
    assert AuditEntry.objects.get(object_type="system", object_id=str(system.pk)).actor_name == "maintainer"


@pytest.mark.parametrize("persona", ["developer", "viewer", "storefront_maintainer", "auditor", "anonymous"])
def test_it_lets_only_maintainers_and_admins_add_systems(organisation: Organisation, persona: str) -> None:
    with pytest.raises(UserFault):
        system_create(organisation.actor(persona), slug="refunds", name="R", team=organisation.payments, now=NOW)
    assert not System.objects.filter(slug="refunds").exists()


def test_it_edits_a_system(organisation: Organisation) -> None:
    actor = organisation.actor("maintainer")
    system = system_update(actor, system=organisation.checkout, restricted=True, expected_version=1, now=NOW)
    assert not organisation.rights("stranger").may_see(system)
    entry = AuditEntry.objects.get(action="system.update")
    assert entry.data == {"before": {"restricted": False}, "after": {"restricted": True}}
    with pytest.raises(PreconditionFailed):
        system_update(actor, system=system, name="x", expected_version=1, now=NOW)


def test_it_does_not_tell_a_stranger_that_a_restricted_system_exists(organisation: Organisation) -> None:
    with pytest.raises(NotFound):
        system_update(organisation.actor("storefront_maintainer"), system=organisation.vault, name="x", now=NOW)
    with pytest.raises(Forbidden):
        system_update(organisation.actor("storefront_maintainer"), system=organisation.checkout, name="x", now=NOW)


def test_it_keeps_a_system_that_has_living_environments(organisation: Organisation) -> None:
    actor = organisation.actor("maintainer")
    with pytest.raises(Conflict, match="2 living environments"):
        system_delete(actor, system=organisation.checkout, living=lambda system: 2, now=NOW)
    system_delete(actor, system=organisation.checkout, living=lambda system: 0, now=NOW)
    assert not System.objects.filter(slug="checkout").exists()
    assert AuditEntry.objects.filter(action="system.delete", object_label="checkout").exists()


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("unknown type", {"type": "robot"}, "type"),
    ("taken slug", {"slug": "checkout-api"}, "slug"),
    ("script as link", {"links": [{"title": "x", "url": "javascript:alert(1)"}]}, "links.0.url"),
    ("link without title", {"links": [{"url": "https://a.example"}]}, "links.0"),
    ("too many links", {"links": [{"title": "x", "url": "https://a.example"}] * 21}, "links"),
    ("repository by ftp", {"repository": "ftp://a.example/x"}, "repository"),
    ("unknown component", {"depends_on": ["nothing"]}, "depends_on"),
    ("itself", {"depends_on": ["ledger"]}, "depends_on"),
]


@pytest.mark.parametrize(("given", "path"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_it_refuses_a_wrong_component(organisation: Organisation, given: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        create(organisation, **given)
    assert path in [error.path for error in caught.value.errors]
    assert not Component.objects.filter(slug="ledger").exists()


def test_it_does_not_depend_on_what_the_person_cannot_see(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput, match="vault-api"):
        component_create(
            organisation.actor("storefront_maintainer"),
            system=organisation.systems["shop"],
            slug="basket",
            name="Basket",
            type="service",
            depends_on=["vault-api"],
            now=NOW,
        )


def test_it_edits_what_a_component_needs(organisation: Organisation) -> None:
    component = create(
        organisation, depends_on=["checkout-api"], links=[{"title": " Docs ", "url": "https://d.example"}]
    )
    assert component.links == [{"title": "Docs", "url": "https://d.example"}]
    actor = organisation.actor("maintainer")
    updated = component_update(actor, component=component, depends_on=["vault-api"], expected_version=1, now=NOW)
    assert [needed.slug for needed in updated.depends_on.all()] == ["vault-api"]
    assert AuditEntry.objects.get(action="component.update").data == {
        "before": {"depends_on": ["checkout-api"]},
        "after": {"depends_on": ["vault-api"]},
    }
    assert component_update(actor, component=updated, depends_on=["vault-api"], now=NOW).version == 2


def test_it_removes_a_component(organisation: Organisation) -> None:
    component_delete(organisation.actor("maintainer"), component=organisation.components["checkout-api"], now=NOW)
    assert not Component.objects.filter(slug="checkout-api").exists()
    with pytest.raises(Forbidden):
        component_delete(organisation.actor("developer"), component=organisation.components["vault-api"], now=NOW)
