"""A hundred policies on one change: how long their verdicts take, and that they are compiled once per process."""

from __future__ import annotations

from typing import Any

from bench.bulk import insert
from bench.report import Row, milliseconds
from bench.timing import in_turns, median
from governance.domain.policy import parse_policy
from governance.models import Policy
from governance.services import policies
from idp.kernel.canonical import canonical, digest
from idp.kernel.clock import now
from provisioning.models import Change

NUMBER, MOST_MS = 100, 5.0

RULES = (
    'stage.production && change.kind in ["create", "update", "promote"]',
    "plan.cost_after > {number}.0 && plan.cost_after > plan.cost_before",
    'plan.resources.exists(r, r.action in ["added", "updated"] && has(r.inputs.image) && '
    'r.inputs.image.endsWith(":latest{number}"))',
    'plan.resources.exists(r, r.capability == "postgres" && default(r.inputs.storageGiB, 10) > {number}00)',
    "quota.memory_gib.ratio_after > 0.{number:03} && plan.usage_after.memory_gib > plan.usage_before.memory_gib",
)
"""What people write, after the starter policies; each is made ever so slightly different."""


def measure(*, times: int) -> tuple[Row, dict[str, Any]]:
    """On a change of the database that is in use; the policies are stored, so that loading them counts too."""
    kept = list(Policy.objects.values_list("pk", flat=True))
    Policy.objects.filter(pk__in=kept).update(active=False)
    insert(_policy(number) for number in range(NUMBER))
    try:
        return _measure(times)
    finally:
        Policy.objects.exclude(pk__in=kept).delete()
        Policy.objects.filter(pk__in=kept).update(active=True)


def _measure(times: int) -> tuple[Row, dict[str, Any]]:
    facts = Change.objects.filter(kind="update").order_by("-id")[0].facts
    first = policies.active_policies()
    again = policies.active_policies()
    compiled_once = all(one is other for one, other in zip(first, again, strict=True))
    verdicts = policies.evaluate(again, facts)
    wrong = [one.policy for one in verdicts if one.outcome == "errors"]
    if wrong or len(verdicts) != NUMBER:
        raise RuntimeError(f"{len(verdicts)} verdicts, of which {len(wrong)} are errors")
    taken = in_turns(
        {
            "evaluate": lambda: policies.evaluate(again, facts),
            "load": policies.active_policies,
        },
        times=times,
    )
    took = median(taken["evaluate"])
    row = Row(
        what=f"{NUMBER} policies on one change",
        floor="",
        measured=f"{milliseconds(took)}, compiled {'once' if compiled_once else 'again each time'}",
        ratio="",
        budget=f"≤ {MOST_MS:g} ms, compiled once per process",
        ok=took <= MOST_MS and compiled_once,
    )
    return row, taken


def _policy(number: int) -> Policy:
    document = canonical(
        {
            "apiVersion": "slipway.dev/v1",
            "kind": "Policy",
            "metadata": {"name": f"bench-{number:03}"},
            "spec": {
                "title": f"Rule {number}",
                "mode": "observe",
                "when": RULES[number % len(RULES)].format(number=number + 1),
                "effect": "warn",
                "message": "The plan costs ${string(plan.cost_after)} a month.",
            },
        }
    )
    parsed = parse_policy(document)
    return Policy(
        name=parsed.name,
        title=parsed.title,
        mode=parsed.mode,
        effect=parsed.effect,
        document=document,
        digest=digest(document),
        updated_at=now(),
    )
