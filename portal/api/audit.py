"""The audit log, for admins and auditors all of it, for members their own teams' part."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import AuditEntry
from governance.selectors.audit import ORDER, audit_list
from portal.api.answers import listing, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import governance as shapes
from portal.api.shapes.words import text

FILTERS = ("team", "object_type", "object_id", "actor", "action")


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
            Query("actor", text("Username of who did it.", most=150)),
            Query("action", text("How the action begins: change, or change.approve.", most=60)),
            *PAGED,
        ),
        about="Newest first. Entries form a chain: each hash covers the one before.",
    )
    def get(self, request: Request) -> HttpResponse:
        chosen = {name: self.query[name] for name in FILTERS if name in self.query}
        return listing(request, self.query, audit_list(self.rights, **chosen), ORDER, audit_row)


def audit_row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": moment(entry.at),
        "actor": entry.actor_name,
        "actor_id": entry.actor_id,
        "via": entry.via,
        "action": entry.action,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "object_label": entry.object_label,
        "team": entry.team_slug,
        "data": entry.data,
        "request_id": entry.request_id,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }
