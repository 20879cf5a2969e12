"""Backstage's scaffolder: templates made of contracts, and the call with which their last step waits."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from governance.domain.backstage.outgoing import FROM
from governance.domain.backstage.writing import as_yaml
from idp.kernel.errors import NotFound
from portal.api.answers import answer, content_tag, etag
from portal.api.endpoint import Endpoint
from portal.api.event_stream import places, release_connections
from portal.api.faults import BadRequest
from portal.api.operation import Query, operation
from portal.api.shapes import backstage_templates as shapes
from portal.api.shapes.words import text, whole
from provisioning.domain.backstage_template import (
    WAIT_SECONDS,
    capability_template,
    environment_template,
    promotion_template,
)
from provisioning.models import Change
from provisioning.selectors.capabilities import latest_contracts, parsed
from provisioning.selectors.changes import change_get, change_why
from provisioning.selectors.stages import stage_list

AREA = "Backstage"
YAML = "application/yaml"
PROXY_PATTERN = "^[a-z0-9-]{1,40}$"
PROXY = Query(
    "proxy", text("Name of the entry of Backstage's proxy; slipway if left out.", pattern="^[a-z0-9-]{1,40}$")
)
BY = Query(
    "by",
    text("How templates ask: through Backstage's proxy, or with the action of our module.", one_of=("proxy", "action")),
)
MUST = Query(
    "must",
    text(
        "For programs that look at the status alone, as Backstage's action does: 409 when it came to another end.",
        one_of=("succeed",),
    ),
)
MOVING = ("approved", "running")
LOOK_SECONDS = 1.0
WORDS = {
    "pending": "It waits for people to agree.",
    "approved": "It is agreed to and starts in a moment.",
    "running": "It is under way.",
    "succeeded": "It is done.",
    "failed": "It failed; the run says why and what to do.",
    "rejected": "Somebody did not agree.",
    "denied": "It was denied by a policy or a quota.",
}


class Templates(Endpoint):
    @operation(
        "backstage_templates",
        "Read all templates for Backstage",
        area=AREA,
        answers={200: shapes.TEMPLATE, 304: None},
        query=(PROXY, BY),
        media=(YAML,),
        about="A stream of scaffolder.backstage.io/v1beta3 templates: one for each capability, one for a new "
        "environment, one for a promotion. Answers 304 to an If-None-Match that still fits.",
    )
    def get(self, request: Request) -> HttpResponse:
        return _written(request, _templates(self.query))


class OneTemplate(Endpoint):
    @operation(
        "backstage_template",
        "Read a template for Backstage",
        area=AREA,
        answers={200: shapes.TEMPLATE, 304: None},
        query=(PROXY, BY),
        media=(YAML,),
        about="By its name: slipway-postgres, slipway-new-environment, slipway-promote.",
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        found = [one for one in _templates(self.query) if one["metadata"]["name"] == name]
        if not found:
            raise NotFound(f"There is no template “{name}”.")
        return _written(request, found)


class Outcome(Endpoint):
    @operation(
        "backstage_change",
        "Wait for a change",
        area=AREA,
        answers={200: shapes.OUTCOME, 409: shapes.OUTCOME},
        query=(
            Query("wait", whole("Seconds to wait at most while it is under way; 0 if left out.", most=WAIT_SECONDS)),
            MUST,
        ),
        about="Answers as soon as the change is over or waits for people, with links to the portal. With must=succeed "
        "one that was denied or rejected, or that failed, is answered with 409 and the same body.",
    )
    def get(self, request: Request, change_id: int) -> HttpResponse:
        change = change_get(self.rights, change_id)
        wait = self.query.get("wait", 0)
        if wait and change.state in MOVING and places.take():
            try:
                _waited(change, wait)
            finally:
                places.give_back()
        row = outcome_row(change)
        ended_well = not row["over"] or change.state == "succeeded"
        return answer(row, 200 if ended_well or "must" not in self.query else 409)


def outcome_row(change: Change) -> dict[str, Any]:
    """What the last step of a template shows. Links lead to pages."""
    run = change.runs.order_by("-id").values_list("pk", flat=True).first()
    told = WORDS.get(change.state, f"It is {change.state}.")
    base, here = settings.BASE_URL, f"/changes/{change.pk}/"
    return {
        "id": change.pk,
        "state": change.state,
        "over": change.state not in (*MOVING, "pending"),
        "message": f"{told} {change_why(change)}".strip(),
        "links": {
            "change": f"{base}{here}",
            "run": f"{base}/runs/{run}/" if run else f"{base}{here}",
            "environment": f"{base}/environments/{change.system.slug}/{change.environment_name}/",
        },
    }


def _waited(change: Change, seconds: int) -> None:
    """Look once a second until it moves no more; the database connection is given back in between."""
    ends = time.monotonic() + seconds
    while change.state in MOVING and time.monotonic() < ends:
        release_connections()
        time.sleep(LOOK_SECONDS)
        change.refresh_from_db(fields=["state"])


def _templates(query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Two queries and one for each contract that this process has not read yet."""
    proxy = None if query.get("by") == "action" else query.get("proxy", "slipway")
    if proxy is not None and not re.fullmatch(PROXY_PATTERN, proxy):
        raise BadRequest("The name of the proxy's entry must be 1 to 40 lower-case letters, digits and dashes.")
    rows = latest_contracts()
    made = [capability_template(parsed(row), proxy=proxy) for _, row in sorted(rows.items())]
    stages = [one.name for one in stage_list()]
    if stages:
        made.append(environment_template(stages, proxy=proxy, owner="platform"))
    made.append(promotion_template(proxy=proxy, owner="platform"))
    ours = {"annotations": {FROM: settings.BASE_URL}}
    return [{**one, "metadata": {**one["metadata"], **ours}} for one in made]


def _written(request: Request, documents: list[dict[str, Any]]) -> HttpResponse:
    tag = etag(content_tag(documents))
    if tag in [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]:
        return HttpResponse(status=304, headers={"ETag": tag})
    whole_text = "".join(f"---\n{as_yaml(one)}" for one in documents)
    return HttpResponse(whole_text, content_type=f"{YAML}; charset=utf-8", headers={"ETag": tag})
