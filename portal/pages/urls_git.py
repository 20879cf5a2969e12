"""Addresses of the pages of files in Git."""

from __future__ import annotations

from django.urls import path

from portal.pages import git

urlpatterns = [
    path("git/", git.sources, name="git-sources"),
    path("git/new", git.source_new, name="git-new"),
    path("git/sources/<slug:source>/", git.source, name="git-source"),
    path("git/sources/<slug:source>/edit", git.source_edit, name="git-edit"),
    path("git/sources/<slug:source>/host-key", git.host_key, name="git-host-key"),
    path("git/sources/<slug:source>/do/<slug:act>", git.source_act, name="git-act"),
    path("git/sources/<slug:source>/syncs/<int:number>/", git.sync, name="git-sync"),
    path("git/sources/<slug:source>/documents/<int:number>/", git.document, name="git-document"),
    path("git/sources/<slug:source>/documents/<int:number>/patch", git.document_patch, name="git-document-patch"),
    path("changes/<int:change>/git.patch", git.change_patch, name="change-git-patch"),
]
