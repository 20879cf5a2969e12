"""JSON Schemas of the documents that people write, served at ``/api/v1/schemas/<kind>.json``.

They are plain data, the same for an editor's completion and for our own reading. What a schema cannot say (that
an expression compiles, that an example renders) is said by ``contract_checks``, ``graph`` and ``revision``.
"""

from __future__ import annotations

from typing import Any

API_VERSION = "slipway.dev/v1"
STATES = ("preview", "stable", "deprecated", "defective", "retired")

NAME_PATTERN = "^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$"
CAPABILITY_PATTERN = "^[a-z][a-z0-9-]{1,38}$"
FEATURE_PATTERN = "^[a-z][a-z0-9-]{0,39}$"
DURATION_PATTERN = "^[1-9][0-9]{0,3}[hdw]$"
_VERSION_PATTERN = r"^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z.-]+)?$"
_USE_PATTERN = r"^[a-z][a-z0-9-]{1,38}(@\d{1,9}(\.\d{1,9}(\.\d{1,9}(-[0-9A-Za-z.-]+)?)?)?)?$"
_KEY_PATTERN = "^[A-Za-z][A-Za-z0-9_]{0,62}$"

_VERSION_MESSAGE = "must be a version such as 1.2.0"
_NAME_MESSAGE = "must be lower-case letters, digits and dashes, begin with a letter, and have 31 characters at most"
_FEATURE_MESSAGE = "must be lower-case letters, digits and dashes, begin with a letter, and have 40 characters at most"
_TITLE = {"type": "string", "minLength": 1, "maxLength": 80}
_AMOUNT = {"x-message": "must be a number, or an expression such as ${double(inputs.storageGiB)}"}


def _closed(properties: dict[str, Any], required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
        **more,
    }


def _document(kind: str, metadata: dict[str, Any], spec: dict[str, Any], title: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_closed(
            {"apiVersion": {"const": API_VERSION}, "kind": {"const": kind}, "metadata": metadata, "spec": spec},
            ("apiVersion", "kind", "metadata", "spec"),
        ),
    }


_OBJECT = _closed(
    {
        "manifest": {"type": "object", "title": "The Kubernetes object, with ${…} where it depends on inputs"},
        "includeWhen": {"type": "string", "title": "CEL; the object is left out when it is false"},
        "forEach": {
            "type": "string",
            "title": "CEL; one object per item of the list; it is “item” in the manifest",
        },
        "readyWhen": {"type": "string", "title": "CEL over “object”; without it the kind's own rules decide"},
        "needs": {"type": "array", "items": {"type": "string"}, "title": "Objects that are applied before this one"},
    },
    ("manifest",),
)

_APIS = {
    "type": "array",
    "maxItems": 20,
    "items": _closed(
        {
            "apiVersion": {
                "type": "string",
                "pattern": r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/v\d[a-z0-9]{0,20}$",
                "x-message": "must be a group and a version, such as postgresql.cnpg.io/v1",
            },
            "kind": {
                "type": "string",
                "pattern": "^[A-Z][A-Za-z0-9]{0,62}$",
                "x-message": "must be a kind, such as Cluster",
            },
        },
        ("apiVersion", "kind"),
    ),
}

_USES = _closed({"apis": {**_APIS, "title": "Custom kinds that are made where the cluster serves them"}})

_REQUIRES = _closed(
    {
        "apis": {**_APIS, "title": "Custom kinds that the cluster must serve"},
        "features": {
            "type": "array",
            "title": "Features that the cluster must have",
            "maxItems": 20,
            "items": {"type": "string", "pattern": FEATURE_PATTERN, "x-message": _FEATURE_MESSAGE},
        },
        "kubernetes": {
            "type": "string",
            "title": "The oldest version of Kubernetes that will do",
            "pattern": r"^1\.\d{1,3}$",
            "x-message": "must be a version in quotes, such as “1.29”",
        },
    },
)

CONTRACT_SCHEMA: dict[str, Any] = _document(
    "Contract",
    _closed(
        {
            "capability": {
                "type": "string",
                "pattern": CAPABILITY_PATTERN,
                "x-message": "must be 2 to 39 lower-case letters, digits and dashes, and begin with a letter",
            },
            "version": {
                "type": "string",
                "pattern": _VERSION_PATTERN,
                "x-message": _VERSION_MESSAGE,
                "maxLength": 40,
            },
        },
        ("capability", "version"),
    ),
    _closed(
        {
            "title": _TITLE,
            "summary": {"type": "string", "minLength": 1, "maxLength": 300},
            "owner": {"type": "string", "minLength": 1, "maxLength": 63, "title": "The team that answers for it"},
            "category": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,30}$", "x-message": _NAME_MESSAGE},
            "icon": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$", "x-message": _NAME_MESSAGE},
            "state": {"type": "string", "enum": list(STATES), "default": "stable"},
            "requires": _REQUIRES,
            "uses": _USES,
            "inputs": {"type": "object", "title": "JSON Schema of the inputs; its type is object"},
            "outputs": {
                "type": "object",
                "propertyNames": {"pattern": _KEY_PATTERN, "x-message": "must be letters, digits and underscores"},
                "additionalProperties": {"type": "object"},
                "maxProperties": 50,
            },
            "objects": {
                "type": "object",
                "propertyNames": {"pattern": _KEY_PATTERN, "x-message": "must be letters, digits and underscores"},
                "additionalProperties": _OBJECT,
                "minProperties": 1,
                "maxProperties": 50,
            },
            "publish": {"type": "object", "maxProperties": 50},
            "usage": _closed({"cpu": _AMOUNT, "memoryGiB": _AMOUNT, "storageGiB": _AMOUNT}),
            "upgrade": {
                "type": "object",
                "propertyNames": {"pattern": r"^\d{1,9}$", "x-message": "must be an older major version, in quotes"},
                "additionalProperties": {"type": "object"},
            },
            "examples": {
                "type": "array",
                "minItems": 1,
                "maxItems": 20,
                "items": _closed(
                    {"name": _TITLE, "title": _TITLE, "description": {"type": "string"}, "inputs": {"type": "object"}},
                    ("name", "inputs"),
                ),
            },
        },
        ("title", "summary", "owner", "inputs", "objects", "examples"),
    ),
    "A version of a capability: what one can ask for, and what is made of it",
)

_SLUG_PATTERN = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"

FROM_SCHEMA: dict[str, Any] = {
    "title": "The resource of another environment, for which there is a grant; then no inputs are given",
    **_closed(
        {
            "system": {"type": "string", "pattern": _SLUG_PATTERN, "x-message": "must be the name of a system"},
            "environment": {"type": "string", "pattern": NAME_PATTERN, "x-message": _NAME_MESSAGE},
            "resource": {"type": "string", "pattern": NAME_PATTERN, "x-message": _NAME_MESSAGE},
        },
        ("system", "environment", "resource"),
    ),
}

_OWN_OR_BORROWED: dict[str, Any] = {"if": {"required": ["from"]}, "then": {}, "else": {"required": ["capability"]}}

RESOURCE_SCHEMA: dict[str, Any] = _closed(
    {
        "capability": {
            "type": "string",
            "pattern": _USE_PATTERN,
            "x-message": "must be a capability with the version to use, such as postgres@1",
        },
        "component": {
            "type": "string",
            "pattern": "^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
            "x-message": "must be the name of a component, at most 63 characters",
        },
        "inputs": {
            "type": "object",
            "title": "Values for the inputs; may hold ${resources.db.outputs.host}",
        },
        "from": FROM_SCHEMA,
    },
    **_OWN_OR_BORROWED,
)

ENVIRONMENT_SPEC_SCHEMA: dict[str, Any] = _closed(
    {
        "stage": {"type": "string", "pattern": NAME_PATTERN, "x-message": _NAME_MESSAGE},
        "expires": {
            "type": "string",
            "pattern": DURATION_PATTERN,
            "x-message": "must be a time span such as 8h, 14d or 4w",
        },
        "resources": {
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN, "x-message": _NAME_MESSAGE},
            "additionalProperties": RESOURCE_SCHEMA,
            "maxProperties": 100,
        },
    },
    ("stage", "resources"),
)

ENVIRONMENT_SCHEMA: dict[str, Any] = _document(
    "Environment",
    _closed(
        {
            "system": {"type": "string", "minLength": 1, "maxLength": 63},
            "name": {"type": "string", "pattern": NAME_PATTERN, "x-message": _NAME_MESSAGE},
        },
        ("system", "name"),
    ),
    ENVIRONMENT_SPEC_SCHEMA,
    "What a system has at a stage: its resources and how they are wired",
)
