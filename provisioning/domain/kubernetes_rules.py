"""What a Kubernetes API server checks beyond its schemas: names, labels, ports, selectors, and what must fit
together.

Called by ``kubernetes_schema.validate_object`` once the shape is right, so the rules may rely on types. Sources: the
validation packages of k8s.io/kubernetes 1.36 (``pkg/apis/*/validation``) and apimachinery's ``util/validation``. It
is not all of them: what only a server knows (quota, immutable fields, admission) stays with the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from idp.kernel.errors import FieldError

Errors = Iterator[FieldError]

LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
QUALIFIED_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
DNS_1035_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
HOST = re.compile(r"(\*\.)?" + DNS_SUBDOMAIN.pattern)
# Roles and their bindings may be named by anything that is one segment of a path.
PATH_SEGMENT = re.compile(r"(?!\.\.?$)[^/%]+")
ANNOTATIONS_LIMIT = 256 * 1024

_LABEL_RULE = "at most 63 lower-case letters, digits and -, starting and ending with a letter or digit"
_NAMES: dict[str, tuple[re.Pattern[str], str]] = {
    "Namespace": (DNS_LABEL, _LABEL_RULE),
    "Service": (DNS_1035_LABEL, "at most 63 lower-case letters, digits and -, starting with a letter"),
    "StatefulSet": (DNS_LABEL, _LABEL_RULE),
    "Role": (PATH_SEGMENT, "text without / and %"),
    "RoleBinding": (PATH_SEGMENT, "text without / and %"),
}
_ANY_NAME = (
    DNS_SUBDOMAIN,
    "at most 253 lower-case letters, digits, - and ., starting and ending with a letter or digit",
)


def broken_rules(manifest: Mapping[str, Any], *, custom: bool = False) -> Errors:
    """One error for each rule that ``manifest``, already valid by its schema, breaks.

    Of a ``custom`` kind only what holds for any object is known: its name, labels and annotations.
    """
    kind = manifest["kind"]
    yield from _metadata("" if custom else kind, manifest.get("metadata") or {})
    if custom:
        return
    if kind in _RULES and "spec" not in manifest:
        yield FieldError("spec", "spec is required here.")
    elif kind in _RULES:
        yield from _RULES[kind](manifest["spec"], "spec")


def label_errors(labels: Mapping[str, str], path: str) -> Errors:
    """Keys are ``[prefix/]name``, values at most 63 of a narrow alphabet."""
    yield from _keys(labels, path)
    for key, value in labels.items():
        if not LABEL_VALUE.fullmatch(value):
            rule = "at most 63 letters, digits, -, _ and ., starting and ending with a letter or digit"
            yield FieldError(f"{path}.{key}", f"A label's value must be {rule}, not “{value}”.")


def _metadata(kind: str, metadata: Mapping[str, Any]) -> Errors:
    name = metadata.get("name", "")
    pattern, rule = _NAMES.get(kind, _ANY_NAME)
    if not pattern.fullmatch(name):
        yield FieldError(
            "metadata.name", f"{'A ' + kind if kind else 'It'} needs a name: {rule}{f', not “{name}”' if name else ''}."
        )
    namespace = metadata.get("namespace")
    if namespace is not None and kind == "Namespace":
        yield FieldError("metadata.namespace", "A Namespace is in no namespace; leave it out.")
    elif namespace is not None and not DNS_LABEL.fullmatch(namespace):
        yield FieldError("metadata.namespace", f"A namespace's name is {_LABEL_RULE}, not “{namespace}”.")
    yield from label_errors(metadata.get("labels") or {}, "metadata.labels")
    annotations = metadata.get("annotations") or {}
    yield from _keys(annotations, "metadata.annotations")
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > ANNOTATIONS_LIMIT:
        yield FieldError("metadata.annotations", "All annotations together may hold at most 256 KiB.")


def _keys(values: Mapping[str, str], path: str) -> Errors:
    for key in values:
        prefix, slash, name = key.rpartition("/")
        if not QUALIFIED_NAME.fullmatch(name) or (slash and not DNS_SUBDOMAIN.fullmatch(prefix)):
            rule = "a name of at most 63 letters, digits, -, _ and ., optionally after a domain and /"
            yield FieldError(f"{path}.{key}", f"The key must be {rule}.")


def _at_least(spec: Mapping[str, Any], path: str, field: str, least: int) -> Errors:
    if spec.get(field, least) < least:
        yield FieldError(f"{path}.{field}", f"{field} must be {least} or more, not {spec[field]}.")


def _port(value: Any, path: str) -> Errors:
    if isinstance(value, int) and not 1 <= value <= 65535:
        yield FieldError(path, f"A port is between 1 and 65535, not {value}.")


def _workload(spec: Mapping[str, Any], path: str) -> Errors:
    """Deployment and StatefulSet."""
    yield from _at_least(spec, path, "replicas", 0)
    template = spec["template"]
    selector = spec["selector"].get("matchLabels") or {}
    if not selector and not spec["selector"].get("matchExpressions"):
        yield FieldError(f"{path}.selector", "The selector must name at least one label.")
    yield from label_errors(selector, f"{path}.selector.matchLabels")
    labels = (template.get("metadata") or {}).get("labels") or {}
    for key, value in selector.items():
        if labels.get(key) != value:
            place = f"{path}.template.metadata.labels.{key}"
            yield FieldError(place, f"The pod template must carry the selector's label {key}={value}.")
    claims = [claim.get("metadata", {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or []]
    yield from _pod_template(template, f"{path}.template", "Always", claims)


def _pod_template(template: Mapping[str, Any], path: str, restart: str, claims: Sequence[str] = ()) -> Errors:
    yield from label_errors((template.get("metadata") or {}).get("labels") or {}, f"{path}.metadata.labels")
    pod = template.get("spec") or {}
    path = f"{path}.spec"
    allowed = [restart] if restart == "Always" else ["Never", "OnFailure"]
    if pod.get("restartPolicy", "Always") not in allowed:
        yield FieldError(f"{path}.restartPolicy", f"restartPolicy must be {' or '.join(allowed)} here.")
    if not pod.get("containers"):
        yield FieldError(f"{path}.containers", "A pod needs at least one container.")
    volumes = {volume["name"] for volume in pod.get("volumes") or []} | set(claims)
    names: set[str] = set()
    for field in ("initContainers", "containers"):
        for number, container in enumerate(pod.get(field) or []):
            place = f"{path}.{field}.{number}"
            if container["name"] in names:
                yield FieldError(f"{place}.name", f"Another container is named {container['name']} already.")
            names.add(container["name"])
            yield from _container(container, place, volumes)


def _container(container: Mapping[str, Any], path: str, volumes: set[str]) -> Errors:
    if not DNS_LABEL.fullmatch(container["name"]):
        yield FieldError(f"{path}.name", f"A container's name is {_LABEL_RULE}, not “{container['name']}”.")
    image = container.get("image", "")
    if not image or re.search(r"\s", image):
        yield FieldError(f"{path}.image", f"An image is a name without white space, not “{image}”.")
    for number, port in enumerate(container.get("ports") or []):
        yield from _port(port["containerPort"], f"{path}.ports.{number}.containerPort")
    for number, mount in enumerate(container.get("volumeMounts") or []):
        if mount["name"] not in volumes:
            yield FieldError(f"{path}.volumeMounts.{number}.name", f"The pod has no volume named {mount['name']}.")
    for number, variable in enumerate(container.get("env") or []):
        if variable.get("value") and variable.get("valueFrom"):
            yield FieldError(f"{path}.env.{number}", f"{variable['name']} has a value and a source; give one of them.")


def _service(spec: Mapping[str, Any], path: str) -> Errors:
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield FieldError(f"{path}.ports", "A Service needs at least one port.")
    for number, port in enumerate(spec.get("ports") or []):
        yield from _port(port["port"], f"{path}.ports.{number}.port")
        yield from _port(port.get("targetPort"), f"{path}.ports.{number}.targetPort")
        if len(spec["ports"]) > 1 and not port.get("name"):
            yield FieldError(f"{path}.ports.{number}.name", "With several ports each needs a name.")
    if spec.get("type", "ClusterIP") not in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"):
        yield FieldError(f"{path}.type", "type is ClusterIP, NodePort, LoadBalancer or ExternalName.")
    yield from label_errors(spec.get("selector") or {}, f"{path}.selector")


def _ingress(spec: Mapping[str, Any], path: str) -> Errors:
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield FieldError(f"{path}.rules", "An Ingress needs a rule or a default backend.")
    for number, rule in enumerate(spec.get("rules") or []):
        place = f"{path}.rules.{number}"
        if rule.get("host") and not HOST.fullmatch(rule["host"]):
            yield FieldError(f"{place}.host", f"A host is a lower-case domain name, not “{rule['host']}”.")
        for index, route in enumerate((rule.get("http") or {}).get("paths") or []):
            at = f"{place}.http.paths.{index}"
            if route["pathType"] not in ("Exact", "Prefix", "ImplementationSpecific"):
                yield FieldError(f"{at}.pathType", "pathType is Exact, Prefix or ImplementationSpecific.")
            if route["pathType"] != "ImplementationSpecific" and not route.get("path", "").startswith("/"):
                yield FieldError(f"{at}.path", "The path must start with /.")


def _autoscaler(spec: Mapping[str, Any], path: str) -> Errors:
    yield from _at_least(spec, path, "minReplicas", 1)
    least = spec.get("minReplicas", 1)
    if spec["maxReplicas"] < least:
        yield FieldError(f"{path}.maxReplicas", f"maxReplicas must be minReplicas ({least}) or more.")


def _disruption_budget(spec: Mapping[str, Any], path: str) -> Errors:
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield FieldError(path, "Give minAvailable or maxUnavailable, not both.")


def _claim(spec: Mapping[str, Any], path: str) -> Errors:
    if not spec.get("accessModes"):
        yield FieldError(f"{path}.accessModes", "A volume claim needs at least one access mode.")
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        yield FieldError(f"{path}.resources.requests.storage", "A volume claim must ask for an amount of storage.")


def _job(spec: Mapping[str, Any], path: str) -> Errors:
    yield from _at_least(spec, path, "backoffLimit", 0)
    yield from _pod_template(spec["template"], f"{path}.template", "Never")


def _cron_job(spec: Mapping[str, Any], path: str) -> Errors:
    if len(spec["schedule"].split()) != 5 and not spec["schedule"].startswith("@"):
        yield FieldError(f"{path}.schedule", "A schedule has five fields, for example “0 3 * * *”.")
    yield from _job(spec["jobTemplate"].get("spec") or {"template": {}}, f"{path}.jobTemplate.spec")


_RULES: dict[str, Callable[[Mapping[str, Any], str], Errors]] = {
    "Deployment": _workload,
    "StatefulSet": _workload,
    "Service": _service,
    "Ingress": _ingress,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _disruption_budget,
    "PersistentVolumeClaim": _claim,
    "Job": _job,
    "CronJob": _cron_job,
}
