"""Blast radius: what a draft or a published version would do to everything that lives.

A report is worked out by the workers: 202 while it is, 200 once it is there. For platform admins and maintainers of the
team that owns the capability.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api import paths
from portal.api.answers import answer, listing
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import blast_radius as shapes
from portal.api.shapes.capabilities import CONTRACT_DOCUMENT
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import text
from provisioning.models import BlastReport
from provisioning.selectors import blast as selectors
from provisioning.selectors.blast_rows import item_data, report_data, team_data
from provisioning.services import blast_reports as services

AREA = "Capabilities"
BOTH = {200: shapes.BLAST_REPORT, 202: shapes.BLAST_REPORT}
WHO = "Platform admins, and maintainers of the team that owns the capability. "


class DraftBlast(Endpoint):
    @operation(
        "contracts_blast_draft",
        "Ask what a draft would do to everything that lives",
        area=AREA,
        answers=BOTH,
        body=CONTRACT_DOCUMENT,
        scope="admin",
        about=f"{WHO}Nothing is published. The same draft over the same fleet has the same report; 202 while it is "
        "being worked out, with how far it is: read the report at `url` until its state is `succeeded`.",
    )
    def post(self, request: Request, capability: str) -> HttpResponse:
        named = self.sent["metadata"].get("capability")
        if named != capability:
            wrong = FieldError("metadata.capability", f"Use “{capability}”, as in the address.")
            raise InvalidInput("The document is of another capability.", errors=[wrong])
        if request.content_type.partition(";")[0] == "application/yaml":
            asked: dict[str, Any] = {"text": request._request.body.decode()}
        else:
            asked = {"document": self.sent}
        report = services.blast_of_draft(self.actor, now=clock.now(), **asked)
        return _report(self, report.pk)


class ContractBlast(Endpoint):
    @operation(
        "contracts_blast_read",
        "Read what a published version would do to everything that lives",
        area=AREA,
        answers=BOTH,
        scope="admin",
        about=f"{WHO}The report over what lives now; asked for when there is none yet, 202 while it is worked out.",
    )
    def get(self, request: Request, capability: str, version: str) -> HttpResponse:
        report = services.blast_of_version(self.actor, capability=capability, version=version, now=clock.now())
        return _report(self, report.pk)


class OneBlast(Endpoint):
    @operation(
        "blast_reports_read",
        "Read a blast radius",
        area=AREA,
        answers=BOTH,
        scope="admin",
        about=f"{WHO}It stays as it was when it was asked for; 202 while it is worked out.",
    )
    def get(self, request: Request, report_id: int) -> HttpResponse:
        return _report(self, report_id)


class BlastAgain(Endpoint):
    @operation(
        "blast_reports_again",
        "Look again at what lives now",
        area=AREA,
        answers=BOTH,
        body=NOTHING,
        scope="admin",
        about=f"{WHO}The same document over what lives now: the same report as long as nothing moved.",
    )
    def post(self, request: Request, report_id: int) -> HttpResponse:
        return _report(self, services.blast_again(self.actor, report_id, now=clock.now()).pk)


class BlastItems(Endpoint):
    @operation(
        "blast_reports_items",
        "List what happens to each resource",
        area=AREA,
        answers={200: shapes.BLAST_ITEM_PAGE},
        scope="admin",
        query=(
            Query("outcome", text("`affected`: all but what stays; all if left out.", one_of=shapes.FILTERS)),
            Query("team", text("Only of this team.", most=30)),
            *PAGED,
        ),
        about=f"{WHO}By team, system, environment and resource; those of systems that you may not see are left out. "
        "Rows come while the report is worked out. A token needs the scope `read` as well.",
    )
    def get(self, request: Request, report_id: int) -> HttpResponse:
        report = selectors.report_get(self.rights, report_id)
        asked = {"verdict": self.query.get("outcome", ""), "team": self.query.get("team", "")}
        rows = selectors.items_of(self.rights, report, **asked)
        return listing(request, self.query, rows, ("position",), item_data)


def _report(view: Endpoint, report_id: int) -> HttpResponse:
    report = selectors.report_get(view.rights, report_id)
    is_over = report.state in ("succeeded", "failed")
    headers = {} if is_over else {"Retry-After": "1", "Location": paths.blast_report(report.pk)}
    return answer(_row(view, report), 200 if is_over else 202, headers)


def _row(view: Endpoint, report: BlastReport) -> dict[str, Any]:
    return {
        **report_data(report),
        "teams": [team_data(one) for one in selectors.team_lines(report)],
        "hidden": selectors.hidden_counts(view.rights, report),
        "url": paths.blast_report(report.pk),
        "items_url": f"{paths.blast_report(report.pk)}items/",
        "page": reverse("blast-report", args=[report.pk]),
    }
