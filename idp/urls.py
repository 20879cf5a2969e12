"""All addresses: pages at the root, the API under ``/api/v1/``, SCIM and health outside both."""

from __future__ import annotations

from django.urls import include, path

from portal.api import health
from portal.mcp import door

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("mcp", door.mcp, name="mcp"),
    path("api/v1/", include("portal.api.urls")),
    path("scim/v2/", include("portal.api.urls_scim")),
    path("", include("portal.pages.urls")),
]

handler400 = "portal.pages.problems.bad_request"
handler403 = "portal.pages.problems.forbidden"
handler404 = "portal.pages.problems.not_found"
handler500 = "portal.pages.problems.server_error"
