"""What the built-in workers, jobs, stores and configurations make of their inputs."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.contracts import builtin_documents
from provisioning.domain.contract import Contract, parse_contract
from provisioning.domain.contract_checks import sample_context, sample_inputs
from provisioning.domain.kubernetes_schema import validate_object
from provisioning.domain.render import publish_outputs, render
from provisioning.domain.revision import resolve, resolve_inputs
from tests.provisioning.domain.contracts import PLACE

OFFERED = {contract.capability: contract for contract in (parse_contract(one.data) for _, one in builtin_documents())}


def made(capability: str, power: str = "awake", **inputs: Any) -> dict[str, Any]:
    """Manifests by kind; the last one of a kind that is made twice."""
    contract = OFFERED[capability]
    place = sample_context(contract, power=power)
    assert contract.validate_inputs(contract.with_defaults(inputs)) == []
    return {one.manifest["kind"]: one.manifest for one in render(contract, contract.with_defaults(inputs), place)}


def refused(capability: str, **inputs: Any) -> list[str]:
    contract: Contract = OFFERED[capability]
    return [f"{one.path} {one.message}" for one in contract.validate_inputs(contract.with_defaults(inputs))]


def test_the_marketplace_has_what_was_promised() -> None:
    assert {
        "web-service", "worker", "cron-job", "job", "static-site", "postgres", "cache", "queue", "object-bucket",
        "volume", "config", "route",
    } <= set(OFFERED)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "again"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"image": "shop:2"}, True, id="image"),
        pytest.param({"args": ["--all"]}, True, id="arguments"),
        pytest.param({"env": {"A": "2"}}, True, id="variable"),
        pytest.param({"env": {"A": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}}}, True, id="secret"),
        pytest.param({"again": "please"}, True, id="on-request"),
        pytest.param({"volumes": [{"claim": "data", "path": "/data", "readOnly": True}]}, True, id="volume"),
        pytest.param({"maxSeconds": 60}, True, id="limit"),
    ],
)
def test_a_job_runs_once_more_exactly_when_its_inputs_change(change: dict[str, Any], again: bool) -> None:
    """Nothing of a Job can be changed, so another run is an object of another name."""
    inputs = {"image": "shop:1", "env": {"A": "1"}}
    before, after = made("job", **inputs)["Job"], made("job", **{**inputs, **change})["Job"]
    names = [one["metadata"]["name"] for one in (before, after)]
    assert (names[0] != names[1]) is again
    assert all(name.startswith("resource-with-the-longest-name1-") and len(name) <= 63 for name in names)
    if not again:
        assert before == after


def test_a_job_comes_before_the_service_that_reads_its_output() -> None:
    spec = {
        "stage": "dev",
        "resources": {
            "api": {
                "capability": "web-service@1",
                "inputs": {"image": "shop:1", "env": {"MIGRATED": "${resources.migrate.outputs.done}"}},
            },
            "db": {"capability": "postgres@1"},
            "migrate": {
                "capability": "job@1",
                "inputs": {"image": "shop:1", "env": {"PW": "${resources.db.outputs.credentials.password}"}},
            },
        },
    }
    revision = resolve(spec, contracts=lambda capability, _: OFFERED[capability]).require()
    assert revision.order == ("db", "migrate", "api")


def test_a_jobs_output_is_unknown_until_it_is_there() -> None:
    contract = OFFERED["job"]
    place, inputs = sample_context(contract), contract.with_defaults({"image": "shop:1"})
    assert publish_outputs(contract, inputs, place) == {}
    live = {"job": {"metadata": {"name": "migrate-1"}}}
    assert publish_outputs(contract, inputs, place, live) == {"done": "migrate-1"}


@pytest.mark.parametrize(
    ("schedule", "fits"),
    [
        ("0 3 * * *", True),
        ("*/15 8-18 * * MON-FRI", True),
        ("0 0 1,15 * ?", True),
        ("0 3 * *", False),
        ("0 3 * * * *", False),
        ("@daily", False),
        ("every day at 3", False),
    ],
)
def test_a_schedule_has_five_fields(schedule: str, fits: bool) -> None:
    assert (refused("cron-job", image="a", schedule=schedule) == []) is fits


def test_a_scheduled_job_never_runs_twice_at_once() -> None:
    spec = made("cron-job", image="a", schedule="0 3 * * *", timeZone="Europe/Berlin")["CronJob"]["spec"]
    assert (spec["concurrencyPolicy"], spec["timeZone"], spec["suspend"]) == ("Forbid", "Europe/Berlin", False)
    replaced = made("cron-job", image="a", schedule="0 3 * * *", overlap="replace")["CronJob"]["spec"]
    assert replaced["concurrencyPolicy"] == "Replace"


@pytest.mark.parametrize("capability", ["worker", "web-service"])
def test_it_reads_a_volume_and_files_of_its_environment(capability: str) -> None:
    spec = {
        "stage": "dev",
        "resources": {
            "data": {"capability": "volume@1", "inputs": {"storageGiB": 5}},
            "settings": {"capability": "config@1", "inputs": {"values": {"LEVEL": "info"}, "files": {"a.yaml": "1"}}},
            "mailer": {
                "capability": f"{capability}@1",
                "inputs": {
                    "image": "mailer:1",
                    "env": {"LOG_LEVEL": "${resources.settings.outputs.values.LEVEL}"},
                    "volumes": [{"claim": "${resources.data.outputs.claim}", "path": "/data"}],
                    "files": [{"config": "${resources.settings.outputs.files}", "path": "/etc/mailer"}],
                },
            },
        },
    }  # fmt: skip
    revision = resolve(spec, contracts=lambda capability, _: OFFERED[capability]).require()
    outputs: dict[str, Any] = {}
    for name in revision.order:
        contract = revision.contracts[name]
        place = PLACE.of(name, contract)
        inputs = resolve_inputs(revision.document, name, outputs, context=place.facts)
        rendered = render(contract, inputs, place, outputs)
        assert [error for one in rendered for error in validate_object(one.manifest)] == []
        outputs[name] = publish_outputs(contract, inputs, place, resources=outputs)
    deployment = next(one.manifest for one in rendered if one.manifest["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert {"name": "volume-data", "persistentVolumeClaim": {"claimName": "data"}} in pod["volumes"]
    assert {"name": "files-settings-files", "configMap": {"name": "settings-files"}} in pod["volumes"]
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    assert mounts == {"tmp": "/tmp", "volume-data": "/data", "files-settings-files": "/etc/mailer"}
    assert {"name": "LOG_LEVEL", "value": "info"} in pod["containers"][0]["env"]


def test_a_web_service_without_volumes_and_files_is_what_it_was() -> None:
    """So that moving from 1.1 to 1.2 restarts nothing."""
    older = parse_contract(dict(builtin_documents())["web-service/1.1.0.yaml"].data)
    for example in older.examples:
        rendered = [
            [
                one.manifest
                for one in render(contract, sample_inputs(contract, example.inputs), sample_context(contract))
            ]
            for contract in (older, OFFERED["web-service"])
        ]
        assert rendered[1] == rendered[0]


def test_a_web_service_is_asked_by_a_command_where_it_has_one() -> None:
    [container] = made("web-service", image="a", health={"command": ["/well"], "startupSeconds": 30})["Deployment"][
        "spec"
    ]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["exec"] == {"command": ["/well"]}
        assert "httpGet" not in container[probe]
    assert container["startupProbe"]["failureThreshold"] == 6


@pytest.mark.parametrize("capability", ["cache", "queue", "object-bucket"])
def test_a_store_keeps_its_password_out_of_every_object(capability: str) -> None:
    objects = made(capability)
    generated = objects["Secret"]["metadata"]["annotations"]["slipway.dev/generate"]
    assert generated not in objects["Secret"].get("stringData", {})
    contract = OFFERED[capability]
    assert contract.is_secret("credentials")
    assert generated in contract.outputs["credentials"]["properties"]


@pytest.mark.parametrize("capability", ["queue", "object-bucket"])
def test_a_store_sleeps_and_keeps_its_data(capability: str) -> None:
    asleep = made(capability, power="asleep", storageGiB=20)
    assert asleep["StatefulSet"]["spec"]["replicas"] == 0
    assert asleep["PersistentVolumeClaim"]["spec"]["resources"]["requests"]["storage"] == "20Gi"


def test_a_static_site_shows_files_or_an_image() -> None:
    written = made("static-site", files={"index.html": "<h1>a</h1>"})["Deployment"]["spec"]["template"]
    assert written["spec"]["volumes"][0]["configMap"]["name"].endswith("-content")
    assert "initContainers" not in written["spec"]
    copied = made("static-site", image="site:1", folder="/dist")["Deployment"]["spec"]["template"]["spec"]
    assert copied["volumes"][0] == {"name": "content", "emptyDir": {"sizeLimit": "1Gi"}}
    assert copied["initContainers"][0]["command"][-1] == "/dist"


def test_a_static_site_restarts_when_its_pages_change() -> None:
    """Mounted files change in place, and nginx would keep what it has in memory."""
    marks = [
        made("static-site", files={"index.html": text})["Deployment"]["spec"]["template"]["metadata"]["annotations"]
        for text in ("a", "b")
    ]
    assert marks[0] != marks[1]


@pytest.mark.parametrize(
    ("capability", "inputs", "told"),
    [
        pytest.param("worker", {}, ["inputs.image is required: Image"], id="worker-without-image"),
        pytest.param(
            "config", {"files": {"a/b": "x"}},
            ["inputs.files.a/b as a name must be a file name such as settings.yaml, without folders"], id="file-name",
        ),
        pytest.param(
            "object-bucket", {"bucket": "My_Bucket"},
            ["inputs.bucket must be 3 to 63 lower-case letters, digits and dashes"], id="bucket-name",
        ),
        pytest.param("volume", {"storageGiB": 0}, ["inputs.storageGiB must be at least 1 GiB"], id="volume-size"),
        pytest.param("cache", {"whenFull": "lru"}, ["inputs.whenFull must be one of allkeys-lru, allkeys-lfu, "
                     "volatile-lru, volatile-ttl, noeviction"], id="cache-policy"),
    ],
)  # fmt: skip
def test_it_says_what_is_right(capability: str, inputs: dict[str, Any], told: list[str]) -> None:
    assert refused(capability, **inputs) == told
