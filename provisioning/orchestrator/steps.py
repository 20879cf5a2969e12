"""What each kind of step does. Idempotent: executed twice it is the same as once, also after a kill in between.

A handler gets the run's context and its step, calls the driver, and returns Done, Wait or Failed, or lets the
driver's two errors pass. It stores nothing but through ``provisioning.services.runs``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from provisioning.domain.correction import corrected_refs
from provisioning.domain.driver import Applied, Driver, Manifest, ObjectRef, Observed, Scope
from provisioning.domain.plan import Footprint
from provisioning.domain.readiness import Readiness
from provisioning.domain.remedies import remedy_for
from provisioning.domain.run import Done, Failed, Outcome, Wait
from provisioning.domain.secret_slot import PATIENT
from provisioning.models import Resource, Run, Step
from provisioning.orchestrator.reach import driver_for
from provisioning.orchestrator.spaces import joined, space_left
from provisioning.orchestrator.waiting import LOOK_AGAIN, is_time_to_ask, look_delay, looks, told_why
from provisioning.selectors.desired import Desired, desired_of
from provisioning.selectors.observing import is_watched
from provisioning.services import runs

LOOK_FOR_PEOPLE: Final = 30.0
"""Whoever fills a secret through Slipway wakes the run at once; this is for those who do it in the cluster."""


class RunContext:
    """What the steps of one claimed run share: the environment, what is wanted, the driver, the claim."""

    def __init__(self, run: Run, claim: runs.Claim, now: Callable[[], datetime]) -> None:
        self.run = run
        self.claim = claim
        self.now = now
        self.environment = run.environment
        self.scope = Scope(run.environment.system.slug, run.environment.name)

    @cached_property
    def driver(self) -> Driver:
        return driver_for(self.environment.cluster)

    @cached_property
    def desired(self) -> Desired:
        assert self.run.revision is not None
        return desired_of(self.environment, self.run.revision.document, revision=self.run.revision.number)

    @cached_property
    def watched(self) -> bool:
        """Whether a controller wakes this run when something moves; asked once for each claim."""
        return is_watched(self.environment.cluster_id)

    @property
    def previous(self) -> Footprint:
        """What the environment took before this change, as its plan says."""
        usage = self.run.change.plan["usage_before"]
        return Footprint(usage["cpu"], usage["memory_gib"], usage["storage_gib"])

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """By name, read once: what a run writes of them passes through this claim, and is kept here as well."""
        return {one.name: one for one in Resource.objects.filter(environment=self.environment)}

    @cached_property
    def corrects(self) -> frozenset[ObjectRef] | None:
        """The objects that this run takes back from whoever changed them; None unless it reverts drift."""
        return corrected_refs(self.run.change.plan) if self.run.change.kind == "revert" else None

    def applied(self) -> None:
        """Note that objects were applied; only the first time of a run counts."""
        if self.run.applied_at is None:
            self.run.applied_at = self.now()
            runs.run_applied(self.claim, now=self.run.applied_at)

    def observe(self, row: Resource, **fields: Any) -> None:
        """Store what was seen of a resource before its step ends."""
        runs.resource_observe(self.claim, row.pk, now=self.now(), **fields)
        _set(row, fields)

    def beat(self) -> None:
        """Renew the lease between two driver calls."""
        runs.lease_renew(self.claim)


def guardrails(context: RunContext, step: Step) -> Outcome:
    """Namespace, quota, limits, network policies and role binding, before anything lives inside them."""
    if waiting := joined(context):
        return waiting
    made = _applied(context, context.desired.guardrails(context.previous))
    context.applied()
    created = [str(one.ref) for one in made if one.outcome == "created"]
    return Done(
        "Namespace, quota, limits, network policy, role binding",
        events=(f"Made {', '.join(created)}",) if created else (),
    )


def resource(context: RunContext, step: Step) -> Outcome:
    """Apply one resource's objects, then look at them until they are ready; then publish its outputs."""
    name = step.key.removeprefix("resource:")
    rows = context.resources
    row = rows[name]
    published = {key: one.outputs for key, one in rows.items()}
    rendered = context.desired.render(name, published)
    manifests = [one.manifest for one in rendered]
    refs = [ObjectRef.of(manifest) for manifest in manifests]
    progress = dict(step.progress)
    events: tuple[str, ...] = ()
    if not progress.get("applied"):
        events = (_apply(context, row, manifests, refs),)
        progress["applied"] = True
    observed = context.driver.observe(refs)
    readiness = [context.desired.readiness(one, seen) for one, seen in zip(rendered, observed, strict=True)]
    seen = {one.id: each for one, each in zip(rendered, observed, strict=True)}
    waiting = _not_ready(context, row, seen, readiness, progress, events, step.attempt)
    if waiting is not None:
        return waiting
    status = {"state": "ready", "message": "", "outputs": context.desired.publish(name, seen, published)}
    _set(row, status)
    return Done("Ready", progress, events, resource=(row.pk, status))


def _apply(context: RunContext, row: Resource, manifests: Sequence[Manifest], refs: Sequence[ObjectRef]) -> str:
    runs.resource_intend(context.claim, resource=row, objects=runs.refs_as_data(refs), now=context.now())
    made = _applied(context, manifests)
    context.applied()
    changed = [one.ref.kind for one in made if one.outcome != "unchanged"]
    return f"Applied {', '.join(changed)}" if changed else "Applied, nothing differed"


def _applied(context: RunContext, manifests: Sequence[Manifest]) -> list[Applied]:
    """Apply them. A revert applies what it puts back, with force, and what is missing; it leaves the rest alone."""
    if context.corrects is None:
        return context.driver.apply(manifests, context.scope)
    there = context.driver.observe([ObjectRef.of(manifest) for manifest in manifests])
    wanted = [
        manifest
        for manifest, seen in zip(manifests, there, strict=True)
        if seen.ref in context.corrects or not seen.exists
    ]
    return context.driver.apply(wanted, context.scope, force=True) if wanted else []


def _not_ready(
    context: RunContext,
    row: Resource,
    seen: Mapping[str, Observed],
    readiness: Sequence[Readiness],
    progress: dict[str, Any],
    events: tuple[str, ...],
    attempt: int,
) -> Outcome | None:
    """Why the resource is not ready, as an outcome; None when it is."""
    missing = [one.ref for one in seen.values() if not one.exists]
    if missing:  # somebody deleted it between apply and observe: make it again
        return Wait(LOOK_AGAIN, f"{missing[0]} is gone; it is made again", {**progress, "applied": False}, events)
    refs = [one.ref for one in seen.values()]
    failed = next((one for one in readiness if one.state == "failed"), None)
    if failed is not None:
        return _failed(context, row, failed, refs, progress)
    waiting = next((one for one in readiness if one.state in ("in-progress", "terminating")), None)
    if waiting is None:
        return None
    if waiting.reason in PATIENT:
        _progressing(context, row, waiting.message)
        return Wait(LOOK_FOR_PEOPLE, waiting.message, {**progress, "why": None}, events, patient=True)
    return _waiting(context, row, waiting, refs, {**progress, "looks": looks(seen)}, events, attempt)


def _failed(
    context: RunContext, row: Resource, failed: Readiness, refs: Sequence[ObjectRef], progress: Mapping[str, Any]
) -> Failed:
    """With the cluster's own reasons where it gives them; what readiness said is folded away then."""
    why = told_why(context, refs) or {}
    message = why.get("message", failed.message)
    code = why.get("code", failed.reason)
    context.observe(row, state="failed", message=message)
    remedy = why.get("remedy") or remedy_for(failed.reason)
    return Failed(code, f"{row.name}: {message}", remedy, failed.message if why else "", {**progress, "why": None})


def _waiting(
    context: RunContext,
    row: Resource,
    waiting: Readiness,
    refs: Sequence[ObjectRef],
    progress: dict[str, Any],
    events: tuple[str, ...],
    attempt: int,
) -> Wait:
    """What it waits for, with why when that is known; ``progress["why"]`` keeps it until the cluster is asked again."""
    quiet = progress["looks"] == progress.get("looked")
    progress["looked"] = progress.pop("looks")
    if is_time_to_ask(attempt=attempt, quiet=quiet):
        progress["why"] = told_why(context, refs)
    why = progress.get("why") or {}
    message = str(why.get("message") or waiting.message)
    _progressing(context, row, message)
    return Wait(look_delay(context, attempt=attempt, quiet=quiet), message, progress, events)


def _progressing(context: RunContext, row: Resource, message: str) -> None:
    if message[:400] != row.message or row.state != "progressing":
        context.observe(row, state="progressing", message=message[:400])


def outputs(context: RunContext, step: Step) -> Outcome:
    """Check that every resource has published what its contract promises."""
    rows = context.resources
    lacking = [
        f"{name}.{output}"
        for name in context.desired.names
        for output in context.desired.promised_outputs(name)
        if output not in rows[name].outputs
    ]
    if lacking:
        return Failed(
            "output-missing",
            f"{lacking[0]} was promised by its contract and not published.",
            "Tell the capability's owner; the contract's “publish” needs an object that is not there.",
        )
    published = sum(len(rows[name].outputs) for name in context.desired.names)
    return Done(f"{published} outputs published")


def prune(context: RunContext, step: Step) -> Outcome:
    """Delete what was made before and is no longer wanted: whole resources, and objects of those that stay."""
    wanted = {ref for name in context.desired.names for ref in context.desired.refs(name)}
    rows = context.resources
    leftover = {
        name: [ref for ref in recorded(row) if ref not in wanted]
        for name, row in rows.items()
        if any(ref not in wanted for ref in recorded(row)) or name not in context.desired.names
    }
    for name, refs in leftover.items():
        waiting = _delete(context, rows[name], refs)
        if waiting is not None:
            return waiting
        _forget(context, rows[name], refs, stays=name in context.desired.names)
    spare = context.desired.spare_guardrails()
    if spare and any(not one.gone for one in context.driver.delete(spare, context.scope)):
        return Wait(LOOK_AGAIN, f"{spare[0]} is being deleted")
    gone = [name for name in leftover if name not in context.desired.names]
    return Done(f"Removed {', '.join(gone)}" if gone else "Nothing to remove")


def delete_resource(context: RunContext, step: Step) -> Outcome:
    """Delete all that was ever recorded as made for one resource, and wait until it is gone."""
    name = step.key.removeprefix("delete:")
    row = context.resources.get(name)
    if row is None:
        return Done("Gone")
    if row.state != "deleting":
        context.observe(row, state="deleting", message="")
    waiting = _delete(context, row, recorded(row))
    if waiting is not None:
        return waiting
    context.observe(row, state="gone", message="", outputs={}, objects_made=[])
    return Done("Gone")


def delete_guardrails(context: RunContext, step: Step) -> Outcome:
    """Delete the namespace with all that is left in it, and wait until it is gone; leave one that is shared."""
    environment = context.environment
    return space_left(context, environment.cluster, environment.namespace, environment.isolation) or Done(
        "Namespace and everything in it is gone"
    )


def recorded(row: Resource) -> list[ObjectRef]:
    """References of all objects that were ever made for a resource and not yet seen gone."""
    return [ObjectRef(one["apiVersion"], one["kind"], one["namespace"], one["name"]) for one in row.objects_made]


def _delete(context: RunContext, row: Resource, refs: Sequence[ObjectRef]) -> Wait | None:
    if not refs:
        return None
    left = [one for one in context.driver.delete(refs, context.scope) if not one.gone]
    if not left:
        return None
    held = f", held by {', '.join(left[0].finalizers)}" if left[0].finalizers else ""
    return Wait(LOOK_AGAIN, f"{left[0].ref} of {row.name} is being deleted{held}")


def _forget(context: RunContext, row: Resource, refs: Sequence[ObjectRef], *, stays: bool) -> None:
    kept = [ref for ref in recorded(row) if ref not in refs]
    fields: dict[str, Any] = {"objects_made": runs.refs_as_data(kept)}
    if not stays:
        fields |= {"state": "gone", "outputs": {}}
    context.observe(row, **fields)


def _set(row: Resource, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


HANDLERS: Final[Mapping[str, Callable[[RunContext, Step], Outcome]]] = {
    "guardrails": guardrails,
    "resource": resource,
    "outputs": outputs,
    "prune": prune,
    "delete-resource": delete_resource,
    "delete-guardrails": delete_guardrails,
}
