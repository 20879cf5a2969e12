"""What operators expect of every workload without asking: metrics are found, streams of logs can be told apart."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.contracts import builtin_documents
from provisioning.domain.contract import parse_contract
from provisioning.domain.contract_checks import sample_context
from provisioning.domain.driver import Manifest
from provisioning.domain.render import render

NEWEST = {one.capability: one for one in (parse_contract(document.data) for _, document in builtin_documents())}
POD_MONITOR = "monitoring.coreos.com/v1/PodMonitor"


def made(capability: str, apis: tuple[str, ...] = (), **inputs: Any) -> dict[str, Manifest]:
    contract = NEWEST[capability]
    image = {"image": "registry.example/shop:1.8.3"} if "image" in contract.inputs.get("required", ()) else {}
    given = contract.with_defaults({**image, **inputs})
    return {one.id: one.manifest for one in render(contract, given, sample_context(contract, apis=apis))}


def pod(objects: dict[str, Manifest]) -> Any:
    workload = next(one for one in objects.values() if one["kind"] in ("Deployment", "StatefulSet", "CronJob"))
    spec = workload["spec"]
    return (spec.get("jobTemplate", {}).get("spec") or spec)["template"]


def scraped(objects: dict[str, Manifest]) -> dict[str, str]:
    annotations = pod(objects)["metadata"].get("annotations", {})
    return {key.removeprefix("prometheus.io/"): value for key, value in annotations.items()}


@pytest.mark.parametrize(
    ("capability", "inputs", "wanted"),
    [
        ("web-service", {}, {"scrape": "true", "path": "/metrics", "port": "8080"}),
        ("web-service", {"port": 3000}, {"scrape": "true", "path": "/metrics", "port": "3000"}),
        (
            "web-service",
            {"metrics": {"port": 9090, "path": "/m"}},
            {"scrape": "true", "path": "/m", "port": "9090"},
        ),
        ("web-service", {"metrics": {"collect": False}}, {}),
        ("worker", {}, {}),
        ("worker", {"metrics": {"port": 9090}}, {"scrape": "true", "path": "/metrics", "port": "9090"}),
    ],
    ids=["usual", "its-port", "own-port", "off", "worker-has-none", "worker"],
)
def test_metrics_are_told_in_one_way(capability: str, inputs: dict[str, Any], wanted: dict[str, str]) -> None:
    plain, served = made(capability, **inputs), made(capability, (POD_MONITOR,), **inputs)
    assert scraped(plain) == wanted
    assert scraped(served) == {}
    assert "monitor" not in plain
    assert ("monitor" in served, "scraping" in plain, "scraping" in served) == (bool(wanted),) * 3
    if wanted:
        named = {one["name"]: one["containerPort"] for one in pod(served)["spec"]["containers"][0]["ports"]}
        [endpoint] = served["monitor"]["spec"]["podMetricsEndpoints"]
        assert (str(named[endpoint["port"]]), endpoint["path"]) == (wanted["port"], wanted["path"])
        [rule] = served["scraping"]["spec"]["ingress"]
        assert str(rule["ports"][0]["port"]) == wanted["port"]


@pytest.mark.parametrize(
    ("capability", "port", "path"),
    [
        ("static-site", "9113", "/metrics"),
        ("cache", "9121", "/metrics"),
        ("queue", "7777", "/metrics"),
        ("object-bucket", "9000", "/minio/v2/metrics/cluster"),
    ],
)
def test_servers_of_ours_have_metrics_without_being_asked(capability: str, port: str, path: str) -> None:
    plain, served = made(capability), made(capability, (POD_MONITOR,))
    assert {"scrape": "true", "path": path, "port": port}.items() <= scraped(plain).items()
    assert not {"scrape", "path", "port"} & scraped(served).keys()
    assert ("monitor" in plain, "monitor" in served) == (False, True)
    [endpoint] = served["monitor"]["spec"]["podMetricsEndpoints"]
    ports = [one for container in pod(served)["spec"]["containers"] for one in container["ports"]]
    assert (str({one["name"]: one["containerPort"] for one in ports}[endpoint["port"]]), endpoint["path"]) == (
        port,
        path,
    )
    assert [str(one["port"]) for one in served["scraping"]["spec"]["ingress"][0]["ports"]] == [port]


def test_every_instance_of_a_postgres_has_its_metrics_read() -> None:
    plain, served = made("postgres"), made("postgres", (POD_MONITOR,))
    inherited = plain["cluster"]["spec"]["inheritedMetadata"]
    assert inherited["annotations"]["prometheus.io/port"] == "9187"
    assert "annotations" not in served["cluster"]["spec"]["inheritedMetadata"]
    assert (
        served["monitor"]["spec"]["selector"]["matchLabels"] == plain["scraping"]["spec"]["podSelector"]["matchLabels"]
    )


@pytest.mark.parametrize("capability", ["web-service", "worker", "cron-job"])
@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("shop:1.8.3", "1.8.3"),
        ("registry.example:5000/a/shop:1.8.3", "1.8.3"),
        ("registry.example:5000/a/shop", "latest"),
        ("shop:1.8.3@sha256:" + "0f" * 32, "1.8.3"),
        ("shop@sha256:" + "0f" * 32, "sha256-" + "0f" * 28),
        ("shop:_odd_", "odd"),
        ("shop:" + "a" * 128, "a" * 63),
    ],
    ids=["tag", "port-and-tag", "none", "tag-and-digest", "digest", "odd", "long"],
)
def test_pods_say_version_and_stage(capability: str, image: str, version: str) -> None:
    inputs = {"schedule": "0 3 * * *"} if capability == "cron-job" else {}
    labels = pod(made(capability, image=image, **inputs))["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == version
    assert len(version) <= 63
    assert labels["slipway.dev/stage"] == "dev"
    assert {"slipway.dev/system", "slipway.dev/environment", "app.kubernetes.io/instance"} <= set(labels)


@pytest.mark.parametrize("capability", ["web-service", "worker", "cron-job"])
def test_traces_carry_the_name_unless_the_team_says_another(capability: str) -> None:
    inputs = {"schedule": "0 3 * * *"} if capability == "cron-job" else {}
    env = pod(made(capability, **inputs))["spec"]["containers"][0]["env"]
    assert {one["name"]: one["value"] for one in env}["OTEL_SERVICE_NAME"] == "resource-with-the-longest-name1"
    own = pod(made(capability, env={"OTEL_SERVICE_NAME": "mine"}, **inputs))["spec"]["containers"][0]["env"]
    assert [one["value"] for one in own if one["name"] == "OTEL_SERVICE_NAME"] == ["mine"]
