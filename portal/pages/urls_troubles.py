"""Addresses at which clusters are asked what is wrong with environments, and what belongs to none."""

from __future__ import annotations

from django.urls import path

from portal.pages import letting_go, orphans, troubles

urlpatterns = [
    path("orphans/", orphans.orphans, name="orphans"),
    path("orphans/<int:orphan>/", orphans.orphan, name="orphan"),
    path("environments/<slug:system>/<slug:name>/health", troubles.environment_health, name="environment-health"),
    path("environments/<slug:system>/<slug:name>/release", troubles.environment_release, name="environment-release"),
    path("environments/<slug:system>/<slug:name>/let-go", letting_go.environment_let_go, name="environment-let-go"),
    path(
        "environments/<slug:system>/<slug:name>/resources/<slug:resource>/log",
        troubles.environment_log,
        name="environment-log",
    ),
]
