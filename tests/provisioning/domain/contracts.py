"""Small contracts and a place to render them, for tests of the domain. Not the built-in ones, which change."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from idp.kernel.errors import NotFound
from provisioning.domain.contract import Contract, parse_contract
from provisioning.domain.render import RenderContext

STORE: dict[str, Any] = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Contract",
    "metadata": {"capability": "store", "version": "1.2.0"},
    "spec": {
        "title": "Store",
        "summary": "Keeps things.",
        "owner": "platform",
        "inputs": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "storageGiB": {"type": "integer", "minimum": 1, "maximum": 500, "default": 10, "x-unit": "GiB"},
                "label": {"type": "string", "default": "none"},
            },
        },
        "outputs": {
            "host": {"type": "string"},
            "port": {"type": "integer"},
            "phase": {"type": "string"},
            "address": {
                "type": "object",
                "required": ["name", "port"],
                "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
            },
            "credentials": {"type": "object", "secret": True, "properties": {"password": {"type": "string"}}},
        },
        "objects": {
            "secret": {
                "manifest": {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": "${resource.name}-keys"},
                    "type": "Opaque",
                }
            },
            "server": {
                "needs": ["secret"],
                "manifest": {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "${resource.name}"},
                    "data": {"size": "${inputs.storageGiB}Gi", "label": "${inputs.label}"},
                },
                "readyWhen": "object.data.size != ''",
            },
        },
        "publish": {
            "host": "${resource.name}.${environment.namespace}.svc",
            "port": 5432,
            "phase": "${objects.server.status.phase}",
            "address": {"name": "${resource.name}", "port": 5432},
            "credentials": {"secretRef": {"name": "${resource.name}-keys"}},
        },
        "usage": {"cpu": "${power == 'asleep' ? 0 : 0.5}", "memoryGiB": 1, "storageGiB": "${inputs.storageGiB}"},
        "examples": [{"name": "plain", "inputs": {}}],
    },
}

APP: dict[str, Any] = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Contract",
    "metadata": {"capability": "app", "version": "2.0.1"},
    "spec": {
        "title": "App",
        "summary": "Runs things.",
        "owner": "platform",
        "inputs": {
            "type": "object",
            "additionalProperties": False,
            "required": ["image"],
            "properties": {
                "image": {"type": "string", "pattern": "^[a-z.:/0-9-]+$", "x-message": "must be an image name"},
                "replicas": {"type": "integer", "minimum": 0, "maximum": 50, "default": 2},
                "share": {"type": "number", "default": 1},
                "upstream": {"type": "string"},
                "upstreamPort": {"type": "integer"},
                "target": {
                    "type": "object",
                    "required": ["name", "port"],
                    "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
                },
                "env": {
                    "type": "object",
                    "additionalProperties": {"type": "string", "x-secret": True},
                    "default": {},
                },
            },
        },
        "outputs": {"url": {"type": "string"}},
        "objects": {
            "server": {
                "manifest": {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "${resource.name}"},
                    "spec": {
                        "replicas": "${inputs.replicas}",
                        "paused": "${has(inputs.upstream) ? null : false}",
                        "selector": {"matchLabels": {"slipway.dev/resource": "${resource.name}"}},
                        "template": {
                            "metadata": {"labels": {"slipway.dev/resource": "${resource.name}"}},
                            "spec": {
                                "containers": [
                                    {
                                        "name": "app",
                                        "image": "${inputs.image}",
                                        "env": "${inputs.env.map(k, type(inputs.env[k]) == string"
                                        " ? {'name': k, 'value': inputs.env[k]} : merge({'name': k}, inputs.env[k]))}",
                                    }
                                ]
                            },
                        },
                    },
                }
            },
            "note": {
                "includeWhen": "inputs.replicas > 1",
                "forEach": "inputs.env",
                "manifest": {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "${resource.name}-${slug(item.key)}"},
                    "data": {"key": "${item.key}"},
                },
            },
        },
        "publish": {"url": "http://${resource.name}"},
        "usage": {"cpu": "${inputs.share * 2.0}"},
        "examples": [{"name": "plain", "inputs": {"image": "shop:1"}}],
    },
}


def document(base: Mapping[str, Any], *changes: tuple[str, Any]) -> dict[str, Any]:
    """A copy of ``base`` with the values at dotted paths replaced; None removes."""
    changed = copy.deepcopy(dict(base))
    for path, value in changes:
        *above, last = path.split(".")
        node = changed
        for step in above:
            node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
        if value is None:
            del node[last]
        else:
            node[last] = value
    return changed


def store(*changes: tuple[str, Any]) -> Contract:
    return parse_contract(document(STORE, *changes))


def app(*changes: tuple[str, Any]) -> Contract:
    return parse_contract(document(APP, *changes))


def source(*contracts: Contract) -> Callable[[str, str], Contract]:
    """Offers each contract under its capability, whatever version is asked for."""
    offered = {contract.capability: contract for contract in contracts}

    def contract_for(capability: str, constraint: str) -> Contract:
        if capability not in offered:
            raise NotFound(f"There is no capability “{capability}”.", remedy="See the capabilities there are.")
        return offered[capability]

    return contract_for


PLACE = RenderContext(
    environment={"name": "dev", "namespace": "checkout-dev", "stage": "dev"},
    system={"name": "checkout"},
    team={"name": "Checkout", "slug": "checkout"},
    stage={"name": "dev"},
    revision=7,
)
