"""Addresses under ``/scim/v2/``, as directories write them: with or without a slash at the end."""

from __future__ import annotations

from django.urls import re_path

from portal.api import scim, scim_groups, scim_users

app_name = "scim"
urlpatterns = [
    re_path(r"^ServiceProviderConfig/?$", scim.Config.as_view(), name="config"),
    re_path(r"^ResourceTypes/?$", scim.ResourceTypes.as_view(), name="resource-types"),
    re_path(r"^ResourceTypes/(?P<name>\w+)/?$", scim.OneResourceType.as_view(), name="resource-type"),
    re_path(r"^Schemas/?$", scim.Schemas.as_view(), name="schemas"),
    re_path(r"^Schemas/(?P<urn>[\w:.]+)/?$", scim.OneSchema.as_view(), name="schema"),
    re_path(r"^Users/?$", scim_users.Users.as_view(), name="users"),
    re_path(r"^Users/(?P<key>[^/]+)/?$", scim_users.OneUser.as_view(), name="user"),
    re_path(r"^Groups/?$", scim_groups.Groups.as_view(), name="groups"),
    re_path(r"^Groups/(?P<key>[^/]+)/?$", scim_groups.OneGroup.as_view(), name="group"),
    re_path(r"^(?P<rest>.*)$", scim.Nothing.as_view(), name="nothing"),
]
