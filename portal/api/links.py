"""Links to dashboards, logs, traces and alerts: templates of stages, and what environments get of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, content_tag, created, empty, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import links as shapes
from provisioning.domain.links import Link
from provisioning.models import StageLink
from provisioning.selectors.environments import environment_get, environment_resources
from provisioning.selectors.links import environment_links, stage_link, stage_links
from provisioning.selectors.stages import stage_get
from provisioning.services.links import link_remove, link_save

AREA = "Administration"
ADMINS = "Platform admins only."


class StageLinks(Endpoint):
    @operation("stages_links", "List a stage's links", area=AREA, answers={200: shapes.STAGE_LINK_LIST})
    def get(self, request: Request, stage: str) -> HttpResponse:
        return answer({"items": [template_row(one) for one in stage_links(stage_get(stage))]})

    @operation(
        "stages_links_write",
        "Write a link of a stage",
        area=AREA,
        answers={201: shapes.STAGE_LINK},
        body=shapes.NEW_STAGE_LINK,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} A name that the stage has already is changed. The address is tried on made-up names first.",
    )
    def post(self, request: Request, stage: str) -> HttpResponse:
        self.rights.require_admin()
        row = link_save(self.actor, stage=stage_get(stage), now=clock.now(), **self.sent)
        return created(template_row(row), f"{paths.stage(stage)}links/")


class OneStageLink(Endpoint):
    @operation(
        "stages_links_read", "Read a link of a stage", area=AREA, answers={200: shapes.STAGE_LINK}, versioned=True
    )
    def get(self, request: Request, stage: str, link_id: int) -> HttpResponse:
        shown = template_row(stage_link(stage_get(stage), link_id))
        return versioned(shown, content_tag(shown))

    @operation(
        "stages_links_remove",
        "Remove a link of a stage",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def delete(self, request: Request, stage: str, link_id: int) -> HttpResponse:
        self.rights.require_admin()
        found = stage_get(stage)
        require_if_match(request, content_tag(template_row(stage_link(found, link_id))))
        link_remove(self.actor, stage=found, link_id=link_id, now=clock.now())
        return empty()


class EnvironmentLinks(Endpoint):
    @operation(
        "environments_links",
        "List an environment's links",
        area="Environments",
        answers={200: shapes.LINK_LIST},
        about="Those of the environment, then those of each workload.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        row = environment_get(self.rights, system, name)
        found = environment_links(row, environment_resources(row))
        return answer({"items": [link_row(one) for one in found]})


def template_row(row: StageLink) -> dict[str, Any]:
    """Needs ``changed_by`` joined, or asks for it."""
    return {
        "id": row.pk,
        "name": row.name,
        "kind": row.kind,
        "url": row.url,
        "changed_by": row.changed_by.username if row.changed_by else None,
        "changed_at": moment(row.changed_at),
    }


def link_row(link: Link) -> dict[str, Any]:
    return {"name": link.name, "kind": link.kind, "url": link.url, "resource": link.resource or None}
