"""Files in Git: sources, syncs and how documents stand. A push is told by the Git host, which signs it.

Members of a team read its sources; its maintainers and platform admins keep them.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import Conflict, NotFound
from portal.api import paths
from portal.api.answers import answer, created, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint, PublicEndpoint
from portal.api.operation import PAGED, operation
from portal.api.preconditions import require_if_match
from portal.api.pushes import push_taken
from portal.api.shapes import git as shapes
from provisioning.models import GitSource, GitSync
from provisioning.selectors.git import (
    DocumentView,
    change_patch,
    document_difference,
    document_view,
    document_views,
    git_source_seen,
    git_sources,
    last_syncs,
    source_state,
    sources_counted,
)
from provisioning.services import git_sources as services
from provisioning.services.git_ownership import environment_give_back, environment_release
from provisioning.services.git_syncs import git_sync_ask, git_sync_pushed

AREA = "Files in Git"
KEEPERS = "Maintainers of its team and platform admins."


class Sources(Endpoint):
    @operation("git_sources_list", "List sources of files in Git", area=AREA, answers={200: shapes.GIT_SOURCES})
    def get(self, request: Request) -> HttpResponse:
        rows: list[Any] = list(git_sources(self.rights).select_related("account"))
        last = last_syncs(rows)
        return answer({"items": [source_row(row) | _standing(row, last.get(row.last_id)) for row in rows]})

    @operation(
        "git_sources_create",
        "Follow files in Git",
        area=AREA,
        answers={201: shapes.GIT_SOURCE},
        body=shapes.NEW_GIT_SOURCE,
        scope="admin",
        problems=(409,),
        about=f"{KEEPERS} Nothing is applied until it is started, after a preview.",
    )
    def post(self, request: Request) -> HttpResponse:
        if GitSource.objects.filter(name=self.sent["name"]).exists():
            services.require_keeps(self.actor, git_source_seen(self.rights, self.sent["name"]))
            raise Conflict(f"There is a source {self.sent['name']} already.", code="exists")
        row = services.git_source_save(self.actor, now=clock.now(), **self.sent)
        return created(source_row(row), paths.git_source(row.name), version=row.version)


class OneSource(Endpoint):
    @operation(
        "git_sources_read", "Read a source of files in Git", area=AREA, answers={200: shapes.GIT_SOURCE}, versioned=True
    )
    def get(self, request: Request, source: str) -> HttpResponse:
        row: Any = git_source_seen(self.rights, source)
        counted: Any = sources_counted(GitSource.objects.filter(pk=row.pk)).get()
        last = last_syncs([counted]).get(counted.last_id)
        return versioned(source_row(row) | _standing(counted, last), row.version)

    @operation(
        "git_sources_edit",
        "Edit a source of files in Git",
        area=AREA,
        answers={200: shapes.GIT_SOURCE},
        body=shapes.GIT_SOURCE_EDIT,
        scope="admin",
        versioned=True,
        about=f"{KEEPERS} Another repository, branch, pattern, scope or rule stops it until it is started again.",
    )
    def patch(self, request: Request, source: str) -> HttpResponse:
        row = git_source_seen(self.rights, source)
        services.require_keeps(self.actor, row)
        expected = require_if_match(request, row.version)
        row = services.git_source_save(self.actor, name=source, expected_version=expected, now=clock.now(), **self.sent)
        return versioned(source_row(row), row.version)

    @operation(
        "git_sources_remove",
        "Remove a source of files in Git",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        about=f"{KEEPERS} What it made stays.",
    )
    def delete(self, request: Request, source: str) -> HttpResponse:
        row = git_source_seen(self.rights, source)
        services.require_keeps(self.actor, row)
        require_if_match(request, row.version)
        services.git_source_remove(self.actor, name=source, confirm=source, now=clock.now())
        return empty()


class SourceStart(Endpoint):
    @operation(
        "git_sources_start",
        "Start or stop a source",
        area=AREA,
        answers={200: shapes.GIT_SOURCE},
        body=shapes.GIT_ACTIVE,
        scope="admin",
        problems=(409,),
        about=f"{KEEPERS} It is started after a preview only.",
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        git_source_seen(self.rights, source)
        services.git_source_start(self.actor, name=source, active=self.sent["active"], now=clock.now())
        row = git_source_seen(self.rights, source)
        return versioned(source_row(row), row.version)


class SourceTakeBack(Endpoint):
    @operation(
        "git_sources_take_back",
        "Take the last edit of a source back",
        area=AREA,
        answers={200: shapes.GIT_SOURCE},
        scope="admin",
        problems=(409,),
        about=KEEPERS,
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        git_source_seen(self.rights, source)
        services.git_source_take_back(self.actor, name=source, now=clock.now())
        row = git_source_seen(self.rights, source)
        return versioned(source_row(row), row.version)


class SourceHook(Endpoint):
    @operation(
        "git_sources_hook",
        "Make a secret for pushes",
        area=AREA,
        answers={200: shapes.GIT_HOOK},
        scope="admin",
        kept=False,
        about=f"{KEEPERS} Shown this once; the one before it no longer counts.",
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        git_source_seen(self.rights, source)
        made = services.git_source_hook(self.actor, name=source, now=clock.now())
        return answer({"secret": made, "url": f"{paths.git_source(source)}push/"})


class SourcePush(PublicEndpoint):
    @operation(
        "git_push",
        "Tell of a push to files in Git",
        area=AREA,
        answers={202: None},
        scope=None,
        problems=(403, 404),
        kept=False,
        about="For the Git host: signed as GitHub and Gitea do, or with GitLab's token. Queues a look for commits.",
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        row = GitSource.objects.filter(name=source).first()
        if row is None or not row.hook_secret:
            raise NotFound("There is nothing at this address.")
        if push_taken(request, secret=row.hook_secret, key=f"git-push:{row.pk}"):
            git_sync_pushed(row, now=clock.now())
        return empty(202)


class Documents(Endpoint):
    @operation("git_documents_list", "List a source's documents", area=AREA, answers={200: shapes.GIT_DOCUMENTS})
    def get(self, request: Request, source: str) -> HttpResponse:
        row = git_source_seen(self.rights, source)
        return answer({"items": [document_row(one) for one in document_views(row)]})


class OneDocument(Endpoint):
    @operation("git_documents_read", "Read how a document stands", area=AREA, answers={200: shapes.GIT_DOCUMENT})
    def get(self, request: Request, source: str, document: int) -> HttpResponse:
        view = document_view(git_source_seen(self.rights, source), document)
        readable = view.environment is not None and self.rights.may_see(view.environment.system)
        return answer(document_row(view) | {"difference": document_difference(view) if readable else ""})


class DocumentRelease(Endpoint):
    @operation(
        "git_documents_release",
        "Release an environment from Git, or give it back",
        area=AREA,
        answers={200: shapes.GIT_DOCUMENT},
        body=shapes.GIT_RELEASE,
        scope="admin",
        problems=(409,),
        about="Platform admins only, for when Git cannot be waited for. Released, it is edited in Slipway and commits "
        "leave it alone.",
    )
    def post(self, request: Request, source: str, document: int) -> HttpResponse:
        row = git_source_seen(self.rights, source)
        self.rights.require_admin()
        document_view(row, document)
        if self.sent["released"]:
            reason = self.sent.get("reason", "")
            environment_release(self.actor, document=document, reason=reason, now=clock.now())
        else:
            environment_give_back(self.actor, document=document, now=clock.now())
        return answer(document_row(document_view(row, document)))


class Syncs(Endpoint):
    @operation("git_syncs_list", "List a source's syncs", area=AREA, answers={200: shapes.GIT_SYNCS}, query=PAGED)
    def get(self, request: Request, source: str) -> HttpResponse:
        rows = GitSync.objects.filter(source=git_source_seen(self.rights, source)).select_related("source")
        return listing(request, self.query, rows.defer("report"), ("-id",), sync_row)

    @operation(
        "git_syncs_ask",
        "Sync now, or look what would come",
        area=AREA,
        answers={202: shapes.GIT_SYNC},
        body=shapes.NEW_GIT_SYNC,
        scope="admin",
        problems=(409,),
        about=f"{KEEPERS} A worker carries it out; read it again until its state is done or failed. What was refused "
        "or edited elsewhere is applied again.",
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        git_source_seen(self.rights, source)
        preview = self.sent.get("preview", False)
        row = git_sync_ask(self.actor, source=source, preview=preview, now=clock.now())
        return created(sync_row(row), paths.git_sync(source, row.pk), status=202)


class OneSync(Endpoint):
    @operation("git_syncs_read", "Read what a sync did", area=AREA, answers={200: shapes.GIT_SYNC})
    def get(self, request: Request, source: str, sync_id: int) -> HttpResponse:
        row = GitSync.objects.filter(source=git_source_seen(self.rights, source), pk=sync_id).first()
        if row is None:
            raise NotFound("There is no such sync.")
        return answer(sync_row(row) | {"report": row.report})


class ChangePatch(Endpoint):
    @operation(
        "changes_git_patch",
        "Read a change as a patch for its file in Git",
        area=AREA,
        answers={200: shapes.GIT_PATCH},
        media=("text/x-diff",),
        scope="change",
        about="For who may ask for changes there, where Git owns the environment. Apply it with `git apply`.",
    )
    def get(self, request: Request, change_id: int) -> HttpResponse:
        name, text = change_patch(self.rights, change_id)
        response = HttpResponse(text, content_type="text/x-diff; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def source_row(row: GitSource) -> dict[str, Any]:
    """Needs ``team`` and ``account`` joined. Never what is secret."""
    return services.git_source_state(row) | {
        "name": row.name,
        "team": row.team.slug,
        "account": row.account.username,
        "active": row.active,
        "head": row.head,
        "host_key_met": row.host_key_met,
        "has_secret": bool(row.secret),
        "has_hook_secret": bool(row.hook_secret),
        "due_at": moment(row.due_at),
        "version": row.version,
        "created_at": moment(row.created_at),
        "url_of": paths.git_source(row.name),
    }


def _standing(row: Any, last: GitSync | None) -> dict[str, Any]:
    """How a source that was counted stands; ``last`` is its newest sync."""
    return {
        "state": source_state(row, last),
        "documents": row.document_count,
        "refused": row.refused_count,
        "last": sync_row(last) if last is not None else None,
    }


def document_row(view: DocumentView) -> dict[str, Any]:
    names = ("file", "line", "kind", "name", "commit")
    return {name: getattr(view.row, name) for name in names} | {
        "id": view.row.pk,
        "state": view.state,
        "message": view.message,
        "change": view.row.change_id,
        "difference": "",
    }


def sync_row(row: GitSync) -> dict[str, Any]:
    """Needs ``source`` joined; without the report."""
    return {
        "id": row.pk,
        "source": row.source.name,
        "mode": row.mode,
        "state": row.state,
        "commit": row.commit,
        "counts": row.counts,
        "message": row.message,
        "asked_by": row.asked_name,
        "asked_at": moment(row.asked_at),
        "ended_at": moment(row.ended_at),
        "url": paths.git_sync(row.source.name, row.pk),
    }
