"""What an environment lends and borrows, as its page draws it. No query of its own beyond the selectors'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.access import Rights
from portal.forms.yaml_text import as_yaml
from provisioning.domain.lending import Origin, borrowed
from provisioning.models import Environment, ResourceGrant
from provisioning.selectors.lending import in_force, told_to, users_of
from provisioning.services.lending import GrantPlan


@dataclass(frozen=True, slots=True)
class GivenLine:
    """``users`` are places that the reader may see, ``hidden`` how many more there are."""

    grant: ResourceGrant
    to: str
    state: str
    word: str
    users: list[Any]
    hidden: int


def given_lines(rows: Iterable[ResourceGrant], rights: Rights, now: datetime) -> list[GivenLine]:
    found = []
    for row in rows:
        users = users_of([row])
        seen = [one for one in users if rights.may_see(one.system)]
        open_now = in_force(row, now)
        word = ("In use" if users else "Open") if open_now else "Closed to others"
        state = "ready" if users else "pending"
        found.append(GivenLine(row, to_words(row, rights), state, word, seen, len(users) - len(seen)))
    return found


def to_words(row: ResourceGrant, rights: Rights) -> str:
    told = told_to(row, rights)
    if told["to_team"]:
        assert row.to_team is not None
        return f"all systems of {row.to_team.name}"
    if not told["to_system"]:
        return "a system that you may not see"
    return f"{told['to_system']}/{told['to_environment']}" if told["to_environment"] else str(told["to_system"])


def taken_lines(environment: Environment) -> list[tuple[str, Origin]]:
    """What it uses of others, by name."""
    document = environment.desired.document if environment.desired else None
    return sorted(borrowed(document).items())


def offer_lines(rows: Iterable[ResourceGrant], environment: Environment, now: datetime) -> list[dict[str, Any]]:
    """What it may begin to use, each with what is written into its document for that."""
    used = {origin for _, origin in taken_lines(environment)}
    found: dict[Origin, dict[str, Any]] = {}
    for row in rows:
        origin = Origin(row.environment.system.slug, row.environment.name, row.resource)
        if not in_force(row, now) or row.environment_id == environment.pk or origin in used:
            continue
        found.setdefault(
            origin,
            {
                "id": f"from-{row.pk}",
                "origin": origin,
                "note": row.note,
                "score_id": row.score_id,
                "text": as_yaml({row.resource: {"from": origin.as_data()}}),
            },
        )
    return list(found.values())


def effects(plan: GrantPlan, wish_environment: str) -> list[str]:
    """What giving it means, in sentences."""
    if plan.to_system is not None:
        whom = f"{plan.to_system.slug}/{wish_environment}" if wish_environment else f"All of {plan.to_system.slug}"
    else:
        assert plan.to_team is not None
        whom = f"Every system of {plan.to_team.name}"
    place = f"{plan.giver.system.slug}/{plan.giver.name}"
    return [
        f"{whom} on cluster {plan.giver.cluster.name} may use it, with {', '.join(plan.outputs) or 'nothing'}.",
        "Secrets are copied inside the cluster, and copied again when they change. They are never shown.",
        f"The networks let the users' pods through to this resource of {place}, and to nothing else.",
        f"Quota and costs stay with {place}. As long as somebody uses it, it is neither removed nor moved.",
    ]
