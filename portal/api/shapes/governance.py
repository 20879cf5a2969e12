"""Shapes of the audit log."""

from __future__ import annotations

from portal.api.shapes.words import anything, maybe, moment, page_of, record, shape, text, whole

AUDIT_ENTRY = shape(
    "AuditEntry",
    record(
        {
            "sequence": whole("Position in the chain."),
            "at": moment(),
            "actor": text(),
            "actor_id": maybe(whole()),
            "via": text(),
            "action": text(example="change.submit"),
            "object_type": text(),
            "object_id": text(),
            "object_label": text(),
            "team": text("Slug of the team, or empty."),
            "data": anything("What belongs to the action; no secrets."),
            "request_id": text(),
            "previous_hash": text(),
            "hash": text("Covers every field and the hash before it."),
        }
    ),
)
AUDIT_PAGE = page_of(AUDIT_ENTRY)
