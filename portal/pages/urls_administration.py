"""Addresses of the pages on which the platform is administered."""

from __future__ import annotations

from django.urls import path

from portal.pages import administration, audit

urlpatterns = [
    path("administration/", administration.administration, name="administration"),
    path("audit/", audit.audit, name="audit"),
    path("audit/search.<slug:form>", audit.audit_download, name="audit-download"),
    path("audit/<int:number>/", audit.audit_entry, name="audit-entry"),
]
