"""Environments as they are wanted and as they are. Every mutation is a change; one more resource is one too."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, created, figure, listing, moment
from portal.api.changes import CHANGES_JOINED, change_row
from portal.api.deprecation import HEADERS, headers_of
from portal.api.endpoint import Endpoint
from portal.api.events import change_event_row
from portal.api.figures import usage
from portal.api.operation import PAGED, Query, operation
from portal.api.runs import run_row
from portal.api.shapes import backstage_templates
from portal.api.shapes import changes as change_shapes
from portal.api.shapes import environments as shapes
from portal.api.shapes.words import flag, text
from provisioning.models import Change, ChangeEvent, Environment, Revision, Run
from provisioning.selectors import environments as selectors
from provisioning.selectors.comparing import Chosen, chosen, comparison
from provisioning.selectors.contract_flags import flagged_in
from provisioning.services.resource_requests import resource_ask

AREA = "Environments"
PARTS = ("resources", "revisions", "changes", "runs", "drift", "events")


class Environments(Endpoint):
    @operation(
        "environments_list",
        "List environments",
        area=AREA,
        answers={200: shapes.ENVIRONMENT_PAGE},
        query=(
            Query("q", text("Part of the name or the system.", most=200)),
            Query("stage", text("Name of the stage.", most=30)),
            Query("state", text(one_of=shapes.ENVIRONMENT_STATES)),
            Query("team", text("Slug of the owning team.", most=30)),
            Query("system", text("Slug of the system.", most=30)),
            Query("drift", text("Those with drift on which nobody has decided.", one_of=("open",))),
            *PAGED,
        ),
        about="Living environments that you may see, last changed first.",
    )
    def get(self, request: Request) -> HttpResponse:
        chosen = {name: value for name, value in self.query.items() if name not in ("cursor", "limit", "q")}
        rows = selectors.environment_list(self.rights, query=self.query.get("q", ""), **chosen)
        return listing(request, self.query, rows.defer(*HEAVY), ("-changed_at", "-id"), environment_row)


class OneEnvironment(Endpoint):
    @operation(
        "environments_read",
        "Read an environment",
        area=AREA,
        answers={200: shapes.ENVIRONMENT_DETAIL},
        headers=HEADERS,
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        row = selectors.environment_get(self.rights, system, name)
        url = paths.environment(row.system.slug, row.name)
        power = row.desired.document.get("power", "awake") if row.desired else "awake"
        return answer(
            {
                **environment_row(row),
                "power": power,
                "conditions": row.conditions,
                "resources": [resource_row(one) for one in selectors.environment_resources(row)],
                "document": selectors.environment_document(row),
                "links": {part: f"{url}{part}/" for part in PARTS},
            },
            headers=_deprecations(row),
        )


class Resources(Endpoint):
    @operation(
        "environments_resources",
        "List an environment's resources",
        area=AREA,
        answers={200: shapes.RESOURCE_LIST},
        headers=HEADERS,
        about="All of them, in dependency order, with outputs. Secret outputs are references only.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        row = selectors.environment_get(self.rights, system, name)
        found = [resource_row(one) for one in selectors.environment_resources(row)]
        return answer({"items": found}, headers=_deprecations(row))

    @operation(
        "environments_resource_ask",
        "Ask for one more resource",
        area=AREA,
        answers={202: change_shapes.CHANGE},
        body=backstage_templates.RESOURCE_REQUEST,
        scope="change",
        problems=(409,),
        about="An ordinary change that adds it and leaves all else as it is.",
    )
    def post(self, request: Request, system: str, name: str) -> HttpResponse:
        change = resource_ask(
            self.actor,
            system=system,
            environment=name,
            name=self.sent["name"],
            capability=self.sent["capability"],
            inputs=self.sent.get("inputs", {}),
            component=self.sent.get("component", ""),
            reason=self.sent.get("reason", ""),
            now=clock.now(),
        )
        return created(change_row(change, requester=self.actor.username), paths.change(change.pk), status=202)


class Revisions(Endpoint):
    @operation(
        "environments_revisions",
        "List an environment's revisions",
        area=AREA,
        answers={200: shapes.REVISION_PAGE},
        query=PAGED,
        about="Newest first.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        row = selectors.environment_get(self.rights, system, name)
        rows = Revision.objects.filter(environment=row)
        return listing(request, self.query, rows, ("-number",), revision_row)


class OneRevision(Endpoint):
    @operation(
        "environments_revision",
        "Read a revision of an environment",
        area=AREA,
        answers={200: shapes.REVISION},
    )
    def get(self, request: Request, system: str, name: str, number: int) -> HttpResponse:
        row = selectors.environment_get(self.rights, system, name)
        return answer(revision_row(chosen(self.rights, row, str(number)).revision))


class RevisionCompare(Endpoint):
    @operation(
        "environments_compare",
        "Compare two revisions",
        area=AREA,
        answers={200: shapes.COMPARISON},
        query=(
            Query(
                "with", text("The other one: 7 of this environment, or staging:7 of another of its system.", most=80)
            ),
            Query("objects", flag("Add the Kubernetes objects, before and after, as the contracts render them.")),
        ),
        about="What would change if this revision became the one named by `with`, by default the one that is wanted "
        "now. Both are rendered as they would be where the other one is.",
    )
    def get(self, request: Request, system: str, name: str, number: int) -> HttpResponse:
        row = selectors.environment_get(self.rights, system, name)
        other = self.query.get("with") or str(row.desired.number if row.desired else number)
        before, after = chosen(self.rights, row, str(number)), chosen(self.rights, row, other)
        return answer(_comparison_row(before, after, objects=self.query.get("objects", False)))


class Changes(Endpoint):
    @operation(
        "environments_changes",
        "List an environment's changes",
        area=AREA,
        answers={200: change_shapes.CHANGE_PAGE},
        query=PAGED,
        about="Newest first.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        row = selectors.environment_get(self.rights, system, name)
        rows = Change.objects.filter(environment=row).select_related(*CHANGES_JOINED).defer("plan", "facts", "target")
        return listing(request, self.query, rows, ("-id",), change_row)


class Runs(Endpoint):
    @operation(
        "environments_runs",
        "List an environment's runs",
        area=AREA,
        answers={200: shapes.RUN_PAGE},
        query=PAGED,
        about="Newest first.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        row = selectors.environment_get(self.rights, system, name)
        rows = Run.objects.filter(environment=row).select_related("environment__system", "revision")
        return listing(request, self.query, rows, ("-id",), run_row)


class Events(Endpoint):
    @operation(
        "environments_events",
        "List what happened to an environment",
        area=AREA,
        answers={200: change_shapes.CHANGE_EVENT_PAGE},
        query=PAGED,
        about="Events of all its changes, newest first. A run's own log is at runs/{run_id}/events/.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        row = selectors.environment_get(self.rights, system, name)
        rows = ChangeEvent.objects.filter(change__environment=row)
        return listing(request, self.query, rows, ("-id",), change_event_row)


def _deprecations(row: Environment) -> dict[str, str]:
    """For what is wanted of it now; at most one query, and that once in seconds."""
    return headers_of(flagged_in(row.desired.document if row.desired else None))


HEAVY = ("conditions", "desired__document", "observed__document", "cluster__credentials")


def environment_row(environment: Environment) -> dict[str, Any]:
    """Needs ``system__team``, ``stage``, ``cluster__watch``, ``desired`` and ``observed`` joined."""
    system, desired, observed = environment.system, environment.desired, environment.observed
    return {
        "system": system.slug,
        "name": environment.name,
        "team": system.team.slug,
        "stage": environment.stage.name,
        "state": environment.state,
        "unknown_since": moment(None if environment.deleted_at else selectors.unreachable_since(environment)),
        "namespace": environment.namespace,
        "cluster": environment.cluster.name,
        "isolation": environment.isolation,
        "sandbox": environment.cluster.driver == "sandbox",
        "revision": desired.number if desired else None,
        "observed_revision": observed.number if observed else None,
        "usage": usage(environment),
        "monthly_cost": figure(environment.monthly_cost),
        "currency": settings.CURRENCY,
        "drifted": environment.drifted,
        "expires_at": moment(environment.expires_at),
        "created_at": moment(environment.created_at),
        "changed_at": moment(environment.changed_at),
        "deleted_at": moment(environment.deleted_at),
        "url": paths.environment(system.slug, environment.name),
    }


def resource_row(resource: selectors.ResourceView) -> dict[str, Any]:
    return {
        "name": resource.name,
        "capability": resource.capability,
        "title": resource.title,
        "contract": resource.contract,
        "contract_state": resource.contract_state,
        "component": resource.component or None,
        "state": resource.state,
        "message": resource.message,
        "inputs": resource.inputs,
        "outputs": resource.outputs,
        "secret_outputs": resource.secret_outputs,
        "depends_on": list(resource.depends_on),
        "usage": usage(resource.footprint),
        "monthly_cost": figure(resource.cost),
    }


def revision_row(revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "digest": revision.digest,
        "change": revision.change_id,
        "created_at": moment(revision.created_at),
        "document": revision.document,
    }


def _comparison_row(before: Chosen, after: Chosen, *, objects: bool) -> dict[str, Any]:
    plan = comparison(before, after)
    hidden = () if objects else ("objects",)
    resources = [{key: value for key, value in one.items() if key not in hidden} for one in plan["resources"]]
    return {
        "before": {"environment": before.environment.name, "revision": before.revision.number},
        "after": {"environment": after.environment.name, "revision": after.revision.number},
        "counts": plan["counts"],
        "resources": resources,
        "cost_before": plan["cost_before"],
        "cost_after": plan["cost_after"],
        "currency": plan["currency"],
    }
