"""Addresses of the pages of catalogs that come from elsewhere."""

from __future__ import annotations

from django.urls import path

from portal.pages import backstage

urlpatterns = [
    path("backstage/", backstage.sources, name="backstage"),
    path("backstage/new", backstage.source_new, name="backstage-new"),
    path("backstage/upload/", backstage.upload, name="backstage-upload"),
    path("backstage/sources/<slug:source>/", backstage.source, name="backstage-source"),
    path("backstage/sources/<slug:source>/edit", backstage.source_edit, name="backstage-edit"),
    path("backstage/sources/<slug:source>/do/<slug:act>", backstage.source_act, name="backstage-act"),
    path("backstage/imports/<int:number>/", backstage.catalog_import, name="backstage-import"),
    path("backstage/imports/<int:number>/apply", backstage.import_apply, name="backstage-import-apply"),
    path("backstage/entities/", backstage.entities, name="backstage-entities"),
    path("backstage/entities/<path:ref>/", backstage.entity, name="backstage-entity"),
]
