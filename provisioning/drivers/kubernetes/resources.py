"""Which address an object has. Used by the Kubernetes driver only.

The kinds of Kubernetes itself are written down, which saves a discovery of seven requests for each new connection;
what else a contract may render is asked of the cluster, once, and remembered for the life of the driver, in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from provisioning.domain.driver import ObjectRef, PermanentError

BUILT_IN: Mapping[str, str] = {
    "v1/ConfigMap": "configmaps",
    "v1/LimitRange": "limitranges",
    "v1/Namespace": "namespaces",
    "v1/PersistentVolumeClaim": "persistentvolumeclaims",
    "v1/ResourceQuota": "resourcequotas",
    "v1/Secret": "secrets",
    "v1/Service": "services",
    "v1/ServiceAccount": "serviceaccounts",
    "apps/v1/Deployment": "deployments",
    "apps/v1/StatefulSet": "statefulsets",
    "autoscaling/v2/HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "batch/v1/CronJob": "cronjobs",
    "batch/v1/Job": "jobs",
    "networking.k8s.io/v1/Ingress": "ingresses",
    "networking.k8s.io/v1/NetworkPolicy": "networkpolicies",
    "policy/v1/PodDisruptionBudget": "poddisruptionbudgets",
    "rbac.authorization.k8s.io/v1/Role": "roles",
    "rbac.authorization.k8s.io/v1/RoleBinding": "rolebindings",
}
_CLUSTER_SCOPED = {"v1/Namespace"}


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str) -> str:
        """Path of the collection."""
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        return (
            f"{root}/namespaces/{quote(namespace, safe='')}/{self.plural}"
            if self.namespaced
            else f"{root}/{self.plural}"
        )

    def everywhere(self) -> str:
        """Path of the collection over all namespaces."""
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        return f"{root}/{self.plural}"


def built_in() -> list[Resource]:
    """The kinds that need no discovery, and that ``list_managed`` looks through."""
    return [Resource(*_split(key), plural, key not in _CLUSTER_SCOPED) for key, plural in BUILT_IN.items()]


def _split(key: str) -> tuple[str, str]:
    api_version, _, kind = key.rpartition("/")
    return api_version, kind


class Resources:
    """Finds the resource of a kind; ``discover`` answers the APIResourceList of an apiVersion (empty when not
    served).
    """

    def __init__(self, discover: Callable[[str], Mapping[str, Any]]) -> None:
        self._discover = discover
        self._known = {(found.api_version, found.kind): found for found in built_in()}

    def collection(self, ref: ObjectRef) -> str:
        """Path of the collection that ``ref`` is in. Raises PermanentError ``kind-not-served`` or
        ``invalid-object``.
        """
        found = self._find(ref.api_version, ref.kind)
        if found.namespaced and not ref.namespace:
            raise PermanentError("invalid-object", f"{ref} needs a namespace.")
        return found.path(ref.namespace)

    def one(self, ref: ObjectRef) -> str:
        return f"{self.collection(ref)}/{quote(ref.name, safe='')}"

    def named(self, key: str) -> Resource:
        """The resource of ``apiVersion/Kind``. Raises PermanentError ``kind-not-served``."""
        return self._find(*_split(key))

    def among(self, keys: Iterable[str]) -> list[Resource]:
        """Those of ``keys`` (``apiVersion/Kind``) that the cluster serves; one request for each apiVersion, once."""
        found = []
        for key in keys:
            try:
                found.append(self.named(key))
            except PermanentError as error:
                if error.code != "kind-not-served":
                    raise
        return found

    def _find(self, api_version: str, kind: str) -> Resource:
        if (api_version, kind) not in self._known:
            for told in self._discover(api_version).get("resources", []):
                if "/" not in told["name"]:
                    found = Resource(api_version, told["kind"], told["name"], told["namespaced"])
                    self._known[api_version, told["kind"]] = found
        if (api_version, kind) not in self._known:
            raise PermanentError(
                "kind-not-served",
                f"The cluster does not know {kind} of {api_version}.",
                remedy="Install what provides that kind on the cluster.",
            )
        return self._known[api_version, kind]
