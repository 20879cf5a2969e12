"""Whatever was asked, failed, cancelled or rolled back: on the cluster is what a revision owns, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from provisioning.domain.driver import ObjectRef, Scope
from provisioning.models import Environment, Orphan, Resource
from provisioning.selectors.desired import desired_of
from provisioning.selectors.health import recorded_refs
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.orphans import orphans_sweep
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import equip, sandbox, spec
from tests.provisioning.services.test_interleavings import Life

pytestmark = pytest.mark.django_db

MISSING = "registry.example/checkout-api:missing"
ASKED: dict[str, dict[str, Any]] = {
    "more": {"spec": spec(api={"replicas": 4})},
    "broken": {"spec": spec(api={"image": MISSING})},
    "fewer": {"spec": {**spec(), "resources": {"api": {**spec()["resources"]["api"]}}}},
}
ASKED["fewer"]["spec"]["resources"]["api"] = {
    "capability": "web-service@1",
    "inputs": {"image": "registry.example/checkout-api:1.8.3", "replicas": 1},
}
STEPS = st.one_of(
    st.tuples(st.just("update"), st.sampled_from(sorted(ASKED))),
    st.sampled_from([("advance",), ("advance",), ("cancel-run",), ("resume",), ("rollback",), ("delete",)]),
)


class Trying(Life):
    """A life in which things go wrong."""

    def _update(self, what: str) -> None:
        change_submit(self.actor, ChangeRequest("update", "checkout", self.name, **ASKED[what]), now=self.clock())

    def _rollback(self) -> None:
        change_submit(self.actor, ChangeRequest("rollback", "checkout", self.name, revision=1), now=self.clock())

    def _delete(self) -> None:
        asked = ChangeRequest("delete", "checkout", self.name, reason="Over.", confirm=self.name)
        change_submit(self.actor, asked, now=self.clock())


def owned(environment: Environment) -> set[ObjectRef]:
    """Everything that the revision renders which its last successful run made."""
    revision = environment.observed
    assert revision is not None
    desired = desired_of(environment, revision.document, revision=revision.number)
    outputs = {one.name: one.outputs for one in Resource.objects.filter(environment=environment)}
    made = [ObjectRef.of(one) for one in desired.guardrails()]
    return {*made, *(ObjectRef.of(one.manifest) for name in desired.order for one in desired.render(name, outputs))}


def recorded(environment: Environment) -> set[ObjectRef]:
    rows = Resource.objects.filter(environment=environment)
    return {ref for row in rows for ref in recorded_refs(row)}


@settings(
    max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(steps=st.lists(STEPS, min_size=2, max_size=8))
@example(steps=[("advance",), ("update", "fewer"), ("advance",)])
@example(steps=[("advance",), ("advance",), ("update", "fewer"), ("advance",), ("cancel-run",), ("rollback",)])
@example(steps=[("advance",), ("advance",), ("update", "broken"), ("advance",), ("advance",), ("rollback",)])
@example(steps=[("advance",), ("advance",), ("update", "broken"), ("advance",), ("advance",), ("delete",)])
def test_it_leaves_nothing_that_no_revision_owns(steps: list[tuple[str, ...]]) -> None:
    with transaction.atomic():
        organisation = Organisation.found()
        equip(organisation)
        life = Trying(organisation)
        for step in steps:
            life.do(step)
        life.settle()
        environment = Environment.objects.select_related("observed", "system__team", "stage", "cluster").get()
        scope = Scope("checkout", environment.name)
        there = set(sandbox().list_managed(scope, environment.namespace))
        if environment.deleted_at is not None:
            assert there == set()
        elif environment.state in ("ready", "asleep"):
            assert there == owned(environment)
        else:
            rest = {ref for ref in there if ref.kind not in GUARDRAIL_KINDS}
            assert rest <= recorded(environment)
        orphans_sweep(now=NOW)
        lost = Orphan.objects.filter(environment=environment.name)  # the sandbox still has what rounds before made
        assert list(lost.values_list("kind", "name", "reason")) == []
        transaction.set_rollback(True)


GUARDRAIL_KINDS = ("Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding", "Role")
