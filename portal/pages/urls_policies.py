"""Addresses of policies, below ``/policies/``. A policy has a slash behind its name, so that none hides ``new``."""

from __future__ import annotations

from django.urls import path

from portal.pages import policies, policy_replays

urlpatterns = [
    path("", policies.policies, name="policies"),
    path("new", policies.policy_new, name="policy-new"),
    path("check", policies.policy_checked, name="policy-check"),
    path("replays/<int:report>/", policy_replays.policy_replay, name="policy-replay"),
    path("replays/<int:report>/progress", policy_replays.policy_replay_progress, name="policy-replay-progress"),
    path("replays/<int:report>/short", policy_replays.policy_replay_short, name="policy-replay-short"),
    path("replays/<int:report>/again", policy_replays.policy_replay_again, name="policy-replay-again"),
    path(
        "replays/<int:report>/report.<slug:form>",
        policy_replays.policy_replay_download,
        name="policy-replay-download",
    ),
    path("<slug:policy>/", policies.policy, name="policy"),
    path("<slug:policy>/edit", policies.policy_edit, name="policy-edit"),
    path("<slug:policy>/enforce", policies.policy_enforce, name="policy-enforce"),
    path("<slug:policy>/replay", policy_replays.policy_replayed, name="policy-replay-ask"),
    path("<slug:policy>/versions/<int:number>", policies.policy_compare, name="policy-version"),
    path("<slug:policy>/<slug:act>", policies.policy_act, name="policy-act"),
]
