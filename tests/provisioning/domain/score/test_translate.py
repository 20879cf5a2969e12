"""What Score workloads make of an environment by the rules that ship, and what cannot be mapped."""

# ruff: noqa: E501 - a Score file in flow style reads better on one line
from __future__ import annotations

import pytest

from idp.kernel.errors import InvalidInput
from provisioning.domain.revision import resolve
from provisioning.domain.score.names import identity, named, resource_name
from provisioning.domain.score.outcome import Before, removed_by
from provisioning.domain.score.rules import require_sound, rule_for, rules_of, shipped
from tests.provisioning.domain.score.files import WHOLE, contracts, rules, translated, workload


def problems(text: str, before: Before | None = None, **images: str) -> dict[str, str]:
    return {one.path.partition(": ")[2]: one.message for one in translated(text, before, **images).problems}


def test_a_whole_file_becomes_resources_that_the_gate_takes():
    made = translated(WHOLE, image="registry.example/mailer:1.0")
    assert made.problems == []
    assert set(made.resources) == {
        "shop-api", "shop-api-db", "shop-api-route", "redis-main-cache", "mailer", "mailer-data", "mailer-files",
    }  # fmt: skip
    assert made.resources["shop-api-db"] == {"capability": "postgres@1", "inputs": {"storageGiB": 20}}
    api = made.resources["shop-api"]["inputs"]
    assert (api["port"], api["size"], api["health"]) == (8080, "medium", {"path": "/ready"})
    assert api["env"]["LITERAL"] == "$5 $${x} storefront"
    assert api["env"]["ADDRESS"] == "https://shop-api-dev-shop.apps.example/"
    assert made.resources["shop-api-route"]["inputs"]["to"] == "${resources.shop-api.outputs.service}"
    resolved = resolve({"stage": "dev", "resources": made.resources}, contracts=contracts)
    assert resolved.problems == ()
    assert (
        resolved.order.index("shop-api-db") < resolved.order.index("shop-api") < resolved.order.index("shop-api-route")
    )


def test_a_workload_with_a_service_takes_files_volumes_and_a_probe_that_runs_a_command():
    text = workload(
        container="{image: x, files: {/etc/shop/a.conf: {content: a}, /etc/shop/b.conf: {content: b}}, "
        'volumes: {/data: {source: "${resources.data}", readOnly: true}}, livenessProbe: {exec: {command: [/well]}}}',
        more="service: {ports: {www: {port: 8080}}}\nresources: {data: {type: volume}}",
    )
    made = translated(text)
    assert made.problems == []
    assert made.resources["shop-api"] == {
        "capability": "web-service@1",
        "inputs": {
            "image": "x",
            "port": 8080,
            "volumes": [{"claim": "${resources.shop-api-data.outputs.claim}", "path": "/data", "readOnly": True}],
            "files": [{"config": "${resources.shop-api-files.outputs.files}", "path": "/etc/shop"}],
            "health": {"command": ["/well"]},
        },
    }
    assert made.resources["shop-api-files"]["inputs"] == {"files": {"a.conf": "a", "b.conf": "b"}}
    resolved = resolve({"stage": "dev", "resources": made.resources}, contracts=contracts)
    assert (resolved.problems, resolved.order[-1]) == ((), "shop-api")


def test_a_probe_of_a_web_service_that_asks_in_both_ways_is_asked_over_http():
    both = "{exec: {command: [a]}, httpGet: {path: /well, port: 8080}}"
    text = workload(
        container=f"{{image: x, readinessProbe: {both}, livenessProbe: {{httpGet: {{path: /well, port: 8080}}}}}}",
        more="service: {ports: {www: {port: 8080}}}",
    )
    made = translated(text)
    assert made.problems == []
    assert made.resources["shop-api"]["inputs"]["health"] == {"path": "/well"}


def test_a_secret_is_only_ever_a_reference():
    env = translated(WHOLE, image="x").resources["shop-api"]["inputs"]["env"]
    secret = "${resources.shop-api-db.outputs.credentials.password}"
    hidden = "A0_SHOP_API_DB_OUTPUTS_CREDENTIALS_PASSWORD"
    assert env["PASSWORD"] == secret
    assert env[hidden] == secret
    assert f"$({hidden})@${{resources.shop-api-db.outputs.host}}" in env["DATABASE"]
    assert sorted(env)[:2] == [hidden, "A0_SHOP_API_DB_OUTPUTS_CREDENTIALS_USERNAME"], (
        "Kubernetes expands what is before"
    )


def test_workloads_share_what_has_an_id():
    made = translated(WHOLE, image="x")
    assert made.claims["shop-api"]["redis-main-cache"] == made.claims["mailer"]["redis-main-cache"]


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        pytest.param(workload(container='{image: "."}'), "containers.main.image", "say which image", id="built elsewhere"),
        pytest.param(workload(more="resources: {mq: {type: amqp}}"), "resources.mq.type", "no rule for amqp", id="type"),
        pytest.param(workload(more="resources: {db: {type: postgres, params: {flavour: x}}}"), "resources.db.params.flavour", "it takes storage", id="param"),
        pytest.param(workload(container='{image: x, variables: {A: "${resources.db.host}"}}'), "containers.main.variables.A", "no such resource", id="unknown resource"),
        pytest.param(workload(container='{image: x, variables: {A: "${foo.bar}"}}'), "containers.main.variables.A", "neither metadata nor resources", id="unknown root"),
        pytest.param(workload(container='{image: x, variables: {A: "${metadata}"}}'), "containers.main.variables.A", "must name a key", id="metadata alone"),
        pytest.param(workload(container='{image: x, variables: {A: "${metadata.name.x}"}}'), "containers.main.variables.A", "no such key", id="below a text"),
        pytest.param(workload(container='{image: x, variables: {A: "${resources.db}"}}', more="resources: {db: {type: postgres}}"), "containers.main.variables.A", "there are host", id="no output"),
        pytest.param(workload(container='{image: x, variables: {A: "$$${resources.db.host}"}}', more="resources: {db: {type: postgres}}"), "containers.main", "put something between", id="dollar"),
        pytest.param(workload(container='{image: x, variables: {A: "a ${resources.db.password}"}}', more="resources: {db: {type: postgres}}"), "containers.main.variables.A", "another name", id="a name before the hidden one"),
        pytest.param(workload(container="{image: x, before: {other: {ready: started}}}"), "containers.main.before", "orders containers", id="before"),
        pytest.param(workload(container="{image: x, readinessProbe: {httpGet: {path: /, port: 80}}, livenessProbe: {exec: {command: [a]}}}", more="service: {ports: {www: {port: 80}}}"), "containers.main.livenessProbe.exec", "otherwise than the readiness probe", id="two ways to ask"),
        pytest.param(workload(container='{image: x, volumes: {/d: {source: "data"}}}'), "containers.main.volumes./d.source", "resource of this workload", id="a literal volume"),
        pytest.param(workload(container='{image: x, volumes: {/d: {source: "${resources.v1}", path: sub}}}', more="resources: {v1: {type: volume}}"), "containers.main.volumes./d.path", "whole volumes", id="a folder of a volume"),
        pytest.param(workload(container='{image: x, volumes: {/a: {source: "${resources.v1}"}, /b: {source: "${resources.v1}"}}}', more="resources: {v1: {type: volume}}"), "containers.main.volumes./b.source", "mounted already", id="a volume twice"),
        pytest.param(workload(container="{image: x, files: {/etc/x/y: {source: ./a}}}"), "containers.main.files./etc/x/y.source", "only this one was sent", id="source"),
        pytest.param(workload(container="{image: x, files: {/etc/x/y: {binaryContent: YQ==}}}"), "containers.main.files./etc/x/y.binaryContent", "not text", id="binary"),
        pytest.param(workload(container='{image: x, files: {/etc/x/y: {content: a, mode: "0600"}}}'), "containers.main.files./etc/x/y.mode", "0644", id="mode"),
        pytest.param(workload(container="{image: x, files: {y: {content: a}}}"), "containers.main.files.y", "absolute", id="relative"),
        pytest.param(workload(container='{image: x, files: {/etc/x/y: {content: "${resources.db.password}"}}}', more="resources: {db: {type: postgres}}"), "containers.main.files./etc/x/y", "never leaves the cluster", id="a secret in a file"),
        pytest.param(workload(container='{image: x, resources: {limits: {cpu: "16"}}}'), "containers.main.resources", "largest size", id="size"),
        pytest.param(workload(container="{image: x, livenessProbe: {httpGet: {path: /, port: 80}}}"), "containers.main.livenessProbe.httpGet", "takes no HTTP probe", id="probe of a worker"),
        pytest.param(workload(container="{image: x, livenessProbe: {httpGet: {path: /, port: 81}}}", more="service: {ports: {www: {port: 80}}}"), "containers.main.livenessProbe.httpGet.port", "must be 80", id="probe port"),
        pytest.param(workload(container="{image: x, livenessProbe: {httpGet: {path: /, port: 80, scheme: HTTPS}}}", more="service: {ports: {www: {port: 80}}}"), "containers.main.livenessProbe.httpGet.scheme", "HTTP", id="https probe"),
        pytest.param(workload(container="{image: x, readinessProbe: {exec: {command: [a]}}, livenessProbe: {exec: {command: [b]}}}"), "containers.main.livenessProbe.exec.command", "differs", id="two probes"),
        pytest.param(workload(more="service: {ports: {aa: {port: 80}, bb: {port: 81}}}"), "service.ports.bb", "second port", id="ports"),
        pytest.param(workload(more="service: {ports: {aa: {port: 80, protocol: UDP}}}"), "service.ports.aa.protocol", "TCP", id="udp"),
        pytest.param(workload(more="resources: {rt: {type: route, params: {host: a.example}}}"), "resources.rt", "has none; give it a service", id="route of a worker"),
        pytest.param(workload(more="service: {ports: {aa: {port: 80}}}\nresources: {rt: {type: route, params: {host: a.example, port: 81}}}"), "resources.rt", "a port of the service", id="route port"),
        pytest.param(workload(more="resources: {other: {type: service, params: {workload: nobody}}}"), "resources.other.params", "not here", id="an unknown workload"),
        pytest.param(workload(more='resources: {aa: {type: postgres, params: {storage: "${resources.bb.port}"}}, bb: {type: postgres, params: {storage: "${resources.aa.port}"}}}'), "resources.aa.params", "aa → bb → aa", id="a circle"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_told_with_its_path(text, path, says):
    found = problems(text)
    assert path in found, found
    assert says in found[path]


def test_a_second_container_is_told():
    text = "apiVersion: score.dev/v1b1\nmetadata: {name: two}\ncontainers: {main: {image: x}, side: {image: y}}"
    assert "second container" in problems(text)["containers.side"]


def test_params_of_one_resource_must_agree():
    one = workload(name="one", more="resources: {db: {type: postgres, id: main, params: {storage: 5Gi}}}")
    two = workload(name="two", more="resources: {db: {type: postgres, id: main, params: {storage: 6Gi}}}")
    silent = workload(name="two", more="resources: {db: {type: postgres, id: main}}")
    assert "differ from those that one gives" in problems(f"{one}\n---\n{two}")["resources.db.params"]
    assert translated(f"{one}\n---\n{silent}").problems == []


def test_what_the_environment_has_is_kept_and_what_score_did_not_make_is_left_alone():
    text = workload(more="resources: {db: {type: postgres}}")
    had = {"capability": "postgres", "contract": "1.0.0", "inputs": {"storageGiB": 50, "size": "large"}}
    own = {"shop-api-db": "postgres.default#shop-api.db"}
    kept = translated(text, Before({"shop-api-db": had}, own))
    assert kept.resources["shop-api-db"]["inputs"] == {"storageGiB": 50, "size": "large"}
    assert "no Score file made" in problems(text, Before({"shop-api-db": had}))["resources.db"]


def test_what_the_rule_for_a_workload_does_not_speak_of_stays_and_the_rest_follows_the_file():
    had = {"capability": "worker", "contract": "1.1.0", "inputs": {"image": "old", "replicas": 4, "args": ["old"]}}
    made = translated(workload(), Before({"shop-api": had}, {"shop-api": "workload.default#shop-api"}))
    assert made.resources["shop-api"]["inputs"] == {"image": "x", "replicas": 4}


def test_what_a_newer_file_does_not_name_goes_unless_another_workload_has_it():
    claims = {"api": {"api": "w#api", "api-db": "p#api.db", "redis-main": "r#main"}, "mailer": {"redis-main": "r#main"}}
    assert list(removed_by(["api"], claims, {"api": {}})) == ["api-db"]


@pytest.mark.parametrize(
    ("resource", "claim", "name"),
    [
        pytest.param({"type": "postgres"}, "postgres.default#api.db", "api-db", id="of one workload"),
        pytest.param(
            {"type": "postgres", "id": "main.one"}, "postgres.default#main.one", "postgres-main-one", id="shared"
        ),
        pytest.param(
            {"type": "postgres", "class": "large", "id": "m1"}, "postgres.large#m1", "postgres-large-m1", id="class"
        ),
    ],
)
def test_identities_and_names(resource, claim, name):
    assert identity("api", "db", resource) == claim
    assert resource_name("api", "db", resource) == name


def test_names_fit_the_environment():
    assert named("1st-app") == "r-1st-app"
    assert len(named("a" * 63)) == 31
    assert named("a" * 62 + "b") != named("a" * 63)


def test_the_rules_that_ship_are_sound():
    assert require_sound(shipped(), contracts) == rules()
    assert rule_for(rules(), "resource", "postgres", "anything").capability == "postgres"


@pytest.mark.parametrize(
    ("rule", "path", "says"),
    [
        pytest.param({"what": "resource"}, "rules.0.type", "which type", id="no type"),
        pytest.param({"what": "resource", "type": "x1"}, "rules.0.capability", "what it makes", id="no capability"),
        pytest.param({"what": "resource", "type": "x1", "capability": "nope"}, "rules.0.capability", "no capability", id="unknown"),
        pytest.param({"what": "resource", "type": "x1", "does": "finds"}, "rules.0.find", "which resource", id="nothing to find"),
        pytest.param({"what": "resource", "type": "x1", "does": "tells", "capability": "cache"}, "rules.0.capability", "leave it", id="tells and makes"),
        pytest.param({"what": "web", "type": "x1", "capability": "cache"}, "rules.0.type", "for resources only", id="a type for a workload"),
        pytest.param({"what": "resource", "type": "x1", "capability": "cache", "inputs": [{"input": "colour", "value": "x"}]}, "rules.0.inputs.0.input", "no input", id="input"),
        pytest.param({"what": "resource", "type": "x1", "capability": "cache", "inputs": [{"input": "size", "value": "${container.size}"}]}, "rules.0.inputs.0.value", "cannot be read here", id="source"),
        pytest.param({"what": "resource", "type": "x1", "capability": "cache", "outputs": [{"output": "h", "value": "${outputs.nope}"}]}, "rules.0.outputs.0.value", "no output of cache", id="output"),
        pytest.param({"what": "resource", "type": "x1", "capability": "cache", "does": "cmd"}, "rules.0.does", "must be", id="no programs"),
        pytest.param({"what": "resource", "type": "x1", "capability": "cache", "uri": "cmd://rm"}, "rules.0.uri", "", id="no uri"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_used_are_refused(rule, path, says):
    with pytest.raises(InvalidInput) as caught:
        require_sound({"rules": [rule]}, contracts)
    found = {one.path: one.message for one in caught.value.errors}
    assert path in found, found
    assert says in found[path]


def test_a_rule_behind_one_that_takes_all_is_refused():
    one = {"what": "resource", "type": "redis", "capability": "cache"}
    with pytest.raises(InvalidInput) as caught:
        require_sound({"rules": [one, {**one, "class": "large"}]}, contracts)
    assert "never used" in caught.value.errors[0].message
    assert len(rules_of({"rules": [{**one, "class": "large"}, one]})) == 2


def test_a_workload_that_another_names_as_its_resource_is_found_by_that_name():
    web = "service: {ports: {www: {port: 8080}}}"
    cart = workload(name="cart", more=web)
    shop = workload(container='{image: x, variables: {CART: "${resources.cart.name}:${resources.cart.port}"}}')
    made = translated(f"{cart}\n---\n{shop}resources: {{cart: {{type: service}}}}")
    assert made.problems == []
    env = made.resources["shop-api"]["inputs"]["env"]
    assert env == {"CART": "${resources.cart.outputs.host}:${resources.cart.outputs.port}"}
    alone = problems(f"{shop}resources: {{cart: {{type: service}}}}")
    assert "mean “cart”, which is not here" in alone["resources.cart.params"]


def test_an_output_that_is_a_number_is_the_whole_of_a_variable():
    text = workload(
        container='{image: x, variables: {PORT: "${resources.db.port}"}}', more="resources: {db: {type: postgres}}"
    )
    made = translated(text)
    revision = resolve({"stage": "dev", "resources": made.resources}, contracts=contracts)
    assert (made.problems, revision.problems) == ([], ())
    assert made.resources["shop-api"]["inputs"]["env"] == {"PORT": "${resources.shop-api-db.outputs.port}"}
