"""Short ways to write what the demo's environments are made of: plain specs, as an Environment document has them."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]
REGISTRY = "registry.example"


def service(component: str, version: str, *, database: bool = False, env: Spec | None = None, **inputs: Any) -> Spec:
    """A web service of a component, from the company's registry; ``database`` wires the resource ``db``."""
    wired = {
        "DATABASE_HOST": "${resources.db.outputs.host}",
        "DATABASE_NAME": "${resources.db.outputs.database}",
        "DATABASE_USER": "${resources.db.outputs.credentials.username}",
        "DATABASE_PASSWORD": "${resources.db.outputs.credentials.password}",
    }
    variables = {**(wired if database else {}), **(env or {})}
    return {
        "capability": "web-service@1",
        "component": component,
        "inputs": {"image": image(component, version), "env": variables, **inputs},
    }


def foreign(image_name: str, **inputs: Any) -> Spec:
    """A web service of somebody else's image, which belongs to no component."""
    return {"capability": "web-service@1", "inputs": {"image": image_name, **inputs}}


def image(component: str, version: str) -> str:
    return f"{REGISTRY}/{component}:{version}"


def postgres(storage: int, size: str = "small", *, database: str = "app") -> Spec:
    return {"capability": "postgres@1", "inputs": {"storageGiB": storage, "size": size, "database": database}}


def route(host: str, to: str, *, path: str = "/") -> Spec:
    leads_to = f"${{resources.{to}.outputs.service}}"
    return {"capability": "route@1", "inputs": {"host": host, "path": path, "to": leads_to}}


def spec(stage: str, *, expires: str | None = None, **resources: Spec) -> Spec:
    made: Spec = {"stage": stage, "resources": resources}
    return made if expires is None else {**made, "expires": expires}
