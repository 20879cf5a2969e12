"""Addresses of approval routes and of those who stand in for others."""

from __future__ import annotations

from django.urls import path

from portal.pages import approval_routes, stand_ins

urlpatterns = [
    path("approval-routes/", approval_routes.approval_routes, name="approval-routes"),
    path("approval-routes/new", approval_routes.approval_route_new, name="approval-route-new"),
    path("approval-routes/report", approval_routes.rubber_stamps, name="rubber-stamps"),
    path("approval-routes/<slug:route>/", approval_routes.approval_route, name="approval-route"),
    path("approval-routes/<slug:route>/edit", approval_routes.approval_route_edit, name="approval-route-edit"),
    path("approval-routes/<slug:route>/<slug:act>", approval_routes.approval_route_act, name="approval-route-act"),
    path("account/stand-ins", stand_ins.stand_ins, name="stand-ins"),
    path("account/stand-ins/<int:delegation>/withdraw", stand_ins.stand_in_withdraw, name="stand-in-withdraw"),
]
