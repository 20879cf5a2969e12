"""Policies and quotas: which rules hold, and how much a team may have."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import Policy, Quota
from governance.selectors.quota import quota_states
from governance.services import policies as policy_services
from governance.services import quota as quota_services
from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from portal.api import paths
from portal.api.answers import created, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.figures import quota_row
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import administration as shapes
from portal.api.shapes.words import flag

AREA = "Administration"
ADMINS = "Platform admins only."


class Policies(Endpoint):
    @operation(
        "policies_list",
        "List policies",
        area=AREA,
        answers={200: shapes.POLICY_PAGE},
        query=(Query("active", flag("Only those that hold, or only retired ones.")), *PAGED),
    )
    def get(self, request: Request) -> HttpResponse:
        rows = _policies()
        if "active" in self.query:
            rows = rows.filter(active=self.query["active"])
        return listing(request, self.query, rows, ("name",), policy_row)

    @operation(
        "policies_create",
        "Make a policy",
        area=AREA,
        answers={201: shapes.POLICY},
        body=shapes.POLICY_DOCUMENT,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} The body is the policy document; its tests must pass.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        name = self.sent["metadata"]["name"]
        if Policy.objects.filter(name=name).exists():
            raise Conflict(f"There is a policy “{name}” already.", code="exists", remedy="Edit it with PUT instead.")
        policy = policy_services.policy_save(self.actor, document=self.sent, now=clock.now())
        row = one_policy(policy.name)
        return created(policy_row(row), paths.policy(row.name), version=row.version)


class OnePolicy(Endpoint):
    @operation("policies_read", "Read a policy", area=AREA, answers={200: shapes.POLICY}, versioned=True)
    def get(self, request: Request, policy: str) -> HttpResponse:
        row = one_policy(policy)
        return versioned(policy_row(row), row.version)

    @operation(
        "policies_replace",
        "Edit a policy",
        area=AREA,
        answers={200: shapes.POLICY},
        body=shapes.POLICY_DOCUMENT,
        scope="admin",
        versioned=True,
        about=f"{ADMINS} Takes a retired policy back into force.",
    )
    def put(self, request: Request, policy: str) -> HttpResponse:
        self.rights.require_admin()
        require_if_match(request, one_policy(policy).version)
        if self.sent["metadata"]["name"] != policy:
            message = f"Use “{policy}”, as in the address."
            raise InvalidInput("The document is of another policy.", errors=[FieldError("metadata.name", message)])
        policy_services.policy_save(self.actor, document=self.sent, now=clock.now())
        row = one_policy(policy)
        return versioned(policy_row(row), row.version)

    @operation(
        "policies_retire",
        "Retire a policy",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        about=f"{ADMINS} It no longer speaks; it stays readable.",
    )
    def delete(self, request: Request, policy: str) -> HttpResponse:
        self.rights.require_admin()
        row = one_policy(policy)
        require_if_match(request, row.version)
        policy_services.policy_retire(self.actor, name=policy, now=clock.now())
        return empty()


class Quotas(Endpoint):
    @operation("quotas_list", "List quotas", area=AREA, answers={200: shapes.QUOTA_PAGE}, query=PAGED)
    def get(self, request: Request) -> HttpResponse:
        rows = Quota.objects.select_related("team")
        states = quota_states(rows.values_list("team_id", flat=True))
        return listing(
            request, self.query, rows, ("team__slug",), lambda quota: quota_row(quota, states[quota.team_id])
        )


class OneQuota(Endpoint):
    @operation("quotas_read", "Read a team's quota", area=AREA, answers={200: shapes.QUOTA}, versioned=True)
    def get(self, request: Request, team: str) -> HttpResponse:
        return _quota_answer(one_quota(team))

    @operation(
        "quotas_replace",
        "Set a team's quota",
        area=AREA,
        answers={200: shapes.QUOTA},
        body=shapes.QUOTA_EDIT,
        scope="admin",
        versioned=True,
        about=f"{ADMINS} A limit below what is used stops new use and takes nothing away.",
    )
    def put(self, request: Request, team: str) -> HttpResponse:
        self.rights.require_admin()
        quota = one_quota(team)
        require_if_match(request, quota.version)
        quota_services.quota_set(self.actor, team=quota.team, now=clock.now(), **self.sent)
        return _quota_answer(one_quota(team))


def policy_row(policy: Policy) -> dict[str, Any]:
    """Needs ``updated_by`` joined."""
    return {
        "name": policy.name,
        "title": policy.title,
        "mode": policy.mode,
        "effect": policy.effect,
        "active": policy.active,
        "version": policy.version,
        "updated_at": moment(policy.updated_at),
        "updated_by": policy.updated_by.username if policy.updated_by else None,
        "document": policy.document,
        "url": paths.policy(policy.name),
    }


def _policies() -> QuerySet[Policy]:
    return Policy.objects.select_related("updated_by")


def one_policy(name: str) -> Policy:
    policy = _policies().filter(name=name).first()
    if policy is None:
        raise NotFound(f"There is no policy “{name}”.")
    return policy


def one_quota(team: str) -> Quota:
    quota = Quota.objects.select_related("team").filter(team__slug=team).first()
    if quota is None:
        raise NotFound(f"There is no team “{team}” with a quota.")
    return quota


def _quota_answer(quota: Quota) -> HttpResponse:
    state = quota_states([quota.team_id])[quota.team_id]
    return versioned(quota_row(quota, state), quota.version)
