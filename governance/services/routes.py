"""Approval routes: made, edited, taken back and retired by platform admins. Every version is kept.

Changes that wait keep the stages they were asked with, until their plan moves. Lock order: route row, then audit head.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from governance.access import PLATFORM_ADMINS, rights_of
from governance.domain.approval import source_group, source_people, source_team
from governance.domain.route import Route, parse_route, route_named, sources_of
from governance.models import ApprovalRoute, Policy, RouteVersion
from governance.services.audit import audit_append
from governance.services.transactions import require_version
from idp.catalog.models import Team, User
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound


def route_save(
    actor: Actor,
    *,
    document: Mapping[str, Any],
    draft: bool = False,
    expected_version: int | None = None,
    now: datetime,
) -> ApprovalRoute:
    """Make or change the route that the document names; admins only. An equal document changes nothing.

    A ``draft`` is kept and asked by nobody until it is saved without. InvalidInput names each place that is wrong, and
    each team, group or person that is not there.
    """
    rights_of(actor).require_admin()
    route = route_checked(document)
    return _store(actor, route, dict(canonical(document)), draft=draft, expected_version=expected_version, now=now)


def route_checked(document: Mapping[str, Any]) -> Route:
    """The route of a document that may be saved; InvalidInput otherwise. Writes nothing."""
    route = parse_route(document)
    errors = _unknown(route)
    if errors:
        raise InvalidInput(f"This route is not right yet: {errors[0].message}", errors=errors)
    return route


def route_restore(
    actor: Actor, *, name: str, version: int, expected_version: int | None = None, now: datetime
) -> ApprovalRoute:
    """Take an earlier version back, as a new one; admins only."""
    rights_of(actor).require_admin()
    kept = RouteVersion.objects.filter(route__name=name, version=version).first()
    if kept is None:
        raise NotFound(f"The route “{name}” has no version {version}.")
    route = route_checked(kept.document)
    return _store(actor, route, kept.document, draft=False, expected_version=expected_version, now=now)


@transaction.atomic
def route_retire(actor: Actor, *, name: str, expected_version: int | None = None, now: datetime) -> ApprovalRoute:
    """No policy may ask for it any more; admins only. Conflict while one does."""
    rights_of(actor).require_admin()
    row = ApprovalRoute.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no approval route “{name}”.")
    require_version(row, row.version, expected_version)
    if row.state == "retired":
        return row
    users = policies_asking(name)
    if users:
        raise Conflict(
            f"The {'policy' if len(users) == 1 else 'policies'} {', '.join(users)} ask for this route.",
            code="illegal-state",
            remedy="Let them ask somebody else first.",
        )
    before, row.state = row.state, "retired"
    _keep(actor, row, now)
    data = {"before": {"state": before}, "after": {"state": row.state}}
    _audit(actor, "approval-route.retire", row, data, now)
    return row


def policies_asking(name: str) -> list[str]:
    """Names of the active policies that ask for a route. One query."""
    return asking_by_route().get(name, [])


def asking_by_route() -> dict[str, list[str]]:
    """Names of the active policies that ask for each route. One query."""
    found: dict[str, list[str]] = {}
    rows = Policy.objects.filter(active=True, effect="require-approval").order_by("name")
    for policy, document in rows.values_list("name", "document"):
        for rule in document["spec"].get("approvals", []):
            if (route := route_named(rule["from"])) is not None:
                found.setdefault(route, []).append(policy)
    return found


@transaction.atomic
def _store(
    actor: Actor,
    route: Route,
    document: dict[str, Any],
    *,
    draft: bool,
    expected_version: int | None,
    now: datetime,
) -> ApprovalRoute:
    row = ApprovalRoute.objects.select_for_update().filter(name=route.name).first()
    if row is not None:
        require_version(row, row.version, expected_version)
    state = "draft" if draft else "active"
    if row is not None and row.state == state and row.document == document:
        return row
    if row is not None and draft and row.state == "active":
        raise Conflict(f"“{route.name}” is in force; a draft needs a name of its own.", code="exists")
    before = row.document if row is not None else None
    row = row or ApprovalRoute(name=route.name, version=0)
    row.title, row.document, row.state = route.title, document, state
    _keep(actor, row, now)
    _audit(actor, "approval-route.save", row, {"before": before, "after": document}, now)
    return row


def _keep(actor: Actor, row: ApprovalRoute, now: datetime) -> None:
    row.version += 1
    row.updated_at, row.updated_by_id = now, actor.user_id
    row.save()
    RouteVersion.objects.create(
        route=row, version=row.version, state=row.state, document=row.document, saved_at=now, saved_by=actor.username
    )


def _unknown(route: Route) -> list[FieldError]:
    named = sources_of(route)
    teams = {slug for _, source in named if (slug := source_team(source))}
    groups = {name for _, source in named if (name := source_group(source))}
    people = {name for _, source in named for name in source_people(source)}
    teams -= set(Team.objects.filter(slug__in=teams).values_list("slug", flat=True))
    groups -= {PLATFORM_ADMINS, *Group.objects.filter(name__in=groups).values_list("name", flat=True)}
    able = User.objects.filter(username__in=people, is_active=True, service_of=None)
    people -= set(able.values_list("username", flat=True))
    errors = []
    for path, source in named:
        if source_team(source) in teams:
            errors.append(FieldError(path, f"There is no team “{source_team(source)}”; nobody could ever agree."))
        if source_group(source) in groups:
            errors.append(FieldError(path, f"There is no group “{source_group(source)}”; nobody could ever agree."))
        errors += [
            FieldError(path, f"There is nobody called “{name}” who could agree.")
            for name in source_people(source)
            if name in people
        ]
    return [*errors, *_too_many(route)]


def _too_many(route: Route) -> list[FieldError]:
    return [
        FieldError(f"spec.stages.{at}.approvers.{place}.count", "More must agree than people are named.")
        for at, stage in enumerate(route.stages)
        for place, rule in enumerate(stage.approvers)
        if source_people(rule.source) and rule.count > len(set(source_people(rule.source)))
    ]


def _audit(actor: Actor, action: str, row: ApprovalRoute, data: dict[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="approval-route",
        object_id=row.name,
        object_label=row.title,
        data={"version": row.version, "state": row.state, **data},
        now=now,
    )
