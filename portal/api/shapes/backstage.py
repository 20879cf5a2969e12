"""Shapes of catalogs that come from elsewhere: sources, imports with their reports, and entities that go out."""

from __future__ import annotations

from governance.models.entity import GROUP_RULES, IMPORT_MODES, IMPORT_STATES, LOOSE_RULES, SOURCE_KINDS, USER_RULES
from governance.services.backstage_runs import LONGEST_PATH, MOST_FILES
from governance.services.backstage_sources import MOST_MINUTES
from portal.api.shapes.words import (
    anything,
    flag,
    link,
    listed,
    mapped,
    maybe,
    moment,
    record,
    ref,
    shape,
    slug,
    text,
    whole,
)

_RULES = {
    "groups": text("What becomes of a Group: linked with a team of its name, or made one.", one_of=GROUP_RULES),
    "users": text("What becomes of a User. One that is made is switched off and in no team.", one_of=USER_RULES),
    "loose": text("A component without system: kept as data, or given a system of its own.", one_of=LOOSE_RULES),
}
_PLACE = {
    "url": text("What is read: a file, a repository, or the backend of a Backstage.", most=2_000),
    "branch": text("Of a repository; its default one when empty.", most=200),
    "pattern": text("Files of a repository, with blanks between.", most=200, example="**/catalog-info.y*ml"),
    "username": text("Sent with a token over Git; git when empty.", most=100),
    "host_key": text("What a Git host must show over ssh; the first one is kept when empty.", most=2_000),
    "every": whole("Minutes between two imports; 0 for never by itself.", least=0, most=MOST_MINUTES),
}
SOURCE = shape(
    "CatalogSource",
    record(
        {
            "name": slug("Its name."),
            "kind": text(one_of=SOURCE_KINDS),
            **_PLACE,
            **_RULES,
            "owner": maybe(slug("Team that owns what names no team here.")),
            "has_secret": flag(),
            "has_hook_secret": flag("Whether pushes are taken from the Git host."),
            "due_at": maybe(moment("When it is imported next.")),
            "version": whole(),
            "created_at": moment(),
            "url_of": link("Where it is."),
        }
    ),
)
SOURCE_LIST = shape("CatalogSourceList", record({"items": listed(ref(SOURCE), "By name.")}))
_WRITTEN = {
    **_PLACE,
    **_RULES,
    "owner": text("Slug of a team, empty for none.", most=30),
    "secret": text("A token, or a private key for ssh; never shown again. Empty forgets it.", most=20_000),
}
NEW_SOURCE = shape(
    "NewCatalogSource",
    record(
        {"name": slug("Its name."), "kind": text(one_of=SOURCE_KINDS)},
        _WRITTEN,
        closed=True,
        examples=(
            {"name": "backstage", "kind": "backstage", "url": "https://backstage.example.com", "every": 60},
            {"name": "by-hand", "kind": "upload"},
        ),
    ),
)
SOURCE_EDIT = shape("CatalogSourceEdit", record({}, _WRITTEN, closed=True, examples=({"every": 30},)))
HOOK_SECRET = shape(
    "CatalogHookSecret", record({"secret": text("Shown this once."), "url": link("Where the Git host sends pushes.")})
)
REMOVED = shape("CatalogOrphansRemoved", record({"removed": whole("How many entities were forgotten.")}))
FINDING = shape(
    "CatalogFinding",
    record(
        {
            "code": text(example="wrong-format"),
            "file": text(),
            "line": maybe(whole()),
            "path": text(example="metadata.annotations.port"),
            "reason": text(),
            "ref": text("The entity, where the document got that far."),
        }
    ),
)
IMPORT = shape(
    "CatalogImport",
    record(
        {
            "id": whole(),
            "source": slug("Name of the source."),
            "mode": text(one_of=IMPORT_MODES),
            "state": text(one_of=IMPORT_STATES),
            "counts": mapped(whole(), "created, changed, unchanged, orphaned, refused, noted; whole."),
            "message": text(),
            "asked_by": text(),
            "asked_at": moment(),
            "began_at": maybe(moment()),
            "ended_at": maybe(moment()),
            "url": link(),
        },
        {
            "created": listed(text(), "References; up to 1,000."),
            "changed": listed(text()),
            "orphaned": listed(text(), "What the source no longer has. Nothing is deleted."),
            "refused": listed(ref(FINDING), "Documents that are not taken, each with its place and why."),
            "noted": listed(ref(FINDING), "Taken, though something about it is not."),
        },
    ),
)
IMPORT_PAGE = shape("CatalogImportPage", record({"items": listed(ref(IMPORT)), "next": maybe(link())}))
NEW_IMPORT = shape(
    "NewCatalogImport",
    record(
        {"source": slug("Name of the source.")},
        {
            "preview": flag("Only look: what would be created, changed, orphaned and refused."),
            "files": listed(
                record({"path": text(least=1, most=LONGEST_PATH), "text": text()}, closed=True),
                "All files of a source that is uploaded; what is not among them any more is marked as orphaned.",
                least=1,
                most=MOST_FILES,
            ),
        },
        closed=True,
        examples=({"source": "by-hand", "preview": True, "files": [{"path": "catalog-info.yaml", "text": "kind: …"}]},),
    ),
)
ENTITY = shape("BackstageEntity", anything("An entity in Backstage's own form."))
ENTITY_PAGE = shape("BackstageEntityPage", record({"items": listed(ref(ENTITY)), "next": maybe(link())}))
