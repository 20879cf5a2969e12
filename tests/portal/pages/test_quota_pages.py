"""Pages of quota and money: the ledger, what could be freed, loans, asking for more, budgets, prices, costs."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from governance.domain.quota import Amounts
from governance.models import Loan, Quota, QuotaRequest, Reservation
from governance.selectors.quota import quota_state
from governance.selectors.quota_ledger import ledger_page
from governance.services.quota import quota_hold, quota_release_hold, quota_set, quota_use
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Cluster, Environment
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db
TEAM = ["payments"]
CEILING = 12


def text(answer: Any) -> str:
    return str(answer.content.decode())


def sheet_of(answer: Any) -> list[str]:
    return b"".join(answer.streaming_content).decode().splitlines()


def test_the_ledger_names_each_move_and_adds_up(living: Change, sign_in: Any, equipped: Organisation) -> None:
    answer = sign_in("viewer").get(reverse("quota-ledger", args=TEAM))
    lines = answer.context["lines"]
    assert [line.word for line in lines][-2:] == ["Limits were set", "The ledger opens"]
    assert {line.word for line in lines} >= {"In use"}
    assert reverse("change", args=[living.pk]) in text(answer)
    state = quota_state(equipped.payments.pk)
    assert lines[0].sums[0].startswith(str(state.used.cpu.normalize()))


@pytest.mark.parametrize("hours", [1, 0], ids=["one after the other", "all in one moment"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_sums_of_every_page_continue_those_of_the_page_before(
    living: Change, equipped: Organisation, size: int, hours: int
) -> None:
    for number in range(7):
        quota_set(
            PLATFORM, team=equipped.payments, cpu=30 + number, memory_gib=40, storage_gib=500, environments=10,
            now=NOW + timedelta(hours=hours * number),
        )  # fmt: skip
        moves_at_once(equipped, 100 + number, NOW + timedelta(hours=hours * number))
    whole = ledger_page(equipped.payments.pk, size=200)
    assert whole.next is None
    paged, before = [], None
    for _ in range(len(whole.entries)):
        page = ledger_page(equipped.payments.pk, before=before, size=size)
        assert len(page.entries) <= size
        paged += page.entries
        before = page.next
        if before is None:
            break
    assert paged == list(whole.entries)
    last = whole.entries[-1]
    assert last.after == last.by


def moves_at_once(organisation: Organisation, number: int, at: datetime) -> None:
    """A hold that becomes a use, and one that is given back, at the same moment."""
    place: dict[str, Any] = {"team": organisation.payments, "environment_id": number, "now": at}
    one = Amounts(cpu=Decimal(1), environments=0)
    with transaction.atomic():
        for change in (2 * number, 2 * number + 1):
            quota_hold(change_id=change, label="x/y", before=Amounts(), after=one, **place)
        quota_use(change_id=2 * number, label="x/y", amounts=one, **place)
        quota_release_hold(change_id=2 * number + 1, now=at)


def test_more_moves_in_one_moment_than_a_page_has_are_all_told(sign_in: Any, equipped: Organisation) -> None:
    for number in range(60):
        quota_set(
            PLATFORM, team=equipped.payments, cpu=30 + number, memory_gib=40, storage_gib=500, environments=10, now=NOW
        )
    url = reverse("quota-ledger", args=TEAM)
    newest = sign_in("viewer").get(url)
    following = newest.context["next"]
    address = urlencode({"before": following.at.isoformat(), "among": following.among})
    assert escape(f"?{address}") in text(newest)
    rest = sign_in("viewer").get(f"{url}?{address}")
    lines = [*newest.context["lines"], *rest.context["lines"]]
    assert len(newest.context["lines"]) == 50
    assert rest.context["next"] is None
    assert [line.sums[0].rpartition(" ")[2] for line in lines][:61] == [str(cpu) for cpu in (*range(89, 29, -1), 20)]
    for wrong in ("9-1", "x", "1-" + "9" * 30, "²-1"):
        assert sign_in("viewer").get(url, {"before": NOW.isoformat(), "among": wrong}).status_code == 200


def test_a_hold_that_is_used_at_once_is_told_in_the_order_in_which_it_went(
    living: Change, equipped: Organisation
) -> None:
    entries = ledger_page(equipped.payments.pk, size=100).entries
    told = [one.kind for one in reversed(entries)]
    assert told[:5] == ["opening", "set", "held", "released", "used"]
    assert entries[-3].at == entries[-4].at == entries[-5].at, "otherwise this proves nothing"
    assert all(amount >= 0 for one in entries for amount in (one.after.held.cpu, one.after.used.cpu))


def test_a_stranger_reads_no_restricted_names(living: Change, sign_in: Any, equipped: Organisation) -> None:
    equipped.checkout.restricted = True
    equipped.checkout.save()
    client = sign_in("stranger")
    for name in ("quota-ledger", "quota-room"):
        assert "checkout" not in text(client.get(reverse(name, args=TEAM))), name
    assert "checkout" not in text(client.get(reverse("costs") + "?by=environment"))
    assert "checkout" not in "".join(sheet_of(client.get(reverse("costs-download"))))


def test_it_suggests_what_sleeps(living: Change, sign_in: Any) -> None:
    url = reverse("quota-room", args=TEAM)
    assert "It sleeps" not in text(sign_in("viewer").get(url))
    Environment.objects.update(state="asleep")
    assert "It sleeps" in text(sign_in("viewer").get(url))


def test_two_teams_agree_on_a_loan(equipped: Organisation, sign_in: Any) -> None:
    day = f"{clock.now() + timedelta(days=9):%Y-%m-%d}"
    url = reverse("quota-loans", args=TEAM)
    wrong = sign_in("maintainer").post(url, {"side": "lender", "team": "storefront", "until": day, "reason": "x"})
    assert (wrong.status_code, Loan.objects.count()) == (422, 0)
    sent = {"side": "lender", "team": "storefront", "cpu": "4", "until": day, "reason": "A sale."}
    assert sign_in("maintainer").post(url, sent).status_code == 302
    loan = Loan.objects.get()
    shown = text(sign_in("storefront_maintainer").get(reverse("quota-loans", args=["storefront"])))
    assert "Accept" in shown
    assert "4 cores CPU" in shown
    act = reverse("loan-act", args=["storefront", loan.pk, "accept"])
    assert sign_in("storefront_maintainer").post(act).status_code == 302
    assert Quota.objects.get(team=equipped.storefront).cpu == 24
    assert sign_in("storefront_maintainer").post(act).status_code == 422
    give = reverse("loan-act", args=["storefront", loan.pk, "return"])
    assert sign_in("storefront_maintainer").post(give).status_code == 302
    assert Quota.objects.get(team=equipped.storefront).cpu == 20
    assert sign_in("admin").post(reverse("loan-act", args=["storefront", loan.pk, "burn"])).status_code == 404


def test_a_request_for_more_is_decided_in_the_list_of_quotas(equipped: Organisation, sign_in: Any) -> None:
    url = reverse("quota-more", args=TEAM)
    assert sign_in("developer").post(url, {"cpu": "5", "reason": "Black Friday."}).status_code == 302
    asked = QuotaRequest.objects.get()
    assert "Black Friday." in text(sign_in("admin").get(reverse("quotas")))
    assert "Grant" not in text(sign_in("viewer").get(reverse("quotas")))
    decide = reverse("quota-decide", args=[asked.pk])
    assert sign_in("admin").post(decide, {"do": "refuse", "answer": ""}).status_code == 422
    assert sign_in("admin").post(decide, {"do": "grant"}).status_code == 302
    assert Quota.objects.get(team=equipped.payments).cpu == 25
    assert "Granted" in text(sign_in("developer").get(url))


@pytest.mark.parametrize("by", ["team", "system", "environment", "moon"])
def test_costs_of_a_month_add_up(living: Change, sign_in: Any, by: str) -> None:
    Cluster.objects.update(price_cpu=31)
    client = sign_in("viewer")
    month = f"{NOW:%Y-%m}"
    table = client.get(reverse("costs"), {"by": by, "month": month}).context["table"]
    assert sum(row.cost for row in table.rows) == table.total > 0
    sheet = sheet_of(client.get(reverse("costs-download"), {"month": month}))
    assert len(sheet) == 2
    assert sheet[1].startswith(f"{month},payments,checkout,try,dev,")
    assert client.get(reverse("costs"), {"month": "soon"}).status_code == 422


PAGES = ("quotas", "costs", "quota-ledger", "quota-room", "quota-more", "quota-loans", "team-budgets", "team-quota")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_as_much_with_many_rows(living: Change, sign_in: Any, equipped: Organisation, name: str) -> None:
    client = sign_in("admin")
    url = reverse(name, args=[] if name in ("quotas", "costs") else TEAM)
    assert client.get(url).status_code == 200
    grow(equipped, 1)
    few = count(client, url)
    grow(equipped, 30)
    many = count(client, url)
    assert few == many <= CEILING


def grow(equipped: Organisation, number: int) -> None:
    for turn in range(number):
        Loan.objects.create(
            lender=equipped.payments, borrower=equipped.storefront, state="active", cpu=1, reason="x",
            ends_at=NOW, made_at=NOW,
        )  # fmt: skip
        QuotaRequest.objects.create(team=equipped.payments, state="refused", cpu=1, reason="x", made_at=NOW)
        Reservation.objects.create(
            team=equipped.payments, environment_id=10_000 + 100 * number + turn, label="x",
            state="used", cpu=1, memory_gib=0,
            storage_gib=0, created_at=NOW + timedelta(minutes=turn),
        )  # fmt: skip


def count(client: Any, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get(url)
    return len([one for one in asked.captured_queries if "SAVEPOINT" not in one["sql"]])
