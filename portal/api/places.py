"""Stages: classes of environments, and where they live. Platform admins change them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from portal.api import paths
from portal.api.answers import answer, created, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import administration as shapes
from provisioning.models import Stage
from provisioning.selectors import clusters as cluster_selectors
from provisioning.selectors import stages as stage_selectors
from provisioning.services import stages as stage_services

AREA = "Administration"
ADMINS = "Platform admins only."


class Stages(Endpoint):
    @operation("stages_list", "List stages", area=AREA, answers={200: shapes.STAGE_PAGE}, query=PAGED)
    def get(self, request: Request) -> HttpResponse:
        return listing(request, self.query, stage_selectors.stage_list(), ("order",), stage_row)

    @operation(
        "stages_create",
        "Make a stage",
        area=AREA,
        answers={201: shapes.STAGE},
        body=shapes.STAGE_CREATE,
        scope="admin",
        problems=(409,),
        about=ADMINS,
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        name = self.sent["name"]
        if Stage.objects.filter(name=name).exists():
            raise Conflict(f"There is a stage “{name}” already.", code="exists", remedy="Edit it with PUT instead.")
        stage = stage_services.stage_save(self.actor, now=clock.now(), **_stage_fields(self.sent))
        return created(stage_row(stage), paths.stage(name), version=stage.version)


class OneStage(Endpoint):
    @operation("stages_read", "Read a stage", area=AREA, answers={200: shapes.STAGE}, versioned=True)
    def get(self, request: Request, stage: str) -> HttpResponse:
        row = stage_selectors.stage_get(stage)
        return versioned(stage_row(row), row.version)

    @operation(
        "stages_replace",
        "Edit a stage",
        area=AREA,
        answers={200: shapes.STAGE},
        body=shapes.STAGE_EDIT,
        scope="admin",
        versioned=True,
        problems=(409,),
        about=ADMINS,
    )
    def put(self, request: Request, stage: str) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, stage_selectors.stage_get(stage).version)
        row = stage_services.stage_save(
            self.actor, now=clock.now(), expected_version=expected, **_stage_fields({**self.sent, "name": stage})
        )
        return versioned(stage_row(row), row.version)


class StageTakeBack(Endpoint):
    @operation(
        "stages_take_back",
        "Take the last edit of a stage back",
        area=AREA,
        answers={200: shapes.STAGE},
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} It is what it was before; once more brings the edit again. Windows are not part of it.",
    )
    def post(self, request: Request, stage: str) -> HttpResponse:
        self.rights.require_admin()
        return answer(stage_row(stage_services.stage_take_back(self.actor, name=stage, now=clock.now())))


def stage_row(stage: Stage) -> dict[str, Any]:
    """Needs ``cluster`` and ``promotes_from`` joined."""
    return {
        "name": stage.name,
        "title": stage.title,
        "summary": stage.summary,
        "order": stage.order,
        "cluster": stage.cluster.name,
        "cluster_labels": stage.cluster_labels,
        "isolation": stage.isolation,
        "promotes_from": stage.promotes_from.name if stage.promotes_from else None,
        "production": stage.production,
        "default_days": stage.default_days,
        "max_days": stage.max_days,
        "idle_hours": stage.idle_hours,
        "soak_minutes": stage.soak_minutes,
        "drift_mode": stage.drift_mode,
        "version": stage.version,
        "created_at": moment(stage.created_at),
        "url": paths.stage(stage.name),
    }


def _stage_fields(sent: dict[str, Any]) -> dict[str, Any]:
    """The body with names replaced by rows; InvalidInput for a name that does not exist."""
    fields = dict(sent)
    fields["cluster"] = _named("cluster", cluster_selectors.cluster_get, sent["cluster"])
    if sent.get("promotes_from") is not None:
        fields["promotes_from"] = _named("promotes_from", stage_selectors.stage_get, sent["promotes_from"])
    return fields


def _named(field: str, get: Any, name: str) -> Any:
    try:
        return get(name)
    except NotFound as error:
        raise InvalidInput(error.message, errors=[FieldError(field, error.message)]) from None
