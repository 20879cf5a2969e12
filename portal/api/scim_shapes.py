"""SCIM resources as they are answered, and the query of a list: attributes, filter and page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from governance.domain.scim_filter import Filter, Path, read_filter, read_path
from governance.domain.scim_schema import GROUP, USER, Resource
from governance.models import ScimGroup, ScimUser
from governance.services.scim_users import document_of
from idp.kernel.errors import InvalidInput
from portal.api.answers import moment
from portal.api.scim import MOST, address, scim_answer, scim_list

ALWAYS = ("schemas", "id")
"""Never left out, RFC 7643, 2.2."""
LARGEST = 2**31 - 1

Row = TypeVar("Row", bound=Model)


def user_shape(row: ScimUser) -> dict[str, Any]:
    """Needs ``groups`` prefetched."""
    groups = [
        {"value": one.key, "$ref": address("Groups", one.key), "display": one.display_name} for one in row.groups.all()
    ]
    document = document_of(row) | ({"groups": groups} if groups else {})
    return {"schemas": [USER.urn], "id": row.key, **document, "meta": _meta("User", "Users", row)}


def group_shape(row: ScimGroup, *, members: bool = True) -> dict[str, Any]:
    """Needs ``members`` prefetched, unless they are left out."""
    shown: dict[str, Any] = {"schemas": [GROUP.urn], "id": row.key, "displayName": row.display_name}
    if row.external_id:
        shown["externalId"] = row.external_id
    if members:
        shown["members"] = [
            {"value": one.key, "$ref": address("Users", one.key), "type": "User", "display": one.user_name}
            for one in row.members.all()
        ]
    return shown | {"meta": _meta("Group", "Groups", row)}


def chosen(request: Request, resource: Resource, shown: dict[str, Any]) -> dict[str, Any]:
    """``shown`` with only the ``attributes`` that were asked for, or without ``excludedAttributes``."""
    asked, left = _paths(request, resource, "attributes"), _paths(request, resource, "excludedAttributes")
    if asked:
        found = {key: _only(value, key, asked) for key, value in shown.items()}
        return {key: value for key, value in found.items() if key in ALWAYS or value not in (None, {}, [])}
    found = {key: value if key in ALWAYS else _less(value, key, left) for key, value in shown.items()}
    return {key: value for key, value in found.items() if key in ALWAYS or value is not None}


def wants(request: Request, resource: Resource, name: str) -> bool:
    """Whether an attribute is to be answered at all, so that it need not be read."""
    asked, left = _paths(request, resource, "attributes"), _paths(request, resource, "excludedAttributes")
    if asked:
        return any(path.name == name for path in asked)
    return Path(name) not in left


def asked_filter(request: Request) -> Filter | None:
    """The ``filter``; InvalidInput (``invalidFilter``) for one that cannot be read."""
    text = request.query_params.get("filter")
    return read_filter(text) if text is not None else None


def listed(
    request: Request, resource: Resource, rows: QuerySet[Row], shape: Callable[[Row], dict[str, Any]]
) -> HttpResponse:
    """The page of ``rows`` that is asked for; ``startIndex`` counts from 1."""
    start = max(1, _number(request, "startIndex", 1))
    count = min(MOST, max(0, _number(request, "count", MOST)))
    total = rows.order_by().count()
    page = list(rows[start - 1 : start - 1 + count]) if count and start <= total else []
    return scim_list(total, start, [chosen(request, resource, shape(row)) for row in page])


def one_answer(
    request: Request, resource: Resource, row: ScimUser | ScimGroup, shown: dict[str, Any], status: int = 200
) -> HttpResponse:
    """One resource with its ETag; 304 to who has it already."""
    tag = _tag(row)
    headers = {"ETag": tag}
    if status == 201:
        headers["Location"] = shown["meta"]["location"]
    known = request.headers.get("If-None-Match", "")
    if request.method in ("GET", "HEAD") and tag in [one.strip() for one in known.split(",")]:
        return HttpResponse(status=304, headers=headers)
    return scim_answer(chosen(request, resource, shown), status, headers)


def _meta(kind: str, path: str, row: ScimUser | ScimGroup) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "created": moment(row.created_at),
        "lastModified": moment(row.updated_at),
        "location": address(path, row.key),
        "version": _tag(row),
    }


def _tag(row: ScimUser | ScimGroup) -> str:
    return f'W/"{row.version}"'


def _paths(request: Request, resource: Resource, name: str) -> set[Path]:
    """Names in a list with commas; what is none, or another schema's, names nothing."""
    words = request.query_params.get(name, "")[:2_000].split(",")
    found = {path for path in (read_path(word.strip()) for word in words) if path is not None}
    return {Path(path.name, path.sub) for path in found if path.urn in ("", resource.urn.lower())}


def _only(value: Any, key: str, asked: set[Path]) -> Any:
    if key in ALWAYS or Path(key.lower()) in asked:
        return value
    parts = {path.sub for path in asked if path.name == key.lower()}
    return _parts(value, lambda part: part in parts) if parts else None


def _less(value: Any, key: str, left: set[Path]) -> Any:
    if Path(key.lower()) in left:
        return None
    parts = {path.sub for path in left if path.name == key.lower()}
    return _parts(value, lambda part: part not in parts) if parts else value


def _parts(value: Any, keeps: Callable[[str], bool]) -> Any:
    if isinstance(value, Mapping):
        return {key: inner for key, inner in value.items() if keeps(key.lower())}
    return [_parts(one, keeps) for one in value] if isinstance(value, list) else value


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "").strip()
    if not text:
        return otherwise
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        raise InvalidInput(f"{name} is a whole number.", code="invalidValue")
    return max(-1, min(int(digits[:12]), LARGEST)) * (-1 if text.startswith("-") else 1)
