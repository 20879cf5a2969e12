"""Addresses of clusters, below ``/clusters/``."""

from __future__ import annotations

from django.urls import path

from portal.pages import clusters, drains, quota_edits

urlpatterns = [
    path("", clusters.clusters, name="clusters"),
    path("new", clusters.cluster_new, name="cluster-new"),
    path("<slug:cluster>/", clusters.cluster, name="cluster"),
    path("<slug:cluster>/edit", clusters.cluster_edit, name="cluster-edit"),
    path("<slug:cluster>/drain", drains.cluster_drain, name="cluster-drain"),
    path("<slug:cluster>/prices", quota_edits.cluster_prices, name="cluster-prices"),
    path("<slug:cluster>/prices/undo", quota_edits.cluster_prices_undo, name="cluster-prices-undo"),
    path("<slug:cluster>/<slug:act>", clusters.cluster_act, name="cluster-act"),
]
