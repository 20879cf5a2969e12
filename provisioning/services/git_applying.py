"""The files of one commit, applied: every document stands alone, so that a wrong one never keeps a right one waiting.

Called by ``git_syncs`` from workers, outside of transactions. Each document goes the way of any applied document, with
the rights of the source's account, in a transaction of its own with what is kept of it; so a worker that dies is
followed by one that finds done what is done. What was accepted as it stands is not applied again, unless somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from governance.services.audit import audit_append
from idp.catalog.models import User
from idp.kernel.actor import Actor, platform_for
from idp.kernel.errors import FieldError, SlipwayError
from idp.kernel.git_reader import Commit, File
from provisioning.domain.bundle import Bundle, Entry, Fault, read_followed
from provisioning.domain.git_files import commit_link
from provisioning.models import Change, ChangeAuthor, ChangeCommit, Environment, GitDocument, GitFile, GitSource
from provisioning.selectors.applied import ALIVE
from provisioning.services.applying import Result, result_of
from provisioning.services.applying_kinds import Judged, document_apply, document_judge, document_prune
from provisioning.services.git_ownership import cause_of_source, changes_given_up, claim
from provisioning.services.moved_changes import Moves, moves_audit

log = structlog.get_logger(__name__)

LEFT: Final = "It was released from Git, so it is left alone."
GONE: Final = "It is no longer in Git; nothing was deleted."
MOST_TEXT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """What came, or would come, of one document: outcomes of ``applying.Result``, and ``gone`` and ``left``."""

    file: str
    line: int | None
    kind: str
    name: str
    outcome: str
    message: str = ""
    errors: tuple[FieldError, ...] = ()
    change: int | None = None

    def as_dict(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in ("file", "line", "kind", "name", "outcome", "message", "change")}
        return {**shown, "errors": [one.as_dict() for one in self.errors[:20]]}


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a commit: what they say, and their texts as far as they are text."""

    commit: Commit
    bundle: Bundle
    texts: dict[str, str]


def git_actor(source: GitSource, commit: Commit) -> Actor:
    """Who asks for what the source applies: its account, within its systems, for whoever wrote the commit."""
    return Actor(
        source.account_id,
        source.account.username,
        via="git",
        scopes=frozenset({"read", "change"}),
        systems=frozenset(source.systems),
        behalf=f"{commit.author} <{commit.email}>"[:150],
    )


def files_read(commit: Commit, files: Iterable[File]) -> Files:
    """What the files say. One that cannot be read, or is too much, is a fault that keeps none beside it waiting."""
    given: list[tuple[str, bytes]] = []
    large: list[Fault] = []
    for one in files:
        if one.content is None or len(one.path) > 500:
            told = f"The file has {one.size:,} bytes; at most {MOST_TEXT:,} are read."
            large.append(Fault(one.path[:500], "", "", (FieldError("", told),)))
        else:
            given.append((one.path, one.content))
    bundle = read_followed(given)
    texts = {path: text for path, content in given if (text := _text(content)) is not None}
    return Files(commit, replace(bundle, faults=(*bundle.faults, *large)), texts)


def _text(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def files_preview(source: GitSource, files: Files, *, now: datetime) -> list[Line]:
    """What applying would do; writes nothing that stays."""
    rows = _rows(source)
    environments = [one for one in files.bundle.entries if one.kind == "Environment"]
    judges = {
        True: document_judge(git_actor(source, files.commit), environments, now=now),
        False: _governing(source, files, now),
    }
    lines = []
    with transaction.atomic():
        for entry in files.bundle.entries:
            if told := _stopped(source, entry, rows.get(entry.key)):
                lines.append(told)
                continue
            judge = judges[entry.kind == "Environment"]
            lines.append(_line(_shielded(entry, lambda entry=entry, judge=judge: judge(entry))))
        transaction.set_rollback(True)
    lines += [_fault_line(one) for one in files.bundle.faults]
    return [*lines, *(_gone_line(source, row) for row in _missing(rows, files))]


def _governing(source: GitSource, files: Files, now: datetime) -> Callable[[Entry], Judged]:
    """A judge of what governs; clusters are asked now about kinds that they have not told of."""
    governing = [one for one in files.bundle.entries if one.kind != "Environment"] if source.governs else []
    return document_judge(_governor(source), governing, now=now)


def files_apply(source: GitSource, files: Files, *, anew: bool, now: datetime) -> list[Line]:
    """Apply what is new in these files, and keep what came of each document.

    ``anew`` applies what was accepted before, too, which puts back what was edited elsewhere.
    """
    rows = _rows(source)
    _governing(source, files, now)
    lines = [
        _entry_applied(source, files.commit, entry, rows.get(entry.key), anew, now) for entry in files.bundle.entries
    ]
    with transaction.atomic():
        _keep_faults(source, files, now)
        _keep_texts(source, files)
        _take_over(source, files.commit, now)
    lines += [_fault_line(one) for one in files.bundle.faults]
    return lines + [_left_files(source, files, row, anew=anew, now=now) for row in _missing(rows, files)]


def _take_over(source: GitSource, commit: Commit, now: datetime) -> None:
    """What others asked for before Git owned it is denied; said at every commit, so that none slips through."""
    moves = Moves()
    changes_given_up(Environment.objects.filter(git__source=source, deleted_at=None), moves=moves, now=now)
    moves_audit(git_actor(source, commit), moves, cause=cause_of_source(source), now=now)


def _rows(source: GitSource) -> dict[tuple[str, str], GitDocument]:
    rows = GitDocument.objects.filter(source=source).exclude(name="").select_related("change", "revision")
    return {(row.kind, row.name): row for row in rows}


def _stopped(source: GitSource, entry: Entry, row: GitDocument | None) -> Line | None:
    """What keeps a document from being tried at all."""
    told, outcome = "", "refused"
    if row is not None and row.released_at is not None:
        told, outcome = LEFT, "left"
    elif entry.kind != "Environment" and not source.governs:
        told = f"{source.name} applies environments only. A platform admin can let it apply a {entry.kind} too."
    else:
        others = GitDocument.objects.filter(kind=entry.kind, name=entry.name, gone_at=None).exclude(claimed_at=None)
        other = others.exclude(source=source).select_related("source").first()
        if other is not None:
            told = f"The source {other.source.name} has it already, in {other.file}; keep it in one of them."
    return Line(entry.file, entry.line, entry.kind, entry.name, outcome, told) if told else None


def _entry_applied(
    source: GitSource, commit: Commit, entry: Entry, row: GitDocument | None, anew: bool, now: datetime
) -> Line:
    stopped = _stopped(source, entry, row)
    if stopped is not None and stopped.outcome == "left":
        GitDocument.objects.filter(pk=row.pk).update(seen_at=now) if row else None
        return stopped
    settled = row is not None and row.outcome == "accepted" and row.gone_at is None and row.digest == entry.digest
    if settled and not anew and stopped is None:
        assert row is not None
        GitDocument.objects.filter(pk=row.pk).update(file=entry.file, line=entry.line, seen_at=now)
        return Line(entry.file, entry.line, entry.kind, entry.name, "unchanged")
    with transaction.atomic():
        line = stopped or _line(_shielded(entry, lambda: _applied(source, commit, entry, now)))
        kept = _kept(source, commit, entry, line, row, now)
        if line.change is not None:
            _commit_kept(source, commit, entry.file, line.change, now)
        if line.outcome != "refused" and entry.kind == "Environment":
            claim(kept)
    return line


def _applied(source: GitSource, commit: Commit, entry: Entry, now: datetime) -> Judged:
    actor = git_actor(source, commit) if entry.kind == "Environment" else _governor(source)
    return document_apply(actor, entry, owner=f"git/{source.name}", reason=_reason(commit), now=now)


def _governor(source: GitSource) -> Actor:
    """Who applies what governs, where an admin lets the source do so."""
    return platform_for(f"git source {source.name}")


def _reason(commit: Commit) -> str:
    return f"{commit.subject}\n\nCommit {commit.id[:12]} by {commit.author}."


def _shielded(entry: Entry, act: Any) -> Result:
    """What ``act`` leads to; a fault of ours, or of a cluster, stops this document and no other."""
    try:
        with transaction.atomic():
            return result_of(entry, act)
    except (OperationalError, InterfaceError):
        raise
    except SlipwayError as error:
        told = f"{error.message} It is tried again with the next commit, or when somebody syncs."
    except Exception as error:  # the documents beside it are right all the same
        log.exception("git_document_fault", document=entry.name)
        told = f"Slipway itself failed ({type(error).__name__}). Sync again."
    return Result(entry.file, entry.kind, entry.name, "refused", told, line=entry.line)


def _line(result: Result) -> Line:
    told = f"{result.message} {result.remedy}".strip()
    return Line(
        result.file, result.line, result.kind, result.name, result.outcome, told[:1000], result.errors, result.change
    )


def _kept(
    source: GitSource, commit: Commit, entry: Entry, line: Line, row: GitDocument | None, now: datetime
) -> GitDocument:
    refused = line.outcome == "refused"
    kept: dict[str, Any] = {
        "file": entry.file[:500],
        "line": entry.line,
        "digest": entry.digest,
        "data": entry.data,
        "commit": commit.id,
        "outcome": "refused" if refused else "accepted",
        "revision_id": row.agreed_id if row else None,
        "message": line.message[:1000],
        "gone_at": None,
        "seen_at": now,
    }
    if not refused or line.change is not None:
        kept["change_id"] = line.change or (row.change_id if row else None)
    if not refused:
        kept["claimed_at"] = row.claimed_at if row and row.claimed_at else now
        if line.change is None and entry.kind == "Environment":
            kept |= {"revision_id": _desired(entry.name), "change_id": _alive(row)}
    found, _ = GitDocument.objects.update_or_create(source=source, kind=entry.kind, name=entry.name, defaults=kept)
    return found


def _alive(row: GitDocument | None) -> int | None:
    """The change of a document while it is under way; over, the revision that is there says what was agreed."""
    return row.change_id if row is not None and row.change is not None and row.change.state in ALIVE else None


def _desired(name: str) -> int | None:
    system, _, environment = name.partition("/")
    rows = Environment.objects.filter(system__slug=system, name=environment, deleted_at=None)
    return rows.values_list("desired_id", flat=True).first()


def _commit_kept(source: GitSource, commit: Commit, path: str, change: int, now: datetime) -> None:
    """Say on the change which commit it came from; who wrote that has no say in agreeing to it."""
    link = commit_link(source.url, commit.id)
    told = {"commit": commit.id, "author": commit.author, "email": commit.email, "subject": commit.subject}
    kept = {"source": source.name, "repository": source.url, "link": link, "path": path[:500], **told}
    row = Change.objects.select_related("system__team").get(pk=change)
    if row.via != "git":
        return  # somebody applied the very same document by hand, and that is under way
    _, made = ChangeCommit.objects.get_or_create(change=row, defaults=kept)
    if not made:
        return
    if commit.email:
        wrote = User.objects.filter(email__iexact=commit.email, is_active=True, service_of=None)
        ChangeAuthor.objects.bulk_create(
            [ChangeAuthor(change_id=change, user=one, part="wrote the commit") for one in wrote[:5]],
            ignore_conflicts=True,
        )
    audit_append(
        git_actor(source, commit),
        action="change.from-git",
        object_type="change",
        object_id=str(change),
        object_label=row.title,
        team_slug=row.system.team.slug,
        data={
            "source": source.name,
            "file": path,
            "link": link,
            "environment": f"{row.system.slug}/{row.environment_name}",
            **told,
        },
        now=now,
    )


# --- files that cannot be read, and documents that are there no more ---


def _fault_line(one: Fault) -> Line:
    first = next((error.message for error in one.errors), "It cannot be read.")
    return Line(one.file, one.line, one.kind, one.name, "refused", first[:1000], one.errors)


def _keep_faults(source: GitSource, files: Files, now: datetime) -> None:
    GitDocument.objects.filter(source=source, name="").delete()
    known = {"source": source, "commit": files.commit.id, "outcome": "refused", "seen_at": now}
    GitDocument.objects.bulk_create(
        GitDocument(file=one.file, line=one.line, kind=one.kind, message=_fault_line(one).message, **known)
        for one in files.bundle.faults[:1000]
    )


def _keep_texts(source: GitSource, files: Files) -> None:
    """Texts of files with documents, for patches against them."""
    wanted = {one.file for one in files.bundle.entries}
    kept = [GitFile(source=source, path=path, text=text) for path, text in files.texts.items() if path in wanted]
    GitFile.objects.filter(source=source).exclude(path__in=[one.path for one in kept]).delete()
    GitFile.objects.bulk_create(
        kept, update_conflicts=True, unique_fields=["source", "path"], update_fields=["text"], batch_size=50
    )


def _missing(rows: dict[tuple[str, str], GitDocument], files: Files) -> list[GitDocument]:
    """Documents that left the files. One that stands there and cannot be read is still there."""
    written = {one.key for one in files.bundle.entries} | {(one.kind, one.name) for one in files.bundle.faults}
    unread = {one.file for one in files.bundle.faults if not one.name}
    return [row for key, row in sorted(rows.items()) if key not in written and row.file not in unread]


def _gone_line(source: GitSource, row: GitDocument, told: str = "", *, deletes: bool = True) -> Line:
    would = "It is no longer in Git and would be deleted." if source.prune and deletes and _prunable(row) else GONE
    return Line(row.file, None, row.kind, row.name, "gone", told or would)


def _prunable(row: GitDocument) -> bool:
    """Whether it may be taken away without asking anybody: nothing of it holds data."""
    return row.claimed_at is not None and row.released_at is None and row.kind != "Contract" and not _holds_data(row)


def _holds_data(row: GitDocument) -> bool:
    return any(one.storage_gib > 0 for one in _living(row))


def _living(row: GitDocument) -> QuerySet[Environment]:
    """The environment that the document names, whether or not it follows it still."""
    system, _, name = row.name.partition("/")
    if row.kind != "Environment":
        return Environment.objects.none()
    return Environment.objects.filter(system__slug=system, name=name, deleted_at=None)


def _left_files(source: GitSource, files: Files, row: GitDocument, *, anew: bool, now: datetime) -> Line:
    """A document that is no longer in Git: said, and deleted where the source says so and nothing is lost."""
    if row.claimed_at is None or _is_over(row):
        row.delete()
        return Line(row.file, None, row.kind, row.name, "gone", "It is no longer in Git, and was not here either.")
    first = row.gone_at is None
    line = _gone_line(source, row, _why_kept(source, files, row))
    with transaction.atomic():
        if source.prune and (first or anew) and _prunable(row) and files.bundle.entries:
            line = _pruned(source, files.commit, row, now)
        GitDocument.objects.filter(pk=row.pk).update(
            gone_at=row.gone_at or now, message=line.message[:1000], change_id=line.change or row.change_id
        )
        Environment.objects.filter(git=row, deleted_at=None).update(git=None)
    return line


def _is_over(row: GitDocument) -> bool:
    """Whether an environment that left the files before has been deleted since."""
    return row.gone_at is not None and row.kind == "Environment" and not _living(row).exists()


def _why_kept(source: GitSource, files: Files, row: GitDocument) -> str:
    if not source.prune or row.kind == "Contract":
        return GONE
    if not files.bundle.entries:
        return "No document is left in Git at all, which is rarely meant; nothing was deleted."
    if _holds_data(row):
        return "It is no longer in Git. It holds data, so delete it on its own page, which asks."
    return GONE


def _pruned(source: GitSource, commit: Commit, row: GitDocument, now: datetime) -> Line:
    entry = Entry(row.file, row.kind, row.name, None)  # type: ignore[arg-type]  # nothing of it is read
    actor = git_actor(source, commit) if row.kind == "Environment" else _governor(source)
    reason = f"{row.file} is no longer in Git. {_reason(commit)}"
    result = _pruned_result(entry, actor, reason, now)
    if result.change is not None:
        _commit_kept(source, commit, row.file, result.change, now)
    return result


def _pruned_result(entry: Entry, actor: Actor, reason: str, now: datetime) -> Line:
    try:
        with transaction.atomic():
            judged = document_prune(actor, entry.kind, entry.name, reason=reason, now=now)
    except SlipwayError as error:
        told = f"It is no longer in Git, and cannot be deleted: {error.message}"
        return Line(entry.file, None, entry.kind, entry.name, "gone", told, tuple(error.errors))
    return Line(entry.file, None, entry.kind, entry.name, judged.outcome, judged.message, change=judged.change)
