"""Costs from recorded use, price lists that come into force, budgets that warn, ask and refuse, and limits of money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from governance.models import Approval, Budget, Notice, Quota, Reservation
from governance.selectors.quota import quota_state
from governance.services.budgets import budgets_set, budgets_shown, budgets_undo
from governance.services.edits import edit_last
from governance.services.quota import quota_set
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, PolicyDenied, QuotaExceeded
from provisioning.domain.showback import Month
from provisioning.models import Change, Cluster, Environment, Run
from provisioning.selectors.costs import HIDDEN, cost_lines
from provisioning.services.budget_gate import budgets_tell
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.price_lists import prices_follow, prices_set, prices_undo
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, spec

MARCH = Month.of(NOW)
pytestmark = pytest.mark.django_db


@pytest.fixture
def equipped(organisation: Organisation) -> Organisation:
    equip(organisation)
    Cluster.objects.update(price_cpu=31, price_memory_gib=0, price_storage_gib=0)
    return organisation


def living(organisation: Organisation) -> Environment:
    change = create(organisation)
    carry_out(Run.objects.get(change=change))
    return Environment.objects.get(pk=change.environment_id)


def lines(organisation: Organisation, who: str = "developer", at: datetime = NOW + timedelta(days=1)) -> Any:
    return list(cost_lines(MARCH, rights=organisation.rights(who), now=at))


def prices(*lists: dict[str, Any]) -> Cluster:
    return prices_set(PLATFORM, cluster=Cluster.objects.get().name, lists=lists, now=NOW)


def test_a_day_of_use_costs_a_day_of_the_month(equipped: Organisation) -> None:
    environment = living(equipped)
    (line,) = lines(equipped)
    assert (line.team, line.system, line.environment) == ("payments", "checkout", "try")
    assert line.cost == pytest.approx(environment.cpu, abs=Decimal("0.02"))
    assert sum(row.cost for row in lines(equipped, at=NOW)) == 0


def test_what_is_over_still_counts(equipped: Organisation) -> None:
    living(equipped)
    Reservation.objects.filter(state="used").update(state="ended", released_at=NOW + timedelta(hours=12))
    half = lines(equipped)[0].cost
    assert lines(equipped, at=NOW + timedelta(days=20))[0].cost == half > 0


def test_it_hides_names_of_restricted_systems(equipped: Organisation) -> None:
    living(equipped)
    equipped.checkout.restricted = True
    equipped.checkout.save()
    (line,) = lines(equipped, "stranger")
    assert (line.system, line.environment) == (HIDDEN, "")
    assert line.cost == lines(equipped)[0].cost


def test_a_price_list_comes_into_force_on_its_day_and_can_be_taken_back(equipped: Organisation) -> None:
    environment = living(equipped)
    cluster = prices({"from": "2026-03-03", "stage": "dev", "cpu": 62})
    before = lines(equipped, at=datetime(2026, 3, 3, tzinfo=UTC))[0].cost
    after = lines(equipped, at=datetime(2026, 3, 4, tzinfo=UTC))[0].cost
    assert after - before == pytest.approx(environment.cpu * 2, abs=Decimal("0.02"))
    prices_follow(now=NOW)
    environment.refresh_from_db()
    assert environment.monthly_cost == environment.cpu * 31
    prices_follow(now=NOW + timedelta(days=2))
    environment.refresh_from_db()
    assert environment.monthly_cost == environment.cpu * 62
    assert Reservation.objects.get(state="used").monthly_cost == environment.monthly_cost
    edit = edit_last("prices", cluster.pk)
    assert edit is not None
    prices_undo(PLATFORM, cluster=cluster, edit_id=edit.pk, now=NOW + timedelta(days=2))
    environment.refresh_from_db()
    assert environment.monthly_cost == environment.cpu * 31


def test_only_admins_set_prices_and_budgets(equipped: Organisation) -> None:
    maintainer = equipped.actor("maintainer")
    with pytest.raises(Forbidden):
        prices_set(maintainer, cluster=Cluster.objects.get().name, lists=[], now=NOW)
    with pytest.raises(Forbidden):
        budgets_set(maintainer, team=equipped.payments, budgets=[], now=NOW)
    with pytest.raises(InvalidInput) as caught:
        prices({"from": "2026-03-03", "stage": "moon", "cpu": 1})
    assert [one.path for one in caught.value.errors] == ["price_lists[0].stage"]


def budget(organisation: Organisation, amount: Any, do: str, *, system: str | None = None, at: int = 100) -> None:
    budgets_set(
        PLATFORM,
        team=organisation.payments,
        budgets=[{"system": system, "amount": amount, "steps": [{"at": at, "do": do}]}],
        now=NOW,
    )


@pytest.mark.parametrize("system", [None, "checkout"])
def test_a_budget_that_is_used_up_refuses_what_costs_more(equipped: Organisation, system: str | None) -> None:
    living(equipped)
    budget(equipped, 1, "deny", system=system)
    with pytest.raises(PolicyDenied, match="This month will have cost"):
        create(equipped, "more")
    less = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 1}))
    assert change_submit(equipped.actor("developer"), less, now=NOW).state != "denied"


def test_a_budget_asks_a_maintainer(equipped: Organisation) -> None:
    budget(equipped, 1, "ask")
    change = create(equipped)
    assert change.state == "pending"
    assert Approval.objects.get(change_id=change.pk).state == "waiting"


def test_a_budget_warns(equipped: Organisation) -> None:
    budget(equipped, 1, "warn")
    assert create(equipped).state == "running"
    verdict = next(one for one in Change.objects.get().verdicts if one["policy"] == "budget")
    assert verdict["outcome"] == "warns"


@pytest.mark.parametrize("amount", [10_000, 10**9])
def test_a_budget_that_suffices_says_nothing(equipped: Organisation, amount: int) -> None:
    budget(equipped, amount, "deny")
    assert create(equipped).state == "running"
    assert "budget" not in [one["policy"] for one in Change.objects.get().verdicts]


def test_maintainers_are_told_once_a_step_and_month(equipped: Organisation) -> None:
    living(equipped)
    budget(equipped, 1, "tell", at=50)
    assert budgets_tell(now=NOW + timedelta(hours=1)) == 2
    assert budgets_tell(now=NOW + timedelta(hours=2)) == 0
    assert set(Notice.objects.filter(kind="budget-reached").values_list("person__username", flat=True)) == {
        "maintainer",
        "second_maintainer",
    }


def test_budgets_of_a_team_are_one_edit_that_can_be_taken_back(equipped: Organisation) -> None:
    team = equipped.payments
    budget(equipped, 100, "deny")
    assert Quota.objects.get(team=team).budgeted
    budgets_set(PLATFORM, team=team, budgets=[], now=NOW)
    assert not Quota.objects.get(team=team).budgeted
    edit = edit_last("budget", team.pk)
    assert edit is not None
    budgets_undo(PLATFORM, team=team, edit_id=edit.pk, now=NOW)
    assert [one["amount"] for one in budgets_shown(team)] == ["100.00"]
    assert Budget.objects.count() == 1
    with pytest.raises(Conflict):
        budgets_undo(PLATFORM, team=team, edit_id=edit.pk, now=NOW)


def test_a_team_without_a_budget_costs_the_gate_no_query(
    equipped: Organisation, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    request = ChangeRequest("create", "checkout", "new", spec=spec())
    actor = equipped.actor("developer")
    change_plan(actor, request, now=NOW)
    with django_assert_max_num_queries(200) as bare:
        change_plan(actor, request, now=NOW)
    budget(equipped, 10**6, "deny")
    with django_assert_max_num_queries(len(bare) + 6) as budgeted:
        change_plan(actor, request, now=NOW)
    budgets_set(PLATFORM, team=equipped.payments, budgets=[], now=NOW)
    with django_assert_num_queries(len(bare)):
        change_plan(actor, request, now=NOW)
    assert len(budgeted) > len(bare)


CEILINGS: dict[str, tuple[dict[str, Any], str]] = {
    "money": ({"monthly_cost": 1}, "quota.monthly_cost"),
    "the stage's cores": ({"stages": {"dev": {"cpu": "0.1"}}}, "quota.dev.cpu"),
    "the stage's environments": ({"stages": {"dev": {"environments": 0}}}, "quota.dev.environments"),
    "databases": ({"capabilities": {"postgres": 0}}, "quota.resources.postgres"),
}


@pytest.mark.parametrize(("ceilings", "path"), CEILINGS.values(), ids=CEILINGS.keys())
def test_a_ceiling_refuses_and_is_named(equipped: Organisation, ceilings: dict[str, Any], path: str) -> None:
    quota_set(
        PLATFORM, team=equipped.payments, cpu=20, memory_gib=40, storage_gib=500, environments=10, ceilings=ceilings,
        now=NOW,
    )  # fmt: skip
    with pytest.raises(QuotaExceeded) as caught:
        create(equipped)
    assert path in [one.path for one in caught.value.errors]
    planned = change_plan(equipped.actor("developer"), ChangeRequest("create", "checkout", "x", spec=spec()), now=NOW)
    assert path.removeprefix("quota.") in [line.dimension for line in planned.quota]


def test_a_run_through_its_life_leaves_rows_that_explain_it(equipped: Organisation) -> None:
    environment = living(equipped)
    change_submit(
        equipped.actor("developer"),
        ChangeRequest("delete", "checkout", "try", confirm="try", reason="Over."),
        now=NOW + timedelta(hours=1),
    )
    carry_out(Run.objects.get(kind="delete"), Clock(NOW + timedelta(hours=2)))
    rows = Reservation.objects.filter(environment_id=environment.pk)
    assert not rows.filter(released_at=None).exists()
    assert set(rows.values_list("state", "stage")) == {("released", "dev"), ("ended", "dev")}
    assert rows.filter(state="ended", resources__postgres=1).exists()
    assert not any(quota_state(equipped.payments.pk).used.as_dict().values())
