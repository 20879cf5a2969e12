"""Addresses of the guides."""

from __future__ import annotations

from django.urls import path

from portal.pages import guides

urlpatterns = [
    path("docs/", guides.guides, name="guides"),
    path("docs/pictures/<slug:picture>.png", guides.picture, name="guide-picture"),
    path("docs/<path:name>/", guides.guide, name="guide"),
]
