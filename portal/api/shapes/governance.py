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
            "behalf": text("On whose behalf it was done, or empty."),
            "token_id": maybe(whole("The token it was done with.")),
            "via": text("portal, api, cli, demo or system."),
            "address": text("Where the request came from, or empty."),
            "action": text(example="change.submit"),
            "object_type": text(),
            "object_id": text(),
            "object_label": text(),
            "team": text("Slug of the team, or empty."),
            "system": text("Slug of the system it is about, or empty."),
            "environment": text("Name of the environment it is about, or empty."),
            "data": anything("What belongs to the action; no secrets."),
            "request_id": text(),
            "previous_hash": text(),
            "hash": text("Covers every field and the hash before it."),
        }
    ),
)
AUDIT_PAGE = page_of(AUDIT_ENTRY)
