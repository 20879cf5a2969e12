"""What a move means, in plain data and in sentences: what is lost, which outputs change, what people do afterwards.

Called by the gate when an environment is asked to go to another cluster or another isolation. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioning.domain.isolation import WAYS, Place

Outputs = Mapping[str, Mapping[str, Any]]


def move_of(
    leaves: Place,
    goes: Place,
    *,
    back: bool,
    resources: Sequence[Mapping[str, Any]],
    before: Outputs,
    after: Outputs,
) -> dict[str, Any]:
    """``from``, ``to``, ``lost`` (resources whose data stays behind) and ``outputs`` that become others.

    ``resources`` are those of the plan. ``back``: it returns to the place that it was leaving, where all of it may
    still be.
    """
    return {
        "from": leaves.as_dict(),
        "to": goes.as_dict(),
        "back": back,
        "lost": [
            {"resource": one["name"], "storage_gib": one["usage_before"]["storage_gib"]}
            for one in resources
            if one["usage_before"]["storage_gib"]
        ],
        "outputs": _changed(before, after),
    }


def _changed(before: Outputs, after: Outputs) -> list[dict[str, Any]]:
    return [
        {"resource": name, "output": output, "before": before[name][output], "after": value}
        for name, outputs in after.items()
        for output, value in outputs.items()
        if output in before.get(name, {}) and before[name][output] != value
    ]


def where(place: Mapping[str, str], other: Mapping[str, str]) -> str:
    """``place`` in words that tell it from ``other``."""
    if place["cluster"] != other["cluster"]:
        return place["cluster"]
    return WAYS[place["isolation"]].title[0].lower() + WAYS[place["isolation"]].title[1:]


def move_notes(move: Mapping[str, Any], hosts: Sequence[str]) -> list[str]:
    """What whoever decides should know. ``hosts`` are those that its routes answer to."""
    leaves, goes = move["from"], move["to"]
    said = [
        f"It is built up in {goes['namespace']} on {goes['cluster']}; when all of it is ready there, "
        f"{leaves['namespace']} on {leaves['cluster']} is torn down."
    ]
    said += [
        f"{one['storage_gib']:g} GiB of data of {one['resource']} are not moved; copy them before, or they are lost."
        for one in move["lost"]
    ]
    said.append("Secrets are made new; what people filled in by hand must be filled in again.")
    if move["outputs"]:
        names = sorted({f"{one['resource']}.{one['output']}" for one in move["outputs"]})
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        said.append(f"These outputs become others: {shown}. What reads them here follows; tell whoever reads them.")
    if hosts and leaves["cluster"] != goes["cluster"]:
        said.append(f"{', '.join(hosts)} must lead to {goes['cluster']}: DNS is not changed by Slipway.")
    said.append("Both places count against the quota until the old one is gone.")
    return said


def loses_data(plan: Mapping[str, Any]) -> bool:
    """Whether a plan is a move that leaves data behind."""
    return bool((plan.get("move") or {}).get("lost"))
