"""The life of drift: found, told, answered by a change, over. Each function runs inside its caller's transaction.

Called by what stores observations, by the submit of a change that decides on drift, and by the end of its run. The
environment is locked before any of its drift.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from governance.selectors.people import team_people
from governance.services.notices import notify
from idp.kernel.wake import wake_after_commit
from provisioning.domain.drift import Drifted, describe
from provisioning.domain.observation import ObjectDrift
from provisioning.models import Change, Drift, Environment
from provisioning.selectors.drift import THERE, label_of
from provisioning.services.event_lines import drift_event_told

DECIDING = {"adopt": "adopted", "revert": "reverted"}
"""Kinds of change that answer drift, and the state in which it ends."""
Key = tuple[str, str, str, str]


def drift_url(system: str, environment: str) -> str:
    """The page on which an environment's drift is decided."""
    return f"/environments/{system}/{environment}/drift/"


def key_of(found: ObjectDrift) -> Key:
    return found.ref.api_version, found.ref.kind, found.ref.namespace, found.ref.name


def drift_store(environment: Environment, found: Sequence[ObjectDrift], *, now: datetime) -> int:
    """Open a row for each object that drifted, end those that are over; 1 when something changed.

    An object that drifts otherwise than what was decided is open again: the decision was about what was read.
    """
    there = Drift.objects.filter(environment=environment, state__in=THERE).select_related("change")
    rows = {(row.api_version, row.kind, row.namespace, row.name): row for row in there}
    changed, told = 0, []
    for one in found:
        row = rows.pop(key_of(one), None)
        if row is not None and row.fingerprint == one.fingerprint:
            continue
        changed = 1
        again = row is not None and row.state == "snoozed"
        row = _stored(environment, row, one, now=now)
        told.append((row, again))
    for row in rows.values():
        changed |= Drift.objects.filter(pk=row.pk, state__in=THERE).update(state=_ending(row), decided_at=now) and 1
    if changed:
        drift_count(environment.pk)
    if told:
        _told(environment, [row for row, _ in told], again=any(again for _, again in told), now=now)
        if environment.stage.drift_mode == "correct":
            wake_after_commit("drift", environment.pk)
    return changed


def _stored(environment: Environment, row: Drift | None, one: ObjectDrift, *, now: datetime) -> Drift:
    fields: dict[str, Any] = {
        "resource": one.resource,
        "fields": [each.as_data() for each in one.fields],
        "fingerprint": one.fingerprint,
        "managers": one.managers,
        "caused_at": one.caused_at,
        "seen_at": now,
        "state": "open",
        "snoozed_until": None,
        "reason": "",
        "decision": "",
        "automatic": False,
        "change": None,
        "decided_by": None,
        "decided_at": None,
    }
    if row is None:
        api_version, kind, namespace, name = key_of(one)
        return Drift.objects.create(
            environment=environment, api_version=api_version, kind=kind, namespace=namespace, name=name, **fields
        )
    Drift.objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()
    return row


def _ending(row: Drift) -> str:
    """How drift ended that is no longer seen: by its decision where that was carried out, else by itself."""
    if row.change is not None and row.change.state in ("running", "succeeded"):
        return DECIDING.get(row.decision, "vanished")
    return "vanished"


def drift_count(environment_id: int) -> None:
    """Bring the environment's own count of open drift up to date."""
    number = Drift.objects.filter(environment=environment_id, state="open").count()
    Environment.objects.filter(pk=environment_id).exclude(drifted=number).update(drifted=number)


def drift_told(environment: Environment, rows: Sequence[Drift], *, key: str, begins: str, now: datetime) -> None:
    """Tell the owning team that these rows wait for a decision, once for each ``key``."""
    place = f"{environment.system.slug} / {environment.name}"
    first = rows[0]
    more = f" And {len(rows) - 1} more." if len(rows) > 1 else ""
    notify(
        "drift-found",
        to=team_people(environment.system.team_id),
        title=f"{place} {begins}",
        text=f"{first.kind} {first.name}: {sentence_of(first)}{more}",
        url=drift_url(environment.system.slug, environment.name),
        key=key,
        now=now,
    )


def _told(environment: Environment, rows: Sequence[Drift], *, again: bool, now: datetime) -> None:
    corrects = environment.stage.drift_mode == "correct"
    begins = "was changed outside; Slipway puts it back" if corrects else "was changed outside"
    mark = f":{now.isoformat()}" if again else ""
    drift_told(environment, rows, key=f"drift:{min(row.pk for row in rows)}{mark}", begins=begins, now=now)
    drift_event_told(environment, rows, now=now)


def sentence_of(row: Drift) -> str:
    """What happened to the object, by its first field."""
    if not row.fields:
        return "It is no longer as agreed."
    known = {key: row.fields[0].get(key) for key in ("kind", "path", "wanted", "live")}
    return describe(Drifted(**known, manager=row.fields[0].get("manager", "")))


def drifts_answered(change: Change, *, by: int | None, automatic: bool, now: datetime) -> None:
    """Note on the rows which change decides on them, in the transaction that submits it."""
    if change.kind not in DECIDING or change.environment_id is None:
        return
    labels, resources = _labels(change), set(change.intent.get("patches", ()))
    there = Drift.objects.filter(environment=change.environment_id, state__in=THERE)
    meant = [
        row.pk
        for row in there
        if label_of(row) in labels or (not labels and change.kind == "adopt" and row.resource in resources)
    ]
    Drift.objects.filter(pk__in=meant).update(
        state="open",
        snoozed_until=None,
        reason=change.reason[:400],
        decision=change.kind,
        automatic=automatic,
        change=change,
        decided_by=by,
        decided_at=now,
    )
    drift_count(change.environment_id)


def _labels(change: Change) -> Collection[str]:
    if change.kind == "revert":
        return {one["object"] for one in change.plan.get("corrects", ())}
    return set(change.intent.get("objects") or ())


def drifts_settled(change: Change, *, deleted: bool, now: datetime) -> None:
    """A run succeeded: what its change decided on is over; of one that is deleted or has moved all is."""
    rows = Drift.objects.filter(state__in=THERE)
    if deleted or change.kind == "move":
        rows, ending = rows.filter(environment=change.environment_id), "vanished"
    elif change.kind in DECIDING:
        rows, ending = rows.filter(change=change), DECIDING[change.kind]
    else:
        return
    if rows.update(state=ending, snoozed_until=None) and change.environment_id is not None:
        drift_count(change.environment_id)
