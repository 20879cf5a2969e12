"""What Slipway tells other programs: every type of event with the schema of its data, and how one is written.

An event is a CloudEvent 1.0 in its structured form. A type is one line of ``EVENT_TYPES``: filters, the OpenAPI
document, the served schemas and docs/webhooks.md are all written from it. Pure; ``governance.services.events`` stores
events, ``governance.services.webhook_delivery`` sends them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from governance.domain.notice_ways import TOLD

MOST_NAMED: Final = 50
PREFIX: Final = "dev.slipway."
MEDIA: Final = "application/cloudevents+json"
TEST: Final = "webhook.test"
NOTICE: Final = "notice.told"
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventType:
    """``key`` filters, ``title`` completes “Sent when …”, ``schema`` is JSON Schema 2020-12 of ``data``.

    One that is ``explicit`` is sent only where it was asked for by name.
    """

    key: str
    title: str
    group: str
    schema: Schema
    example: dict[str, Any]
    explicit: bool = False

    @property
    def wire(self) -> str:
        """The CloudEvent's ``type``."""
        return PREFIX + self.key


def _text(about: str) -> Schema:
    return {"type": "string", "description": about}


def _record(about: str, **members: Schema) -> Schema:
    return {"type": "object", "description": about, "properties": members, "required": list(members)}


_WHOLE: Final[Schema] = {"type": "integer"}
_PLACE: Final[Mapping[str, Schema]] = MappingProxyType(
    {
        "system": _text("Slug of the system."),
        "team": _text("Slug of the team that owns the system."),
        "environment": _text("Name of the environment."),
        "stage": _text("Name of the environment's stage."),
        "page": _text("Address of the page that answers it."),
    }
)
_SAMPLE_PLACE: Final = {"system": "checkout", "team": "payments", "environment": "staging", "stage": "staging"}
_CHANGE: Final = _record(
    "The change, as it stood at that moment.",
    id=_WHOLE,
    kind=_text("create, update, promote, …"),
    state=_text("The state that it is in now."),
    title=_text("What it does, in words."),
    reason=_text("Why it was asked for."),
    requester=_text("Username of who asked."),
    via=_text("How it came in: portal, api, cli, …"),
    plan_digest=_text("Digest of its plan; approvals are bound to it."),
)
_SAMPLE_CHANGE: Final = {
    "id": 12,
    "kind": "update",
    "state": "pending",
    "title": "Update checkout / staging: api",
    "reason": "New release.",
    "requester": "dana",
    "via": "portal",
    "plan_digest": "9f2c" * 16,
}
_RUN: Final = _record("The run that carries the change out.", id=_WHOLE, page=_text("Address of the run's page."))
_ERROR: Final[Schema] = {
    "type": ["object", "null"],
    "description": "What stopped it, in words; null where nothing did.",
    "properties": {
        "code": _text("Stable code."),
        "message": _text("What happened."),
        "remedy": _text("What to do."),
        "step": _text("The step that failed."),
    },
}
_PREVIEW: Final[Schema] = {
    "type": ["object", "null"],
    "description": "The pull request that the environment is the preview of; null where it is none.",
    "properties": {
        "key": _text("The key that the pipeline gave, such as pr-7."),
        "link": _text("The address that it gave; may be empty."),
    },
    "required": ["key", "link"],
}
_ACTOR: Final = _text("Username of who did it; slipway for the platform.")
_SAID: Final = _text("What the person wrote, or why it happened; may be empty.")


def _of_change(key: str, title: str, state: str, **more: Any) -> EventType:
    schema = _record("A change.", **_PLACE, change=_CHANGE, actor=_ACTOR, text=_SAID)
    change = {**_SAMPLE_CHANGE, "state": state}
    page = "https://slipway.example/changes/12/"
    example = {**_SAMPLE_PLACE, "page": page, "change": change, "actor": "mara", "text": "", **more}
    if key == "change.decided":
        schema["properties"]["verdict"] = {"type": "string", "enum": ["approve", "reject"]}
        schema["required"] = [*schema["required"], "verdict"]
        example["verdict"] = "approve"
    return EventType(key, title, "Changes", schema, example)


def _of_run(key: str, title: str, state: str, error: dict[str, str] | None = None) -> EventType:
    schema = _record("A run.", **_PLACE, change=_CHANGE, run=_RUN, error=_ERROR, preview=_PREVIEW)
    page = "https://slipway.example/runs/31/"
    example = {
        **_SAMPLE_PLACE,
        "page": page,
        "change": {**_SAMPLE_CHANGE, "state": state},
        "run": {"id": 31, "page": page},
        "error": error,
        "preview": None,
    }
    return EventType(key, title, "Runs", schema, example)


def _of_environment(key: str, title: str, state: str, **more: Any) -> EventType:
    extra: dict[str, Schema] = {
        "objects": {"type": "array", "items": {"type": "string"}, "description": "Objects that differ."},
        "expires": {"type": "string", "format": "date-time", "description": "When it is deleted."},
    }
    members = {name: extra[name] for name in more if name in extra}
    schema = _record(
        "An environment.",
        **_PLACE,
        state=_text("Its state now."),
        reason=_text("A stable word for why."),
        message=_text("Why, in a sentence; may be empty."),
        preview=_PREVIEW,
        **members,
    )
    page = "https://slipway.example/environments/checkout/staging/"
    example = {**_SAMPLE_PLACE, "page": page, "state": state, "reason": "", "message": "", "preview": None, **more}
    return EventType(key, title, "Environments", schema, example)


_FREEZE: Final = _record(
    "The freeze.",
    id=_WHOLE,
    title=_text("What it is called."),
    reason=_text("Why."),
    scope=_text("What it holds still, in words."),
    declared_by=_text("Username of who declared it."),
)
_SAMPLE_FREEZE: Final = {
    "id": 3,
    "title": "Stocktaking",
    "reason": "The ledger is counted.",
    "scope": "stage prod, system checkout",
    "declared_by": "mara",
}
_BUDGET: Final = _record(
    "The budget, and what it has come to.",
    amount=_text("What may be spent in a calendar month."),
    expected=_text("What the month will have cost, as it stands."),
    spent=_text("What it has cost already."),
    currency=_text("Of all three."),
    percent=_WHOLE,
    step=_WHOLE,
)
_AUDIENCE: Final[Mapping[str, Schema]] = MappingProxyType(
    {
        "team": _text("Slug of the team that is told; empty for the organisation."),
        "page": _text("Address of the page that answers it."),
    }
)


def _of_freeze(key: str, title: str, text: str) -> EventType:
    schema = _record("A freeze.", **_AUDIENCE, freeze=_FREEZE, actor=_ACTOR, text=_SAID)
    page = "https://slipway.example/freezes/3/"
    example = {"team": "payments", "page": page, "freeze": _SAMPLE_FREEZE, "actor": "mara", "text": text}
    return EventType(key, title, "Freezes and budgets", schema, example)


def _of_budget() -> EventType:
    about = _text("Slug of the system whose budget it is; empty for the team's own.")
    schema = _record("A budget.", **_AUDIENCE, system=about, budget=_BUDGET, text=_text("It all, in a sentence."))
    example = {
        "team": "payments",
        "page": "https://slipway.example/teams/payments/budgets",
        "system": "checkout",
        "budget": {
            **{"amount": "500.00", "expected": "430.00", "spent": "210.00", "currency": "EUR"},
            **{"percent": 86, "step": 80},
        },
        "text": "This month will have cost 430.00 of 500.00 EUR (86 %); 210.00 are spent already.",
    }
    return EventType("budget.reached", "A budget came to one of its steps", "Freezes and budgets", schema, example)


def _of_git(key: str, title: str, text: str, **more: Any) -> EventType:
    named = ("file", "kind", "name", "message")
    document = _record("A document that is refused.", **{name: {"type": "string"} for name in named})
    schema = _record(
        "Files in Git.",
        **_AUDIENCE,
        source=_record("The source.", **{name: {"type": "string"} for name in ("name", "repository", "branch")}),
        commit=_record(
            "The commit that was read last; its members are empty before the first.",
            **{name: {"type": "string"} for name in ("id", "author", "subject", "link")},
        ),
        documents={"type": "array", "items": document, "description": "At most 20 of those that are refused."},
        text=_text("It all, in a sentence or two."),
    )
    repository = "https://git.example/payments/infra"
    number = "9f2c5b1e" * 5
    example = {
        "team": "payments",
        "page": "https://slipway.example/git/sources/infra/syncs/7/",
        "source": {"name": "infra", "repository": f"{repository}.git", "branch": "main"},
        "commit": {"id": number, "author": "Dana", "subject": "Scale", "link": f"{repository}/commit/{number}"},
        "documents": [],
        "text": text,
        **more,
    }
    return EventType(key, title, "Files in Git", schema, example)


def _of_notice() -> EventType:
    names = {"type": "array", "items": {"type": "string"}, "maxItems": MOST_NAMED}
    schema = _record(
        "A notice that people got.",
        kind={"type": "string", "enum": list(TOLD), "description": "Which kind of notice it is."},
        title=_text("What happened, in a line."),
        text=_text("It all, in a sentence or two; may be empty."),
        system=_text("Slug of the system that it concerns; empty where it concerns none, or several."),
        team=_text("Slug of the team that it concerns; empty where it concerns none, or several."),
        people={**names, "description": f"Usernames of those who were told, at most {MOST_NAMED}; may be empty."},
        page=_text("Address of the page that answers it."),
    )
    example = {
        "kind": "expiry-refused",
        "title": "checkout / staging cannot be deleted, though its time is over",
        "text": "A freeze holds it until 27 November.",
        "system": "checkout",
        "team": "payments",
        "people": ["dana", "mara"],
        "page": "https://slipway.example/environments/checkout/staging/settings/",
    }
    return EventType(NOTICE, "People got a notice that no other event tells", "Notices", schema, example, explicit=True)


_TYPES: Final = (
    _of_change("change.submitted", "Somebody asked for a change", "pending"),
    _of_change("change.decided", "Somebody approved or rejected a change", "pending"),
    _of_change("change.approved", "A change has every approval, or needs none", "approved"),
    _of_change("change.rejected", "A change was rejected", "rejected"),
    _of_change("change.denied", "A policy, a freeze or the quota stopped a change", "denied"),
    _of_change("change.cancelled", "A change was withdrawn before it ran", "cancelled"),
    _of_change("change.expired", "Nobody decided on a change in time", "expired"),
    _of_change("change.superseded", "A later change made a change needless", "superseded"),
    _of_change("change.commented", "Somebody said or asked something about a change", "pending", text="Why now?"),
    _of_run("run.started", "A run started, or went on after a failure", "running"),
    _of_run("run.succeeded", "A run made the environment as it was agreed", "succeeded"),
    _of_run(
        "run.failed",
        "A run stopped with an error",
        "failed",
        {"code": "image-missing", "message": "The image is not there.", "remedy": "Push it.", "step": "resource:api"},
    ),
    _of_run("run.cancelled", "A run was cancelled", "cancelled"),
    _of_environment("environment.ready", "An environment became ready", "ready", reason="AsAgreed"),
    _of_environment(
        "environment.degraded",
        "Something in an environment does not work",
        "degraded",
        reason="NotReady",
        message="api: 1 of 2 copies answer.",
    ),
    _of_environment("environment.failed", "An environment's last run failed", "failed", reason="RunFailed"),
    _of_environment("environment.asleep", "An environment fell asleep", "asleep", reason="Asleep"),
    _of_environment("environment.deleted", "An environment is gone", "gone", reason="Deleted"),
    _of_environment(
        "environment.drifted",
        "Something in an environment was changed outside of Slipway",
        "ready",
        objects=["Deployment api"],
    ),
    _of_environment("environment.expiring", "An environment is deleted soon", "ready", expires="2026-12-01T09:00:00Z"),
    _of_freeze("freeze.began", "A freeze began to hold", "mara froze it until it is lifted."),
    _of_freeze("freeze.over", "A freeze holds no longer", "What was held starts by itself."),
    _of_budget(),
    _of_git("git.failed", "Files in Git cannot be read", "The Git server does not let Slipway read this repository."),
    _of_git(
        "git.refused",
        "Documents of a commit are refused",
        "checkout/staging: There is no stage “stagng”. What is beside it is applied.",
        documents=[
            {
                "file": "envs/staging.yaml",
                "kind": "Environment",
                "name": "checkout/staging",
                "message": "There is no stage “stagng”.",
            }
        ],
    ),
    _of_git("git.recovered", "Files in Git are applied again", "Its files can be read again."),
    _of_notice(),
    EventType(
        TEST,
        "Somebody pressed “Send a test event”",
        "Test",
        _record("A test.", actor=_ACTOR, text=_text("A sentence.")),
        {"actor": "mara", "text": "This is a test."},
    ),
)
EVENT_TYPES: Final[Mapping[str, EventType]] = MappingProxyType({one.key: one for one in _TYPES})
CHOICES: Final = tuple(one for one in _TYPES if one.key != TEST)
"""Those that can be asked for; a test event is sent whatever was asked for."""

OF_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ready": "environment.ready",
        "degraded": "environment.degraded",
        "failed": "environment.failed",
        "asleep": "environment.asleep",
        "gone": "environment.deleted",
    }
)
"""State of an environment -> the event that tells of it; other states pass and are not told."""

_OF_LINE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "submit": "change.submitted",
        "reject": "change.rejected",
        "deny": "change.denied",
        "cancel": "change.cancelled",
        "expire": "change.expired",
        "supersede": "change.superseded",
        "comment": "change.commented",
        "request-info": "change.commented",
        "start": "run.started",
        "resume": "run.started",
        "succeed": "run.succeeded",
        "fail": "run.failed",
        "stop": "run.cancelled",
    }
)


def events_of_line(event: str, state: str, before: str) -> tuple[str, ...]:
    """Which events one line of a change's history is: ``event`` took it from ``before`` to ``state``.

    A decision leaves a line of its own, with the state as it was, and then the one of what follows from it.
    """
    if event in ("approve", "reject") and state == before:
        return ("change.decided",)
    if event == "approve":
        return ("change.approved",)
    if event == "submit" and state == "denied":
        return ("change.denied",)
    found = _OF_LINE.get(event)
    return (found,) if found else ()


def wanted(chosen: Collection[str], key: str) -> bool:
    """Whether an endpoint that chose these types gets this one; no choice means all but those that are explicit."""
    by_itself = key == TEST or not (chosen or EVENT_TYPES[key].explicit)
    return by_itself or key in chosen


def wanted_kind(kinds: Collection[str], key: str, data: Mapping[str, Any]) -> bool:
    """Whether an endpoint that chose these kinds of notices gets this event, as far as it is one of them."""
    return key != NOTICE or not kinds or data["kind"] in kinds


def unknown_types(chosen: Collection[str]) -> list[str]:
    """Names among ``chosen`` that are not types that can be asked for."""
    known = {one.key for one in CHOICES}
    return sorted(set(chosen) - known)


def cloud_event(
    uid: str, key: str, *, subject: str, at: datetime, data: Mapping[str, Any], base_url: str
) -> dict[str, Any]:
    """The event as structured CloudEvent. ``source`` is the installation; with ``id`` it is unique.

    A ``page`` that is a path of the portal becomes an address.
    """
    told = dict(data)
    if str(told.get("page", "")).startswith("/"):
        told["page"] = base_url + told["page"]
    if isinstance(told.get("run"), dict) and str(told["run"].get("page", "")).startswith("/"):
        told["run"] = {**told["run"], "page": base_url + told["run"]["page"]}
    found: dict[str, Any] = {
        "specversion": "1.0",
        "id": uid,
        "source": base_url,
        "type": PREFIX + key,
        "time": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{base_url}/api/v1/events/types/{key}/schema.json",
        "data": told,
    }
    return {**found, "subject": subject} if subject else found


def body_of(event: Mapping[str, Any]) -> bytes:
    """The bytes that are signed and sent; the same for every attempt."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def schema_document(key: str, base_url: str) -> Schema:
    """The JSON Schema of one type's ``data``, as it is served."""
    one = EVENT_TYPES[key]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{base_url}/api/v1/events/types/{key}/schema.json",
        "title": f"{one.wire}: {one.title}",
        **one.schema,
        "examples": [one.example],
    }


def groups() -> dict[str, list[EventType]]:
    """Types that can be asked for by group, both in the order of the table."""
    found: dict[str, list[EventType]] = {}
    for one in CHOICES:
        found.setdefault(one.group, []).append(one)
    return found
