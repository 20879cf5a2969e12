"""Files in Git as pages draw them: sources, how documents stand, what a sync did, where an environment came from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from governance.access import Rights
from idp.kernel.git_transport import fingerprint
from portal.forms.git import EVERY
from provisioning.models import Change, Environment, GitSource, GitSync
from provisioning.selectors.git import DocumentView, document_of, git_sources, last_syncs, source_state
from provisioning.services.git_sources import moves_host

STATES: Final = {"queued": "queued", "running": "running", "done": "succeeded", "failed": "failed"}
WORDS: Final = {"queued": "Waits for a worker", "running": "Under way", "done": "Done", "failed": "Failed"}
DOCUMENTS: Final[Mapping[str, tuple[str, str]]] = {
    "in-sync": ("succeeded", "In sync"),
    "waiting": ("waiting", "Waiting"),
    "differs": ("drifted", "Differs"),
    "refused": ("failed", "Refused"),
    "failed": ("failed", "Run failed"),
    "released": ("skipped", "Released"),
    "gone": ("skipped", "No longer in Git"),
}
"""Mark and word of a document's state."""

OUTCOMES: Final = (
    ("created", "Created"),
    ("changed", "Changed"),
    ("waiting", "Waiting"),
    ("refused", "Refused"),
    ("gone", "No longer in Git"),
    ("deleted", "Deleted"),
    ("left", "Left alone"),
    ("unchanged", "Unchanged"),
)
KINDS: Final = {"drifted": "environment", "skipped": "step"}


@dataclass(frozen=True, slots=True)
class SourceRow:
    row: Any
    state: str
    word: str
    last: GitSync | None

    @property
    def kind(self) -> str:
        return KINDS.get(self.state, "run")

    @property
    def place(self) -> str:
        return place_of(self.row)


def source_rows(rights: Rights) -> list[SourceRow]:
    """Two queries."""
    rows: list[Any] = list(git_sources(rights))
    last = last_syncs(rows)
    return [_row(row, last.get(row.last_id)) for row in rows]


def _row(row: Any, last: GitSync | None) -> SourceRow:
    state = source_state(row, last)
    if state == "stopped":
        return SourceRow(row, "skipped", "Stopped", last)
    if state == "new":
        return SourceRow(row, "queued", "Not synced yet", last)
    if state == "refused":
        return SourceRow(row, "failed", f"{row.refused_count} refused", last)
    return SourceRow(row, STATES[state], WORDS[state], last)


def place_of(source: GitSource) -> str:
    """Host and path of the repository, as people say it."""
    parts = urlsplit(source.url)
    return f"{parts.hostname}/{parts.path.strip('/').removesuffix('.git')}" if parts.hostname else source.url


def source_facts(source: GitSource) -> list[dict[str, Any]]:
    found = [
        ("Team", source.team.name),
        ("Repository", source.url),
        ("Branch", source.branch or "The default one"),
        ("Files", source.pattern),
        ("Systems", ", ".join(source.systems) or f"All of {source.team.name}"),
        ("Asks as", source.account.username),
        ("Looks", dict(EVERY).get(source.every, f"Every {source.every} minutes")),
        ("Token or key", "Kept encrypted" if source.secret else "None"),
        *([("Host key", fingerprint(source.host_key) or "The first one is kept")] if _over_ssh(source) else []),
        ("Pushes", "Taken when signed" if source.hook_secret else "Not taken"),
        ("Edits elsewhere", "Refused, with a patch" if source.owns else "Allowed, and shown here"),
        ("What leaves the files", "Is deleted, unless it holds data" if source.prune else "Stays"),
        ("Policies and contracts", "Applied" if source.governs else "Refused"),
    ]
    return [{"label": label, "value": value} for label, value in found]


def _over_ssh(source: GitSource) -> bool:
    return source.url.startswith("ssh:")


def host_keys(source: GitSource) -> dict[str, dict[str, str]]:
    """The key that is expected of the host and the other one that it showed, as ``ssh-keygen -l`` tells them."""
    keys = {"expected": source.host_key, "met": source.host_key_met}
    return {name: {"kind": key.partition(" ")[0], "print": fingerprint(key)} for name, key in keys.items()}


def effects(asked: Mapping[str, Any], source: GitSource | None) -> list[str]:
    """What saving a source would lead to, in sentences; nothing is applied by saving."""
    team = source.team.slug if source else asked["team"]
    systems = ", ".join(asked["systems"]) or f"every system of team {team}"
    told = ["Nothing is applied by saving: a preview shows what would come, and then you start it."]
    told.append(
        f"It may ask for changes to {systems}, as a developer of {team} could. Policies, quota and approvals hold."
    )
    if asked["owns"]:
        told.append("Its environments are edited in Git only. Elsewhere, edits are refused with a patch.")
    if asked["prune"]:
        told.append("Environments whose documents leave the files are deleted, unless they hold data.")
    if asked.get("governs"):
        told.append("Whoever may push to the repository publishes contracts and sets policies for everybody.")
    if source is not None and source.secret and not asked.get("secret") and moves_host(source, asked["url"]):
        told.append("The token or key is forgotten: it was given for another host. Give it again.")
    if source is not None and source.active:
        told.append(
            "Another repository, branch, pattern, scope or rule stops it until it is looked at and started again."
        )
    return told


@dataclass(frozen=True, slots=True)
class DocumentLine:
    view: DocumentView
    mark: str
    kind: str
    word: str

    @property
    def title(self) -> str:
        return self.view.row.name or self.view.row.file


def document_line(view: DocumentView) -> DocumentLine:
    mark, word = DOCUMENTS[view.state]
    return DocumentLine(view, mark, KINDS.get(mark, "run"), word)


def tally(views: Sequence[DocumentView]) -> list[dict[str, Any]]:
    """How many documents stand how, for the head of the page."""
    found = [(word, sum(one.state == key for one in views)) for key, (_, word) in DOCUMENTS.items()]
    return [{"label": word, "value": str(number), "figure": True} for word, number in found if number]


@dataclass(frozen=True, slots=True)
class SyncLine:
    row: GitSync
    state: str
    word: str
    title: str
    sub: str

    @property
    def over(self) -> bool:
        return self.row.state in ("done", "failed")


def sync_line(row: GitSync) -> SyncLine:
    counted = [f"{row.counts[key]} {word.lower()}" for key, word in OUTCOMES if row.counts.get(key)]
    sub = " · ".join([f"Asked by {row.asked_name}", *(counted or [row.message] if counted or row.message else [])])
    title = "Preview" if row.mode == "preview" else row.commit.get("subject") or "Look for commits"
    return SyncLine(row, STATES[row.state], WORDS[row.state], title, sub)


def report_of(row: GitSync) -> list[dict[str, Any]]:
    """Lines of a sync by outcome; those that say the most come first."""
    groups = [(word, [_once(one) for one in row.report if one["outcome"] == key]) for key, word in OUTCOMES]
    would = {"Created": "Would be created", "Changed": "Would be changed", "Waiting": "Would wait for approval"}
    named = [(would.get(word, word) if row.mode == "preview" else word, lines) for word, lines in groups]
    return [{"id": re.sub(r"\W+", "-", word.lower()), "word": word, "lines": lines} for word, lines in named if lines]


def _once(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line whose message leaves out what its errors say: what remains is what to do about them."""
    message = line["message"]
    for error in line["errors"]:
        for said in (f"{error['path']}: {error['message']}", error["message"]):
            message = message.removeprefix(said).strip()
    return {**line, "message": message}


def patch_lines(text: str) -> list[dict[str, str]]:
    """Lines of a patch with what each is, for drawing."""
    kinds = {"+": "plus", "-": "minus", "@": "gap"}
    lines = text.removesuffix("\n").split("\n") if text else []
    return [
        {"text": line, "kind": "" if line.startswith(("+++", "---")) else kinds.get(line[:1], "")} for line in lines
    ]


def from_git(environment: Environment) -> dict[str, Any] | None:
    """Where an environment comes from; None, and no query, where it does not come from Git."""
    row = document_of(environment)
    if row is None:
        return None
    return {"source": row.source, "row": row, "place": place_of(row.source), "commit": row.commit[:8]}


def denied_by_git(change: Change) -> bool:
    """Whether Git's ownership is why a change was denied, so that a patch helps."""
    return change.state == "denied" and any(one.get("policy") == "git" for one in change.verdicts)
