"""Addresses of environments, changes and runs: the pages on which work is asked for, decided and watched."""

from __future__ import annotations

from django.urls import path

from portal.pages import (
    asking,
    changes,
    drift,
    environment_form,
    environments,
    feedback,
    kept_drafts,
    live,
    revisions,
    runs,
    secrets,
    sleep,
    stage_windows,
    trains,
)

urlpatterns = [
    path("environments/", environments.environments, name="environments"),
    path("environments/new", environment_form.environment_new, name="environment-new"),
    path("environments/plan", environment_form.environment_plan, name="environment-plan"),
    path("environments/suggest", environment_form.environment_suggest, name="environment-suggest"),
    path("environments/drafts/forget", kept_drafts.draft_forgotten, name="environment-draft-forget"),
    path("environments/<slug:system>/<slug:name>/", environments.environment, name="environment"),
    path("environments/<slug:system>/<slug:name>/live", environments.environment_live, name="environment-live"),
    path("environments/<slug:system>/<slug:name>/revisions/", environments.revisions, name="environment-revisions"),
    path("environments/<slug:system>/<slug:name>/drift/", drift.environment_drift, name="environment-drift"),
    path(
        "environments/<slug:system>/<slug:name>/drift/decide",
        drift.environment_drift_decide,
        name="environment-drift-decide",
    ),
    path(
        "environments/<slug:system>/<slug:name>/revisions/compare",
        revisions.revisions_compare,
        name="environment-compare",
    ),
    path("environments/<slug:system>/<slug:name>/changes/", environments.changes, name="environment-changes"),
    path("environments/<slug:system>/<slug:name>/sleep", sleep.environment_sleep, name="environment-sleep"),
    path("environments/<slug:system>/<slug:name>/sleep/hold", sleep.environment_hold, name="environment-hold"),
    path("environments/<slug:system>/<slug:name>/power/<slug:kind>", sleep.environment_power, name="environment-power"),
    path("environments/<slug:system>/<slug:name>/extend", sleep.environment_extend, name="environment-extend"),
    path("environments/<slug:system>/<slug:name>/settings/", environments.settings, name="environment-settings"),
    path("environments/<slug:system>/<slug:name>/secrets/", secrets.environment_secrets, name="environment-secrets"),
    path(
        "environments/<slug:system>/<slug:name>/secrets/<slug:resource>",
        secrets.environment_secret_fill,
        name="environment-secret-fill",
    ),
    path("environments/<slug:system>/<slug:name>/edit", environment_form.environment_edit, name="environment-edit"),
    path("environments/<slug:system>/<slug:name>/ask/<slug:kind>", asking.environment_ask, name="environment-ask"),
    path("environments/<slug:system>/<slug:name>/delete", environments.environment_delete, name="environment-delete"),
    path("changes/", changes.changes, name="changes"),
    path("changes/decide", changes.changes_decide, name="changes-decide"),
    path("changes/<int:change>/", changes.change, name="change"),
    path("changes/<int:change>/decide", changes.change_decide, name="change-decide"),
    path("trains/", trains.trains, name="trains"),
    path("trains/new", trains.train_new, name="train-new"),
    path("trains/<int:train>/", trains.train, name="train"),
    path("trains/<int:train>/cancel", trains.train_off, name="train-cancel"),
    path("stages/<slug:stage>/windows", stage_windows.stage_windows, name="stage-windows"),
    path("runs/<int:run>/", runs.run, name="run"),
    path("runs/<int:run>/stream", live.run_events, name="run-events"),
    path("runs/<int:run>/progress", runs.run_progress, name="run-progress"),
    path("runs/<int:run>/feedback", feedback.run_feedback, name="run-feedback"),
    path("runs/<int:run>/cancel", runs.run_cancel, name="run-cancel"),
]
