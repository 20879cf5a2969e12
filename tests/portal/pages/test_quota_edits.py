"""Forms of limits, budgets and prices: rows come and go, faults are said at their fields, a look before each save."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse

from governance.models import AuditEntry, Budget, Loan, Quota, Reservation
from governance.services.quota import quota_set
from idp.kernel.actor import PLATFORM
from portal.drawing.words import money
from provisioning.models import Change, Cluster, Environment
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import create

pytestmark = pytest.mark.django_db

LIMITS = {"cpu": "20", "memory_gib": "40", "storage_gib": "500", "environments": "10"}
TEAM = ["payments"]
NOT_LISTED = "Choose one of the list."


def rows(prefix: str, *given: Mapping[str, str]) -> dict[str, str]:
    """What a browser sends of rows."""
    sent = {f"{prefix}-TOTAL_FORMS": str(len(given))}
    return sent | {f"{prefix}-{at}-{name}": value for at, row in enumerate(given) for name, value in row.items()}


def text(answer: Any) -> str:
    return str(answer.content.decode())


def saved(client: Any, url: str, sent: Mapping[str, str]) -> Any:
    """Look, then save what was looked at."""
    looked = client.post(url, {**sent, "do": "look"})
    assert looked.status_code == 200, looked.context["form"].errors
    return client.post(url, {**sent, "do": "save", "looked_at": looked.context["looked_at"]})


def errors(answer: Any) -> dict[str, list[str]]:
    """Faults by the name of the field in the page."""
    return {
        one.add_prefix(name): list(told) for one in answer.context["form"].parts() for name, told in one.errors.items()
    }


# --- limits


def test_limits_are_looked_at_saved_and_taken_back(equipped: Organisation, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("team-quota", args=TEAM)
    sent = LIMITS | {"cpu": "1", "monthly_cost": "500"}
    sent |= rows("stages", {"stage": "prod", "cpu": "8", "monthly_cost": "90.5"})
    sent |= rows("capabilities", {"capability": "postgres", "most": "3"})
    looked = client.post(url, sent | {"do": "look"})
    assert "CPU at prod" in text(looked)
    assert Quota.objects.get(team=equipped.payments).cpu == 20
    assert saved(client, url, sent).status_code == 302
    quota = Quota.objects.get(team=equipped.payments)
    assert (quota.cpu, quota.ceilings) == (
        1,
        {
            "monthly_cost": "500.000",
            "stages": {"prod": {"cpu": "8.000", "monthly_cost": "90.500"}},
            "capabilities": {"postgres": 3},
        },
    )
    entry = AuditEntry.objects.filter(action="quota.set").latest("pk")
    assert (entry.data["before"]["cpu"], entry.data["after"]["cpu"]) == ("20", "1")
    shown = client.get(url)
    assert [row["stage"].value() for row in shown.context["form"].stages] == ["prod"]
    assert client.post(reverse("team-quota-undo", args=TEAM), {"edit": shown.context["last"].pk}).status_code == 302
    quota.refresh_from_db()
    assert (quota.cpu, quota.ceilings) == (20, {})


def test_what_was_not_looked_at_is_not_saved(equipped: Organisation, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("team-quota", args=TEAM)
    looked = client.post(url, LIMITS | {"cpu": "7", "do": "look"}).context["looked_at"]
    answer = client.post(url, LIMITS | {"cpu": "8", "do": "save", "looked_at": looked})
    assert (answer.status_code, Quota.objects.get(team=equipped.payments).cpu) == (200, 20)
    assert "8 cores" in text(answer)


def test_an_edit_of_somebody_else_is_looked_at_first(equipped: Organisation, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("team-quota", args=TEAM)
    looked = client.post(url, LIMITS | {"cpu": "7", "do": "look"}).context["looked_at"]
    quota_set(PLATFORM, team=equipped.payments, cpu=3, memory_gib=1, storage_gib=1, environments=1, now=NOW)
    answer = client.post(url, LIMITS | {"cpu": "7", "do": "save", "looked_at": looked})
    assert (answer.status_code, Quota.objects.get(team=equipped.payments).cpu) == (200, 3)


def test_it_says_who_takes_what_is_exceeded_and_which_changes_wait(
    living: Change, equipped: Organisation, sign_in: Any
) -> None:
    Reservation.objects.create(
        team=equipped.payments, environment_id=9_999, change_id=9_999, label="checkout/next", state="held",
        stage="dev", cpu=2, memory_gib=1, storage_gib=0, created_at=NOW,
    )  # fmt: skip
    sent = LIMITS | {"cpu": "1"} | rows("stages", {"stage": "dev", "cpu": "1", "environments": "9"})
    sent |= rows("capabilities", {"capability": "postgres", "most": "0"})
    answer = sign_in("admin").post(reverse("team-quota", args=TEAM), sent | {"do": "look"})
    effects = {one.who: one for one in answer.context["effects"]}
    assert set(effects) == {"CPU", "CPU at dev", "Environments at dev", "Resources of postgres"}
    assert [one.bad for one in effects.values()] == [True, True, False, True]
    assert "checkout/next (2 cores)" in effects["CPU"].note
    assert {one["label"]: one["value"] for one in answer.context["facts"]} == {
        "Environments": 1,
        "Changes that wait": 1,
        "Exceeded": 3,
    }


WRONG: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no number": ({"cpu": "many"}, {"cpu": "Write a number from 0 to 1,000,000 such as 0.5."}),
    "empty": ({"cpu": ""}, {"cpu": "CPU is needed."}),
    "below zero": ({"monthly_cost": "-1"}, {"monthly_cost": "Write a number from 0 to 1,000,000 such as 0.5."}),
    "half an environment": ({"environments": "1.5"}, {"environments": "Write a whole number from 0 to 10,000."}),
    "an unknown stage": (rows("stages", {"stage": "moon", "cpu": "1"}), {"stages-0-stage": NOT_LISTED}),
    "a stage without limits": (
        rows("stages", {"stage": "prod"}),
        {"stages-0-cpu": "Write at least one limit, or remove the stage."},
    ),
    "a limit without a stage": (rows("stages", {"stage": "", "cpu": "1"}), {"stages-0-stage": "Stage is needed."}),
    "a stage twice": (
        rows("stages", {"stage": "prod", "cpu": "1"}, {"stage": "prod", "cpu": "2"}),
        {"stages-1-stage": "It has a row above; write all of its limits there."},
    ),
    "a capability without a number": (
        rows("capabilities", {"capability": "postgres", "most": ""}),
        {"capabilities-0-most": "At most is needed."},
    ),
    "a capability twice": (
        rows("capabilities", {"capability": "postgres", "most": "1"}, {"capability": "postgres", "most": "2"}),
        {"capabilities-1-capability": "It has a row above."},
    ),
}  # fmt: skip


@pytest.mark.parametrize("do", ["look", "save"])
@pytest.mark.parametrize(("sent", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_limit_is_said_at_its_field_and_stays_as_typed(
    equipped: Organisation, sign_in: Any, sent: dict[str, str], told: dict[str, str], do: str
) -> None:
    answer = sign_in("admin").post(reverse("team-quota", args=TEAM), LIMITS | sent | {"do": do})
    assert answer.status_code == 422
    assert errors(answer) == {field: [said] for field, said in told.items()}
    assert answer.context["effects"] is None
    for name, value in sent.items():
        assert value in ("", "moon") or (f'name="{name}"' in text(answer) and f'value="{value}"' in text(answer)), name
    assert Quota.objects.get(team=equipped.payments).ceilings == {}


def test_what_is_borrowed_is_said_at_its_field(equipped: Organisation, sign_in: Any) -> None:
    Loan.objects.create(
        lender=equipped.storefront, borrower=equipped.payments, state="active", cpu=4, reason="x", ends_at=NOW,
        made_at=NOW,
    )  # fmt: skip
    answer = saved(sign_in("admin"), reverse("team-quota", args=TEAM), LIMITS | {"cpu": "3"})
    assert answer.status_code == 422
    assert list(errors(answer)) == ["cpu"]
    assert "4 is borrowed" in text(answer)


# --- rows


def test_rows_come_and_go_without_losing_what_was_typed(equipped: Organisation, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("team-quota", args=TEAM)
    sent = LIMITS | {"cpu": "much"} | rows("stages", {"stage": "prod", "cpu": "8"})
    added = client.post(url, sent | {"do": "add:stages"})
    assert added.status_code == 200
    stages = added.context["form"].stages
    assert [row["cpu"].value() for row in stages] == ["8", ""]
    assert [bool(row.focus) for row in stages] == [False, True]
    assert added.context["form"].main["cpu"].value() == "much"
    assert errors(added) == {"cpu": ["Write a number from 0 to 1,000,000 such as 0.5."]}
    sent |= rows("stages", {"stage": "prod", "cpu": "8"}, {"stage": "dev", "cpu": "2"})
    gone = client.post(url, sent | {"do": "drop:stages:0"})
    assert [row["stage"].value() for row in gone.context["form"].stages] == ["dev"]
    assert 'id="stages-add" hx-post' in text(gone)
    assert "autofocus" in text(gone)


def test_a_row_in_which_nothing_was_written_counts_for_nothing(equipped: Organisation, sign_in: Any) -> None:
    sent = LIMITS | {"cpu": "9"} | rows("stages", {"stage": "", "cpu": ""}, {"stage": "prod", "cpu": "1"})
    assert saved(sign_in("admin"), reverse("team-quota", args=TEAM), sent).status_code == 302
    assert Quota.objects.get(team=equipped.payments).ceilings == {"stages": {"prod": {"cpu": "1.000"}}}


def test_what_is_empty_is_complained_about_when_somebody_looks(equipped: Organisation, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("team-quota", args=TEAM)
    sent = LIMITS | rows("stages", {"stage": "prod", "cpu": ""})
    typing = client.post(url, sent)
    assert (typing.status_code, errors(typing), typing.context["effects"]) == (200, {}, None)
    assert client.post(url, sent | {"do": "look"}).status_code == 422


HOSTILE = {
    "no count": {"stages-TOTAL_FORMS": ""},
    "a count that is no number": {"stages-TOTAL_FORMS": "many"},
    "other digits": {"stages-TOTAL_FORMS": "٣"},
    "a count beyond all bounds": {"stages-TOTAL_FORMS": "9" * 4, "stages-0-stage": "prod"},
    "a row beyond the count": {"stages-TOTAL_FORMS": "1", "stages-77-cpu": "1"},
    "a place that is none": {"stages-TOTAL_FORMS": "1", "do": "drop:stages:9"},
    "a place that is no number": {"stages-TOTAL_FORMS": "1", "do": "drop:stages:x"},
    "rows of nothing": {"moon-TOTAL_FORMS": "1", "do": "add:moon"},
    "a row number of other digits": {"stages-TOTAL_FORMS": "1", "stages-٠-cpu": "1"},
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_form_that_no_browser_sends_breaks_nothing(
    equipped: Organisation, sign_in: Any, sent: dict[str, str]
) -> None:
    answer = sign_in("admin").post(reverse("team-quota", args=TEAM), LIMITS | sent)
    assert answer.status_code in (200, 422)
    assert len(answer.context["form"].stages.forms) <= 100


# --- budgets


def test_budgets_are_looked_at_saved_and_taken_back(living: Change, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("team-budgets", args=TEAM)
    sent = rows(
        "budgets",
        {"system": "", "amount": "500", "tell": "50", "warn": "", "ask": "", "deny": "100"},
        {"system": "checkout", "amount": "0.01", "tell": "", "warn": "", "ask": "", "deny": "1"},
    )
    looked = client.post(url, sent | {"do": "look"})
    effects = looked.context["effects"]
    assert [(one.who, one.bad) for one in effects] == [("All of Payments", False), ("checkout", effects[1].bad)]
    assert "expected this month" in text(looked)
    assert not Budget.objects.exists()
    assert saved(client, url, sent).status_code == 302
    assert list(Budget.objects.order_by("amount").values_list("steps", flat=True)) == [
        [{"at": 1, "do": "deny"}],
        [{"at": 50, "do": "tell"}, {"at": 100, "do": "deny"}],
    ]
    shown = client.get(url)
    assert [row["deny"].value() for row in shown.context["form"].rows] == [100, 1]
    gone = client.post(url, rows("budgets", {"system": "", "amount": "500", "deny": "100"}) | {"do": "look"})
    assert "No budget" in text(gone)
    assert client.post(reverse("team-budgets-undo", args=TEAM), {"edit": shown.context["last"].pk}).status_code == 302
    assert not Budget.objects.exists()


@pytest.fixture
def waiting(living: Change, equipped: Organisation) -> Change:
    """A change into production that waits for a maintainer of payments."""
    return create(equipped, "live", who="developer", stage="prod")


ALL = {"system": "", "amount": "1", "tell": "", "warn": "", "ask": "", "deny": ""}
BUDGETS: dict[str, tuple[dict[str, str], list[tuple[str, str, bool]]]] = {
    "refuses": (ALL | {"deny": "1"}, [("No budget holds it up", "A budget refuses it", True)]),
    "asks": (ALL | {"ask": "1"}, [("No budget holds it up", "A budget asks for an approval", True)]),
    "warns": (ALL | {"warn": "1"}, [("No budget holds it up", "A budget warns of it", False)]),
    "tells alone": (ALL | {"tell": "1"}, []),
    "is large": (ALL | {"amount": "1000000", "deny": "100"}, []),
    "of another system": (ALL | {"system": "vault", "deny": "1"}, []),
}


@pytest.mark.parametrize(("budget", "told"), BUDGETS.values(), ids=BUDGETS.keys())
def test_a_budget_tells_which_changes_that_wait_it_moves(
    waiting: Change, sign_in: Any, budget: dict[str, str], told: list[tuple[str, str, bool]]
) -> None:
    answer = sign_in("admin").post(reverse("team-budgets", args=TEAM), rows("budgets", budget) | {"do": "look"})
    assert [(one.now, one.then, one.bad) for one in answer.context["waiting"]] == told
    assert (f"#{waiting.pk}" in text(answer)) == bool(told)


def test_a_budget_that_goes_lets_a_change_through_that_it_held_up(waiting: Change, sign_in: Any) -> None:
    said = {"policy": "budget", "outcome": "warns", "title": "", "message": "", "remedy": ""}
    Change.objects.filter(pk=waiting.pk).update(verdicts=[said])
    sent = rows("budgets", ALL | {"amount": "1000000", "deny": "100"}) | {"do": "look"}
    [one] = sign_in("admin").post(reverse("team-budgets", args=TEAM), sent).context["waiting"]
    assert (one.now, one.then, one.bad) == ("A budget warns of it", "No budget holds it up", False)
    assert one.url == reverse("change", args=[waiting.pk])


def test_a_new_budget_suggests_steps_and_counts_once_it_has_an_amount(living: Change, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("team-budgets", args=TEAM)
    added = client.post(url, rows("budgets") | {"do": "add:budgets"})
    (row,) = added.context["form"].rows
    suggested = {name: row[name].value() for name in ("tell", "warn", "ask", "deny")}
    assert suggested == {"tell": "50", "warn": "80", "ask": "95", "deny": "100"}
    empty = rows("budgets", {"system": "", "amount": "", **suggested})
    assert client.post(url, empty | {"do": "look"}).context["effects"] == []
    assert saved(client, url, rows("budgets", {"system": "", "amount": "80", **suggested})).status_code == 302
    assert len(Budget.objects.get().steps) == 4


WRONG_BUDGETS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no amount": ({"system": "checkout", "deny": "100"}, {"budgets-0-amount": "Amount a month is needed."}),
    "nothing": ({"amount": "0"}, {"budgets-0-amount": "A budget is an amount above zero for each month."}),
    "another team's system": ({"system": "moon", "amount": "5"}, {"budgets-0-system": NOT_LISTED}),
    "no percentage": ({"amount": "5", "ask": "soon"}, {"budgets-0-ask": "Write a whole number from 1 to 1,000."}),
    "beyond": ({"amount": "5", "deny": "1001"}, {"budgets-0-deny": "Write a whole number from 1 to 1,000."}),
}


@pytest.mark.parametrize(("row", "told"), WRONG_BUDGETS.values(), ids=WRONG_BUDGETS.keys())
def test_a_wrong_budget_is_said_at_its_field(
    living: Change, sign_in: Any, row: dict[str, str], told: dict[str, str]
) -> None:
    answer = sign_in("admin").post(reverse("team-budgets", args=TEAM), rows("budgets", row) | {"do": "look"})
    assert answer.status_code == 422
    assert errors(answer) == {field: [said] for field, said in told.items()}


def test_whoever_is_no_admin_reads_budgets_and_sets_none(living: Change, sign_in: Any) -> None:
    client, url = sign_in("maintainer"), reverse("team-budgets", args=TEAM)
    assert "Platform admins set budgets" in text(client.get(url))
    assert client.post(url, rows("budgets", {"amount": "5"}) | {"do": "look"}).status_code == 403


# --- prices


def test_prices_are_looked_at_saved_and_taken_back(living: Change, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("cluster-prices", args=["sandbox"])
    sent = rows("lists", {"begins": "2020-01-01", "stage": "", "cpu": "100", "memory_gib": "0", "storage_gib": "0"})
    assert "Payments, 1 environment" in text(client.post(url, sent | {"do": "look"}))
    assert saved(client, url, sent).status_code == 302
    environment = Environment.objects.get()
    assert environment.monthly_cost == environment.cpu * 100
    shown = client.get(url)
    assert [row["begins"].value() for row in shown.context["form"].rows] == ["2020-01-01"]
    edit = shown.context["last"].pk
    assert client.post(reverse("cluster-prices-undo", args=["sandbox"]), {"edit": edit}).status_code == 302
    assert Cluster.objects.get().price_lists == []


def test_prices_tell_what_changes_that_wait_cost_by_them(waiting: Change, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("cluster-prices", args=["sandbox"])
    price = {"begins": "2020-01-01", "stage": "prod", "cpu": "100", "memory_gib": "0", "storage_gib": "0"}
    [one] = client.post(url, rows("lists", price) | {"do": "look"}).context["waiting"]
    cores = Decimal(str(waiting.plan["usage_after"]["cpu"]))
    assert [one.now, one.then] == [
        f"{money(cost, settings.CURRENCY)} a month" for cost in (waiting.monthly_cost_after, cores * 100)
    ]
    elsewhere = rows("lists", price | {"stage": "dev"}) | {"do": "look"}
    assert client.post(url, elsewhere).context["waiting"] == []


PRICE = {"begins": "2026-12-01", "stage": "prod", "cpu": "1", "memory_gib": "1", "storage_gib": "1"}
NO_PRICE = "Write a number from 0 to 999,999 such as 0.5."
WRONG_PRICES: dict[str, tuple[list[dict[str, str]], dict[str, str]]] = {
    "no day": ([PRICE | {"begins": "soon"}], {"lists-0-begins": "Write the day as 2026-12-01."}),
    "an unknown stage": ([PRICE | {"stage": "moon"}], {"lists-0-stage": NOT_LISTED}),
    "no price": ([PRICE | {"cpu": "x"}], {"lists-0-cpu": NO_PRICE}),
    "too fine a price": ([PRICE | {"cpu": "0.00001"}], {"lists-0-cpu": NO_PRICE}),
    "a price that is missing": ([PRICE | {"cpu": ""}], {"lists-0-cpu": "A core is needed."}),
    "twice": ([PRICE, PRICE], {"lists-1-begins": "Another list begins on this day for the same stage."}),
}


@pytest.mark.parametrize(("given", "told"), WRONG_PRICES.values(), ids=WRONG_PRICES.keys())
def test_a_wrong_price_is_said_at_its_field(
    living: Change, sign_in: Any, given: list[dict[str, str]], told: dict[str, str]
) -> None:
    url = reverse("cluster-prices", args=["sandbox"])
    answer = sign_in("admin").post(url, rows("lists", *given) | {"do": "save"})
    assert answer.status_code == 422
    assert errors(answer) == {field: [said] for field, said in told.items()}
    assert Cluster.objects.get().price_lists == []
