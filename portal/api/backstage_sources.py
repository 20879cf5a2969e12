"""Sources of catalogs and imports of them. For platform admins; a push is told by the Git host, which signs it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import CatalogImport, CatalogSource
from governance.services import backstage_runs as runs
from governance.services import backstage_sources as services
from idp.kernel import clock
from idp.kernel.errors import Conflict, NotFound
from portal.api import paths
from portal.api.answers import answer, created, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint, PublicEndpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.pushes import push_taken
from portal.api.shapes import backstage as shapes
from portal.api.shapes.words import text

AREA = "Backstage"
ADMINS = "Platform admins only."


class Sources(Endpoint):
    @operation("backstage_sources_list", "List sources", area=AREA, answers={200: shapes.SOURCE_LIST}, scope="admin")
    def get(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        rows = CatalogSource.objects.select_related("owner").order_by("name")
        return answer({"items": [source_row(row) for row in rows]})

    @operation(
        "backstage_sources_create",
        "Make a source",
        area=AREA,
        answers={201: shapes.SOURCE},
        body=shapes.NEW_SOURCE,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} Addresses that lead into the network of Slipway are refused.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        if CatalogSource.objects.filter(name=self.sent["name"]).exists():
            raise Conflict(f"There is a source {self.sent['name']} already.", code="exists")
        row = services.source_save(self.actor, now=clock.now(), **self.sent)
        return created(source_row(row), paths.catalog_source(row.name), version=row.version)


class OneSource(Endpoint):
    @operation(
        "backstage_sources_read",
        "Read a source",
        area=AREA,
        answers={200: shapes.SOURCE},
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def get(self, request: Request, source: str) -> HttpResponse:
        self.rights.require_admin()
        row = services.source_get(source)
        return versioned(source_row(row), row.version)

    @operation(
        "backstage_sources_edit",
        "Edit a source",
        area=AREA,
        answers={200: shapes.SOURCE},
        body=shapes.SOURCE_EDIT,
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def patch(self, request: Request, source: str) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, services.source_get(source).version)
        row = services.source_save(self.actor, name=source, expected_version=expected, now=clock.now(), **self.sent)
        return versioned(source_row(row), row.version)

    @operation(
        "backstage_sources_remove",
        "Remove a source",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        problems=(409,),
        about=f"{ADMINS} Only one that has no entities any more.",
    )
    def delete(self, request: Request, source: str) -> HttpResponse:
        self.rights.require_admin()
        require_if_match(request, services.source_get(source).version)
        services.source_remove(self.actor, name=source, now=clock.now())
        return empty()


class SourceTakeBack(Endpoint):
    @operation(
        "backstage_sources_take_back",
        "Take the last edit of a source back",
        area=AREA,
        answers={200: shapes.SOURCE},
        scope="admin",
        problems=(409,),
        about=ADMINS,
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        row = services.source_take_back(self.actor, name=source, now=clock.now())
        return versioned(source_row(row), row.version)


class SourceHook(Endpoint):
    @operation(
        "backstage_sources_hook",
        "Make a secret for pushes",
        area=AREA,
        answers={200: shapes.HOOK_SECRET},
        scope="admin",
        kept=False,
        about=f"{ADMINS} Shown this once; the one before it no longer counts.",
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        made = services.source_hook(self.actor, name=source, now=clock.now())
        return answer({"secret": made, "url": f"{paths.catalog_source(source)}push/"})


class SourceOrphans(Endpoint):
    @operation(
        "backstage_orphans_remove",
        "Forget a source's orphans",
        area=AREA,
        answers={200: shapes.REMOVED},
        scope="admin",
        about=f"{ADMINS} What they became here stays as it is.",
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        return answer({"removed": services.orphans_remove(self.actor, name=source, now=clock.now())})


class SourcePush(PublicEndpoint):
    @operation(
        "backstage_push",
        "Tell of a push",
        area=AREA,
        answers={202: None},
        scope=None,
        problems=(403, 404),
        kept=False,
        about="For the Git host: signed as GitHub and Gitea do, or with GitLab's token. Queues an import.",
    )
    def post(self, request: Request, source: str) -> HttpResponse:
        row = CatalogSource.objects.select_related("changed_by").filter(name=source, kind="git").first()
        if row is None or not row.hook_secret:
            raise NotFound("There is nothing at this address.")
        if push_taken(request, secret=row.hook_secret, key=f"catalog-push:{row.pk}"):
            runs.import_pushed(row, now=clock.now())
        return empty(202)


class Imports(Endpoint):
    @operation(
        "backstage_imports_list",
        "List imports",
        area=AREA,
        answers={200: shapes.IMPORT_PAGE},
        query=(Query("source", text("Name of the source.", most=30)), *PAGED),
        scope="admin",
        about=f"{ADMINS} Newest first, without what they list.",
    )
    def get(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        rows = CatalogImport.objects.select_related("source").defer("payload", "report")
        if self.query.get("source"):
            rows = rows.filter(source__name=self.query["source"])
        return listing(request, self.query, rows, ("-id",), import_row)

    @operation(
        "backstage_imports_ask",
        "Import a source",
        area=AREA,
        answers={202: shapes.IMPORT},
        body=shapes.NEW_IMPORT,
        scope="admin",
        about=f"{ADMINS} A worker carries it out; read it again until its state is done or failed. The body may have "
        "20 MB.",
    )
    def post(self, request: Request) -> HttpResponse:
        files = self.sent.get("files")
        sent = None if files is None else [(one["path"], one["text"].encode("utf-8", "replace")) for one in files]
        preview = self.sent.get("preview", False)
        row = runs.import_ask(self.actor, source=self.sent["source"], preview=preview, files=sent, now=clock.now())
        return created(import_row(row), paths.catalog_import(row.pk), status=202)


class OneImport(Endpoint):
    @operation(
        "backstage_imports_read",
        "Read an import's report",
        area=AREA,
        answers={200: shapes.IMPORT},
        scope="admin",
        about=ADMINS,
    )
    def get(self, request: Request, import_id: int) -> HttpResponse:
        self.rights.require_admin()
        row = runs.import_get(import_id)
        return answer({**import_row(row), **row.report})


class ImportApply(Endpoint):
    @operation(
        "backstage_imports_apply",
        "Import what a preview has shown",
        area=AREA,
        answers={202: shapes.IMPORT},
        scope="admin",
        problems=(409,),
        about=ADMINS,
    )
    def post(self, request: Request, import_id: int) -> HttpResponse:
        row = runs.import_apply(self.actor, import_id=import_id, now=clock.now())
        return created(import_row(row), paths.catalog_import(row.pk), status=202)


def source_row(row: CatalogSource) -> dict[str, Any]:
    """Needs ``owner`` joined. Never what is secret."""
    names = ("name", "kind", "url", "branch", "pattern", "username", "host_key", "every", "groups", "users", "loose")
    return {name: getattr(row, name) for name in names} | {
        "owner": row.owner.slug if row.owner else None,
        "has_secret": bool(row.secret),
        "has_hook_secret": bool(row.hook_secret),
        "due_at": moment(row.due_at),
        "version": row.version,
        "created_at": moment(row.created_at),
        "url_of": paths.catalog_source(row.name),
    }


def import_row(row: CatalogImport) -> dict[str, Any]:
    """Needs ``source`` joined; without what the report lists."""
    return {
        "id": row.pk,
        "source": row.source.name,
        "mode": row.mode,
        "state": row.state,
        "counts": row.counts,
        "message": row.message,
        "asked_by": row.asked_name,
        "asked_at": moment(row.asked_at),
        "began_at": moment(row.began_at),
        "ended_at": moment(row.ended_at),
        "url": paths.catalog_import(row.pk),
    }
