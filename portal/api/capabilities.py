"""Capabilities and their contracts: what teams can have, in which versions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api import paths
from portal.api.answers import answer, created, etag, listing, moment
from portal.api.deprecation import HEADERS, deprecation_headers
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import capabilities as shapes
from portal.api.shapes.words import text
from provisioning.models import Capability, Contract
from provisioning.selectors import capabilities as selectors
from provisioning.selectors.definitions import digests_of
from provisioning.selectors.feedback import feedback_tally
from provisioning.services import contracts as services
from provisioning.services.contract_states import contract_state_set

AREA = "Capabilities"


class Capabilities(Endpoint):
    @operation(
        "capabilities_list",
        "List capabilities",
        area=AREA,
        answers={200: shapes.CAPABILITY_PAGE},
        query=(Query("category", text("Only this category.", most=40)), *PAGED),
    )
    def get(self, request: Request) -> HttpResponse:
        rows = Capability.objects.select_related("owner").defer("readme")
        if category := self.query.get("category"):
            rows = rows.filter(category=category)
        return listing(request, self.query, rows, ("name",), capability_row)


class OneCapability(Endpoint):
    @operation("capabilities_read", "Read a capability", area=AREA, answers={200: shapes.CAPABILITY_DETAIL})
    def get(self, request: Request, capability: str) -> HttpResponse:
        row = selectors.capability_get(capability)
        used = selectors.usage_counts(row, self.rights)
        contracts = selectors.contracts_of(row).select_related("capability", "published_by").defer("document")
        tally = feedback_tally(row)
        return answer(
            {
                **capability_row(row),
                "readme": row.readme,
                "contracts": [contract_row(one) for one in contracts],
                "usage": [{"version": version, "resources": count} for version, count in used.items()],
                "defaults": default_rows(row, contracts),
                "feedback": {"easy": tally.easy, "hard": tally.hard},
            }
        )


class Contracts(Endpoint):
    @operation(
        "contracts_list", "List a capability's contracts", area=AREA, answers={200: shapes.CONTRACT_PAGE}, query=PAGED
    )
    def get(self, request: Request, capability: str) -> HttpResponse:
        row = selectors.capability_get(capability)
        rows = Contract.objects.filter(capability=row).select_related("capability", "published_by").defer("document")
        return listing(request, self.query, rows, ("-major", "-minor", "-patch", "-id"), contract_row)

    @operation(
        "contracts_publish",
        "Publish a contract",
        area=AREA,
        answers={201: shapes.CONTRACT_DETAIL},
        body=shapes.CONTRACT_DOCUMENT,
        scope="admin",
        problems=(409,),
        about="Platform admins only. The body is the contract document, best as application/yaml, so that what is "
        "wrong is named with its line. A published version never changes.",
    )
    def post(self, request: Request, capability: str) -> HttpResponse:
        self.rights.require_admin()
        _require_same_name(self.sent, capability)
        if request.content_type.partition(";")[0] == "application/yaml":
            asked: dict[str, Any] = {"text": request._request.body.decode()}
        else:
            asked = {"document": self.sent}
        published = services.contract_publish(self.actor, now=clock.now(), **asked)
        row = selectors.contract_get(capability, published.version)
        return created(_detail(row), paths.contract(capability, row.version))


class OneContract(Endpoint):
    @operation(
        "contracts_read",
        "Read a contract",
        area=AREA,
        answers={200: shapes.CONTRACT_DETAIL},
        versioned=True,
        headers=HEADERS,
    )
    def get(self, request: Request, capability: str, version: str) -> HttpResponse:
        return _one(selectors.contract_get(capability, version))

    @operation(
        "contracts_move",
        "Move a contract to another state",
        area=AREA,
        answers={200: shapes.CONTRACT_DETAIL},
        body=shapes.CONTRACT_STATE,
        scope="admin",
        versioned=True,
        headers=HEADERS,
        problems=(409,),
        about="Platform admins only. What is published stays as it is; its state moves, and why is told to everyone "
        "who uses it. A deprecated version needs a reason and a sunset; a retired one must be unused.",
    )
    def patch(self, request: Request, capability: str, version: str) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, selectors.contract_get(capability, version).state_version)
        contract_state_set(
            self.actor,
            capability=capability,
            version=version,
            now=clock.now(),
            expected_version=expected,
            **{**self.sent, "sunset": _moment(self.sent.get("sunset"))},
        )
        return _one(selectors.contract_get(capability, version))


def capability_row(capability: Capability) -> dict[str, Any]:
    """Needs ``owner`` joined."""
    return {
        "name": capability.name,
        "title": capability.title,
        "summary": capability.summary,
        "category": capability.category,
        "icon": capability.icon,
        "owner": capability.owner.slug if capability.owner else None,
        "url": paths.capability(capability.name),
        "contracts_url": f"{paths.capability(capability.name)}contracts/",
    }


def contract_row(contract: Contract) -> dict[str, Any]:
    """Needs ``capability`` and ``published_by`` joined."""
    return {
        "capability": contract.capability.name,
        "version": contract.version,
        "state": contract.state,
        "state_since": moment(contract.state_since),
        "reason": contract.state_reason,
        "sunset": moment(contract.sunset_at),
        "replacement": contract.replacement or None,
        "digest": contract.digest,
        "published_at": moment(contract.published_at),
        "published_by": contract.published_by.username if contract.published_by else None,
        "url": paths.contract(contract.capability.name, contract.version),
    }


def default_rows(capability: Capability, contracts: Iterable[Contract]) -> list[dict[str, Any]]:
    """What each major leads to. Needs ``default_of`` joined."""
    found = selectors.defaults_of(contracts)
    return [
        {
            "major": major,
            "version": found[major].version,
            "chosen": selectors.is_chosen(found[major]),
            "url": paths.contract(capability.name, found[major].version),
        }
        for major in sorted(found, reverse=True)
    ]


def _one(contract: Contract) -> HttpResponse:
    return answer(_detail(contract), headers={"ETag": etag(contract.state_version), **deprecation_headers(contract)})


def _detail(contract: Contract) -> dict[str, Any]:
    return {**contract_row(contract), "document": contract.document, "definitions": digests_of(contract)}


def _moment(sent: str | None) -> datetime | None:
    """The sunset that was sent; a day alone is its first moment in UTC."""
    if sent is None:
        return None
    try:
        found = datetime.fromisoformat(sent)
    except ValueError:
        message = "Write a day, or a moment like 2026-12-01T00:00:00Z."
        raise InvalidInput("The state was not changed.", errors=[FieldError("sunset", message)]) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _require_same_name(document: dict[str, Any], capability: str) -> None:
    named = document["metadata"].get("capability")
    if named != capability:
        message = f"Use “{capability}”, as in the address."
        raise InvalidInput(
            "The document is of another capability.", errors=[FieldError("metadata.capability", message)]
        )
