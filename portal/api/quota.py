"""Quota on the move and money: the ledger, loans, requests for more, budgets, price lists, costs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from governance.access import visible
from governance.domain.quota import NAMES, Amounts
from governance.models import Loan, QuotaRequest
from governance.selectors.lending import loans, quota_requests
from governance.selectors.quota_ledger import Entry, Place, ledger_page, place_read
from governance.services import loans as lending
from governance.services import quota_requests as requests
from governance.services.budgets import budgets_set, budgets_shown
from idp.catalog.models import Team
from idp.catalog.selectors import team_get
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput, NotFound
from portal.api import paths
from portal.api.answers import answer, content_tag, created, figure, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.figures import amounts
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import quota as shapes
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import moment as moment_shape
from portal.api.shapes.words import text
from provisioning.domain.showback import Month
from provisioning.models import Cluster, Environment
from provisioning.selectors.budgets import budget_views
from provisioning.selectors.clusters import cluster_get
from provisioning.selectors.costs import cost_lines
from provisioning.services.price_lists import prices_set

AREA = "Quota and cost"
TEAM = Query("team", text("Only this team's.", most=63))
STATE = Query("state", text("Only those in this state.", most=10))
AMONG = Query(
    "among",
    text("Of the moment `before`, also the moves before this one; from `next`.", pattern=r"^[0-3]-[0-9]{1,18}$"),
)


class Ledger(Endpoint):
    @operation(
        "quotas_ledger",
        "Read a team's ledger",
        area=AREA,
        answers={200: shapes.LEDGER},
        query=(Query("before", moment_shape("Only moves before this moment.")), AMONG),
        problems=(422,),
        about="Every move of the team's quota with the sums after it, newest first.",
    )
    def get(self, request: Request, team: str) -> HttpResponse:
        one = team_get(self.rights, team)
        page = ledger_page(one.pk, before=_place(self.query.get("before"), self.query.get("among", "")))
        ids = {entry.environment_id for entry in page.entries if entry.environment_id is not None}
        seen = set(visible(Environment.objects.filter(pk__in=ids), self.rights).values_list("pk", flat=True))
        later = f"{request.path}?{_address(page.next)}" if page.next else None
        return answer({"items": [_entry(entry, seen) for entry in page.entries], "next": later})


class Loans(Endpoint):
    @operation(
        "loans_list", "List loans of quota", area=AREA, answers={200: shapes.LOAN_PAGE}, query=(TEAM, STATE, *PAGED)
    )
    def get(self, request: Request) -> HttpResponse:
        rows = loans(team=self.query.get("team", ""), state=self.query.get("state", ""))
        return listing(request, self.query, rows, ("-id",), loan_row)

    @operation(
        "loans_propose",
        "Propose a loan of quota",
        area=AREA,
        answers={201: shapes.LOAN},
        body=shapes.LOAN_PROPOSE,
        scope="admin",
        about="Maintainers of the side that proposes. It runs when a maintainer of the other side accepts it.",
    )
    def post(self, request: Request) -> HttpResponse:
        sent = self.sent
        loan = lending.loan_propose(
            self.actor,
            side=sent["side"],
            lender=_team("lender", sent["lender"]),
            borrower=_team("borrower", sent["borrower"]),
            amounts=_amounts(sent),
            ends_at=_required_moment("ends_at", sent["ends_at"]),
            reason=sent["reason"],
            now=clock.now(),
        )
        return created(loan_row(loans().get(pk=loan.pk)), paths.loan(loan.pk))


class OneLoan(Endpoint):
    @operation("loans_read", "Read a loan", area=AREA, answers={200: shapes.LOAN})
    def get(self, request: Request, loan_id: int) -> HttpResponse:
        row = loans().filter(pk=loan_id).first()
        if row is None:
            raise NotFound(f"There is no loan {loan_id}.")
        return answer(loan_row(row))


def _act(verb: str, summary: str, about: str) -> type[Endpoint]:
    """An endpoint that does one thing to a loan."""

    class Act(Endpoint):
        @operation(
            f"loans_{verb}",
            summary,
            area=AREA,
            answers={200: shapes.LOAN},
            body=NOTHING,
            scope="admin",
            problems=(409,),
            about=about,
        )
        def post(self, request: Request, loan_id: int) -> HttpResponse:
            getattr(lending, f"loan_{verb}")(self.actor, loan_id, now=clock.now())
            return answer(loan_row(loans().get(pk=loan_id)))

    return Act


LoanAccept = _act(
    "accept", "Accept a loan", "Maintainers of the side that did not propose it. The amounts move at once."
)
LoanDecline = _act("decline", "Decline a loan", "Maintainers of the side that did not propose it.")
LoanWithdraw = _act("withdraw", "Withdraw a proposed loan", "Maintainers of the side that proposed it.")
LoanReturn = _act(
    "return", "Give a loan back early", "Maintainers of the borrower. What is in use is owed from then on."
)


class QuotaRequests(Endpoint):
    @operation(
        "quota_requests_list",
        "List requests for more quota",
        area=AREA,
        answers={200: shapes.QUOTA_REQUEST_PAGE},
        query=(TEAM, STATE, *PAGED),
    )
    def get(self, request: Request) -> HttpResponse:
        rows = quota_requests(team=self.query.get("team", ""), state=self.query.get("state", ""))
        return listing(request, self.query, rows, ("-id",), request_row)

    @operation(
        "quota_requests_make",
        "Ask for more quota",
        area=AREA,
        answers={201: shapes.QUOTA_REQUEST},
        body=shapes.QUOTA_REQUEST_MAKE,
        scope="change",
        problems=(409,),
        about="Developers and maintainers of the team; one request at a time.",
    )
    def post(self, request: Request) -> HttpResponse:
        made = requests.request_make(
            self.actor,
            team=_team("team", self.sent["team"]),
            amounts=_amounts(self.sent),
            reason=self.sent["reason"],
            now=clock.now(),
        )
        return created(request_row(quota_requests().get(pk=made.pk)), paths.quota_request(made.pk))


class OneQuotaRequest(Endpoint):
    @operation("quota_requests_read", "Read a request for more", area=AREA, answers={200: shapes.QUOTA_REQUEST})
    def get(self, request: Request, request_id: int) -> HttpResponse:
        row = quota_requests().filter(pk=request_id).first()
        if row is None:
            raise NotFound(f"There is no request {request_id} for quota.")
        return answer(request_row(row))


class QuotaRequestDecide(Endpoint):
    @operation(
        "quota_requests_decide",
        "Decide a request for more",
        area=AREA,
        answers={200: shapes.QUOTA_REQUEST},
        body=shapes.QUOTA_REQUEST_DECIDE,
        scope="admin",
        problems=(409,),
        about="Platform admins, never who asked. Granting raises the limits at once.",
    )
    def post(self, request: Request, request_id: int) -> HttpResponse:
        sent = self.sent
        requests.request_decide(
            self.actor, request_id, grant=sent["grant"], answer=sent.get("answer", ""), now=clock.now()
        )
        return answer(request_row(quota_requests().get(pk=request_id)))


class QuotaRequestWithdraw(Endpoint):
    @operation(
        "quota_requests_withdraw",
        "Withdraw a request for more",
        area=AREA,
        answers={200: shapes.QUOTA_REQUEST},
        body=NOTHING,
        scope="change",
        problems=(409,),
        about="Who asked, and maintainers of the team.",
    )
    def post(self, request: Request, request_id: int) -> HttpResponse:
        requests.request_withdraw(self.actor, request_id, now=clock.now())
        return answer(request_row(quota_requests().get(pk=request_id)))


class Budgets(Endpoint):
    @operation("budgets_read", "Read a team's budgets", area=AREA, answers={200: shapes.BUDGETS}, versioned=True)
    def get(self, request: Request, team: str) -> HttpResponse:
        return _budgets(team_get(self.rights, team))

    @operation(
        "budgets_replace",
        "Set a team's budgets",
        area=AREA,
        answers={200: shapes.BUDGETS},
        body=shapes.BUDGETS_EDIT,
        scope="admin",
        versioned=True,
        about="Platform admins only.",
    )
    def put(self, request: Request, team: str) -> HttpResponse:
        self.rights.require_admin()
        one = Team.objects.filter(slug=team).first()
        if one is None:
            raise NotFound(f"There is no team “{team}”.")
        require_if_match(request, content_tag(budgets_shown(one)))
        budgets_set(self.actor, team=one, budgets=self.sent["items"], now=clock.now())
        return _budgets(one)


class Prices(Endpoint):
    @operation("prices_read", "Read price lists", area=AREA, answers={200: shapes.PRICE_LISTS}, versioned=True)
    def get(self, request: Request, cluster: str) -> HttpResponse:
        return _prices(cluster_get(cluster))

    @operation(
        "prices_replace",
        "Set a cluster's price lists",
        area=AREA,
        answers={200: shapes.PRICE_LISTS},
        body=shapes.PRICE_LISTS_EDIT,
        scope="admin",
        versioned=True,
        about="Platform admins only. A stage's own list goes before one for all; of two the later counts.",
    )
    def put(self, request: Request, cluster: str) -> HttpResponse:
        self.rights.require_admin()
        require_if_match(request, content_tag(cluster_get(cluster).price_lists))
        return _prices(prices_set(self.actor, cluster=cluster, lists=self.sent["items"], now=clock.now()))


class Costs(Endpoint):
    @operation(
        "costs_list",
        "What a month cost",
        area=AREA,
        answers={200: shapes.COSTS},
        query=(Query("month", text("2026-11; this month if left out.", pattern=r"^\d{4}-\d{2}$")), TEAM),
        problems=(422,),
        about="By environment, from recorded use. A month that still runs counts until now.",
    )
    def get(self, request: Request) -> HttpResponse:
        now = clock.now()
        month = Month.parse(self.query["month"]) if "month" in self.query else Month.of(now)
        lines = list(cost_lines(month, rights=self.rights, team=self.query.get("team", ""), now=now))
        rows = [
            {
                "team": one.team,
                "system": None if one.hidden else one.system,
                "environment": one.environment or None,
                "stage": one.stage or None,
                "cost": figure(one.cost),
            }
            for one in lines
        ]
        total = sum(one.cost for one in lines)
        return answer({"month": str(month), "currency": settings.CURRENCY, "total": figure(total), "items": rows})


def loan_row(loan: Loan) -> dict[str, Any]:
    """Needs both teams and both people joined."""
    return {
        "id": loan.pk,
        "lender": loan.lender.slug,
        "borrower": loan.borrower.slug,
        "state": loan.state,
        "amounts": amounts(Amounts.of(loan)),
        "returned": amounts(Amounts.of(loan.returned)),
        "reason": loan.reason,
        "ends_at": moment(loan.ends_at),
        "made_by": loan.made_by.username if loan.made_by else None,
        "made_at": moment(loan.made_at),
        "decided_by": loan.decided_by.username if loan.decided_by else None,
        "decided_at": moment(loan.decided_at),
        "url": paths.loan(loan.pk),
    }


def request_row(row: QuotaRequest) -> dict[str, Any]:
    """Needs the team and both people joined."""
    return {
        "id": row.pk,
        "team": row.team.slug,
        "state": row.state,
        "more": amounts(Amounts.of(row)),
        "reason": row.reason,
        "answer": row.answer,
        "made_by": row.made_by.username if row.made_by else None,
        "made_at": moment(row.made_at),
        "decided_by": row.decided_by.username if row.decided_by else None,
        "decided_at": moment(row.decided_at),
        "url": paths.quota_request(row.pk),
    }


def _entry(entry: Entry, seen: set[int]) -> dict[str, Any]:
    known = entry.environment_id in seen
    return {
        "at": moment(entry.at),
        "kind": entry.kind,
        "moved": amounts(entry.moved),
        "limit_after": amounts(entry.after.limits),
        "used_after": amounts(entry.after.used),
        "held_after": amounts(entry.after.held),
        "environment": entry.label if known else None,
        "change": entry.change_id if known else None,
        "loan": entry.loan_id,
        "request": entry.request_id,
    }


def _budgets(team: Team) -> HttpResponse:
    views = budget_views(team.pk, now=clock.now())
    rows = [
        {
            "system": one.system or None,
            "amount": figure(one.amount),
            "spent": round(one.spent, 2),
            "expected": round(one.expected, 2),
            "share": round(one.share, 1),
            "steps": [step.as_dict() for step in one.steps],
        }
        for one in views
    ]
    return versioned({"items": rows, "currency": settings.CURRENCY}, content_tag(budgets_shown(team)))


def _prices(cluster: Cluster) -> HttpResponse:
    rows = [{**one, **{name: float(one[name]) for name in NAMES[:3]}} for one in cluster.price_lists]
    return versioned({"items": rows, "currency": settings.CURRENCY}, content_tag(cluster.price_lists))


def _amounts(sent: dict[str, Any]) -> Amounts:
    return Amounts.of({name: sent.get(name) or 0 for name in NAMES})


def _team(field: str, slug: str) -> Team:
    """The team that a body names; InvalidInput at ``field``. Teams are no secret, so no scope is asked for."""
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        told = f"There is no team “{slug}”."
        raise InvalidInput(told, errors=[FieldError(field, told)])
    return found


def _place(before: str | None, among: str) -> Place | None:
    place = place_read(_moment(before), among)
    if among and (place is None or place.among != among):
        told = "Take it with its before from the next of another page, or leave it out."
        raise InvalidInput(told, errors=[FieldError("among", told)])
    return place


def _address(place: Place) -> str:
    return urlencode({"before": place.at.isoformat(), "among": place.among})


def _moment(value: str | None) -> datetime | None:
    return _required_moment("before", value) if value else None


def _required_moment(field: str, value: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        told = "Write a moment with its time zone, such as 2026-12-24T00:00:00Z."
        raise InvalidInput(told, errors=[FieldError(field, told)])
    return at
