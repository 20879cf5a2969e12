"""One page of a list of our own API, as the person who asks would get it: for suggestions that a contract names.

Read by ``portal.reading.suggestions``. Nothing goes over the network: the address is looked up in our own table of
addresses below ``/api/v1`` and its view is called in this process, with the session of the request at hand, so the
API's own rights, checks and rate hold. Only lists are asked, never a single thing, and only by GET.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from provisioning.domain.form_hints import API_PATH

ROOT: Final = "/api/v1"
LISTS: Final = frozenset({"/teams/", "/systems/", "/components/", "/capabilities/", "/stages/", "/environments/"})
"""What a contract may ask for. Each is a list that everybody may read, narrowed to what the reader may see."""


def api_items(request: HttpRequest, path: str) -> list[Mapping[str, Any]]:
    """The items of the list at ``path`` (``/systems/``); none where there is no such list, or it may not be read."""
    if path not in LISTS or not API_PATH.fullmatch(path):
        return []
    try:
        found = resolve(f"{ROOT}{path}")
    except Resolver404:
        return []
    response = found.func(_asking(request, f"{ROOT}{path}"), *found.args, **found.kwargs)
    if response.status_code != 200:
        return []
    items = json.loads(response.content).get("items", [])
    return [item for item in items if isinstance(item, Mapping)]


def _asking(request: HttpRequest, path: str) -> HttpRequest:
    """A GET of ``path`` by the same person from the same place."""
    kept = {name: value for name, value in request.META.items() if name.startswith(("REMOTE_", "SERVER_", "HTTP_HOST"))}
    asking = WSGIRequest(
        {**kept, "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "limit=100", "wsgi.input": BytesIO()}
    )
    for name in ("user", "session", "request_id", "actor", "rights"):
        if hasattr(request, name):
            setattr(asking, name, getattr(request, name))
    return asking
