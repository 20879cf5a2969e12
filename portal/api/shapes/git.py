"""Shapes of files in Git: sources, how their documents stand, and what each sync did."""

from __future__ import annotations

from portal.api.shapes.words import flag, link, listed, mapped, maybe, moment, record, ref, shape, slug, text, whole
from portal.api.shapes.words import page_of as page_shape
from provisioning.models.git_source import SYNC_MODES, SYNC_STATES
from provisioning.selectors.git import SOURCE_STATES, STATES
from provisioning.services.git_ownership import MOST_WHY
from provisioning.services.git_sources import MOST_MINUTES

_RULES = {
    "url": text("The repository, over https or ssh.", most=2_000, example="https://git.example.com/payments/infra.git"),
    "branch": text("The default one when empty.", most=200),
    "pattern": text("Files, with blanks between; all YAML files when empty.", most=200, example="envs/**/*.yaml"),
    "username": text("Sent with a token; git when empty.", most=100),
    "host_key": text("What a Git host must show over ssh; the first one is kept when empty.", most=2_000),
    "systems": listed(text(most=30), "Systems that it may touch; all of the team when empty.", most=200),
    "every": whole("Minutes between two looks; 0 for never by itself.", least=0, most=MOST_MINUTES),
    "owns": flag("What it applies is edited in Git only."),
    "prune": flag("What leaves the files is deleted, unless it holds data."),
    "governs": flag("Contracts, policies and approval routes are applied too. Platform admins only."),
}
COMMIT = shape(
    "GitCommit",
    record(
        {},
        {
            "id": text(),
            "author": text(),
            "email": text(),
            "subject": text(),
            "at": text("When it was made."),
            "link": text("Its page at the Git host; empty when that is not known."),
        },
    ),
)
_LINE = record(
    {
        "file": text(),
        "line": maybe(whole()),
        "kind": text(),
        "name": text(),
        "outcome": text("created, changed, unchanged, waiting, refused, gone, deleted or left."),
        "message": text(),
        "change": maybe(whole()),
        "errors": listed(record({"path": text(), "message": text()}, {"line": whole()})),
    }
)
GIT_SYNC = shape(
    "GitSync",
    record(
        {
            "id": whole(),
            "source": slug("Name of the source."),
            "mode": text(one_of=SYNC_MODES),
            "state": text(one_of=SYNC_STATES),
            "commit": ref(COMMIT),
            "counts": mapped(whole(), "How many documents had which outcome."),
            "message": text(),
            "asked_by": text(),
            "asked_at": moment(),
            "ended_at": maybe(moment()),
            "url": link(),
        },
        {"report": listed(_LINE, "A line for each document; only when one sync is read.")},
    ),
)
GIT_SOURCE = shape(
    "GitSource",
    record(
        {
            "name": slug("Its name."),
            "team": slug("Whose it is: it asks as a developer of this team."),
            "account": text("The service account that asks."),
            **_RULES,
            "active": flag("Whether commits are applied; False until somebody starts it after a preview."),
            "head": ref(COMMIT),
            "host_key_met": text("Another key that the host showed instead; to expect it, send it as host_key."),
            "has_secret": flag(),
            "has_hook_secret": flag("Whether pushes are taken from the Git host."),
            "due_at": maybe(moment("When it is looked at next.")),
            "version": whole(),
            "created_at": moment(),
            "url_of": link("Where it is."),
        },
        {
            "state": text("How it stands; read with the source, and in lists.", one_of=SOURCE_STATES),
            "documents": whole("How many it has."),
            "refused": whole("How many of them cannot be applied."),
            "last": maybe(ref(GIT_SYNC)),
        },
    ),
)
GIT_SOURCES = shape("GitSourceList", record({"items": listed(ref(GIT_SOURCE), "By name.")}))
_WRITTEN = {
    **_RULES,
    "secret": text("A token, or a private key for ssh; never shown again. Empty forgets it.", most=20_000),
}
NEW_GIT_SOURCE = shape(
    "NewGitSource",
    record(
        {"name": slug("Its name."), "team": slug("Slug of the team."), "url": _RULES["url"]},
        {name: one for name, one in _WRITTEN.items() if name != "url"},
        closed=True,
        examples=({"name": "infra", "team": "payments", "url": "https://git.example.com/payments/infra.git"},),
    ),
)
GIT_SOURCE_EDIT = shape("GitSourceEdit", record({}, _WRITTEN, closed=True, examples=({"every": 5},)))
GIT_ACTIVE = shape("GitSourceActive", record({"active": flag()}, closed=True, examples=({"active": False},)))
GIT_HOOK = shape(
    "GitHookSecret", record({"secret": text("Shown this once."), "url": link("Where the Git host sends pushes.")})
)
GIT_DOCUMENT = shape(
    "GitDocument",
    record(
        {
            "id": whole(),
            "file": text(),
            "line": maybe(whole()),
            "kind": text("Empty for a file that cannot be read."),
            "name": text(example="checkout/staging"),
            "state": text(one_of=STATES),
            "message": text(),
            "commit": text("The commit at which it was tried last."),
            "change": maybe(whole("The change that it led to.")),
            "difference": text("For one that differs: a patch by which the file would say what Slipway has."),
        }
    ),
)
GIT_DOCUMENTS = shape("GitDocumentList", record({"items": listed(ref(GIT_DOCUMENT), "By file.")}))
GIT_RELEASE = shape(
    "GitRelease",
    record(
        {"released": flag("True takes the environment out of Git's hands, False gives it back.")},
        {"reason": text("Why; needed for a release.", most=MOST_WHY)},
        closed=True,
        examples=({"released": True, "reason": "Git is down, and checkout has to be scaled."},),
    ),
)
GIT_SYNCS = page_shape(GIT_SYNC)
NEW_GIT_SYNC = shape(
    "NewGitSync",
    record({}, {"preview": flag("Only look what would come.")}, closed=True, examples=({"preview": True},)),
)
GIT_PATCH = shape("GitPatch", text("A unified diff against the file, as text/x-diff."))
