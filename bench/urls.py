"""The product's addresses, and the floors beside them."""

from __future__ import annotations

from django.urls import include, path

from bench import floors

urlpatterns = [
    path("bench/page", floors.page, name="bench-page"),
    path("bench/list", floors.plain_list, name="bench-list"),
    path("", include("idp.urls")),
]
