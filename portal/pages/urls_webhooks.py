"""Addresses of the pages of webhooks and chat."""

from __future__ import annotations

from django.urls import path

from portal.pages import slack, webhooks

urlpatterns = [
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/new", webhooks.webhook_new, name="webhook-new"),
    path("webhooks/<int:webhook>/", webhooks.webhook, name="webhook"),
    path("webhooks/<int:webhook>/edit", webhooks.webhook_edit, name="webhook-edit"),
    path("webhooks/<int:webhook>/rotate", webhooks.webhook_rotate, name="webhook-rotate"),
    path("webhooks/<int:webhook>/delete", webhooks.webhook_delete, name="webhook-delete"),
    path("webhooks/<int:webhook>/replay", webhooks.webhook_replay, name="webhook-replay"),
    path("webhooks/<int:webhook>/do/<slug:act>", webhooks.webhook_act, name="webhook-act"),
    path("webhooks/<int:webhook>/deliveries/<int:delivery>/", webhooks.delivery, name="webhook-delivery"),
    path(
        "webhooks/<int:webhook>/deliveries/<int:delivery>/replay",
        webhooks.delivery_replay,
        name="webhook-delivery-replay",
    ),
    path("chat/slack", slack.slack_app, name="slack-app"),
    path("chat/slack/remove", slack.slack_app_remove, name="slack-app-remove"),
    path("chat/slack/actions", slack.slack_actions, name="slack-actions"),
    path("chat/slack/commands", slack.slack_commands, name="slack-commands"),
    path("account/slack", slack.account_slack, name="account-slack"),
    path("account/slack/code", slack.account_slack_code, name="account-slack-code"),
    path("account/slack/unlink", slack.account_slack_unlink, name="account-slack-unlink"),
]
