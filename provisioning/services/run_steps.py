"""The steps of a run as rows: guardrails, resources in dependency order, outputs, prune; or the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioning.domain.correction import touched
from provisioning.models import Environment, FormerPlace, Resource
from provisioning.selectors.desired import Desired, desired_of

StepFields = dict[str, Any]
FEW = 6
OUTPUTS = ("Outputs", "Waits for all resources")


def steps_for_apply(
    desired: Desired, plan: Mapping[str, Any], *, backwards: bool = False, leaves: FormerPlace | None = None
) -> list[StepFields]:
    """Steps that make an environment as ``desired``; independent resources run side by side.

    ``backwards``: whoever depends on others first, so that nothing is awake without what it needs. Only for an
    environment whose resources have all published what others take from them. ``leaves`` is torn down when all else is
    done.
    """
    actions = {one["name"]: one["action"] for one in plan["resources"]}
    steps: list[StepFields] = [
        _step("guardrails", "guardrails", "Guardrails", "Namespace, quota, limits, network policy, role binding", [])
    ]
    names = dealt_with(desired, plan)
    before = _users(desired, names) if backwards else {name: desired.needs(name) & set(names) for name in names}
    for name in reversed(names) if backwards else names:
        needed = sorted(before[name])
        needs = [f"resource:{one}" for one in needed]
        after = f", after {_words(needed)}" if needs else ""
        detail = f"{desired.capability(name)} {desired.version(name)}, {actions.get(name, 'unchanged')}{after}"
        steps.append(_step(f"resource:{name}", "resource", name, detail, needs or ["guardrails"]))
    resources = [f"resource:{name}" for name in names]
    published = ("Switch", "What reads the outputs is led to the new place") if leaves else OUTPUTS
    steps.append(_step("outputs", "outputs", *published, resources or ["guardrails"]))
    removed = sorted(name for name, action in actions.items() if action == "removed")
    told = f"Then removes {_words(removed)}" if removed else "Removes what is no longer wanted"
    steps.append(_step("prune", "prune", "Clean-up", told, ["outputs"]))
    return [*steps, *_steps_to_leave(leaves, desired, after="prune")] if leaves else steps


def _steps_to_leave(leaves: FormerPlace, desired: Desired | None, *, after: str = "") -> list[StepFields]:
    """Steps that empty the place that is being left: whoever depends on others first, what is around them last."""
    names = sorted(leaves.objects_made)
    needs = {name: desired.needs(name) for name in desired.names} if desired else {}
    users = {name: [f"leave:{one}" for one in names if name in needs.get(one, ())] for name in names}
    first = [after] if after else []
    detail = f"Deleted on {leaves.cluster.name}"
    steps = [_step(f"leave:{name}", "leave-resource", name, detail, users[name] or first) for name in names]
    last = [f"leave:{name}" for name in names] or first
    return [*steps, _step("leave", "leave-guardrails", f"Leave {leaves.namespace}", detail, last)]


def dealt_with(desired: Desired, plan: Mapping[str, Any]) -> Sequence[str]:
    """Resources that the run of ``plan`` deals with, in dependency order: all but where drift is decided on."""
    found = touched(plan, {name: desired.needs(name) for name in desired.order})
    return [name for name in desired.order if found is None or name in found]


def _users(desired: Desired, names: Sequence[str]) -> dict[str, set[str]]:
    """By resource, those that take something from it."""
    return {name: {one for one in names if name in desired.needs(one)} for name in names}


def steps_for_delete(environment: Environment, leaves: FormerPlace | None = None) -> list[StepFields]:
    """Steps that take the environment away: whoever depends on others first, the namespace last; and from the place
    that it ``leaves``, where it has not left yet.
    """
    names = [row.name for row in Resource.objects.filter(environment=environment).exclude(state="gone")]
    dependants = _dependants(environment, names)
    steps = [
        _step(
            f"delete:{name}",
            "delete-resource",
            name,
            "Deleted with all its objects",
            [f"delete:{one}" for one in sorted(dependants.get(name, ()))],
        )
        for name in names
    ]
    steps.append(
        _step(
            "guardrails",
            "delete-guardrails",
            "Namespace",
            "And everything left in it",
            [f"delete:{name}" for name in names],
        )
    )
    return [*steps, *_steps_to_leave(leaves, None)] if leaves else steps


def _dependants(environment: Environment, names: list[str]) -> dict[str, set[str]]:
    if environment.desired is None:
        return {}
    desired = desired_of(environment, environment.desired.document, revision=environment.desired.number)
    found: dict[str, set[str]] = {}
    for name in desired.names:
        for needed in desired.needs(name):
            if name in names and needed in names:
                found.setdefault(needed, set()).add(name)
    return found


def _step(key: str, kind: str, title: str, detail: str, needs: list[str]) -> StepFields:
    return {"key": key, "kind": kind, "title": title, "detail": detail, "needs": needs}


def _words(names: list[str]) -> str:
    """``a, b and c``; of many the first few, because a step's line has its limits."""
    shown = names if len(names) <= FEW else [*names[: FEW - 1], f"{len(names) - FEW + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
