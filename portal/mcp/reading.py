"""The tools that read: what the agent's owner may see, within the agent's systems. Called by the table ``tools``."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet

from idp.catalog.selectors import component_list, system_get, system_list
from idp.kernel import clock, keyset
from portal.mcp import rows
from portal.mcp.session import Call
from provisioning.domain.searching import KINDS
from provisioning.models import Capability, Run
from provisioning.selectors import capabilities, changes, environments, runs, searching

LIMIT = 20
FEW = 50
JOINED = ("system__team", "stage", "requester")
Arguments = dict[str, Any]
Found = dict[str, Any]


def list_systems(call: Call, given: Arguments) -> Found:
    return _page(system_list(call.rights, query=given.get("query", "")), given, ("slug",), rows.system_row)


def get_system(call: Call, given: Arguments) -> Found:
    rights = call.rights
    system = system_get(rights, given["system"])
    living = environments.environment_list(rights, system=system.slug)
    return {
        **rows.system_row(system),
        "components": [rows.component_row(one) for one in component_list(rights, system=system)[:FEW]],
        "environments": [rows.environment_row(one) for one in living[:FEW]],
    }


def list_environments(call: Call, given: Arguments) -> Found:
    chosen = {name: given[name] for name in ("system", "stage", "state", "query") if name in given}
    found = environments.environment_list(call.rights, **chosen)
    return _page(found, given, ("-changed_at", "-id"), rows.environment_row)


def get_environment(call: Call, given: Arguments) -> Found:
    row = environments.environment_get(call.rights, given["system"], given["environment"])
    return {
        **rows.environment_row(row),
        "conditions": row.conditions,
        "resources": [rows.resource_row(one) for one in environments.environment_resources(row)],
        "document": environments.environment_document(row),
    }


def list_capabilities(call: Call, given: Arguments) -> Found:
    call.rights.require_scope("read")
    page = keyset.page(Capability.objects.all(), order=("name",), **_paged(given))
    latest = capabilities.latest_contracts([one.name for one in page.items])
    return {
        "items": [
            {
                "name": one.name,
                "title": one.title,
                "summary": one.summary,
                "category": one.category,
                "version": latest[one.name].version if one.name in latest else None,
            }
            for one in page.items
        ],
        "next": page.next,
    }


def get_contract(call: Call, given: Arguments) -> Found:
    call.rights.require_scope("read")
    capability = capabilities.capability_get(given["capability"])
    versions = list(capabilities.contracts_of(capability))
    wanted = given.get("version") or capabilities.default_among(versions).version
    chosen = capabilities.contract_get(capability.name, wanted)
    parsed = capabilities.parsed(chosen)
    return {
        "capability": capability.name,
        "title": capability.title,
        "summary": capability.summary,
        **rows.contract_row(chosen),
        "inputs": dict(parsed.inputs),
        "outputs": chosen.document["spec"].get("outputs", {}),
        "versions": [rows.contract_row(one) for one in versions[:FEW]],
    }


def list_changes(call: Call, given: Arguments) -> Found:
    chosen = {name: given[name] for name in ("state", "system", "query") if name in given}
    found = changes.change_list(call.rights, **chosen)
    if given.get("mine"):
        found = found.filter(by_agent__agent=call.caller.agent)
    return _page(found.defer("plan", "facts", "target", "verdicts"), given, ("-id",), rows.change_row)


def get_change(call: Call, given: Arguments) -> Found:
    rights = call.rights
    change = changes.change_get(rights, given["change"])
    view = changes.change_view(rights, change)
    return {
        **rows.change_row(change),
        "plan": rows.plan_row(change.plan),
        "verdicts": rows.verdict_rows(change.verdicts),
        "approvals": [rows.approval_row(one) for one in view.approvals],
        "comments": [
            {"by": one.user.username, "said": one.verdict, "text": one.comment, "at": rows.moment(one.created_at)}
            for one in view.decisions
        ],
        "events": [
            {"at": rows.moment(one.at), "by": one.actor_name, "event": one.event, "text": one.text}
            for one in view.events
        ],
        "runs": [rows.run_row(one) for one in view.runs],
    }


def get_run(call: Call, given: Arguments) -> Found:
    """With what stopped it, in plain words, and what to do about it."""
    rights = call.rights
    run: Run = runs.run_get(rights, given["run"])
    view = runs.run_view(rights, run, now=clock.now())
    environment = run.environment
    return {
        **rows.run_row(run),
        "system": environment.system.slug,
        "environment": environment.name,
        "error": view.error,
        "steps": [
            {
                "title": step.title,
                "state": step.state,
                "message": step.message,
                "attempt": step.attempt,
                "error": step.error,
            }
            for step in view.steps
        ],
    }


def search(call: Call, given: Arguments) -> Found:
    kinds = tuple(one for one in KINDS if one != "person" and one == given.get("kind", one))
    found = searching.search(call.rights, given["query"], kinds=kinds)
    return {
        "items": [
            {"kind": one.kind, "name": one.name, "title": one.title, "detail": one.detail} for one in found.entries
        ],
        "instead": " ".join(found.instead),
    }


def _paged(given: Arguments) -> dict[str, Any]:
    return {"cursor": given.get("cursor"), "limit": given.get("limit", LIMIT)}


def _page(found: QuerySet[Any], given: Arguments, order: tuple[str, ...], row: Any) -> Found:
    page: keyset.Page[Model] = keyset.page(found, order=order, **_paged(given))
    return {"items": [row(one) for one in page.items], "next": page.next}
