"""Addresses of the API, written without reversing: rows of long lists name many of them."""

from __future__ import annotations

from urllib.parse import quote

ROOT = "/api/v1/"


def team(slug: str) -> str:
    return f"{ROOT}teams/{slug}/"


def member(team_slug: str, username: str) -> str:
    return f"{ROOT}teams/{team_slug}/members/{username}/"


def person(username: str) -> str:
    return f"{ROOT}people/{quote(username, safe='@')}/"


def group(name: str) -> str:
    return f"{ROOT}groups/{quote(name, safe='')}/"


def transfer(transfer_id: int) -> str:
    return f"{ROOT}transfers/{transfer_id}/"


def ownership(system_slug: str) -> str:
    return f"{ROOT}systems/{system_slug}/ownership/"


def system(slug: str) -> str:
    return f"{ROOT}systems/{slug}/"


def grant(system_slug: str, environment: str, grant_id: int) -> str:
    return f"{ROOT}environments/{system_slug}/{environment}/grants/{grant_id}/"


def component(slug: str) -> str:
    return f"{ROOT}components/{slug}/"


def capability(name: str) -> str:
    return f"{ROOT}capabilities/{name}/"


def contract(name: str, version: str) -> str:
    return f"{ROOT}capabilities/{name}/contracts/{version}/"


def catalog_source(name: str) -> str:
    return f"{ROOT}backstage/sources/{name}/"


def catalog_import(import_id: int) -> str:
    return f"{ROOT}backstage/imports/{import_id}/"


def git_source(name: str) -> str:
    return f"{ROOT}git/sources/{name}/"


def git_sync(source: str, sync_id: int) -> str:
    return f"{ROOT}git/sources/{source}/syncs/{sync_id}/"


def campaign(campaign_id: int) -> str:
    return f"{ROOT}campaigns/{campaign_id}/"


def freeze(freeze_id: int) -> str:
    return f"{ROOT}freezes/{freeze_id}/"


def train(train_id: int) -> str:
    return f"{ROOT}trains/{train_id}/"


def blast_report(report_id: int) -> str:
    return f"{ROOT}blast-radius/{report_id}/"


def stage(name: str) -> str:
    return f"{ROOT}stages/{name}/"


def cluster(name: str) -> str:
    return f"{ROOT}clusters/{name}/"


def host(name: str) -> str:
    return f"{ROOT}hosts/?q={quote(name, safe='')}"


def approval_route(name: str) -> str:
    return f"{ROOT}approval-routes/{name}/"


def stand_in(delegation_id: int) -> str:
    return f"{ROOT}stand-ins/{delegation_id}/withdraw/"


def policy(name: str) -> str:
    return f"{ROOT}policies/{name}/"


def policy_replay(report_id: int) -> str:
    return f"{ROOT}policy-replays/{report_id}/"


def loan(loan_id: int) -> str:
    return f"{ROOT}loans/{loan_id}/"


def quota_request(request_id: int) -> str:
    return f"{ROOT}quota-requests/{request_id}/"


def quota(team_slug: str) -> str:
    return f"{ROOT}quotas/{team_slug}/"


def environment(system_slug: str, name: str) -> str:
    return f"{ROOT}environments/{system_slug}/{name}/"


def drift(drift_id: int) -> str:
    return f"{ROOT}drift/{drift_id}/"


def change(change_id: int) -> str:
    return f"{ROOT}changes/{change_id}/"


def run(run_id: int) -> str:
    return f"{ROOT}runs/{run_id}/"


def agent(name: str) -> str:
    return f"{ROOT}agents/{name}/"


def agent_sessions(name: str) -> str:
    return f"{agent(name)}sessions/"


def webhook(webhook_id: int) -> str:
    return f"{ROOT}webhooks/{webhook_id}/"


def delivery(webhook_id: int, delivery_id: int) -> str:
    return f"{ROOT}webhooks/{webhook_id}/deliveries/{delivery_id}/"


def event_schema(event_type: str) -> str:
    return f"{ROOT}events/types/{event_type}/schema.json"
