"""Files in Git as people ask about them: which sources there are, how each document stands, and how the two differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from governance.access import Rights
from governance.models import ApprovalRoute, Policy
from idp.catalog.models import System
from idp.kernel.canonical import canonical
from idp.kernel.errors import InvalidInput, NotFound
from provisioning.domain.git_files import file_edited, patch, same_wish, spec_towards
from provisioning.models import Change, ChangeCommit, Environment, GitDocument, GitFile, GitSource, GitSync
from provisioning.selectors.applied import ALIVE
from provisioning.selectors.changes import change_get

STATES: Final = ("in-sync", "waiting", "differs", "refused", "failed", "released", "gone")
ENDED: Final = ("denied", "rejected", "cancelled", "expired")
SOURCE_STATES: Final = ("stopped", "new", "queued", "running", "failed", "refused", "done")


def git_sources(rights: Rights) -> QuerySet[GitSource]:
    """Sources of the reader's teams, all of them for admins and auditors, counted."""
    rights.require_scope("read")
    rows = sources_counted(GitSource.objects.select_related("team"))
    if rights.actor.systems:
        return rows.none()
    return rows.order_by("name") if _sees_all(rights) else rows.filter(team__in=list(rights.teams)).order_by("name")


def sources_counted(rows: QuerySet[GitSource]) -> QuerySet[GitSource]:
    """With ``last_id`` (the newest sync), ``document_count`` and ``refused_count``."""
    last = GitSync.objects.filter(source=OuterRef("pk"), mode="sync").order_by("-pk").values("pk")[:1]
    return rows.annotate(
        last_id=Subquery(last),
        refused_count=Count("documents", filter=Q(documents__outcome="refused", documents__gone_at=None)),
        document_count=Count("documents", filter=Q(documents__gone_at=None)),
    )


def last_syncs(rows: Iterable[Any]) -> dict[int, GitSync]:
    """The newest sync of each source that was counted, by its id, without reports. One query."""
    wanted = [row.last_id for row in rows if row.last_id]
    return GitSync.objects.defer("report").select_related("source").in_bulk(wanted)


def source_state(row: Any, last: GitSync | None) -> str:
    """How a source that was counted stands: one of ``SOURCE_STATES``."""
    if not row.active:
        return "stopped"
    if last is None:
        return "new"
    return "refused" if last.state == "done" and row.refused_count else str(last.state)


def git_source_seen(rights: Rights, name: str) -> GitSource:
    """The source; NotFound when the reader may not know of it."""
    row = GitSource.objects.select_related("team", "account", "changed_by").filter(name=name).first()
    rights.require_scope("read")
    if row is None or rights.actor.systems or not (_sees_all(rights) or row.team_id in rights.teams):
        raise NotFound(f"There is no source “{name[:30]}” that you may see.")
    return row


def _sees_all(rights: Rights) -> bool:
    return rights.is_admin or rights.is_auditor


@dataclass(frozen=True, slots=True)
class DocumentView:
    """How a document stands; ``environment`` is the living one of its name."""

    row: GitDocument
    state: str
    message: str
    environment: Environment | None = None


def document_views(source: GitSource) -> list[DocumentView]:
    """Every document of a source, by file. Four queries at most."""
    rows = list(source.documents.select_related("change__revision", "revision", "released_by").order_by("file", "line"))
    environments = _environments(rows)
    others = _governing(rows)
    return [_view(row, environments.get(row.name), others) for row in rows]


def document_view(source: GitSource, document: int) -> DocumentView:
    row = source.documents.select_related("change__revision", "revision", "released_by").filter(pk=document).first()
    if row is None:
        raise NotFound("There is no such document.")
    row.source = source
    return _view(row, _environments([row]).get(row.name), _governing([row]))


def _environments(rows: Iterable[GitDocument]) -> dict[str, Environment]:
    parts = [row.name.partition("/") for row in rows if row.kind == "Environment"]
    if not parts:
        return {}
    named = Q(system__slug__in={one[0] for one in parts}, name__in={one[2] for one in parts}, deleted_at=None)
    found = Environment.objects.filter(named).select_related("system", "desired")
    return {f"{one.system.slug}/{one.name}": one for one in found}


def _governing(rows: Iterable[GitDocument]) -> dict[tuple[str, str], Any]:
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row.kind, []).append(row.name)
    found: dict[tuple[str, str], Any] = {}
    if "Policy" in names:
        policies = Policy.objects.filter(name__in=names["Policy"], active=True).values_list("name", "document")
        found |= {("Policy", name): document for name, document in policies}
    if "ApprovalRoute" in names:
        routes = ApprovalRoute.objects.filter(name__in=names["ApprovalRoute"], state="active")
        found |= {("ApprovalRoute", name): document for name, document in routes.values_list("name", "document")}
    return found


def _view(row: GitDocument, environment: Environment | None, others: Mapping[tuple[str, str], Any]) -> DocumentView:
    state, message = _state(row, environment, others)
    return DocumentView(row, state, message, environment)


def _state(row: GitDocument, environment: Environment | None, others: Mapping[tuple[str, str], Any]) -> tuple[str, str]:
    if row.gone_at is not None:
        return "gone", row.message
    if row.released_at is not None:
        return "released", f"Released from Git: {row.released_why}"
    if row.outcome == "refused":
        return "refused", row.message
    if row.kind != "Environment":
        same = row.kind == "Contract" or canonical(others.get((row.kind, row.name), {})) == canonical(row.data)
        return ("in-sync", "") if same else ("differs", "It was edited elsewhere.")
    change = row.change
    if change is not None and change.state in ALIVE:
        told = "It waits for approval." if change.state == "pending" else "It is being carried out."
        return "waiting", told
    if change is not None and change.state in ENDED:
        return "refused", f"Its change was {change.state}."
    if environment is None:
        return "differs", "It is not there any more."
    desired = environment.desired.document if environment.desired else None
    if not same_wish(agreed_document(row), desired):
        return "differs", "It was edited elsewhere."
    if change is not None and change.state == "failed" and environment.desired_id == change.revision_id:
        return "failed", "Its run failed."
    return "in-sync", ""


def agreed_document(row: GitDocument) -> dict[str, Any] | None:
    """What the revision says that the document stands for; needs ``change__revision`` and ``revision`` joined."""
    revision = row.change.revision if row.change is not None and row.change.revision_id else row.revision
    return revision.document if revision is not None else None


def document_difference(view: DocumentView) -> str:
    """A patch by which the file would say what Slipway has; empty where nothing differs or it cannot be told."""
    if view.state != "differs" or view.row.kind != "Environment":
        return ""
    there = view.environment.desired if view.environment is not None else None
    return _patch(view.row, there.document if there is not None else None) or ""


def change_patch(rights: Rights, change_id: int) -> tuple[str, str]:
    """Name and text of the patch by which the file in Git would ask for what a change asked for.

    For who may ask for changes there. NotFound when its environment follows no file.
    """
    change = change_get(rights, change_id)
    rights.require_request(change.system)
    row = document_of(change.environment)
    if row is None and change.state == "denied":
        row = document_awaited(change.system, change.environment_name)
    text = _patch(row, change.target) if row is not None else None
    if text is None:
        raise NotFound(f"The environment of #{change_id} follows no file in Git.")
    return f"slipway-{change_id}.patch", text


def document_of(environment: Environment | None) -> GitDocument | None:
    """The document that an environment follows. No query where it follows none."""
    if environment is None or environment.git_id is None:
        return None
    rows = GitDocument.objects.select_related("source__team", "change__revision", "revision")
    return rows.filter(pk=environment.git_id).first()


def document_awaited(system: System, name: str) -> GitDocument | None:
    """The document of a source that owns by which an environment, which is not there, would be made again.

    It was accepted once, or may be: its source is of the system's team and reaches the system. One query.
    """
    rows = GitDocument.objects.select_related("source__team", "change__revision", "revision")
    named = rows.filter(kind="Environment", name=f"{system.slug}/{name}", gone_at=None, released_at=None)
    for row in named.filter(source__owns=True, source__team=system.team_id).order_by("pk"):
        if not row.source.systems or system.slug in row.source.systems:
            return row
    return None


def _patch(row: GitDocument, target: Mapping[str, Any] | None) -> str | None:
    """None where the file is not there as the document says."""
    text = GitFile.objects.filter(source_id=row.source_id, path=row.file).values_list("text", flat=True).first()
    if text is None:
        return None
    wanted = None
    if target is not None:
        wanted = {**row.data, "spec": spec_towards(row.data["spec"], agreed_document(row), target)}
    try:
        return patch(row.file, text, file_edited(text, row.data, wanted))
    except InvalidInput:
        return None


def commit_of(change: Change) -> ChangeCommit | None:
    """The commit that a change came from. No query for a change that came another way."""
    return ChangeCommit.objects.filter(change=change).first() if change.via == "git" else None
