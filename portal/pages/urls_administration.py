"""Addresses of the pages on which the platform is administered."""

from __future__ import annotations

from django.urls import path

from portal.pages import administration

urlpatterns = [
    path("administration/", administration.administration, name="administration"),
]
