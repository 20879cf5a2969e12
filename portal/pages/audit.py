"""The audit log: who did what, when, from where? The search, one entry with its place in the chain, a file of it.

Admins and auditors read all of it, developers and maintainers what their teams own; the selectors say so.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from governance.models import AuditEntry
from governance.selectors import audit as selectors
from governance.selectors.audit import MOST_AT_ONCE, ORDER, Search
from idp.kernel import keyset
from idp.kernel.errors import NotFound
from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading import audit as reading

PAGE: Final = 50
FILTERS: Final = tuple(Search.__dataclass_fields__)
MORE: Final = ("behalf", "name", "place", "request", "since", "until")


@page("administration")
def audit(request: PageRequest) -> HttpResponse:
    search = selectors.search_of(request.GET)
    rows = selectors.audit_list(request.rights, search)
    listed = keyset.page(rows, order=ORDER, cursor=request.GET.get("cursor"), limit=PAGE)
    asked = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    context = {
        "lines": [reading.line_of(entry) for entry in listed.items],
        "next": listed.next,
        "asked": asked,
        "more": any(name in asked for name in MORE),
        "options": reading.options(request.rights, search),
        "everything": request.rights.may_read_audit(None),
        "most": MOST_AT_ONCE,
    }
    return render(request, "audit/list.html", context)


@page("administration")
def audit_entry(request: PageRequest, number: int) -> HttpResponse:
    entry = selectors.audit_get(request.rights, number)
    together = selectors.audit_together(request.rights, entry)
    context = {
        "entry": entry,
        "line": reading.line_of(entry),
        "facts": reading.facts_of(entry),
        "changes": reading.changes_of(entry.data),
        "rest": reading.rest_of(entry.data),
        "object_url": reading.object_url(entry),
        "standing": selectors.audit_standing(entry),
        "together": [reading.line_of(one) for one in together],
        "everything": request.rights.may_read_audit(None),
        "raw": json.dumps(selectors.entry_data(entry), ensure_ascii=False, indent=2),
    }
    return render(request, "audit/entry.html", context)


@page("administration")
def audit_download(request: PageRequest, form: str) -> HttpResponse | StreamingHttpResponse:
    """The newest entries of a search, at most ``MOST_AT_ONCE``, streamed."""
    if form not in _WRITERS:
        raise NotFound("A search is there as search.csv and search.jsonl.")
    rows = selectors.audit_list(request.rights, selectors.search_of(request.GET))
    media, writer = _WRITERS[form]
    answer = StreamingHttpResponse(writer(rows), content_type=media)
    answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
    return answer


def _as_lines(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    for entry in selectors.audit_rows(rows):
        yield json.dumps(selectors.entry_data(entry), ensure_ascii=False, separators=(",", ":")) + "\n"


def _as_csv(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Lines())
    yield writer.writerow(reading.COLUMNS)
    for entry in selectors.audit_rows(rows):
        yield writer.writerow(reading.cells_of(entry))


class _Lines:
    """A file for ``csv`` that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


_WRITERS: Final[dict[str, Any]] = {
    "csv": ("text/csv; charset=utf-8", _as_csv),
    "jsonl": ("application/jsonl; charset=utf-8", _as_lines),
}
