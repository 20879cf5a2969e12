"""Addresses of provisioning through SCIM, for administrators."""

from __future__ import annotations

from django.urls import path

from portal.pages import provisioning

urlpatterns = [
    path("provisioning/", provisioning.provisioning, name="provisioning"),
    path("provisioning/token", provisioning.provisioning_token, name="provisioning-token"),
    path("provisioning/end", provisioning.provisioning_end, name="provisioning-end"),
    path("people/<str:username>/hand-over", provisioning.person_hand_over, name="person-hand-over"),
]
