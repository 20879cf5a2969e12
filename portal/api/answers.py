"""Writes answers: JSON by hand-made rows, ETags, keyset pages, challenge headers. Decides nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import keyset
from idp.kernel.errors import InvalidInput
from portal.api.faults import BadRequest

PAGE = 50
Row = TypeVar("Row", bound=Model)


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """``data`` (JSON types, times and decimals) as an answer."""
    body = json.dumps(data, default=_plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return HttpResponse(body, status=status, content_type="application/json", headers=dict(headers or {}))


def empty(status: int = 204) -> HttpResponse:
    return HttpResponse(status=status)


def created(data: Any, url: str, *, version: int | str | None = None, status: int = 201) -> HttpResponse:
    """The new thing, where it is, and its ETag where it can be edited."""
    headers = {"Location": url}
    if version is not None:
        headers["ETag"] = etag(version)
    return answer(data, status, headers)


def versioned(data: Any, version: int | str) -> HttpResponse:
    return answer(data, 200, {"ETag": etag(version)})


def etag(version: int | str) -> str:
    """A strong ETag: it changes with every edit of the row."""
    return f'"{version}"'


def content_tag(data: Any) -> str:
    """A version for what has no number of its own: it changes with what is shown. For ``versioned``."""
    text = json.dumps(data, default=_plain, ensure_ascii=False, sort_keys=True)
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:20]


def listing(
    request: Request,
    query: Mapping[str, Any],
    queryset: QuerySet[Row],
    order: tuple[str, ...],
    row: Callable[[Row], dict[str, Any]],
) -> HttpResponse:
    """One keyset page of ``queryset``; ``next`` repeats the filters of this request."""
    try:
        page = keyset.page(queryset, order=order, cursor=query.get("cursor"), limit=query.get("limit", PAGE))
    except InvalidInput as error:
        raise BadRequest(error.message, code=error.code, errors=error.errors) from None
    following = None
    if page.next:
        asked = {**request.query_params.dict(), "cursor": page.next}
        following = f"{request.path}?{urlencode(asked)}"
    return answer({"items": [row(item) for item in page.items], "next": following})


def moment(value: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the microsecond where there is one."""
    if value is None:
        return None
    if value.utcoffset():
        value = value.astimezone(UTC)
    return value.isoformat()[:-6] + "Z"


def figure(value: Decimal | float | int) -> float | int:
    """A number without noise: whole when it is whole."""
    whole = int(value)
    return whole if value == whole else float(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Decimal):
        return figure(value)
    if isinstance(value, (tuple, set, frozenset)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no place in an answer")
