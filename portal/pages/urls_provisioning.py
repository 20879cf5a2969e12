"""Addresses of provisioning through SCIM, for administrators."""

from __future__ import annotations

from django.urls import path

from portal.pages import handing_over, provisioning

urlpatterns = [
    path("provisioning/", provisioning.provisioning, name="provisioning"),
    path("provisioning/token", provisioning.provisioning_token, name="provisioning-token"),
    path("provisioning/end", provisioning.provisioning_end, name="provisioning-end"),
    path("provisioning/hand-over", handing_over.hand_over, name="hand-over"),
]
