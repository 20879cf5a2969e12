"""Empty and absurd figures in every form of governance: refused at their field, and nothing that was typed is lost."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.personas import Organisation

pytestmark = pytest.mark.django_db

ABSURD = ("", "many", "-1", "9" * 30, "1e400", "NaN", "Infinity")
TEAM = "/teams/payments"


class Fields(HTMLParser):
    """What stands in each field of a page by its name, and which of them are marked as wrong with a sentence."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.wrong: dict[str, str] = {}
        self.told: set[str] = set()
        self._open = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag in ("input", "textarea", "select") and (name := given.get("name")):
            self._open, self._select = (name if tag == "textarea" else ""), (name if tag == "select" else "")
            if given.get("type") not in ("checkbox", "radio", "hidden") or given.get("checked") is not None:
                self.values[name] = given.get("value", "")
            if given.get("aria-invalid") == "true":
                self.wrong[name] = given.get("aria-describedby", "")
        elif tag == "option" and "selected" in given and self._select:
            self.values[self._select] = given.get("value", "")
        if "error" in given.get("class", "").split() and given.get("id"):
            self.told.add(given["id"])

    def handle_data(self, data: str) -> None:
        if self._open:
            self.values[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._open = ""


def refused(client: Any, url: str, sent: Mapping[str, str], at: str) -> None:
    """Sent, it is refused at the field ``at``, and every field that the page has still holds what was sent."""
    answer = client.post(url, sent)
    assert answer.status_code == 422, f"{url} answers {answer.status_code}"
    page = Fields(answer.content.decode())
    assert at in page.wrong, f"{sorted(page.wrong)} are wrong"
    assert page.told & set(page.wrong[at].split()), "no sentence stands at it"
    kept = {name: page.values[name].strip() for name in sent if name in page.values}
    assert kept == {name: value for name, value in sent.items() if name in page.values}


LIMITS = {"cpu": "20", "memory_gib": "40", "storage_gib": "500", "environments": "10", "monthly_cost": "900"}
BUDGET = {"amount": "900", "tell": "50", "warn": "80", "ask": "90", "deny": "100"}
PRICES = {"begins": "2027-01-01", "cpu": "30", "memory_gib": "5", "storage_gib": "0.2"}
MORE = {"cpu": "4", "memory_gib": "8", "reason": "The sale."}
LOAN = {"side": "lender", "team": "storefront", "cpu": "1", "until": "2026-03-20", "reason": "The sale."}
FREEZE = {"title": "Sale", "reason": "The sale.", "stages": "prod", "zone": "UTC", "glass": "admins"}
ROUTE = {
    "name": "production", "title": "Into production", "order": "in-order", "expires": "48", "s0-name": "Team",
    "s0-a0-kind": "own", "s0-a0-count": "2", "s0-sample": "10", "s0-skip": "true", "s0-after": "4",
    "s0-next-kind": "group", "s0-next-which": "platform",
}  # fmt: skip
STAND_IN = {"stand_in": "second_maintainer", "from": "2027-03-03", "until": "2027-03-04", "reason": "Away."}
STAGE = {
    "title": "Staging", "summary": "The last stop.", "order": "20", "promotes_from": "dev", "soak_minutes": "45",
    "default_days": "14", "max_days": "30", "idle_hours": "8", "drift_mode": "correct", "cluster": "sandbox",
}  # fmt: skip
CLUSTER = {"title": "Sandbox", "capacity_cpu": "16", "capacity_memory_gib": "64", "capacity_storage_gib": "900"}


def row(prefix: str, fields: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}-TOTAL_FORMS": "1"} | {f"{prefix}-0-{name}": value for name, value in fields.items()}


FORMS: dict[str, tuple[str, Mapping[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "limits": (f"{TEAM}/quota", LIMITS, tuple(LIMITS), ("monthly_cost",)),
    "limits of a stage": (
        f"{TEAM}/quota",
        LIMITS | row("stages", {"stage": "prod", "cpu": "8", "environments": "2"}),
        ("stages-0-cpu", "stages-0-environments"),
        ("stages-0-cpu", "stages-0-environments"),
    ),
    "budgets": (
        f"{TEAM}/budgets",
        row("budgets", BUDGET),
        ("budgets-0-amount", "budgets-0-warn"),
        ("budgets-0-warn",),
    ),
    "prices": ("/clusters/sandbox/prices", row("lists", PRICES), ("lists-0-begins", "lists-0-cpu"), ()),
    "more quota": (f"{TEAM}/quota/more", MORE, ("cpu", "memory_gib"), ("cpu", "memory_gib")),
    "a loan": (f"{TEAM}/quota/loans", LOAN, ("cpu", "until"), ("cpu",)),
    "a freeze": ("/freezes/new", FREEZE | {"starts": "", "ends": ""}, ("starts", "ends"), ("starts", "ends")),
    "a route": (
        "/approval-routes/new",
        ROUTE,
        ("expires", "s0-a0-count", "s0-sample", "s0-after"),
        ("expires", "s0-a0-count", "s0-sample", "s0-after"),
    ),
    "a stand-in": ("/account/stand-ins", STAND_IN, ("from", "until"), ()),
    "a stage": (
        "/stages/staging/edit",
        STAGE,
        ("order", "soak_minutes", "default_days", "max_days", "idle_hours"),
        ("soak_minutes", "default_days", "max_days", "idle_hours"),
    ),
    "a cluster": ("/clusters/sandbox/edit", CLUSTER, ("capacity_cpu",), ("capacity_cpu",)),
}
"""By name: the page, what is right, the fields that take a figure or a day, and those of them that may be empty."""

FIELDS = [
    pytest.param(url, right, at, at in optional, id=f"{name}: {at}")
    for name, (url, right, fields, optional) in FORMS.items()
    for at in fields
]


@pytest.mark.parametrize(("url", "right", "at", "optional"), FIELDS)
def test_what_is_absurd_is_refused_at_its_field_and_kept(
    equipped: Organisation, sign_in: Any, url: str, right: Mapping[str, str], at: str, optional: bool
) -> None:
    client = sign_in("maintainer" if url.startswith("/account") else "admin")
    for wrong in ABSURD:
        if wrong or not optional:
            refused(client, url, {**right, "do": "look", at: wrong}, at)
