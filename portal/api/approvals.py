"""Approval routes, who stands in for whom, and gates that stop nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import ApprovalRoute, Delegation
from governance.services import routes as services
from governance.services.delegations import delegation_create, delegation_withdraw, delegations_of
from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from portal.api import paths
from portal.api.answers import answer, created, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import approvals as shapes
from portal.api.shapes.changes import NOTHING
from provisioning.selectors.rubber_stamps import gates

AREA = "Administration"
ADMINS = "Platform admins only."


class ApprovalRoutes(Endpoint):
    @operation("approval_routes_list", "List approval routes", area=AREA, answers={200: shapes.ROUTE_PAGE}, query=PAGED)
    def get(self, request: Request) -> HttpResponse:
        asking = services.asking_by_route()
        return listing(request, self.query, _routes(), ("name",), lambda row: route_row(row, asking))

    @operation(
        "approval_routes_create",
        "Make an approval route",
        area=AREA,
        answers={201: shapes.ROUTE},
        body=shapes.ROUTE_DOCUMENT,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} The body is the route's document; a policy asks for it with `from: route:<name>`.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        name = self.sent["metadata"]["name"]
        if ApprovalRoute.objects.filter(name=name).exists():
            raise Conflict(f"There is a route “{name}” already.", code="exists", remedy="Edit it with PUT instead.")
        services.route_save(self.actor, document=self.sent, now=clock.now())
        row = _route(name)
        return created(_row(row), paths.approval_route(row.name), version=row.version)


class OneApprovalRoute(Endpoint):
    @operation("approval_routes_read", "Read an approval route", area=AREA, answers={200: shapes.ROUTE}, versioned=True)
    def get(self, request: Request, route: str) -> HttpResponse:
        row = _route(route)
        return versioned(_row(row), row.version)

    @operation(
        "approval_routes_replace",
        "Edit an approval route",
        area=AREA,
        answers={200: shapes.ROUTE},
        body=shapes.ROUTE_DOCUMENT,
        scope="admin",
        versioned=True,
        about=f"{ADMINS} Puts a draft or a retired route in force. Changes that wait keep their stages.",
    )
    def put(self, request: Request, route: str) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, _route(route).version)
        if self.sent["metadata"]["name"] != route:
            message = f"Use “{route}”, as in the address."
            raise InvalidInput("The document is of another route.", errors=[FieldError("metadata.name", message)])
        services.route_save(self.actor, document=self.sent, expected_version=expected, now=clock.now())
        row = _route(route)
        return versioned(_row(row), row.version)

    @operation(
        "approval_routes_retire",
        "Retire an approval route",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        problems=(409,),
        about=f"{ADMINS} Not while a policy asks for it.",
    )
    def delete(self, request: Request, route: str) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, _route(route).version)
        services.route_retire(self.actor, name=route, expected_version=expected, now=clock.now())
        return empty()


class ApprovalRouteRestore(Endpoint):
    @operation(
        "approval_routes_restore",
        "Take an earlier version of a route back",
        area=AREA,
        answers={200: shapes.ROUTE},
        body=shapes.RESTORE,
        scope="admin",
        about=f"{ADMINS} It becomes the newest version.",
    )
    def post(self, request: Request, route: str) -> HttpResponse:
        services.route_restore(self.actor, name=route, version=self.sent["version"], now=clock.now())
        return answer(_row(_route(route)))


class RubberStamps(Endpoint):
    @operation(
        "rubber_stamps_list",
        "List gates with how long people take",
        area=AREA,
        answers={200: shapes.GATES},
        about=f"{ADMINS} What was decided on in the last 90 days, rubber stamps first.",
    )
    def get(self, request: Request) -> HttpResponse:
        if not self.rights.is_admin:
            self.rights.require_admin()
        rows = [
            {
                "policy": one.policy,
                "route": one.route,
                "stage": one.stage,
                "source": one.source,
                "agreed": len(one.waits),
                "refused": one.refused,
                "median_seconds": round(one.median, 1),
                "rubber_stamp": one.is_rubber_stamp,
            }
            for one in gates(now=clock.now())
        ]
        return answer({"items": rows})


class StandIns(Endpoint):
    @operation(
        "stand_ins_list",
        "List your stand-ins",
        area=AREA,
        answers={200: shapes.DELEGATION_PAGE},
        query=PAGED,
        about="Who decides for you, and for whom you decide; with what ended in the last month.",
    )
    def get(self, request: Request) -> HttpResponse:
        rows = delegations_of(self.actor.user_id or 0, now=clock.now()).order_by()
        return listing(request, self.query, rows, ("-id",), delegation_row)

    @operation(
        "stand_ins_create",
        "Let somebody stand in",
        area=AREA,
        answers={201: shapes.DELEGATION},
        body=shapes.NEW_DELEGATION,
        scope="approve",
        about="For yourself, or for another `person` by a platform admin. Not through a token.",
    )
    def post(self, request: Request) -> HttpResponse:
        sent = {**self.sent, **{name: _moment(self.sent[name], name) for name in ("starts_at", "ends_at")}}
        row = delegation_create(self.actor, now=clock.now(), **sent)
        return created(delegation_row(row), paths.stand_in(row.pk))


class StandInWithdraw(Endpoint):
    @operation(
        "stand_ins_withdraw",
        "Take the right of a stand-in back",
        area=AREA,
        answers={200: shapes.DELEGATION},
        body=NOTHING,
        scope="approve",
        about="At once; what they agreed to for a change that still waits counts no more.",
    )
    def post(self, request: Request, delegation_id: int) -> HttpResponse:
        return answer(delegation_row(delegation_withdraw(self.actor, delegation_id=delegation_id, now=clock.now())))


def route_row(route: ApprovalRoute, asking: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Needs ``updated_by`` joined; ``asking`` are names of policies by route."""
    return {
        "name": route.name,
        "title": route.title,
        "state": route.state,
        "asked_by": list(asking.get(route.name, ())),
        "version": route.version,
        "updated_at": moment(route.updated_at),
        "updated_by": route.updated_by.username if route.updated_by else None,
        "document": route.document,
        "url": paths.approval_route(route.name),
    }


def delegation_row(row: Delegation) -> dict[str, Any]:
    """Needs ``person`` and ``stand_in`` joined."""
    return {
        "id": row.pk,
        "person": row.person.username,
        "stand_in": row.stand_in.username,
        "starts_at": moment(row.starts_at),
        "ends_at": moment(row.ends_at),
        "reason": row.reason,
        "withdrawn_at": moment(row.withdrawn_at),
    }


def _moment(written: str, name: str) -> datetime:
    try:
        read = datetime.fromisoformat(written)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        told = "Write a moment such as 2026-11-22T09:30:00Z."
        raise InvalidInput(told, errors=[FieldError(name, told)]) from None


def _row(route: ApprovalRoute) -> dict[str, Any]:
    return route_row(route, {route.name: services.policies_asking(route.name)})


def _routes() -> QuerySet[ApprovalRoute]:
    return ApprovalRoute.objects.select_related("updated_by")


def _route(name: str) -> ApprovalRoute:
    row = _routes().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no approval route “{name}”.")
    return row
