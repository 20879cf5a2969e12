"""Shapes of reports of what a version would do to everything that lives."""

from __future__ import annotations

from portal.api.shapes.words import (
    flag,
    link,
    listed,
    mapped,
    maybe,
    moment,
    number,
    page_of,
    record,
    ref,
    shape,
    text,
    whole,
)

OUTCOMES = ("fails", "replaces", "restarts", "changed", "unchanged")
FILTERS = ("affected", "all", *OUTCOMES)
_COUNTS = mapped(whole(), "How many resources, by outcome; what does not occur is left out.")
_MORE = {
    "cpu": number("Cores on top; below zero when it takes less."),
    "memory_gib": number(),
    "storage_gib": number(),
    "cost": number("A month, on top."),
}
BLAST_TEAM = shape(
    "BlastTeam",
    record(
        {
            "team": text("Slug."),
            "counts": _COUNTS,
            **_MORE,
            "quota": listed(ref("QuotaLine"), "The team's quota as it is now, for what changes."),
            "over_quota": listed(text(), "What goes beyond the limit, as sentences; empty when everything fits."),
        }
    ),
)
BLAST_REPORT = shape(
    "BlastReport",
    record(
        {
            "id": whole(),
            "capability": text(),
            "version": text("SemVer."),
            "published": flag("False for a draft."),
            "state": text(one_of=("queued", "running", "succeeded", "failed")),
            "error": maybe(text("Why it failed; ask again and it goes on.")),
            "document_digest": text("SHA-256 of the canonical contract."),
            "fleet_digest": text("Moves when anything that lives does."),
            "environments": whole("That use the capability in a major that the version reaches."),
            "environments_done": whole("Worked out so far."),
            "resources": whole("Judged so far."),
            "counts": _COUNTS,
            "not_reached": mapped(whole(), "Resources of other majors, by version."),
            "asked_at": moment(),
            "started_at": maybe(moment()),
            "finished_at": maybe(moment()),
            "teams": listed(ref(BLAST_TEAM), "Those with the worst first; restricted systems are counted too."),
            "hidden": mapped(whole(), "Resources of systems that you may not see, by outcome."),
            "url": link(),
            "items_url": link(),
            "page": link("In the portal."),
        }
    ),
)
_LINE = record({"path": text(), "before": maybe(text()), "after": maybe(text())})
BLAST_ITEM = shape(
    "BlastItem",
    record(
        {
            "id": whole(),
            "team": text(),
            "system": text(),
            "environment": text(),
            "stage": text(),
            "resource": text(),
            "version": text("That it has now."),
            "outcome": text(one_of=OUTCOMES),
            "reason": text("One or two sentences."),
            "problems": listed(record({"path": text(), "message": text()}), "Why it fails."),
            "objects": listed(
                record(
                    {
                        "kind": text(),
                        "name": text(),
                        "action": text(one_of=("added", "updated", "removed")),
                        "outcome": text(one_of=OUTCOMES),
                        "reason": text(),
                        "lines": listed(_LINE, "What differs; secrets are not shown."),
                        "more": whole("Lines that are not listed."),
                    }
                ),
                "The objects that differ.",
            ),
            **_MORE,
        }
    ),
)
BLAST_ITEM_PAGE = page_of(BLAST_ITEM)
