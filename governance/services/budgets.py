"""Sets the budgets of a team and its systems, all at once, so that one edit is one thing to take back.

Locks: the team's quota row, whose flag tells the gate that there is a budget; then the audit head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.access import rights_of
from governance.domain.budget import amount_of, steps_of
from governance.models import Budget, Quota
from governance.services.audit import audit_append
from governance.services.edits import edit_keep, edit_to_undo
from governance.services.quota import quotas_lock
from idp.catalog.models import System, Team
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, InvalidInput

MOST = 100


@transaction.atomic
def budgets_set(
    actor: Actor, *, team: Team, budgets: Sequence[Mapping[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """Replace the team's budgets; admins only. Each is ``{"system": slug or None, "amount", "steps"}``.

    Answers them as they are now; InvalidInput names each figure that is wrong.
    """
    rights_of(actor).require_admin()
    quotas_lock([team.pk])
    before, wanted = budgets_shown(team), _checked(team, budgets)
    after = [_document(one) for one in wanted]
    if before == after:
        return before
    Budget.objects.filter(team=team).delete()
    for one in wanted:
        one.updated_at = now
    Budget.objects.bulk_create(wanted)
    Quota.objects.filter(team=team).update(budgeted=bool(wanted))
    edit_keep(actor, subject="budget", key=team.pk, before={"budgets": before}, after={"budgets": after}, now=now)
    audit_append(
        actor,
        action="budget.set",
        object_type="team",
        object_id=str(team.pk),
        object_label=team.slug,
        team_slug=team.slug,
        data={"before": before, "after": after},
        now=now,
    )
    return after


def budgets_undo(actor: Actor, *, team: Team, edit_id: int, now: datetime) -> list[dict[str, Any]]:
    """Take the latest edit back; admins only. Itself an edit that can be taken back."""
    rights_of(actor).require_admin()
    return budgets_set(actor, team=team, budgets=edit_to_undo("budget", team.pk, edit_id).before["budgets"], now=now)


def budgets_shown(team: Team) -> list[dict[str, Any]]:
    """The team's budgets as JSON, its own first."""
    rows = Budget.objects.filter(team=team).select_related("system")
    return [_document(one) for one in sorted(rows, key=lambda row: row.system.slug if row.system else "")]


def _document(budget: Budget) -> dict[str, Any]:
    system = budget.system.slug if budget.system else None
    return {"system": system, "amount": str(budget.amount), "steps": budget.steps}


def _checked(team: Team, budgets: Sequence[Mapping[str, Any]]) -> list[Budget]:
    if len(budgets) > MOST:
        raise InvalidInput("Too many budgets.", errors=[FieldError("budgets", f"Keep at most {MOST}.")])
    systems = {one.slug: one for one in System.objects.filter(team=team)}
    made, seen = [], set()
    for number, one in enumerate(budgets):
        name = one.get("system") or None
        path = f"budgets[{number}]"
        if name is not None and name not in systems:
            told = f"Team {team.slug} has no system “{name}”."
            raise InvalidInput(told, errors=[FieldError(f"{path}.system", told)])
        if name in seen:
            raise InvalidInput("Write each budget once.", errors=[FieldError(f"{path}.system", "It is there twice.")])
        seen.add(name)
        steps = [step.as_dict() for step in steps_of(one.get("steps") or [], f"{path}.steps")]
        amount = amount_of(one.get("amount"), f"{path}.amount")
        made.append(Budget(team=team, system=systems[name] if name else None, amount=amount, steps=steps))
    return sorted(made, key=lambda row: row.system.slug if row.system else "")
