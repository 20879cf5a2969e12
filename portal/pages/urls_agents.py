"""Addresses of agents, and of signing beside one."""

from __future__ import annotations

from django.urls import path

from portal.pages import agents

urlpatterns = [
    path("agents/", agents.agents, name="agents"),
    path("agents/new", agents.agent_new, name="agent-new"),
    path("agents/rules", agents.agents_rules, name="agents-rules"),
    path("agents/<slug:name>/", agents.agent, name="agent"),
    path("agents/<slug:name>/edit", agents.agent_edit, name="agent-edit"),
    path("agents/<slug:name>/act", agents.agent_act, name="agent-act"),
    path("agents/<slug:name>/sessions/<int:session>/", agents.agent_session, name="agent-session"),
    path("changes/<int:change>/cosign", agents.change_signed, name="change-cosign"),
]
