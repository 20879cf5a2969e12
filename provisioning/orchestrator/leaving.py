"""The steps by which a place is left: what was made there is deleted, then its namespace, then it is forgotten.

The environment lives elsewhere by then, or is being deleted. Idempotent like all steps; what is gone is gone, and a
place that is forgotten already is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from provisioning.domain.driver import ObjectRef
from provisioning.domain.run import Done, Outcome, Wait
from provisioning.models import FormerPlace, Step
from provisioning.orchestrator.reach import driver_for
from provisioning.orchestrator.spaces import space_left
from provisioning.orchestrator.steps import RunContext
from provisioning.orchestrator.waiting import LOOK_AGAIN
from provisioning.services.places import place_left


def leave_resource(context: RunContext, step: Step) -> Outcome:
    """Delete all that was recorded as made for one resource at the former place, and wait until it is gone."""
    former = _former(context)
    if former is None:
        return Done("Left")
    made = former.objects_made.get(step.key.removeprefix("leave:"), ())
    refs = [ObjectRef(one["apiVersion"], one["kind"], one["namespace"], one["name"]) for one in made]
    return _deleted(context, former, refs) or Done(f"Gone from {former.cluster.name}")


def leave_guardrails(context: RunContext, step: Step) -> Outcome:
    """Delete the former namespace with what is left in it, and forget the place."""
    former = _former(context)
    if former is None:
        return Done("Left")
    if waiting := space_left(context, former.cluster, former.namespace, former.isolation):
        return waiting
    place_left(context.claim, context.environment.pk)
    return Done(f"{former.namespace} on {former.cluster.name} is left")


def _former(context: RunContext) -> FormerPlace | None:
    return FormerPlace.objects.select_related("cluster").filter(environment=context.environment).first()


def _deleted(context: RunContext, former: FormerPlace, refs: Sequence[ObjectRef]) -> Wait | None:
    """None when nothing of ``refs`` is left."""
    if not refs:
        return None
    left = [one for one in driver_for(former.cluster).delete(refs, context.scope) if not one.gone]
    if not left:
        return None
    held = f", held by {', '.join(left[0].finalizers)}" if left[0].finalizers else ""
    return Wait(LOOK_AGAIN, f"{left[0].ref} on {former.cluster.name} is being deleted{held}")


LEAVING: Final[Mapping[str, Callable[[RunContext, Step], Outcome]]] = {
    "leave-resource": leave_resource,
    "leave-guardrails": leave_guardrails,
}
