"""What other programs are told of changes, runs and environments, in the transaction in which it happened.

``change_states`` calls ``change_event_told`` with every line of a change's history, so that no path of a change can
forget to tell; whoever moves an environment's state calls ``environment_event_told``. Where no endpoint listens this
costs one query, asked once for each change that is at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from governance.domain.event import OF_ENVIRONMENT, events_of_line
from governance.services.events import Listeners, event_tell, listeners_of
from provisioning.models import Change, Drift, Environment, Preview, Run


def change_event_told(
    change: Change, event: str, *, state: str, before: str, actor_name: str, now: datetime, text: str = ""
) -> None:
    """Tell of one line of the history: ``event`` took the change from ``before`` to ``state``."""
    for key in events_of_line(event, state, before):
        listeners = _listeners(change)
        if not listeners.want(key):
            continue
        told = {**_place(change), "change": _change(change, state)}
        if key.startswith("run."):
            told |= _run(change, key)
        else:
            told |= {"page": f"/changes/{change.pk}/", "actor": actor_name, "text": text}
        if key == "change.decided":
            told["verdict"] = event
        subject = f"{change.system.slug}/{change.environment_name}"
        event_tell(key, system=change.system, subject=subject, data=told, now=now, listeners=listeners)


def environment_event_told(environment: Environment, state: str, conditions: Any, *, now: datetime) -> None:
    """Tell that an environment came to ``state`` with ``conditions``; states in between are not told."""
    key = OF_ENVIRONMENT.get(state)
    if key is not None:
        ready: dict[str, Any] = next((one for one in conditions if one.get("type") == "Ready"), {})
        _environment_told(
            environment, key, now=now, state=state, reason=ready.get("reason", ""), message=ready.get("message", "")
        )


def drift_event_told(environment: Environment, rows: Sequence[Drift], *, now: datetime) -> None:
    """Tell that these objects were changed outside."""
    objects = [f"{row.kind} {row.name}" for row in rows]
    _environment_told(environment, "environment.drifted", now=now, part="drift/", objects=objects)


def expiry_event_told(environment: Environment, ends: datetime, *, now: datetime) -> None:
    """Tell that the environment is deleted at ``ends``."""
    _environment_told(environment, "environment.expiring", now=now, expires=ends.isoformat())


def _environment_told(environment: Environment, key: str, *, now: datetime, part: str = "", **data: Any) -> None:
    system = environment.system
    listeners = listeners_of(system)
    if not listeners.want(key):
        return
    told: dict[str, Any] = {
        "system": system.slug,
        "team": system.team.slug,
        "environment": environment.name,
        "stage": environment.stage.name,
        "page": f"/environments/{system.slug}/{environment.name}/{part}",
        "state": environment.state,
        "reason": "",
        "message": "",
        "preview": _preview(environment.pk),
        **data,
    }
    subject = f"{system.slug}/{environment.name}"
    event_tell(key, system=system, subject=subject, data=told, now=now, listeners=listeners)


def change_data(change: Change) -> dict[str, Any]:
    """What an event says of a change, as it stands."""
    return {**_place(change), "change": _change(change, change.state)}


def _listeners(change: Change) -> Listeners:
    """Read once for each row that is at hand: a submit writes up to three lines."""
    found: Listeners | None = getattr(change, "listeners", None)
    if found is None:
        found = listeners_of(change.system)
        change.listeners = found  # type: ignore[attr-defined]  # for as long as this row is at hand
    return found


def _place(change: Change) -> dict[str, Any]:
    system = change.system
    return {
        "system": system.slug,
        "team": system.team.slug,
        "environment": change.environment_name,
        "stage": change.stage.name,
    }


def _change(change: Change, state: str) -> dict[str, Any]:
    return {
        "id": change.pk,
        "kind": change.kind,
        "state": state,
        "title": change.title,
        "reason": change.reason[:1_000],
        "requester": change.requester.username,
        "via": change.via,
        "plan_digest": change.plan_digest,
    }


def _run(change: Change, key: str) -> dict[str, Any]:
    """The change's newest run, and what stopped it."""
    row = Run.objects.filter(change_id=change.pk).order_by("-pk").values_list("pk", "error").first()
    page = f"/runs/{row[0]}/" if row else f"/changes/{change.pk}/"
    error = row[1] if row and row[1] and key == "run.failed" else None
    shown = {name: str(error.get(name, "")) for name in ("code", "message", "remedy", "step")} if error else None
    run = {"id": row[0] if row else 0, "page": page}
    return {"page": page, "run": run, "error": shown, "preview": _preview(change.environment_id)}


def _preview(environment_id: int | None) -> dict[str, str] | None:
    """Of which pull request the environment is the preview, so that its status can be set there."""
    row = (
        Preview.objects.filter(environment=environment_id).values_list("key", "link").first()
        if environment_id
        else None
    )
    return {"key": row[0], "link": row[1]} if row else None
