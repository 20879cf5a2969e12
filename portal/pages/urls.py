"""Addresses of the pages for people. Those of environments, changes and runs are in ``urls_work``."""

from __future__ import annotations

from django.urls import include, path

from portal.pages import account, capabilities, contract_admin, home, search, sign_in, systems, teams

urlpatterns = [
    path("", home.home, name="home"),
    path("systems/", systems.systems, name="systems"),
    path("systems/new", systems.system_new, name="system-new"),
    path("systems/<slug:system>/", systems.system, name="system"),
    path("systems/<slug:system>/edit", systems.system_edit, name="system-edit"),
    path("systems/<slug:system>/delete", systems.system_delete, name="system-delete"),
    path("systems/<slug:system>/components/", systems.components, name="components"),
    path("systems/<slug:system>/components/new", systems.component_new, name="component-new"),
    path("systems/<slug:system>/components/<slug:component>/", systems.component, name="component"),
    path("systems/<slug:system>/components/<slug:component>/edit", systems.component_edit, name="component-edit"),
    path("systems/<slug:system>/components/<slug:component>/delete", systems.component_delete, name="component-delete"),
    path("capabilities/", capabilities.capabilities, name="capabilities"),
    path("capabilities/publish", contract_admin.contract_new, name="capability-new"),
    path("capabilities/<slug:name>/", capabilities.capability, name="capability"),
    path("capabilities/<slug:name>/publish", contract_admin.contract_new, name="contract-new"),
    path("capabilities/<slug:name>/<str:version>/state", contract_admin.contract_state, name="contract-state"),
    path("teams/", teams.teams, name="teams"),
    path("teams/new", teams.team_new, name="team-new"),
    path("teams/<slug:team>/", teams.team, name="team"),
    path("teams/<slug:team>/edit", teams.team_edit, name="team-edit"),
    path("teams/<slug:team>/quota", teams.team_quota, name="team-quota"),
    path("teams/<slug:team>/members", teams.member_set, name="team-member-set"),
    path("teams/<slug:team>/members/remove", teams.member_remove, name="team-member-remove"),
    path("account/", account.account, name="account"),
    path("account/tokens", account.token_new, name="token-new"),
    path("account/tokens/<int:token>/revoke", account.token_revoke, name="token-revoke"),
    path("account/theme", account.theme, name="account-theme"),
    path("account/sessions", account.sign_out_everywhere, name="account-sessions"),
    path("login/", sign_in.sign_in, name="login"),
    path("logout/", sign_in.sign_out, name="logout"),
    path("search", search.search, name="search"),
    path("", include("portal.pages.urls_work")),
]
