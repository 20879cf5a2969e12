"""/livez, /readyz and /metrics."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import Client

from idp.kernel import clock
from portal.api import health
from provisioning.models import Cluster, ClusterWatch
from tests.portal.api.client import token_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr(health, "_broker_seen", (0.0, ""))


def test_it_lives_without_a_database(client: Client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/livez").content == b"ok\n"


def test_it_is_ready(client: Client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "checks": {"database": "ok", "migrations": "ok", "broker": "embedded"}}


def test_it_is_not_ready_without_its_database(client: Client, monkeypatch):
    monkeypatch.setattr(health, "_database", lambda: "unreachable")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)


def test_it_is_not_ready_before_it_is_migrated(client: Client, monkeypatch):
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: [("a", False)])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (503, "1 not applied")


def test_a_broker_that_is_away_is_said_and_no_more(client: Client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    health._redis.cache_clear()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["broker"]) == (200, "unreachable")
    health._redis.cache_clear()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_it_only_reads(client: Client, path):
    assert client.post(path).status_code == 405


def test_it_counts_for_this_machine(client: Client, living):
    text = client.get("/metrics", REMOTE_ADDR="127.0.0.1").content.decode()
    assert 'slipway_environments{state="ready"} 1.0' in text
    assert "slipway_work_delayed_seconds 0.0" in text
    assert "process_resident_memory_bytes" in text
    assert "checkout" not in text


@pytest.mark.parametrize(
    ("persona", "scope", "status"),
    [
        pytest.param("", "", 401, id="nobody"),
        pytest.param("developer", "admin", 403, id="developer"),
        pytest.param("admin", "read", 403, id="admin-who-reads"),
        pytest.param("admin", "admin", 200, id="admin"),
    ],
)
@pytest.mark.parametrize(
    "where",
    [
        pytest.param({"REMOTE_ADDR": "10.1.2.3"}, id="elsewhere"),
        pytest.param({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "10.1.2.3"}, id="through-a-proxy"),
    ],
)
def test_it_tells_others_only_with_an_admins_token(client: Client, organisation, persona, scope, status, where):
    headers = {"Authorization": f"Bearer {token_for(organisation.people[persona], scope)}"} if persona else {}
    assert client.get("/metrics", headers=headers, **where).status_code == status


def test_a_wrong_token_gets_no_metrics(client: Client, organisation):
    answer = client.get("/metrics", headers={"Authorization": "Bearer slw_no_no"}, REMOTE_ADDR="10.1.2.3")
    assert answer.status_code == 401


def test_the_process_is_measured_without_a_database(client: Client, monkeypatch):
    def away() -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("portal.api.gauges._of_the_platform", away)
    text = client.get("/metrics", REMOTE_ADDR="127.0.0.1").content.decode()
    assert "slipway_event_streams 0.0" in text
    assert "slipway_environments" not in text


@pytest.mark.parametrize(
    ("watch", "state"),
    [
        pytest.param(None, "unwatched", id="nobody-ever"),
        pytest.param({"lease_until": timedelta(seconds=-5)}, "unwatched", id="lease-is-over"),
        pytest.param({"lease_until": timedelta(seconds=60)}, "syncing", id="not-all-seen-yet"),
        pytest.param({"lease_until": timedelta(seconds=60), "synced_at": timedelta(0)}, "watched", id="watched"),
        pytest.param(
            {"lease_until": timedelta(seconds=60), "synced_at": timedelta(0), "unreachable_since": timedelta(0)},
            "unreachable",
            id="away",
        ),
    ],
)
def test_it_tells_how_clusters_are_watched(client: Client, watch, state):
    now = clock.now()
    cluster = Cluster.objects.create(name="edge", title="Edge", driver="sandbox", created_at=now)
    if watch is not None:
        times = {name: now + after for name, after in watch.items()}
        ClusterWatch.objects.create(cluster=cluster, objects_seen=80, backlog=3, lag_seconds=1.5, **times)
    text = client.get("/metrics", REMOTE_ADDR="127.0.0.1").content.decode()
    assert f'slipway_clusters{{state="{state}"}} 1.0' in text
    expected = (0, 0, 0) if state == "unwatched" else (80, 3, 1.5)
    for name, value in zip(("watched_objects", "watch_backlog", "watch_lag_seconds"), expected, strict=True):
        assert f"slipway_{name} {float(value)}" in text
