"""Many environments like one that a run has made: rows in bulk, and their objects on a real API server.

Used by the tests of the controller under load and by ``bench/steady.py``. What is copied is what a run leaves behind;
nothing here goes through the gate, so quotas and audit know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from provisioning.domain.driver import Manifest, ObjectRef
from provisioning.drivers.kubernetes import KubernetesDriver
from provisioning.drivers.kubernetes.connection import METADATA
from provisioning.drivers.kubernetes.driver import APPLY
from provisioning.models import Environment, Resource, Revision
from provisioning.selectors.desired import desired_of

THREADS = 6


def copied(model: Environment, number: int) -> list[Environment]:
    """``number`` environments of the same system, stage and desired state as ``model``, each Ready or asleep as it."""
    rows = [
        Environment(
            system_id=model.system_id,
            stage_id=model.stage_id,
            cluster_id=model.cluster_id,
            name=f"copy-{index}",
            namespace=f"{model.namespace}-copy-{index}",
            state=model.state,
            conditions=model.conditions,
            created_at=model.created_at,
            changed_at=model.changed_at,
        )
        for index in range(number)
    ]
    made = Environment.objects.bulk_create(rows)
    revisions = Revision.objects.bulk_create(
        Revision(environment=row, number=1, document=model.observed.document, digest=model.observed.digest,
                 created_at=row.created_at)
        for row in made
    )  # fmt: skip
    for row, revision in zip(made, revisions, strict=True):
        row.desired = row.observed = revision
    Environment.objects.bulk_update(made, ["desired", "observed"], batch_size=500)
    Resource.objects.bulk_create(
        Resource(environment=row, name=one.name, contract_id=one.contract_id, state=one.state, outputs=one.outputs,
                 objects_made=[], changed_at=row.created_at)
        for row in made
        for one in model.resources.all()
    )  # fmt: skip
    return list(
        Environment.objects.filter(pk__in=[row.pk for row in made])
        .select_related("system__team", "stage", "cluster", "observed")
        .prefetch_related("resources")
        .order_by("pk")
    )


def objects_of(environment: Environment) -> list[Manifest]:
    """Everything that a run would have made of it, in order."""
    assert environment.observed is not None
    desired = desired_of(environment, environment.observed.document, revision=environment.observed.number)
    outputs = {one.name: one.outputs for one in environment.resources.all()}
    made = [one.manifest for name in desired.order for one in desired.render(name, outputs)]
    return [*desired.guardrails(), *made]


def applied(account: Mapping[str, Any], environments: Sequence[Environment]) -> int:
    """Make the objects of all of them by server-side apply as Slipway; how many objects."""
    driver = KubernetesDriver(account)
    # What the cluster serves beside Kubernetes itself is asked of it: a contract renders more where there is more.
    sender, paths = driver._connection, driver._resources
    bundles = [objects_of(one) for one in environments]

    def send(manifests: Sequence[Manifest]) -> None:
        for manifest in manifests:
            sender.request(
                "PATCH",
                paths.one(ObjectRef.of(manifest)),
                query={"fieldManager": "slipway", "force": "true"},
                body=manifest,
                accept=METADATA,
                content_type=APPLY,
            )

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(send, bundles))
    driver.close()
    return sum(len(one) for one in bundles)


class Calls:
    """Every request that a driver sends, as ``METHOD path``; streams that it opens as ``WATCH path``."""

    def __init__(self, driver: KubernetesDriver) -> None:
        self.sent: list[str] = []
        line = driver._connection
        line.request = self._counted(line.request, lambda given: f"{given[0]} {given[1]}")  # type: ignore[method-assign]
        line.stream = self._counted(line.stream, lambda given: f"WATCH {given[0]}")  # type: ignore[method-assign]

    def _counted(self, call: Callable[..., Any], label: Callable[[Sequence[Any]], str]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.sent.append(label(args))
            return call(*args, **kwargs)

        return counted

    @property
    def about_objects(self) -> list[str]:
        """Without those of the pulse, which asks once for the whole cluster whether it answers, and without streams,
        of which there is one for each kind, opened anew every few minutes."""
        pulse = {"GET /version", "GET /api", "GET /apis"}
        return [one for one in self.sent if one not in pulse and one not in self.streams and not _is_discovery(one)]

    @property
    def streams(self) -> list[str]:
        return [one for one in self.sent if one.startswith("WATCH ")]


def _is_discovery(call: str) -> bool:
    """``GET /apis/group/version`` and ``GET /api/v1``: what kinds there are."""
    parts = call.split(" ", 1)[1].strip("/").split("/")
    return (parts[0] == "api" and len(parts) == 2) or (parts[0] == "apis" and len(parts) == 3)


@contextmanager
def queries() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as asked:
        yield asked


def writes(asked: CaptureQueriesContext) -> list[str]:
    """Statements that change anything, but for the lease of the watch itself."""
    changing = ("INSERT", "UPDATE", "DELETE")
    return [
        one["sql"] for one in asked if one["sql"].startswith(changing) and "provisioning_clusterwatch" not in one["sql"]
    ]
