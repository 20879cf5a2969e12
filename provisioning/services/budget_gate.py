"""What budgets say to a change, as verdicts beside those of policies; and who is told when one is being used up.

The gate asks only where the team has a budget. A change that costs no more than before is never held up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from governance.domain.policy import ApprovalRule, Outcome, Verdict
from governance.models import Budget
from governance.selectors.people import team_people
from governance.services.events import audience_tell, event_tell
from governance.services.notices import notify
from idp.catalog.models import System, Team
from provisioning.domain.showback import Month
from provisioning.selectors.budgets import BudgetView, budget_views

OUTCOMES: Mapping[str, Outcome] = {"warn": "warns", "ask": "asks", "deny": "denies"}


def budget_verdicts(system: System, plan: Mapping[str, Any], *, now: datetime) -> Iterator[Verdict]:
    """One verdict for each budget whose step this change comes to."""
    more = plan["cost_after"] - plan["cost_before"]
    if more <= 0:
        return
    for view in budget_views(system.team_id, now=now, system_id=system.pk, more=more):
        step = view.step
        if step is not None and step.do in OUTCOMES:
            yield Verdict(
                policy="budget",
                title=f"Budget of {view.system or system.team.name}",
                outcome=OUTCOMES[step.do],
                message=_sentence(view),
                remedy="Ask for less, let something sleep, or ask a platform admin for a larger budget.",
                approvals=(ApprovalRule("team:maintainer"),) if step.do == "ask" else (),
            )


def budgets_tell(*, now: datetime) -> int:
    """Tell maintainers, programs and chats of each step that a budget comes to, once a month and step.

    Answers how many people were told.
    """
    teams = Team.objects.filter(pk__in=Budget.objects.values("team")).order_by("pk")
    return sum(_told(team, now=now) for team in teams)


@transaction.atomic
def _told(team: Team, *, now: datetime) -> int:
    count = 0
    for view in budget_views(team.pk, now=now):
        if view.step is None:
            continue
        count += notify(
            "budget-reached",
            to=team_people(team.pk, roles=("maintainer",)),
            title=f"The budget of {view.system or team.name} comes to {view.share:.0f} %",
            text=_sentence(view),
            url=f"/teams/{team.slug}/budgets",
            key=f"budget:{view.budget_id}:{Month.of(now)}:{view.step.at}",
            now=now,
        )
        step = f"{Month.of(now)}:{view.step.at}"
        if Budget.objects.filter(pk=view.budget_id).exclude(told=step).update(told=step):
            _event_told(team, view, step=view.step.at, now=now)
    return count


def _event_told(team: Team, view: BudgetView, *, step: int, now: datetime) -> None:
    """To whoever hears of the system, or of the team where the budget is the team's own."""
    figures = {"amount": view.amount, "expected": view.expected, "spent": view.spent}
    data = {
        "team": team.slug,
        "page": f"/teams/{team.slug}/budgets",
        "system": view.system,
        "budget": {
            **{name: f"{figure:.2f}" for name, figure in figures.items()},
            **{"currency": settings.CURRENCY, "percent": round(view.share), "step": step},
        },
        "text": _sentence(view),
    }
    if view.system_id is None:
        audience_tell("budget.reached", teams=[team], subject=f"team/{team.slug}", data=data, now=now)
    else:
        system = System.objects.select_related("team").get(pk=view.system_id)
        event_tell("budget.reached", system=system, subject=system.slug, data=data, now=now)


def _sentence(view: BudgetView) -> str:
    return (
        f"This month will have cost {view.expected:.2f} of {view.amount:.2f} {settings.CURRENCY} "
        f"({view.share:.0f} %); {view.spent:.2f} are spent already."
    )
