"""Addresses of the pages of quota and money."""

from __future__ import annotations

from django.urls import path

from portal.pages import costs, quota, quota_admin, quota_edits

urlpatterns = [
    path("quotas/", quota_admin.quotas, name="quotas"),
    path("quotas/requests/<int:asked>", quota_admin.quota_decide, name="quota-decide"),
    path("teams/<slug:team>/quota", quota_edits.team_quota, name="team-quota"),
    path("teams/<slug:team>/quota/undo", quota_edits.team_quota_undo, name="team-quota-undo"),
    path("teams/<slug:team>/quota/ledger", quota.quota_ledger_page, name="quota-ledger"),
    path("teams/<slug:team>/quota/room", quota.quota_room, name="quota-room"),
    path("teams/<slug:team>/quota/more", quota.quota_more, name="quota-more"),
    path("teams/<slug:team>/quota/more/<int:asked>/withdraw", quota.quota_more_withdraw, name="quota-more-withdraw"),
    path("teams/<slug:team>/quota/loans", quota.quota_loans, name="quota-loans"),
    path("teams/<slug:team>/quota/loans/<int:loan>/<slug:act>", quota.loan_act, name="loan-act"),
    path("teams/<slug:team>/budgets", quota_edits.team_budgets, name="team-budgets"),
    path("teams/<slug:team>/budgets/undo", quota_edits.team_budgets_undo, name="team-budgets-undo"),
    path("costs/", costs.costs, name="costs"),
    path("costs/costs.csv", costs.costs_download, name="costs-download"),
]
