"""The audit log, for admins and auditors all of it, for members their own teams' part."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import AuditEntry
from governance.selectors.audit import ORDER, Search, audit_list, search_of
from idp.kernel.errors import InvalidInput
from portal.api.answers import listing, moment
from portal.api.endpoint import Endpoint
from portal.api.faults import BadRequest
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import governance as shapes
from portal.api.shapes.words import moment as when
from portal.api.shapes.words import text

FILTERS = tuple(Search.__dataclass_fields__)


class Audit(Endpoint):
    @operation(
        "audit_list",
        "Read the audit log",
        area="Audit",
        answers={200: shapes.AUDIT_PAGE},
        query=(
            Query("team", text("Slug of a team.", most=30)),
            Query("object_type", text("Such as change or team.", most=40)),
            Query("object_id", text("Id of the object.", most=60)),
            Query("name", text("Name of the object, whole: payments, checkout/live.", most=200)),
            Query("place", text("A system, or system/environment, that it is about.", most=80)),
            Query("actor", text("Username of who did it.", most=150)),
            Query("behalf", text("On whose behalf it was done.", most=150)),
            Query("request", text("Id of the request.", most=40)),
            Query("since", when("From this moment on.")),
            Query("until", when("Before this moment.")),
            Query("action", text("How the action begins: change, or change.approve.", most=60)),
            *PAGED,
        ),
        about="Newest first, by time. Admins and auditors read all of it, developers and maintainers what their teams "
        "own. Entries form a chain: each hash covers the one before.",
    )
    def get(self, request: Request) -> HttpResponse:
        try:
            search = search_of({name: str(self.query[name]) for name in FILTERS if name in self.query})
        except InvalidInput as error:
            raise BadRequest(error.message, code="bad-query", errors=error.errors) from None
        return listing(request, self.query, audit_list(self.rights, search), ORDER, audit_row)


def audit_row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": moment(entry.at),
        "actor": entry.actor_name,
        "actor_id": entry.actor_id,
        "behalf": entry.behalf,
        "token_id": entry.token_id,
        "via": entry.via,
        "address": entry.address,
        "action": entry.action,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "object_label": entry.object_label,
        "team": entry.team_slug,
        "system": entry.system_slug,
        "environment": entry.environment_name,
        "data": entry.data,
        "request_id": entry.request_id,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }
