"""The built-in contracts pass their own publishing checks, and make what they promise."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from idp.kernel.cel_functions import quantity
from idp.kernel.errors import InvalidInput
from provisioning.contracts import builtin_documents, builtin_readme
from provisioning.domain.contract import Contract, parse_contract
from provisioning.domain.contract_checks import check_contract, sample_context, sample_inputs
from provisioning.domain.kubernetes_schema import validate_object
from provisioning.domain.plan import Footprint
from provisioning.domain.render import publish_outputs, render, usage_of
from provisioning.domain.revision import resolve, resolve_inputs
from tests.provisioning.domain.contracts import PLACE

CONTRACTS = {path: parse_contract(document.data, document.lines) for path, document in builtin_documents()}
WEB, POSTGRES, ROUTE = (CONTRACTS[f"{name}/1.0.0.yaml"] for name in ("web-service", "postgres", "route"))
EXAMPLES = [
    pytest.param(contract, example, power, id=f"{contract.reference}-{example.name}-{power}".replace(" ", "-"))
    for contract in CONTRACTS.values()
    for example in contract.examples
    for power in ("awake", "asleep")
]


def made(contract: Contract, power: str = "awake", **inputs: Any) -> dict[str, Any]:
    place = sample_context(contract, power=power)
    return {one.manifest["kind"]: one.manifest for one in render(contract, contract.with_defaults(inputs), place)}


def template_of(manifest: Any) -> Any:
    """The pod template of a workload, of a CronJob's Jobs too; None for what starts no pods."""
    spec = manifest.get("spec", {})
    return spec.get("jobTemplate", {}).get("spec", spec).get("template")


def pod_of(manifest: Any) -> Any:
    return (template_of(manifest) or {}).get("spec")


@pytest.mark.parametrize(("path", "contract"), CONTRACTS.items(), ids=CONTRACTS)
def test_it_passes_the_publishing_checks(path: str, contract: Contract) -> None:
    assert check_contract(contract, validate_object=validate_object) == []
    assert path == f"{contract.capability}/{contract.version}.yaml"
    assert contract.state == "stable"
    assert len(contract.examples) >= 2
    assert builtin_readme(contract.capability).startswith("# ")


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_it_has_a_title_and_an_order_for_every_input(contract: Contract) -> None:
    for name, schema in contract.inputs["properties"].items():
        assert schema["title"], name
        assert schema["x-effect"] in ("restarts", "data", "none"), name
    orders = [schema["x-order"] for schema in contract.inputs["properties"].values()]
    assert sorted(orders) == orders == sorted(set(orders))


@pytest.mark.parametrize(("contract", "example", "power"), EXAMPLES)
def test_it_makes_pods_of_the_restricted_level(contract: Contract, example: Any, power: str) -> None:
    rendered = render(contract, sample_inputs(contract, example.inputs), sample_context(contract, power=power))
    for one in rendered:
        pod = pod_of(one.manifest)
        if pod is None:
            continue
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        allowed = {"name", "emptyDir", "persistentVolumeClaim", "configMap"}
        assert all({*volume} <= allowed for volume in pod["volumes"])
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"] == container["resources"]["limits"]


@pytest.mark.parametrize(("contract", "example", "power"), EXAMPLES)
def test_it_labels_all_it_makes(contract: Contract, example: Any, power: str) -> None:
    """The recommended labels, on objects and on pods, so that logs and dashboards find them."""
    for one in render(contract, sample_inputs(contract, example.inputs), sample_context(contract, power=power)):
        marked = [one.manifest["metadata"]]
        if (template := template_of(one.manifest)) is not None:
            marked.append(template["metadata"])
        for metadata in marked:
            assert metadata["labels"]["app.kubernetes.io/name"] == contract.capability
            assert metadata["labels"]["app.kubernetes.io/managed-by"] == "slipway"
            assert {"app.kubernetes.io/instance", "app.kubernetes.io/part-of"} <= metadata["labels"].keys()


@pytest.mark.parametrize(("contract", "example", "power"), EXAMPLES)
def test_it_starts_nothing_while_it_sleeps(contract: Contract, example: Any, power: str) -> None:
    for one in render(contract, sample_inputs(contract, example.inputs), sample_context(contract, power=power)):
        if power == "asleep" and template_of(one.manifest) is not None:
            spec = one.manifest["spec"]
            assert spec.get("replicas") == 0 or spec.get("suspend") is True


@pytest.mark.parametrize(("contract", "example", "power"), EXAMPLES)
def test_it_counts_what_its_pods_ask_for(contract: Contract, example: Any, power: str) -> None:
    inputs, place = sample_inputs(contract, example.inputs), sample_context(contract, power=power)
    asked = Footprint()
    for one in render(contract, inputs, place):
        spec = one.manifest.get("spec", {})
        if (pod := pod_of(one.manifest)) is not None:
            scaled = power == "awake" and "autoscale" in inputs
            replicas = inputs["autoscale"]["max"] if scaled else spec.get("replicas", 0 if spec.get("suspend") else 1)
            for container in pod["containers"]:
                requests = container["resources"]["requests"]
                asked += Footprint(
                    quantity(requests["cpu"]) * replicas, quantity(requests["memory"]) * replicas / 2**30
                )
        if one.manifest["kind"] == "Cluster" and one.manifest["apiVersion"].startswith("postgresql.cnpg.io/"):
            awake, requests = power == "awake", spec["resources"]["requests"]
            each = Footprint(quantity(requests["cpu"]) * awake, quantity(requests["memory"]) * awake / 2**30)
            volume = Footprint(storage_gib=quantity(spec["storage"]["size"]) / 2**30)
            asked = sum(([each, volume] * spec["instances"]), asked)
        if one.manifest["kind"] == "PersistentVolumeClaim":
            asked += Footprint(storage_gib=quantity(spec["resources"]["requests"]["storage"]) / 2**30)
    assert asdict(usage_of(contract, inputs, place)) == pytest.approx(asdict(asked))


@pytest.mark.parametrize(
    ("contract", "inputs", "path", "message"),
    [
        pytest.param(
            WEB, {"image": "shop api:1"}, "image", "has a space; an image name has none", id="image-with-a-space"
        ),
        pytest.param(
            WEB,
            {"image": "https://registry.example/a:1"},
            "image",
            "begins with http; write the image without it, such as registry.example/name:1.0",
            id="image-with-a-scheme",
        ),
        pytest.param(
            WEB,
            {"image": "registry.example/Shop:1"},
            "image",
            "has a capital letter in its name; an image name is lower case",
            id="image-with-a-capital",
        ),
        pytest.param(WEB, {"image": ""}, "image", "must not be empty", id="image-empty"),
        pytest.param(WEB, {}, "image", "is required: Image", id="no-image"),
        pytest.param(WEB, {"image": "a", "replicas": -1}, "replicas", "must be at least 0", id="replicas-negative"),
        pytest.param(WEB, {"image": "a", "replicas": 51}, "replicas", "must be at most 50", id="replicas-too-many"),
        pytest.param(WEB, {"image": "a", "port": 0}, "port", "must be at least 1", id="port"),
        pytest.param(
            WEB,
            {"image": "a", "autoscale": {"min": 5, "max": 2}},
            "autoscale.max",
            "must not be less than “at least”",
            id="scale-upside-down",
        ),
        pytest.param(
            WEB,
            {"image": "a", "env": {"1A": "x"}},
            "env.1A",
            "as a name must be letters, digits and underscores, and not begin with a digit",
            id="variable-name",
        ),
        pytest.param(
            WEB,
            {"image": "a", "health": {"path": "ready"}},
            "health.path",
            "must begin with a slash and hold no space, such as /healthz",
            id="health-path",
        ),
        pytest.param(WEB, {"image": "a", "userId": 0}, "userId", "must be at least 1", id="root"),
        pytest.param(POSTGRES, {"storageGiB": 0}, "storageGiB", "must be at least 1 GiB", id="storage"),
        pytest.param(POSTGRES, {"major": "15"}, "major", "must be one of 16, 17", id="postgres-version"),
        pytest.param(
            POSTGRES,
            {"database": "my-db"},
            "database",
            "must be lower-case letters, digits and underscores, and begin with a letter",
            id="database-name",
        ),
        pytest.param(
            ROUTE,
            {"host": "https://shop.example", "to": {"name": "a", "port": 1}},
            "host",
            "begins with a scheme; write the host alone, such as shop.example",
            id="host-with-a-scheme",
        ),
        pytest.param(
            ROUTE,
            {"host": "shop", "to": {"name": "a", "port": 1}},
            "host",
            "must be a host name such as shop.example",
            id="host-without-a-dot",
        ),
        pytest.param(ROUTE, {"host": "shop.example"}, "to", "is required: Leads to", id="route-to-nowhere"),
    ],
)
def test_it_says_what_is_right(contract: Contract, inputs: dict[str, Any], path: str, message: str) -> None:
    found = contract.validate_inputs(contract.with_defaults(inputs))
    assert [(error.path, error.message) for error in found] == [(f"inputs.{path}", message)]


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "nginx:1.27",
        "registry.example:5000/team/shop-api:1.8.3",
        "localhost:5000/a",
        "ghcr.io/a/b@sha256:" + "0" * 64,
        "ghcr.io/a/b:1.0@sha256:" + "0" * 64,
        "docker.io/library/postgres:17",
    ],
)
def test_it_takes_image_names(image: str) -> None:
    assert WEB.validate_inputs({"image": image}) == []


def test_web_service_leaves_replicas_to_the_autoscaler() -> None:
    scaled = made(WEB, image="a", autoscale={"min": 2, "max": 5})
    assert "replicas" not in scaled["Deployment"]["spec"]
    assert scaled["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 5
    assert scaled["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_web_service_sleeps_without_replicas_scaler_or_budget() -> None:
    asleep = made(WEB, power="asleep", image="a", autoscale={"min": 2, "max": 5})
    assert asleep["Deployment"]["spec"]["replicas"] == 0
    assert set(asleep) == {"ServiceAccount", "Service", "Deployment"}


def test_web_service_has_no_budget_for_a_single_replica() -> None:
    assert "PodDisruptionBudget" not in made(WEB, image="a", replicas=1)


def test_postgres_keeps_its_password_out_of_every_object() -> None:
    objects = made(POSTGRES)
    secret = objects["Secret"]
    assert secret["metadata"]["annotations"] == {"slipway.dev/generate": "password"}
    assert secret["stringData"] == {"username": "app", "database": "app"}
    env = {one["name"]: one for one in objects["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["POSTGRES_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == secret["metadata"]["name"]


def test_postgres_sleeps_and_keeps_its_data() -> None:
    asleep = made(POSTGRES, power="asleep", storageGiB=20)
    assert asleep["StatefulSet"]["spec"]["replicas"] == 0
    assert asleep["PersistentVolumeClaim"]["spec"]["resources"]["requests"]["storage"] == "20Gi"


def test_route_writes_its_address() -> None:
    place = sample_context(ROUTE)
    inputs = ROUTE.with_defaults({"host": "shop.example", "path": "/api", "to": {"name": "api", "port": 80}})
    assert publish_outputs(ROUTE, inputs, place)["url"] == "https://shop.example/api"
    assert publish_outputs(ROUTE, {**inputs, "tls": False, "path": "/"}, place)["url"] == "http://shop.example"


def test_they_fit_together_from_document_to_objects() -> None:
    """The three of them wired as a person would, through to the environment variable that points at the Secret."""
    spec = {
        "stage": "dev",
        "resources": {
            "db": {"capability": "postgres@1"},
            "api": {
                "capability": "web-service@1",
                "inputs": {
                    "image": "registry.example/shop:1",
                    "env": {
                        "DATABASE_HOST": "${resources.db.outputs.host}",
                        "DATABASE_PASSWORD": "${resources.db.outputs.credentials.password}",
                    },
                },
            },
            "shop": {
                "capability": "route@1",
                "inputs": {"host": "${environment.name}.shop.example", "to": "${resources.api.outputs.service}"},
            },
        },
    }
    offered = {one.capability: one for one in CONTRACTS.values() if one.semver.major == 1}
    revision = resolve(spec, contracts=lambda capability, _: offered[capability]).require()
    assert revision.order == ("db", "api", "shop")
    outputs: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    for name in revision.order:
        contract = revision.contracts[name]
        place = PLACE.of(name, contract)
        inputs = resolve_inputs(revision.document, name, outputs, context=place.facts)
        objects[name] = {one.manifest["kind"]: one.manifest for one in render(contract, inputs, place, outputs)}
        outputs[name] = publish_outputs(contract, inputs, place, resources=outputs)
    env = objects["api"]["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [one for one in env if not one["name"].startswith("OTEL_")] == [
        {"name": "DATABASE_HOST", "value": "db.checkout-dev.svc"},
        {
            "name": "DATABASE_PASSWORD",
            "valueFrom": {"secretKeyRef": {"name": "db-credentials", "key": "password"}},
        },
    ]
    rule = objects["shop"]["Ingress"]["spec"]["rules"][0]
    assert rule["host"] == "dev.shop.example"
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "api", "port": {"number": 8080}}


def test_a_host_that_only_becomes_wrong_once_filled_is_refused() -> None:
    inputs = {"host": "shop..example", "to": {"name": "api", "port": 80}}
    with pytest.raises(InvalidInput, match=r"inputs\.host must be a host name"):
        made(ROUTE, **inputs)
