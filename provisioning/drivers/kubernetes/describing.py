"""A workload with its pods, their events and their last output. Used by the Kubernetes driver only.

Asked when somebody wants to know why something fails, never in a loop. What was cut off is only what nobody would read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import urllib3

from provisioning.domain.driver import Described, DriverError, Manifest, ObjectRef, TemporaryError, Told
from provisioning.drivers.kubernetes.connection import Connection
from provisioning.drivers.kubernetes.errors import error_of, is_missing

MOST_PODS = 50
MOST_EVENTS = 500
LINES = 200
LOG_SECONDS = 6.0


def describe(connection: Connection, ref: ObjectRef, workload: Manifest | None) -> Described:
    """``workload`` as it was read just now, with everything that it made below it."""
    if workload is None:
        return Described(None)
    space = f"/api/v1/namespaces/{quote(ref.namespace, safe='')}"
    query = {"labelSelector": _selector(workload), "limit": str(MOST_PODS)}
    pods = connection.request("GET", f"{space}/pods", query=query).get("items") or [] if query["labelSelector"] else []
    names = {ref.name, *(pod["metadata"]["name"] for pod in pods)}
    found = connection.request("GET", f"{space}/events", query={"limit": str(MOST_EVENTS)}).get("items") or []
    events = [_told(one) for one in found if _concerns(one, names, ref.name)]
    return Described(workload, tuple(pods), tuple(sorted(events, key=lambda one: one.at)))


def read_log(connection: Connection, namespace: str, pod: str, container: str, *, ended: bool, most: int) -> str:
    """Text of the last lines; of the container as it ran before, or as it runs now where it never ran before."""
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/log"
    query = {"container": container, "tailLines": str(LINES), "limitBytes": str(most)}
    about = ObjectRef("v1", "Pod", namespace, pod)
    if ended:
        before = _text(connection, path, {**query, "previous": "true"}, about, most)
        if before:
            return before
    return _text(connection, path, query, about, most)


def _text(connection: Connection, path: str, query: Mapping[str, str], about: ObjectRef, most: int) -> str:
    try:
        answer = connection.stream(path, query=query, accept="*/*", silence=LOG_SECONDS)
        try:
            data = answer.read(most)
        finally:
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise TemporaryError("unreachable", "The cluster did not send the log.", raw=str(error)) from None
    if answer.status >= 300:
        refused = error_of(answer.status, data, answer.headers, about)
        if _has_none(refused):
            return ""
        raise refused
    return data.decode("utf-8", "replace")


def _has_none(error: DriverError) -> bool:
    """A container that has not started yet, or a pod whose node is gone, has no log: that is an answer."""
    return is_missing(error) or error.code in ("invalid-object", "cluster-busy")


def _selector(workload: Manifest) -> str:
    labels = ((workload.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _concerns(event: Mapping[str, Any], names: set[str], workload: str) -> bool:
    """About the workload, its pods, or what stands between: a ReplicaSet or claim is named after its workload."""
    about = (event.get("involvedObject") or {}).get("name", "")
    return about in names or about.startswith(f"{workload}-") or about.endswith(f"-{workload}-0")


def _told(event: Mapping[str, Any]) -> Told:
    series = event.get("series") or {}
    at = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return Told(
        reason=str(event.get("reason", "")),
        message=str(event.get("message", "")),
        about=str((event.get("involvedObject") or {}).get("name", "")),
        count=int(series.get("count") or event.get("count") or 1),
        at=str(at or event["metadata"].get("creationTimestamp", "")),
    )
