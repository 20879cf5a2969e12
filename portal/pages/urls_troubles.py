"""Addresses at which an environment's cluster is asked what is wrong."""

from __future__ import annotations

from django.urls import path

from portal.pages import troubles

urlpatterns = [
    path("environments/<slug:system>/<slug:name>/health", troubles.environment_health, name="environment-health"),
    path("environments/<slug:system>/<slug:name>/release", troubles.environment_release, name="environment-release"),
    path(
        "environments/<slug:system>/<slug:name>/resources/<slug:resource>/log",
        troubles.environment_log,
        name="environment-log",
    ),
]
