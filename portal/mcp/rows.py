"""Things as agents read them: plain values, times as ISO text, the page that shows a thing to people as ``url``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from idp.catalog.models import Component, System
from portal.addresses import address
from provisioning.models import Change, Contract, Environment, Run
from provisioning.selectors.changes import ApprovalView
from provisioning.selectors.environments import ResourceView


def page_of(name: str, *args: object) -> str:
    """The whole address of a page of the portal."""
    return f"{settings.BASE_URL}{address(name, *args)}"


def moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def system_row(system: System) -> dict[str, Any]:
    return {
        "name": system.slug,
        "title": system.name,
        "team": system.team.slug,
        "description": system.description,
        "restricted": system.restricted,
        "url": page_of("system", system.slug),
    }


def component_row(component: Component) -> dict[str, Any]:
    return {"name": component.slug, "title": component.name, "type": component.type, "repository": component.repository}


def environment_row(environment: Environment) -> dict[str, Any]:
    """Needs ``system__team``, ``stage``, ``desired`` and ``observed`` joined."""
    system, desired, observed = environment.system, environment.desired, environment.observed
    return {
        "system": system.slug,
        "name": environment.name,
        "team": system.team.slug,
        "stage": environment.stage.name,
        "state": environment.state,
        "revision": desired.number if desired else None,
        "observed_revision": observed.number if observed else None,
        "monthly_cost": float(environment.monthly_cost),
        "currency": settings.CURRENCY,
        "drifted": environment.drifted,
        "expires_at": moment(environment.expires_at),
        "changed_at": moment(environment.changed_at),
        "url": page_of("environment", system.slug, environment.name),
    }


def resource_row(resource: ResourceView) -> dict[str, Any]:
    """Secret outputs by name only."""
    return {
        "name": resource.name,
        "capability": resource.capability,
        "version": resource.contract,
        "component": resource.component or None,
        "state": resource.state,
        "message": resource.message,
        "inputs": resource.inputs,
        "outputs": resource.outputs,
        "secret_outputs": list(resource.secret_outputs),
    }


def contract_row(contract: Contract) -> dict[str, Any]:
    return {
        "version": contract.version,
        "state": contract.state,
        "reason": contract.state_reason,
        "replacement": contract.replacement or None,
    }


def change_row(change: Change) -> dict[str, Any]:
    """Needs ``system__team``, ``stage`` and ``requester`` joined."""
    return {
        "id": change.pk,
        "kind": change.kind,
        "state": change.state,
        "title": change.title,
        "system": change.system.slug,
        "environment": change.environment_name,
        "stage": change.stage.name,
        "requester": change.requester.username,
        "via": change.via,
        "reason": change.reason,
        "monthly_cost_before": float(change.monthly_cost_before),
        "monthly_cost_after": float(change.monthly_cost_after),
        "created_at": moment(change.created_at),
        "finished_at": moment(change.finished_at),
        "url": page_of("change", change.pk),
    }


def approval_row(one: ApprovalView) -> dict[str, Any]:
    return {"label": one.label, "state": one.state, "reason": one.reason, "who": list(one.who)}


def run_row(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "change": run.change_id,
        "kind": run.kind,
        "state": run.state,
        "created_at": moment(run.created_at),
        "finished_at": moment(run.finished_at),
        "url": page_of("run", run.pk),
    }


def plan_row(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What would become of each resource that changes; prices of a month."""
    if not plan:
        return {}
    return {
        "counts": plan["counts"],
        "resources": [_resource_plan(one) for one in plan["resources"] if one["action"] != "unchanged"],
        "cost_before": plan["cost_before"],
        "cost_after": plan["cost_after"],
        "currency": plan["currency"],
        "expires_before": plan.get("expires_before"),
        "expires_after": plan.get("expires_after"),
        "notes": plan.get("notes", []),
    }


def _resource_plan(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "action": one["action"],
        "capability": one["capability"],
        "version_before": one["contract_before"],
        "version_after": one["contract_after"],
        "effect": one["effect"],
        "fields": [{key: field[key] for key in ("path", "before", "after")} for field in one["fields"]],
    }


def verdict_rows(verdicts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those that say something; what merely passes is left out."""
    return [
        {key: one[key] for key in ("policy", "title", "outcome", "message", "remedy")}
        for one in verdicts
        if one["outcome"] != "passes"
    ]
