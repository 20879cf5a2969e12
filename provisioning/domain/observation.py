"""What the live objects of an environment say about it: the state of each resource, drift, and the environment's
conditions.

Called by the reconciler for every environment of which a watch told something. Pure: who renders and who observes are
arguments. Between two changes only; while a run changes an environment, the run says how it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from idp.kernel.canonical import digest
from provisioning.domain.drift import Drifted, describe, drift_of
from provisioning.domain.driver import Manifest, ObjectRef
from provisioning.domain.readiness import Readiness

JUDGED_STATES: Final = ("ready", "degraded", "asleep", "unknown")
"""States of an environment in which what is observed decides how it is."""
GUARDRAILS: Final = ""
"""The name under which objects are kept that belong to no resource."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object as the last successful run made it, with how its readiness is judged from the live one."""

    resource: str
    manifest: Manifest
    live: Manifest | None
    readiness: Readiness


@dataclass(frozen=True, slots=True)
class ResourceSeen:
    """``state`` is one of ready, progressing, failed; ``reason`` is stable, ``message`` is for people."""

    name: str
    state: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ObjectDrift:
    """What one object drifted by."""

    resource: str
    ref: ObjectRef
    fields: tuple[Drifted, ...]

    @property
    def managers(self) -> str:
        """Who caused it, each once; empty when nobody can be named."""
        return ", ".join(dict.fromkeys(one.manager for one in self.fields if one.manager))[:200]

    @property
    def caused_at(self) -> datetime | None:
        return max((one.at for one in self.fields if one.at is not None), default=None)

    @property
    def fingerprint(self) -> str:
        """The same for the same fields with the same values, whoever looks and whenever."""
        return digest([[one.kind, one.path, one.wanted, one.live, one.manager] for one in self.fields])

    @property
    def sentence(self) -> str:
        more = len(self.fields) - 1
        tail = f" And {more} more field{'' if more == 1 else 's'}." if more else ""
        return f"{self.ref}: {describe(self.fields[0])}{tail}"


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was seen of one environment. ``objects`` says how many objects were compared."""

    resources: tuple[ResourceSeen, ...]
    drift: tuple[ObjectDrift, ...]
    objects: int

    @property
    def all_ready(self) -> bool:
        return all(one.state == "ready" for one in self.resources)


def see(wanted: Sequence[Wanted]) -> Seen:
    """The judgement of each resource in the given order, and every object that drifted.

    A resource is as bad as its worst object. Guardrails are compared, and say nothing about readiness.
    """
    worst: dict[str, ResourceSeen] = {}
    drift: list[ObjectDrift] = []
    for one in wanted:
        if one.resource != GUARDRAILS:
            seen = _resource(one)
            if one.resource not in worst or _RANK[seen.state] > _RANK[worst[one.resource].state]:
                worst[one.resource] = seen
        fields = drift_of(one.manifest, one.live)
        if fields:
            drift.append(ObjectDrift(one.resource, ObjectRef.of(one.manifest), fields))
    return Seen(tuple(worst.values()), tuple(drift), len(wanted))


def doubtful(wanted: Sequence[Wanted], *, fresh: bool) -> list[ObjectRef]:
    """Objects to look up at the cluster before they are judged by what a watch told.

    What is missing may only have lost the label that the watch goes by. ``fresh``: a run has just changed the
    environment, and the watch may still be behind it; then whatever is not as it should be is in doubt.
    """
    return [
        ObjectRef.of(one.manifest)
        for one in wanted
        if one.live is None or (fresh and (one.readiness.state != "current" or drift_of(one.manifest, one.live)))
    ]


_RANK: Final = {"ready": 0, "progressing": 1, "failed": 2}


def _resource(one: Wanted) -> ResourceSeen:
    if one.live is None:
        ref = ObjectRef.of(one.manifest)
        return ResourceSeen(one.resource, "failed", "missing", f"{ref} was deleted.")
    state = {"current": "ready", "failed": "failed"}.get(one.readiness.state, "progressing")
    return ResourceSeen(one.resource, state, one.readiness.reason, "" if state == "ready" else one.readiness.message)


def state_of(seen: Seen, power: str) -> str:
    """The environment's state: ready, asleep or degraded."""
    if not seen.all_ready:
        return "degraded"
    return "asleep" if power == "asleep" else "ready"


def conditions_of(seen: Seen, power: str) -> list[dict[str, str]]:
    """Ready, Degraded, Drifted and Asleep with stable reasons and a sentence each, without since when.

    What sleeps is not Ready: it answers nobody.
    """
    troubled = [one for one in seen.resources if one.state != "ready"]
    first = next((one for one in troubled if one.state == "failed"), troubled[0] if troubled else None)
    asleep = power == "asleep"
    settled = ("Asleep" if asleep else "AsAgreed", "")
    reason, message = (_camel(first.reason), f"{first.name}: {first.message}") if first else settled
    made = [
        _condition("Ready", first is None and not asleep, reason, message),
        _condition("Progressing", False, "Settled", ""),
    ]
    if first is not None:
        made.append(_condition("Degraded", True, reason, message))
    if seen.drift:
        what = f"{len(seen.drift)} object{'' if len(seen.drift) == 1 else 's'} drifted. {seen.drift[0].sentence}"
        made.append(_condition("Drifted", True, "ChangedOutside", what))
    return [*made, *([asleep_condition()] if asleep else [])]


def asleep_condition() -> dict[str, str]:
    """That it was sent to sleep, without since when; a run and a controller say it in the same words."""
    return _condition("Asleep", True, "SentToSleep", "Nothing runs; data stays.")


def unreachable_conditions(why: str) -> list[dict[str, str]]:
    """What can be said of every environment of a cluster that does not answer, without since when."""
    return [{"type": "Ready", "status": "Unknown", "reason": "ClusterUnreachable", "message": why}]


def with_since(
    conditions: Sequence[Mapping[str, str]], before: Sequence[Mapping[str, str]], now: datetime
) -> list[dict[str, str]]:
    """``conditions``, each with the moment since when it holds: that of ``before`` where status and reason are the
    same.
    """
    known = {(one.get("type"), one.get("status"), one.get("reason")): one.get("since") for one in before}
    return [
        {**one, "since": known.get((one["type"], one["status"], one["reason"])) or now.isoformat()}
        for one in conditions
    ]


def same_conditions(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    """Whether they say the same, apart from since when."""

    def told(conditions: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        return [(each.get("type"), each.get("status"), each.get("reason"), each.get("message")) for each in conditions]

    return told(one) == told(other)


def _condition(kind: str, holds: bool, reason: str, message: str) -> dict[str, str]:
    return {"type": kind, "status": "True" if holds else "False", "reason": reason, "message": message}


def _camel(reason: str) -> str:
    """``image-not-found`` as ``ImageNotFound``."""
    return "".join(part[:1].upper() + part[1:] for part in reason.split("-")) or "NotReady"
