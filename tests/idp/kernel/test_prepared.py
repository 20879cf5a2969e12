"""Prepared queries: the same answers as the querysets they are made of, whatever they are filled with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.test.utils import CaptureQueriesContext

from governance.access import Rights, visible
from idp.catalog.models import System, Team
from idp.kernel.prepared import Prepared
from tests.personas import NOW, PERSONAS, Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def teams() -> list[Team]:
    """Three teams with 0, 1 and 2 systems, made on three days."""
    found = [Team.objects.create(slug=f"t{n}", name=f"T{n}", created_at=NOW + timedelta(days=n)) for n in range(3)]
    for number, team in enumerate(found):
        for each in range(number):
            System.objects.create(
                slug=f"s{number}-{each}", name="S", team=team, restricted=bool(each), created_at=NOW + timedelta(each)
            )
    return found


def _of_teams(teams: list[int]) -> QuerySet[System]:
    return System.objects.filter(team_id__in=teams).select_related("team").order_by("slug")


def _named(slug: str, restricted: bool | None) -> QuerySet[System, Any]:
    rows = System.objects.filter(Q(slug=slug) | Q(team__slug=slug)).order_by("slug").values("slug", "created_at")
    return rows if restricted is None else rows.filter(restricted=restricted)


def _before(moment: datetime, least: int) -> QuerySet[Team, Any]:
    rows = Team.objects.filter(created_at__lt=moment).annotate(n=Count("systems"))
    return rows.filter(n__gte=least).order_by("slug").values_list("slug", "n", named=True)


def _seen(rights: Rights) -> QuerySet[System]:
    return visible(System.objects.order_by("slug"), rights, "")


ASKED: list[tuple[Callable[..., Any], list[dict[str, Any]]]] = [
    (
        _named,
        [{"slug": slug, "restricted": how} for slug in ("t2", "s1-0", "no", "t'2%s") for how in (None, True, False)],
    ),
    (_before, [{"moment": NOW + timedelta(days=days), "least": least} for days in (0, 1, 2, 9) for least in (0, 1)]),
]


@pytest.mark.parametrize(("build", "calls"), ASKED, ids=[build.__name__ for build, _ in ASKED])
def test_it_answers_as_the_queryset_does(
    teams: list[Team], build: Callable[..., Any], calls: list[dict[str, Any]]
) -> None:
    prepared: Prepared[Any] = Prepared(build)
    for _ in range(2):
        assert [prepared(**given) for given in calls] == [list(build(**given)) for given in calls]


def test_it_takes_lists_of_every_length(teams: list[Team]) -> None:
    prepared = Prepared(_of_teams)
    for keys in (
        [],
        [teams[0].pk],
        [teams[2].pk],
        [teams[2].pk, teams[1].pk],
        [one.pk for one in teams],
        [teams[2].pk] * 3,
    ):
        found = prepared(teams=keys)
        assert found == list(_of_teams(keys))
        with CaptureQueriesContext(connection) as captured:
            assert [one.team.slug for one in found] == [one.team.slug for one in _of_teams(keys)]
        assert len(captured) <= 1


def test_it_makes_the_sql_once_for_each_shape(teams: list[Team]) -> None:
    built = []

    def build(teams: list[int]) -> QuerySet[System]:
        built.append(len(teams))
        return _of_teams(teams)

    prepared = Prepared(build)
    for one in teams:
        prepared(teams=[one.pk])
        prepared(teams=[one.pk, 1])
    assert built == [1, 2]


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("bound", [frozenset(), frozenset({"checkout"})], ids=["session", "bound token"])
def test_it_never_shows_one_person_what_another_may_see(
    organisation: Organisation, persona: str, bound: frozenset[str]
) -> None:
    for other in PERSONAS:
        _SEEN(rights=organisation.rights(other))
    rights = organisation.rights(persona, systems=bound) if bound else organisation.rights(persona)
    assert _SEEN(rights=rights) == list(_seen(rights))


_SEEN = Prepared(_seen)


def test_it_refuses_a_query_that_changes_its_values() -> None:
    def build(slug: str) -> QuerySet[System]:
        return System.objects.filter(slug__icontains=slug)

    with pytest.raises(ValueError, match="as they are"):
        Prepared(build)(slug="checkout")


def test_it_refuses_what_it_cannot_fill_in() -> None:
    with pytest.raises(TypeError, match="float"):
        Prepared(_of_teams)(teams=1.5)
