"""What lives where and what it runs, whatever happens to environments and resources in whatever order:
the kept sums are those of the rows, folded at any time.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from governance.services.tallies import tallies_fold
from idp.catalog.models import System
from idp.kernel import tallies
from provisioning.models import Cluster, Contract, Environment, PlaceTally, Resource, Revision, Stage, UseTally
from provisioning.models.tally import PLACE_TALLY, USE_TALLY
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import equip

VERBS = (
    "make", "make", "make", "want", "want", "state", "cost", "end", "remove", "restage", "move",
    "add", "add", "add", "gone", "back", "upgrade", "drop", "drop_many", "fold",
)  # fmt: skip
STEP = st.tuples(st.sampled_from(VERBS), st.integers(0, 5), st.integers(0, 3))
STATES = ("progressing", "ready", "failed", "degraded", "asleep", "deleting")


class Estate:
    """Moves as services make them: by row, in bulk, and by cascade."""

    def __init__(self) -> None:
        organisation = Organisation.found()
        equip(organisation)
        self.systems = list(System.objects.order_by("pk")[:2])
        self.stages = list(Stage.objects.select_related("cluster").order_by("order")[:2])
        near = self.stages[0].cluster
        far, _ = Cluster.objects.get_or_create(name="far-away", defaults={"driver": near.driver, "created_at": NOW})
        self.clusters = [near, far]
        self.contracts = list(Contract.objects.order_by("pk")[:2])
        self.made = 0

    def do(self, verb: str, which: int, what: int) -> None:
        getattr(self, verb)(which, what)

    def _one(self, which: int) -> Environment | None:
        rows = list(Environment.objects.order_by("pk"))
        return rows[which % len(rows)] if rows else None

    def _used(self, which: int) -> Resource | None:
        rows = list(Resource.objects.order_by("pk"))
        return rows[which % len(rows)] if rows else None

    def make(self, which: int, what: int) -> None:
        self.made += 1
        stage = self.stages[what % 2]
        Environment.objects.create(
            system=self.systems[which % 2], name=f"e{self.made}", stage=stage, cluster=self.clusters[what // 2],
            namespace=f"n{self.made}", state="progressing", changed_at=NOW,
            created_at=NOW + timedelta(minutes=self.made),
        )  # fmt: skip

    def want(self, which: int, what: int) -> None:
        if (one := self._one(which)) is not None:
            self.made += 1
            one.desired = Revision.objects.create(
                environment=one, number=self.made, document={}, digest=str(self.made), created_at=NOW
            )
            one.cpu, one.monthly_cost = Decimal(what) / 10, Decimal("0.07") * what
            one.save()

    def state(self, which: int, what: int) -> None:
        Environment.objects.filter(pk__gt=which).update(state=STATES[(which + what) % len(STATES)])

    def cost(self, which: int, what: int) -> None:
        Environment.objects.filter(stage=self.stages[which % 2], deleted_at=None).update(
            memory_gib=Decimal("0.1") * what, storage_gib=what, monthly_cost=Decimal("1.01") * what
        )

    def end(self, which: int, what: int) -> None:
        if (one := self._one(which)) is not None:
            Resource.objects.filter(environment=one, state="gone").delete()
            Environment.objects.filter(pk=one.pk).update(deleted_at=NOW)

    def remove(self, which: int, what: int) -> None:
        if what == 0 and (one := self._one(which)) is not None:
            one.delete()

    def restage(self, which: int, what: int) -> None:
        if (one := self._one(which)) is not None:
            one.stage = self.stages[what % 2]
            one.save(update_fields=["stage"])

    def move(self, which: int, what: int) -> None:
        if (one := self._one(which)) is not None:
            Environment.objects.filter(pk=one.pk).update(cluster=self.clusters[what % 2])

    def add(self, which: int, what: int) -> None:
        if (one := self._one(which)) is not None:
            self.made += 1
            fresh = {"environment": one, "state": "ready", "changed_at": NOW}
            Resource.objects.bulk_create(
                Resource(name=f"r{self.made}-{n}", contract=self.contracts[n % 2], **fresh) for n in range(what)
            )

    def gone(self, which: int, what: int) -> None:
        if (one := self._used(which)) is not None:
            Resource.objects.filter(pk=one.pk).update(state="gone")

    def back(self, which: int, what: int) -> None:
        Resource.objects.filter(state="gone").update(state=("ready", "failed")[what % 2])

    def upgrade(self, which: int, what: int) -> None:
        if (one := self._used(which)) is not None:
            one.contract, one.message = self.contracts[what % 2], "x"
            one.save()

    def drop(self, which: int, what: int) -> None:
        if (one := self._used(which)) is not None:
            one.delete()

    def drop_many(self, which: int, what: int) -> None:
        Resource.objects.filter(contract=self.contracts[which % 2], pk__lt=which * 3).delete()

    def fold(self, which: int, what: int) -> None:
        tallies_fold()
        for model, keys in ((PlaceTally, PLACE_TALLY.keys), (UseTally, USE_TALLY.keys)):
            places = list(model._default_manager.values_list(*keys))
            assert len(places) == len(set(places))


def check() -> None:
    assert tallies.differences(PLACE_TALLY) == []
    assert tallies.differences(USE_TALLY) == []


class TestLife(TestCase):
    @given(st.lists(STEP, min_size=5, max_size=40))
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_the_sums_are_those_of_the_rows(self, steps: list[tuple[str, int, int]]) -> None:
        with transaction.atomic():
            estate = Estate()
            for step in steps:
                estate.do(*step)
                check()
            transaction.set_rollback(True)


STORY: list[Any] = [
    *[(verb, n, n % 4) for verb in ("make", "want") for n in range(6)],
    *[("add", n, 3) for n in range(6)],
    ("state", 0, 2), ("gone", 1, 0), ("upgrade", 2, 1), ("cost", 0, 3), ("restage", 1, 1), ("move", 2, 1),
    ("end", 3, 0), ("back", 0, 1), ("drop", 4, 0), ("drop_many", 1, 0), ("fold", 0, 0), ("remove", 4, 0),
    ("end", 0, 0), ("fold", 0, 0),
]  # fmt: skip


def story() -> None:
    """Every kind of move once; also told on PostgreSQL."""
    estate = Estate()
    for step in STORY:
        estate.do(*step)
        check()
    assert {verb for verb, *_ in STORY} == set(VERBS)


@pytest.mark.django_db
def test_every_move_once() -> None:
    story()
