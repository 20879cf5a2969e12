"""Putting drift back: what a plan says of the fields that are corrected, and when the platform stops by itself.

Called by the gate for a change of kind ``revert``, by its run, and by the service that corrects drift where a stage
asks for it. Pure; the drifted objects are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from provisioning.domain.driver import ObjectRef

FIGHT_LIMIT: Final = 3
"""Corrections of one object within ``FIGHT_SPAN``; whoever changes it once more gets their way until people decide."""
FIGHT_SPAN: Final = timedelta(hours=1)
_POD: Final = ".template."


@dataclass(frozen=True, slots=True)
class Correction:
    """One object that is put back. ``fields`` are those of ``domain.drift.Drifted`` as plain data."""

    resource: str
    ref: ObjectRef
    fields: Sequence[Mapping[str, Any]]
    fingerprint: str
    managers: str = ""

    @property
    def label(self) -> str:
        return object_label(self.ref.kind, self.ref.name)

    def as_data(self) -> dict[str, Any]:
        """Plain data, as a plan keeps it."""
        return {
            "object": self.label,
            "resource": self.resource,
            "apiVersion": self.ref.api_version,
            "kind": self.ref.kind,
            "namespace": self.ref.namespace,
            "name": self.ref.name,
            "fields": [dict(one) for one in self.fields],
            "fingerprint": self.fingerprint,
            "managers": self.managers,
        }


def object_label(kind: str, name: str) -> str:
    """``Deployment/api``: how an intent names an object."""
    return f"{kind}/{name}"


def with_corrections(plan: Mapping[str, Any], corrections: Sequence[Correction]) -> dict[str, Any]:
    """``plan``, in which every field that is put back stands beside its resource, and all of it under ``corrects``."""
    resources = [
        _corrected(one, [each for each in corrections if each.resource == one["name"]]) for one in plan["resources"]
    ]
    counts = {action: sum(one["action"] == action for one in resources) for action in plan["counts"]}
    return {**plan, "resources": resources, "counts": counts, "corrects": [one.as_data() for one in corrections]}


def _corrected(planned: Mapping[str, Any], corrections: Sequence[Correction]) -> dict[str, Any]:
    if not corrections:
        return dict(planned)
    fields = [field for one in corrections for field in _fields(one)]
    return {
        **planned,
        "action": "updated" if planned["action"] == "unchanged" else planned["action"],
        "fields": [*planned["fields"], *fields],
        "effect": _effect(corrections, fields),
    }


def _fields(correction: Correction) -> list[dict[str, Any]]:
    return [
        {
            "path": f"{correction.label} {one['path']}".strip(),
            "before": "deleted" if one["kind"] == "missing" else one["live"],
            "after": "made again" if one["kind"] == "missing" else one["wanted"],
            "effect": "restarts" if _POD in str(one["path"]) else "none",
        }
        for one in correction.fields
    ]


def _effect(corrections: Sequence[Correction], fields: Sequence[Mapping[str, Any]]) -> str:
    if any(one["effect"] == "restarts" for one in fields):
        return "Put back as agreed, restarts"
    made_again = all(field["kind"] == "missing" for one in corrections for field in one.fields)
    return "Made again as agreed" if made_again else "Put back as agreed"


def corrected_refs(plan: Mapping[str, Any]) -> frozenset[ObjectRef]:
    """The objects that a plan puts back."""
    return frozenset(
        ObjectRef(one["apiVersion"], one["kind"], one["namespace"], one["name"]) for one in plan.get("corrects", ())
    )


def touched(plan: Mapping[str, Any], needs: Mapping[str, Iterable[str]]) -> frozenset[str] | None:
    """Resources that a run of ``plan`` deals with; None for all.

    Deciding on drift leaves alone what the decision is not about: a revert deals with the resources of what it puts
    back, an adoption with those that get other inputs and, by ``needs`` (in dependency order), those that use them.
    """
    if plan["kind"] == "revert":
        return frozenset(one["resource"] for one in plan.get("corrects", ()) if one["resource"])
    if plan["kind"] != "adopt":
        return None
    found = {one["name"] for one in plan["resources"] if one["action"] != "unchanged"}
    for name, needed in needs.items():
        if found & set(needed):
            found.add(name)
    return frozenset(found)


def is_fought(corrected_at: Iterable[datetime], now: datetime) -> bool:
    """Whether an object was corrected so often lately that somebody is putting it back each time."""
    return sum(now - FIGHT_SPAN < at <= now for at in corrected_at) >= FIGHT_LIMIT
