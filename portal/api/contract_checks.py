"""What stands against publishing a contract, without publishing it: for a command line and for pipelines."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api.answers import answer
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.shapes import capabilities as shapes
from provisioning.services.contract_preview import Preview, contract_preview


class ContractChecks(Endpoint):
    @operation(
        "contracts_check",
        "Check a contract",
        area="Capabilities",
        answers={200: shapes.CONTRACT_CHECK},
        body=shapes.CONTRACT_DOCUMENT,
        scope="admin",
        about="Platform admins only. Stores nothing. What the publishing checks find, with lines of what was sent as "
        "application/yaml, and what the version takes away from those who use the one before.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        if request.content_type.partition(";")[0] == "application/yaml":
            asked: dict[str, Any] = {"text": request._request.body.decode()}
        else:
            asked = {"document": self.sent}
        try:
            seen = contract_preview(self.actor, now=clock.now(), **asked)
        except InvalidInput as error:
            return answer(_refused(error, self.sent))
        return answer(_row(seen))


def _row(seen: Preview) -> dict[str, Any]:
    compatible = seen.compatibility is None or seen.compatibility.allowed
    return {
        "capability": seen.contract.capability,
        "version": seen.contract.version,
        "before": seen.before.version if seen.before else None,
        "may_be_published": compatible and not seen.problems,
        "found": [_found(one) for one in seen.problems],
        "breaking": [one.sentence for one in seen.compatibility.breaking] if seen.compatibility else [],
        "allowed": compatible,
    }


def _refused(error: InvalidInput, sent: dict[str, Any]) -> dict[str, Any]:
    """It is not a contract at all: what its faults are, and what it calls itself."""
    metadata = sent["metadata"]
    return {
        "capability": str(metadata.get("capability", "")),
        "version": str(metadata.get("version", "")),
        "before": None,
        "may_be_published": False,
        "found": [_found(one) for one in error.errors or (FieldError("", error.message),)],
        "breaking": [],
        "allowed": True,
    }


def _found(one: FieldError) -> dict[str, Any]:
    return {"path": one.path, "message": one.message, "line": one.line}
