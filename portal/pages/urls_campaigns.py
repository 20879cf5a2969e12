"""Addresses of campaigns, below ``/campaigns/``."""

from __future__ import annotations

from django.urls import path

from portal.pages import campaign_actions, campaigns

urlpatterns = [
    path("", campaigns.campaigns, name="campaigns"),
    path("new", campaigns.campaign_new, name="campaign-new"),
    path("<int:campaign>/", campaigns.campaign, name="campaign"),
    path("<int:campaign>/environments/", campaigns.campaign_environments, name="campaign-environments"),
    path("<int:campaign>/environments/<int:item>/take", campaign_actions.campaign_take, name="campaign-take"),
    path("<int:campaign>/environments/<int:item>/day", campaign_actions.campaign_move_day, name="campaign-postpone"),
    path("<int:campaign>/waves/<int:wave>/<slug:act>", campaign_actions.wave_act, name="wave-act"),
    path("<int:campaign>/<slug:act>", campaign_actions.campaign_act, name="campaign-act"),
]
