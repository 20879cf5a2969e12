"""Links of stages: who writes them, what is kept, and who sees which."""

from __future__ import annotations

import pytest

from governance.models import AuditEntry
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from provisioning.models import Run, Stage, StageLink
from provisioning.selectors.environments import environment_get, environment_resources
from provisioning.selectors.links import environment_links
from provisioning.services.links import MOST, link_remove, link_save
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]

URL = "https://logs.example/?ns=${environment.namespace}&w=${resource.name}"


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made, policies=())
    return made


def save(organisation: Organisation, who: str = "admin", stage: str = "dev", **fields: str) -> StageLink:
    given = {"name": "Logs", "kind": "logs", "url": URL, **fields}
    return link_save(organisation.actor(who), stage=Stage.objects.get(name=stage), now=NOW, **given)


def test_an_environment_gets_the_links_of_its_stage(organisation: Organisation) -> None:
    save(organisation)
    save(organisation, name="Overview", kind="dashboard", url="https://grafana.example/${system.name}")
    save(organisation, stage="prod", name="Alerts", kind="alerts", url="https://alerts.example/")
    carry_out(Run.objects.get(change=create(organisation)))
    from governance.access import rights_of

    found = environment_get(rights_of(organisation.actor("viewer")), "checkout", "try")
    links = environment_links(found, environment_resources(found))
    assert [(one.resource, one.url) for one in links] == [
        ("", "https://grafana.example/checkout"),
        ("db", "https://logs.example/?ns=checkout-try&w=db"),
        ("api", "https://logs.example/?ns=checkout-try&w=api"),
    ]


def test_the_same_again_changes_nothing_and_another_address_is_noted(organisation: Organisation) -> None:
    assert save(organisation).pk == save(organisation).pk
    save(organisation, url="https://loki.example/")
    entries = AuditEntry.objects.filter(action="link.save").order_by("sequence")
    assert [one.data["after"]["url"] for one in entries] == [URL, "https://loki.example/"]
    assert [one.data["before"] and one.data["before"]["url"] for one in entries] == [None, URL]
    link_remove(
        organisation.actor("admin"), stage=Stage.objects.get(name="dev"), link_id=save(organisation).pk, now=NOW
    )
    assert not StageLink.objects.exists()


@pytest.mark.parametrize("who", ["developer", "maintainer", "auditor", "stranger"])
def test_only_admins_write(organisation: Organisation, who: str) -> None:
    with pytest.raises(Forbidden):
        save(organisation, who)
    with pytest.raises(Forbidden):
        link_remove(organisation.actor(who), stage=Stage.objects.get(name="dev"), link_id=1, now=NOW)


def test_it_refuses_what_is_wrong_or_too_much(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput):
        save(organisation, url="http://logs.example/")
    with pytest.raises(NotFound):
        link_remove(organisation.actor("admin"), stage=Stage.objects.get(name="prod"), link_id=7, now=NOW)
    for number in range(MOST):
        save(organisation, name=f"Link {number}")
    with pytest.raises(Conflict):
        save(organisation, name="One more")
