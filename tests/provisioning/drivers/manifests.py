"""Objects as the contracts render them, for the tests of all drivers."""

from __future__ import annotations

from typing import Any

from provisioning.domain.driver import ANNOTATION_GENERATE, LABEL_RESOURCE, Scope

APP = {"app.kubernetes.io/name": "api"}


def _object(api_version: str, kind: str, name: str, namespace: str, scope: Scope, **fields: Any) -> dict[str, Any]:
    labels = {**APP, **scope.labels(), LABEL_RESOURCE: name}
    metadata: dict[str, Any] = {"name": name, "labels": labels}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def namespace_object(name: str, scope: Scope) -> dict[str, Any]:
    return _object("v1", "Namespace", name, "", scope)


def config_map(namespace: str, scope: Scope, name: str = "settings", **data: str) -> dict[str, Any]:
    return _object("v1", "ConfigMap", name, namespace, scope, data=data or {"mode": "fast"})


def deployment(
    namespace: str, scope: Scope, name: str = "api", *, tag: str = "1.4.2", replicas: int = 2
) -> dict[str, Any]:
    container = {
        "name": "app",
        "image": f"registry.example.com/shop/api:{tag}",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "MODE", "value": "fast"}, {"name": "LEVEL", "value": "info"}],
        "resources": {"requests": {"cpu": "250m", "memory": "128Mi"}},
    }
    spec = {
        "replicas": replicas,
        "progressDeadlineSeconds": 2,
        "selector": {"matchLabels": dict(APP)},
        "template": {"metadata": {"labels": dict(APP)}, "spec": {"containers": [container]}},
    }
    return _object("apps/v1", "Deployment", name, namespace, scope, spec=spec)


def stateful_set(namespace: str, scope: Scope, name: str = "db") -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    mounts = [{"name": "data", "mountPath": "/var/lib/postgresql"}]
    container = {"name": "postgres", "image": "postgres:17.2", "volumeMounts": mounts}
    spec = {
        "serviceName": name,
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        "volumeClaimTemplates": [claim],
    }
    return _object("apps/v1", "StatefulSet", name, namespace, scope, spec=spec)


def service(namespace: str, scope: Scope, name: str = "api") -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return _object("v1", "Service", name, namespace, scope, spec={"selector": dict(APP), "ports": ports})


def ingress(namespace: str, scope: Scope, name: str = "shop") -> dict[str, Any]:
    backend = {"service": {"name": "api", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec = {"rules": [{"host": "shop.example.com", "http": {"paths": [path]}}]}
    return _object("networking.k8s.io/v1", "Ingress", name, namespace, scope, spec=spec)


def resource_quota(namespace: str, scope: Scope, **hard: str) -> dict[str, Any]:
    return _object("v1", "ResourceQuota", "environment", namespace, scope, spec={"hard": hard})


def role_binding(namespace: str, scope: Scope, role: str = "edit") -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "Group", "name": "shop", "apiGroup": group}
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": role}
    return _object(f"{group}/v1", "RoleBinding", "team", namespace, scope, roleRef=reference, subjects=[subject])


def autoscaler(namespace: str, scope: Scope) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    spec = {"minReplicas": 2, "maxReplicas": 4, "scaleTargetRef": target}
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", "api", namespace, scope, spec=spec)


def disruption_budget(namespace: str, scope: Scope) -> dict[str, Any]:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": dict(APP)}}
    return _object("policy/v1", "PodDisruptionBudget", "api", namespace, scope, spec=spec)


def secret(namespace: str, scope: Scope, name: str = "given", **values: str) -> dict[str, Any]:
    return _object("v1", "Secret", name, namespace, scope, type="Opaque", stringData=values)


def generated_secret(namespace: str, scope: Scope, name: str = "db-credentials") -> dict[str, Any]:
    """``username`` is given, ``password`` is to be made up by the driver."""
    made = secret(namespace, scope, name, username="shop-owner-name")
    made["metadata"]["annotations"] = {ANNOTATION_GENERATE: "password"}
    return made


def slot(namespace: str, scope: Scope, name: str = "keys", wants: str = "API_KEY,TOKEN") -> dict[str, Any]:
    """A Secret that people fill."""
    made = secret(namespace, scope, name)
    made["metadata"]["annotations"] = {"slipway.dev/fill": wants, "slipway.dev/fill-optional": "EXTRA"}
    return made
