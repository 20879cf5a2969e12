"""``If-Match``: nobody overwrites an edit they have not seen. Services check the version again under their lock."""

from __future__ import annotations

import re

from rest_framework.request import Request

from idp.kernel.errors import PreconditionFailed
from portal.api.answers import etag
from portal.api.faults import BadRequest, PreconditionRequired

_TAGS = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*')


def require_if_match(request: Request, version: int | str) -> int | None:
    """The version to hand to the service (None for ``*``), once the header is right.

    PreconditionRequired without ``If-Match``; PreconditionFailed when it does not name ``version``.

    The comparison is strong, so a weak tag never matches; ``*`` matches what exists.
    """
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise PreconditionRequired("This edit needs an If-Match header with the ETag that you read.")
    if header == "*":
        return None
    tags = [tag.strip() for tag in header.split(",")]
    if not all(_TAGS.fullmatch(tag) for tag in tags):
        raise BadRequest("If-Match is not a list of ETags.", remedy='Send the ETag as it came, with its quotes: "3".')
    if etag(version) not in tags:
        raise PreconditionFailed("It was changed since you read it; nothing was stored.")
    return version if isinstance(version, int) else None
