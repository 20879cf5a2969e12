"""What changes and runs leave behind: steps, lines of logs, history rows, the audit chain. The bulk of all rows.

Called by ``bench.seed`` with each batch of ``bench.history``. Rows that differ in nothing but their run are multiplied
by the database itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connection

from bench.bulk import batches, insert
from bench.history import Made, by_shape
from bench.wanted import SHAPES, VERSIONS
from governance.domain.audit import Entry
from governance.models import AuditEntry, AuditHead
from governance.services.audit import HEAD
from provisioning.domain.graph import dependencies, order
from provisioning.models import Change

StepLine = tuple[str, str, int, str, str, list[str]]
STEP_COLUMNS = (
    "run_id, key, kind, position, title, detail, needs, state, attempt, failures, due_at, deadline_at, message, error, "
    "progress, started_at, finished_at"
)
HISTORY: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "succeeded": (("approve", "approved", "decided_at"), ("start", "running", "decided_at"),
                  ("succeed", "succeeded", "finished_at")),
    "failed": (("approve", "approved", "decided_at"), ("start", "running", "decided_at"),
               ("fail", "failed", "finished_at")),
    "running": (("approve", "approved", "decided_at"), ("start", "running", "decided_at")),
    "rejected": (("reject", "rejected", "decided_at"),),
    "cancelled": (("cancel", "cancelled", "decided_at"),),
    "denied": (),
    "pending": (),
}  # fmt: skip
"""Events after ``submit`` by the state a change ended in: event, state then, column of its time."""


def steps_of(shape: int, kind: str) -> list[StepLine]:
    """Key, kind, position, title, detail, needs of each step; the same as ``services.run_steps`` makes."""
    wanted = SHAPES[shape](VERSIONS[0])
    needs = dependencies({name: one["inputs"] for name, one in wanted.items()})
    if kind == "delete":
        rows = [(f"delete:{name}", "delete-resource", name, "Deleted with all its objects", []) for name in wanted]
        rows.append(
            ("guardrails", "delete-guardrails", "Namespace", "And everything left in it",
             [f"delete:{name}" for name in wanted])
        )  # fmt: skip
    else:
        rows = [("guardrails", "guardrails", "Guardrails", "Namespace, quota, limits, network policy", [])]
        for name in order(needs):
            after = [f"resource:{one}" for one in sorted(needs[name])] or ["guardrails"]
            rows.append((f"resource:{name}", "resource", name, wanted[name]["capability"], after))
        rows.append(("outputs", "outputs", "Outputs", "Waits for all resources", [f"resource:{one}" for one in wanted]))
        rows.append(("prune", "prune", "Clean-up", "Removes what is no longer wanted", ["outputs"]))
    return [(key, kind, place, title, detail, needs) for place, (key, kind, title, detail, needs) in enumerate(rows)]


def runs(made: Sequence[Made], *, lines: int) -> None:
    """Steps of these runs, and ``lines`` lines of log for each."""
    for (shape, kind, outcome), ids in by_shape(made).items():
        steps = steps_of(shape, kind)
        _steps(ids, steps, outcome)
        _lines(ids, [step[0] for step in steps], lines)


def _steps(ids: Sequence[int], steps: Sequence[StepLine], outcome: str) -> None:
    """Of a run that succeeded all are done; else the second one failed, or waits, and what follows has not begun."""
    rows = []
    for key, kind, position, title, detail, needs in steps:
        state = "done" if outcome == "succeeded" or position == 0 else "next"
        if state != "done" and position == 1:
            state = "failed" if outcome == "failed" else "waiting"
        error = {"code": "image-not-found", "message": "The image cannot be pulled.", "remedy": "Check it.", "raw": ""}
        rows.append(
            (position, key, kind, title, detail, json.dumps(needs), state, int(state != "next"),
             "" if state == "next" else "Ready", json.dumps(error) if state == "failed" else None)
        )  # fmt: skip
    _multiply(
        "provisioning_step",
        STEP_COLUMNS,
        ("position", "key", "kind", "title", "detail", "needs", "state", "attempt", "message", "error"),
        rows,
        f"run.id, line.key, line.kind, line.position, line.title, line.detail, {_json('line.needs')}, line.state, "
        f"line.attempt, 0, run.due_at, NULL, line.message, {_json('line.error')}, {_json(_text('{}'))}, "
        f"CASE WHEN line.attempt = 0 THEN NULL ELSE run.started_at END, "
        f"CASE WHEN line.state IN ('done', 'failed') THEN run.finished_at ELSE NULL END",
        ids,
    )


def _lines(ids: Sequence[int], keys: Sequence[str], number: int) -> None:
    texts = (
        "Made Namespace, ResourceQuota, LimitRange, NetworkPolicy",
        "Applied Deployment, Service, PodDisruptionBudget",
        "1 of 2 replicas are ready",
        "2 of 2 replicas are ready",
        "Ready",
    )
    rows = [
        (index, keys[index * len(keys) // number], "info" if index % 9 else "warn", texts[index % len(texts)])
        for index in range(number)
    ]
    _multiply(
        "provisioning_runevent",
        "run_id, step, at, level, text",
        ("position", "step", "level", "text"),
        rows,
        "run.id, line.step, COALESCE(run.finished_at, run.started_at), line.level, line.text",
        ids,
    )


def _multiply(
    table: str, columns: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]], values: str, ids: Sequence[int]
) -> None:
    """Insert ``rows`` for each run of ``ids``; ``values`` speaks of ``run`` and of ``line``."""
    place = f"({', '.join(['%s'] * len(names))})"
    statement = (
        f"WITH line({', '.join(names)}) AS (VALUES {', '.join([place] * len(rows))}) "
        f"INSERT INTO {table} ({columns}) SELECT {values} FROM provisioning_run run CROSS JOIN line "
        f"WHERE run.id IN ({', '.join(map(str, ids))}) ORDER BY run.id, line.position"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for row in rows for value in row])


def _json(value: str) -> str:
    return f"CAST({value} AS jsonb)" if connection.vendor == "postgresql" else value


def _text(value: str) -> str:
    return f"'{value}'"


def changes() -> None:
    """History rows of all changes."""
    with connection.cursor() as cursor:
        for state, events in HISTORY.items():
            for event, then, column in (("submit", _submitted(state), "created_at"), *events):
                cursor.execute(
                    "INSERT INTO provisioning_changeevent (change_id, at, actor_name, event, state, text) "
                    f"SELECT change.id, change.{column}, person.username, %s, %s, '' FROM provisioning_change change "
                    "JOIN catalog_user person ON person.id = change.requester_id WHERE change.state = %s "
                    "ORDER BY change.id",
                    [event, then, state],
                )


def _submitted(state: str) -> str:
    return "denied" if state == "denied" else "pending"


def audit() -> None:
    """An entry for each change that was asked for, chained on as the service would."""
    head, _ = AuditHead.objects.get_or_create(pk=HEAD)
    for batch in batches(_submits(), 2_000):
        rows = []
        for fields in batch:
            entry = Entry(sequence=head.sequence + 1, previous_hash=head.hash, **fields)
            head.sequence, head.hash = entry.sequence, entry.hash()
            rows.append(
                AuditEntry(sequence=entry.sequence, previous_hash=entry.previous_hash, hash=head.hash, **fields)
            )
        insert(rows)
    head.save()


def _submits() -> Iterator[dict[str, Any]]:
    rows = Change.objects.order_by("id").values_list(
        "pk", "created_at", "requester_id", "requester__username", "via", "state", "title", "system__team__slug",
        "kind", "plan_digest"
    )  # fmt: skip
    for pk, at, actor_id, actor_name, via, state, title, team, kind, plan in rows.iterator(chunk_size=2_000):
        yield {
            "at": at,
            "actor_id": actor_id,
            "actor_name": actor_name,
            "via": via,
            "action": "change.deny" if state == "denied" else "change.submit",
            "object_type": "change",
            "object_id": str(pk),
            "object_label": title,
            "team_slug": team,
            "data": {"kind": kind, "plan_digest": plan},
            "request_id": "",
        }
