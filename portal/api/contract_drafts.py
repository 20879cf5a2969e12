"""Contracts to begin with, from a CRD or from the schema of a chart's values. Stores nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from portal.api.answers import answer
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.shapes import capabilities as shapes
from provisioning.domain.contract_draft import Naming
from provisioning.domain.contract_draft_values import FLUX, Chart
from provisioning.services.contract_drafts import DraftRequest, contract_draft


class ContractDrafts(Endpoint):
    @operation(
        "contracts_draft",
        "Draft a contract",
        area="Capabilities",
        answers={200: shapes.DRAFT},
        body=shapes.DRAFT_REQUEST,
        scope="admin",
        about="Platform admins only. The draft goes through the publishing checks; `decisions` lists what the artifact "
        "does not say, and `problems` what keeps the draft from being published as it stands. Nothing is stored.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        made = contract_draft(_asked(self.sent))
        return answer(
            {
                "document": made.document,
                "yaml": made.text,
                "decisions": [
                    {"path": one.path, "rule": one.rule, "message": one.message, "must": one.must}
                    for one in made.decisions
                ],
                "problems": [{"path": one.path, "message": one.message} for one in made.problems],
            }
        )


def _asked(sent: dict[str, Any]) -> DraftRequest:
    return DraftRequest(
        artifact=sent["artifact"],
        text=sent["text"],
        naming=Naming(capability=sent.get("capability", ""), owner=sent.get("owner", "")),
        kind=sent.get("kind", ""),
        served=sent.get("served", ""),
        chart=Chart(sent.get("chart", ""), sent.get("chart_version", ""), sent.get("chart_source", "")),
        release=sent.get("release", FLUX),
    )
