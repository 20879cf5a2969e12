"""The computed difference between two revisions: by resource, by field, with usage and cost before and after.

Pure. Services build the two sides from revision documents and contracts; pages, the API, policies and
approvals all read the same plain result (shape: ``build_plan``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from idp.kernel.canonical import digest

Action = Literal["added", "updated", "removed", "unchanged"]
ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Footprint:
    """What something takes: cores, GiB of memory, GiB of storage."""

    cpu: float = 0.0
    memory_gib: float = 0.0
    storage_gib: float = 0.0

    def __add__(self, other: Footprint) -> Footprint:
        return Footprint(self.cpu + other.cpu, self.memory_gib + other.memory_gib, self.storage_gib + other.storage_gib)

    def as_dict(self) -> dict[str, float]:
        return {
            "cpu": round(self.cpu, 3),
            "memory_gib": round(self.memory_gib, 3),
            "storage_gib": round(self.storage_gib, 3),
        }


@dataclass(frozen=True, slots=True)
class Prices:
    """Per month: one core, one GiB of memory, one GiB of storage."""

    cpu: float = 0.0
    memory_gib: float = 0.0
    storage_gib: float = 0.0

    def of(self, footprint: Footprint) -> float:
        """Cost of ``footprint`` for a month, rounded to cents."""
        cost = (
            footprint.cpu * self.cpu + footprint.memory_gib * self.memory_gib + footprint.storage_gib * self.storage_gib
        )
        return round(cost, 2)


@dataclass(frozen=True, slots=True)
class ResourceSide:
    """One resource as one revision has it, ready to be compared. ``schema`` is its contract's input schema.

    ``power`` is the environment's; a resource whose footprint does not follow it is the same asleep and awake.
    ``lender`` is the ``system/environment`` that lends it, and ``inputs`` are then what is lent.
    """

    name: str
    capability: str
    title: str
    icon: str
    contract: str
    component: str | None
    inputs: Mapping[str, Any]
    footprint: Footprint
    power: str = "awake"
    schema: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    lender: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One revision: its resources, expiry and digest. An empty side stands for “nothing there”."""

    resources: Mapping[str, ResourceSide] = field(default_factory=dict)
    expires: str | None = None
    digest: str = ""
    power: str = "awake"

    @property
    def footprint(self) -> Footprint:
        return sum((resource.footprint for resource in self.resources.values()), Footprint())


def build_plan(
    kind: str,
    base: Side,
    target: Side,
    *,
    base_number: int | None,
    stage: str,
    prices: Prices,
    currency: str,
    order: Sequence[str] = (),
    objects: bool = False,
    prices_before: Prices | None = None,
) -> dict[str, Any]:
    """The plan as plain data.

    ``order`` is the dependency order of the target's resources; what is removed comes last. ``objects`` adds the
    object-level difference of what the contracts render, without asking the cluster. ``prices_before`` are those of
    the base where it is elsewhere.
    """
    had = prices_before or prices
    names = [*(name for name in order if name in target.resources)]
    names += sorted(set(target.resources) - set(names)) + sorted(set(base.resources) - set(target.resources))
    resources = [
        _resource_plan(base.resources.get(name), target.resources.get(name), prices, had, objects) for name in names
    ]
    counts = {action: sum(one["action"] == action for one in resources) for action in _ACTIONS}
    return {
        "kind": kind,
        "base": base_number,
        "stage": stage,
        "resources": resources,
        "counts": counts,
        "usage_before": {**base.footprint.as_dict(), "environments": int(base_number is not None)},
        "usage_after": {**target.footprint.as_dict(), "environments": int(kind != "delete")},
        "cost_before": had.of(base.footprint),
        "cost_after": prices.of(target.footprint),
        "currency": currency,
        "expires_before": base.expires,
        "expires_after": target.expires,
        "power_before": base.power,
        "power_after": target.power,
        "base_digest": base.digest,
        "target_digest": target.digest,
    }


_ACTIONS: Final = ("added", "updated", "removed", "unchanged")


def plan_digest(plan: Mapping[str, Any], environment: str) -> str:
    """What an approval is bound to: the kind, the environment, both digests, the drift that is put back and both
    places of a move. Prices and titles do not count.
    """
    bound = {key: plan[key] for key in ("kind", "stage", "base", "base_digest", "target_digest")}
    if plan.get("corrects"):
        bound["corrects"] = [[one["object"], one["fingerprint"]] for one in plan["corrects"]]
    if plan.get("move"):
        bound["move"] = [plan["move"]["from"], plan["move"]["to"]]
    return digest({**bound, "environment": environment})


def changes_nothing(plan: Mapping[str, Any]) -> bool:
    """Whether a change of what exists would leave everything as it is."""
    if plan["kind"] in ("create", "delete") or plan["base"] is None:
        return False
    if plan.get("corrects") or plan.get("move"):
        return False
    same = all(plan.get(f"{key}_before") == plan.get(f"{key}_after") for key in ("expires", "power"))
    return same and not any(plan["counts"][key] for key in ("added", "updated", "removed"))


def _resource_plan(
    before: ResourceSide | None, after: ResourceSide | None, prices: Prices, had: Prices, objects: bool
) -> dict[str, Any]:
    shown = after or before
    assert shown is not None
    fields = field_changes(before, after)
    action: Action = "added" if before is None else "removed" if after is None else "updated" if fields else "unchanged"
    taken_before = before.footprint if before else Footprint()
    taken_after = after.footprint if after else Footprint()
    result: dict[str, Any] = {
        "name": shown.name,
        "action": action,
        "capability": shown.capability,
        "title": shown.title,
        "icon": shown.icon,
        "contract_before": before.contract if before else None,
        "contract_after": after.contract if after else None,
        "component": shown.component,
        "fields": fields,
        "effect": effect_of(action, fields, before, after),
        "usage_before": taken_before.as_dict(),
        "usage_after": taken_after.as_dict(),
        "cost_before": had.of(taken_before),
        "cost_after": prices.of(taken_after),
    }
    if shown.lender:
        result["lender"] = shown.lender
    if objects:
        result["objects"] = object_changes(before, after)
    return result


def field_changes(before: ResourceSide | None, after: ResourceSide | None) -> list[dict[str, Any]]:
    """Every field that differs, as ``{"path", "before", "after", "effect"}``; a missing side is None."""
    old = _facts_of(before)
    new = _facts_of(after)
    shown = after or before
    schema = shown.schema if shown else {}
    changed = []
    for path in sorted(set(old) | set(new), key=lambda name: (name not in ("contract", "component"), name)):
        was, becomes = old.get(path, ABSENT), new.get(path, ABSENT)
        if was == becomes and type(was) is type(becomes):
            continue
        changed.append(
            {
                "path": path,
                "before": None if was is ABSENT else was,
                "after": None if becomes is ABSENT else becomes,
                "effect": _field_effect(schema, path),
            }
        )
    if before and after and before.power != after.power and before.footprint != after.footprint:
        changed.append({"path": "power", "before": before.power, "after": after.power, "effect": "power"})
    return changed


def _facts_of(side: ResourceSide | None) -> dict[str, Any]:
    if side is None:
        return {}
    facts: dict[str, Any] = {"contract": f"{side.capability} {side.contract}"}
    if side.component:
        facts["component"] = side.component
    _flatten("", side.inputs, facts)
    return facts


def _flatten(prefix: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, Mapping) and value:
        for key in value:
            _flatten(f"{prefix}.{key}" if prefix else str(key), value[key], into)
    elif prefix and value is not None and value != {}:
        into[prefix] = value


def _field_effect(schema: Mapping[str, Any], path: str) -> str:
    """``restarts``, ``data`` or ``none``: the nearest ``x-effect`` on the way from the root to the field."""
    if path == "contract":
        return "restarts"
    effect = "none"
    node: Mapping[str, Any] = schema
    for part in path.split("."):
        properties = node.get("properties")
        further = properties.get(part) if isinstance(properties, Mapping) else None
        if not isinstance(further, Mapping):
            break
        node = further
        effect = str(node.get("x-effect", effect))
    return effect


def effect_of(
    action: Action, fields: Sequence[Mapping[str, Any]], before: ResourceSide | None, after: ResourceSide | None
) -> str:
    """One sentence on what happens to the resource."""
    if action == "added" and after is not None:
        return f"Lent by {after.lender}" if after.lender else describe(after.footprint)
    if action == "removed" and before is not None:
        if before.lender:
            return f"No longer used here; {before.lender} keeps it"
        lost = before.footprint.storage_gib
        return f"Deleted with its {lost:g} GiB of data" if lost else "Deleted"
    if action == "unchanged":
        return "Stays as it is"
    if after is not None and after.lender:
        return f"Leads to what {after.lender} lends now"
    effects = {str(one["effect"]) for one in fields}
    if effects == {"power"} and after is not None:
        return _power_effect(after)
    replicas = after.inputs.get("replicas") if after else None
    if "data" in effects:
        return "Changes its storage, data kept"
    if "restarts" in effects and isinstance(replicas, int) and replicas > 1:
        return f"Restarts {replicas} replicas, one at a time"
    return "Restarts" if "restarts" in effects else "No restart"


def _power_effect(after: ResourceSide) -> str:
    if after.power == "awake":
        return f"Wakes up, takes {describe(after.footprint)}"
    kept = after.footprint.storage_gib
    return f"Falls asleep, its {kept:g} GiB of data stay" if kept else "Falls asleep"


def describe(footprint: Footprint) -> str:
    """``0.5 CPU, 1 GiB memory, 10 GiB storage``; what is zero is left out."""
    parts = [
        f"{footprint.cpu:g} CPU" if footprint.cpu else "",
        f"{footprint.memory_gib:g} GiB memory" if footprint.memory_gib else "",
        f"{footprint.storage_gib:g} GiB storage" if footprint.storage_gib else "",
    ]
    return ", ".join(part for part in parts if part) or "Takes nothing of the quota"


def object_changes(before: ResourceSide | None, after: ResourceSide | None) -> list[dict[str, Any]]:
    """Objects that the contract renders, by id: ``{"id", "kind", "name", "action", "before", "after"}``."""
    old = dict(before.objects) if before else {}
    new = dict(after.objects) if after else {}
    changed = []
    for key in [*new, *(key for key in old if key not in new)]:
        was, becomes = old.get(key), new.get(key)
        shown = becomes or was or {}
        action = "added" if was is None else "removed" if becomes is None else "unchanged"
        if was is not None and becomes is not None and was != becomes:
            action = "updated"
        changed.append(
            {
                "id": key,
                "kind": shown.get("kind", ""),
                "name": shown.get("metadata", {}).get("name", ""),
                "action": action,
                "before": was,
                "after": becomes,
            }
        )
    return changed
