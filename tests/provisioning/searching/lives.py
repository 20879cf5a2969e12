"""Each kind of thing is found once it is made, by its new words once it was renamed, and no more once it is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db.models import QuerySet

from governance.models import Entity, Policy
from idp.catalog.models import Component, System, Team
from provisioning.domain.guide import guide_of
from provisioning.models import Capability, Change, Environment, Resource, Run, Stage
from provisioning.selectors.searching import search
from provisioning.services import guide_index
from tests.personas import NOW, Organisation, person
from tests.portal.pages import estate
from tests.provisioning.searching.cases import entity


@dataclass(frozen=True)
class Life:
    """``rows`` is the thing, found as ``quagga``; ``renamed`` makes it ``zorilla``; ``gone`` takes it away.

    Where ``gone`` says nothing the row is deleted.
    """

    kind: str
    rows: QuerySet[Any]
    renamed: dict[str, Any]
    gone: dict[str, Any] | None = None


def _system(at: Organisation) -> Life:
    System.objects.create(slug="one", name="Quagga", team=at.payments, created_at=NOW)
    return Life("system", System.objects.filter(slug="one"), {"name": "Zorilla"})


def _component(at: Organisation) -> Life:
    Component.objects.create(slug="one", name="Quagga", system=at.checkout, type="job", created_at=NOW)
    return Life("component", Component.objects.filter(slug="one"), {"name": "Zorilla"})


def _team(at: Organisation) -> Life:
    Team.objects.create(slug="one", name="Quagga", created_at=NOW)
    return Life("team", Team.objects.filter(slug="one"), {"name": "Zorilla"})


def _person(at: Organisation) -> Life:
    made = person("one", display_name="Quagga")
    return Life("person", type(made).objects.filter(pk=made.pk), {"display_name": "Zorilla"}, {"is_active": False})


def _environment(at: Organisation) -> Life:
    made = estate.environment(at.checkout, Stage.objects.get(name="dev"), at.developer, name="quagga")
    return Life("environment", Environment.objects.filter(pk=made.pk), {"name": "zorilla"}, {"deleted_at": NOW})


def _resource(at: Organisation) -> Life:
    rows = Resource.objects.filter(environment__name="dev", environment__system=at.checkout, name="db")
    rows.update(name="quagga")
    return Life("resource", Resource.objects.filter(pk=rows.model.objects.get(name="quagga").pk), {"name": "zorilla"})


def _capability(at: Organisation) -> Life:
    Capability.objects.create(name="one", title="Quagga", summary="", category="", icon="box", created_at=NOW)
    return Life("capability", Capability.objects.filter(name="one"), {"title": "Zorilla"})


def _policy(at: Organisation) -> Life:
    values = {"mode": "enforce", "effect": "deny", "document": {}, "digest": "1", "updated_at": NOW}
    Policy.objects.create(name="one", title="Quagga", **values)
    return Life("policy", Policy.objects.filter(name="one"), {"title": "Zorilla"}, {"active": False})


def _api(at: Organisation) -> Life:
    entity("api", "one", title="Quagga")
    return Life("api", Entity.objects.filter(name="one"), {"title": "Zorilla"}, {"orphaned_at": NOW})


def _entity(at: Organisation) -> Life:
    entity("resource", "one", title="Quagga")
    return Life("entity", Entity.objects.filter(name="one"), {"title": "Zorilla"})


def _change(at: Organisation) -> Life:
    made = estate.change(Environment.objects.filter(system=at.checkout)[0], at.developer, title="Quagga")
    return Life("change", Change.objects.filter(pk=made.pk), {"title": "Zorilla"})


def _run(at: Organisation) -> Life:
    of = estate.environment(at.checkout, Stage.objects.get(name="dev"), at.developer, name="quagga")
    to = estate.environment(at.checkout, Stage.objects.get(name="dev"), at.developer, name="zorilla")
    made = estate.failed_run(of, at.developer, message="No such image.")
    return Life("run", Run.objects.filter(pk=made.pk), {"environment_id": to.pk})


LIVES: dict[str, Callable[[Organisation], Life]] = {
    "system": _system,
    "component": _component,
    "team": _team,
    "person": _person,
    "environment": _environment,
    "resource": _resource,
    "capability": _capability,
    "policy": _policy,
    "api": _api,
    "entity": _entity,
    "change": _change,
    "run": _run,
}


@pytest.mark.django_db
class LifeCases:
    @pytest.fixture
    def organisation(self) -> Organisation:
        made = Organisation.found()
        stages = estate.install()
        estate.environment(made.checkout, stages["dev"], made.developer)
        return made

    @pytest.mark.parametrize("live", LIVES.values(), ids=LIVES)
    def test_it_is_found_made_and_renamed_and_not_gone(
        self, organisation: Organisation, live: Callable[[Organisation], Life]
    ) -> None:
        def found(word: str) -> list[int]:
            entries = search(organisation.rights("developer"), word, kinds=(life.kind,)).entries
            return [one.object_id for one in entries]

        life = live(organisation)
        mine = [life.rows.get().pk]
        assert (found("quagga"), found("zorilla")) == (mine, [])
        life.rows.update(**life.renamed)
        assert (found("quagga"), found("zorilla")) == ([], mine)
        life.rows.delete() if life.gone is None else life.rows.update(**life.gone)
        assert found("zorilla") == []

    def test_a_guide_is_found_as_its_file_has_it(
        self, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def found(word: str) -> list[str]:
            return [one.path for one in search(organisation.rights("developer"), word, kinds=("doc",)).entries]

        for text, expected in (
            ("# One\n\nOf the quagga.\n", (["/docs/one/"], [])),
            ("# One\n\nOf the zorilla.\n", ([], ["/docs/one/"])),
            ("", ([], [])),
        ):
            shown = [guide_of("one", text)] if text else []
            monkeypatch.setattr(guide_index, "guides", lambda shown=shown: shown)
            guide_index.guides_index()
            assert (found("quagga"), found("zorilla")) == expected

    def test_environments_follow_the_name_of_their_system(self, organisation: Organisation) -> None:
        System.objects.filter(slug="checkout").update(name="Quagga")
        kinds = {one.kind for one in search(organisation.rights("developer"), "quagga").entries}
        assert kinds == {"system", "environment"}
