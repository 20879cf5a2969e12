"""Quota on the move and money over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.models import Budget, Quota
from governance.services.quota import quota_set
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from provisioning.models import Cluster
from tests.personas import NOW

pytestmark = pytest.mark.django_db
LOAN = {
    "side": "lender",
    "lender": "payments",
    "borrower": "storefront",
    "cpu": 4,
    "ends_at": "2999-01-01T00:00:00Z",
    "reason": "A sale.",
}


def soon(days: int = 20) -> str:
    return (clock.now() + timedelta(days=days)).isoformat()


def test_a_loan_lives_over_the_api(api: Any, organisation: Any) -> None:
    assert api("maintainer").post("loans/", LOAN).status_code == 422
    assert api("maintainer").post("loans/", LOAN | {"ends_at": "2030-01-01T00:00:00"}).status_code == 422
    assert api("maintainer").post("loans/", LOAN | {"borrower": "nobody"}).status_code == 422
    made = api("maintainer").post("loans/", LOAN | {"ends_at": soon()})
    assert (made.status_code, made.json()["state"]) == (201, "offered")
    at = f"loans/{made.json()['id']}/"
    assert api("maintainer").post(f"{at}accept/", {}).status_code == 403
    assert api("storefront_maintainer").post(f"{at}accept/", {}).json()["state"] == "active"
    assert api("stranger").get("quotas/payments/").json()["limit"]["cpu"] == 16
    assert [one["id"] for one in api("viewer").get("loans/?team=storefront&state=active").json()["items"]]
    assert api("storefront_maintainer").post(f"{at}return/", {}).json()["state"] == "returned"
    kinds = [one["kind"] for one in api("viewer").get("quotas/payments/ledger/").json()["items"]]
    assert kinds[:2] == ["back", "lent"]
    assert api("viewer").get("loans/999/").status_code == 404


def test_the_ledger_goes_on_within_a_moment(api: Any, organisation: Any) -> None:
    for number in range(60):
        quota_set(
            PLATFORM, team=organisation.payments, cpu=30 + number, memory_gib=40, storage_gib=500, environments=10,
            now=NOW,
        )  # fmt: skip
    newest = api("viewer").get("quotas/payments/ledger/").json()
    rest = api("viewer").get(newest["next"].removeprefix("/api/v1/")).json()
    assert rest["next"] is None
    told = [one["limit_after"]["cpu"] for one in (*newest["items"], *rest["items"])]
    assert (len(newest["items"]), told[:61]) == (50, [*range(89, 29, -1), 20])
    assert api("viewer").get("quotas/payments/ledger/?before=2026-03-02T09:30:00Z&among=9-1").status_code == 422


def test_a_request_for_more_lives_over_the_api(api: Any, organisation: Any) -> None:
    made = api("developer").post("quota-requests/", {"team": "payments", "cpu": 2, "reason": "A sale."})
    assert (made.status_code, made.json()["more"]["cpu"]) == (201, 2)
    at = f"quota-requests/{made.json()['id']}/"
    assert api("admin").post(f"{at}decide/", {"grant": False}).status_code == 422
    assert api("admin").post(f"{at}decide/", {"grant": True}).json()["state"] == "granted"
    assert Quota.objects.get(team=organisation.payments).cpu == 22
    assert api("developer").post(f"{at}withdraw/", {}).status_code == 409


def test_further_limits_are_set_beside_the_others_and_stay_when_left_out(api: Any, organisation: Any) -> None:
    admin = api("admin")
    limits = {"cpu": 16, "memory_gib": 32, "storage_gib": 200, "environments": 10}
    tag = admin.get("quotas/payments/")["ETag"]
    put = admin.put("quotas/payments/", limits | {"ceilings": {"stages": {"prod": {"cpu": 4}}}}, If_Match=tag)
    assert put.json()["ceilings"] == {"stages": {"prod": {"cpu": "4.000"}}}
    again = admin.put("quotas/payments/", limits | {"cpu": 17}, If_Match=put["ETag"])
    assert again.json()["ceilings"] == put.json()["ceilings"]
    wrong = admin.put("quotas/payments/", limits | {"ceilings": {"gpu": 1}}, If_Match=again["ETag"])
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "ceilings.gpu")


def test_budgets_and_prices_are_replaced_at_what_was_read(api: Any, organisation: Any) -> None:
    admin = api("admin")
    tag = admin.get("budgets/payments/")["ETag"]
    items = [{"system": "checkout", "amount": 50, "steps": [{"at": 90, "do": "warn"}]}]
    made = admin.put("budgets/payments/", {"items": items}, If_Match=tag)
    assert made.json()["items"][0]["system"] == "checkout"
    assert Budget.objects.count() == 1
    assert admin.put("budgets/payments/", {"items": []}, If_Match=tag).status_code == 412
    name = Cluster.objects.get().name
    tag = admin.get(f"clusters/{name}/prices/")["ETag"]
    lists = [{"from": "2026-01-01", "stage": "prod", "cpu": 3}]
    made = admin.put(f"clusters/{name}/prices/", {"items": lists}, If_Match=tag)
    assert made.json()["items"] == [
        {"from": "2026-01-01", "stage": "prod", "cpu": 3, "memory_gib": 0, "storage_gib": 0}
    ]
    assert admin.put(f"clusters/{name}/prices/", {"items": []}, If_Match=tag).status_code == 412


def test_costs_of_a_month_are_read(api: Any, living: Any) -> None:
    found = api("viewer").get("costs/?month=2026-03").json()
    assert (found["month"], [one["environment"] for one in found["items"]]) == ("2026-03", ["try"])
    assert found["total"] == found["items"][0]["cost"]
    assert api("viewer").get("costs/?month=2026-13").status_code == 422
