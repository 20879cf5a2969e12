"""What the nodes of a cluster would report, for a control plane that has none. Used by ``tests.kubernetes.server``
only.

Pods become ready a moment after they are made, except those whose image has the tag ``missing``; those that are to end
end well at once; volume claims become bound. A pod that was never bound to a node is deleted at once, so nothing else
is needed.
"""

from __future__ import annotations

import http.client
import threading
import urllib.error
from collections.abc import Callable
from typing import Any

STEP = 0.15
"""Seconds between two looks."""

_MERGE = "application/merge-patch+json"


class Node:
    """Patches statuses from a thread of its own; ``request`` calls the API as the administrator."""

    def __init__(self, request: Callable[..., dict[str, Any]]) -> None:
        self._request = request
        self._ended = threading.Event()
        self._needed = threading.Event()
        self._needed.set()
        self._thread = threading.Thread(target=self._work, name="node", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def work(self, needed: bool) -> None:
        """Whether anybody wants pods to become ready; until somebody does, the control plane is left in peace."""
        (self._needed.set if needed else self._needed.clear)()

    def stop(self) -> None:
        self._ended.set()
        self._needed.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _work(self) -> None:
        while not self._ended.wait(STEP):
            self._needed.wait()
            try:
                self._look()
            except (OSError, ValueError, http.client.HTTPException):
                # The server is busy or going away; the next look will tell.
                continue

    def _look(self) -> None:
        pods = self._request("GET", "/api/v1/pods?fieldSelector=status.phase=Pending")["items"]
        for pod in pods:
            self._report("pods", pod, pod_status(pod))
        for claim in self._request("GET", "/api/v1/persistentvolumeclaims")["items"]:
            if claim.get("status", {}).get("phase") != "Bound":
                self._report("persistentvolumeclaims", claim, {"phase": "Bound"})

    def _report(self, plural: str, found: dict[str, Any], status: dict[str, Any]) -> None:
        namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
        path = f"/api/v1/namespaces/{namespace}/{plural}/{name}/status"
        try:
            if found.get("status", {}).get("containerStatuses") != status.get("containerStatuses", ()):
                self._request("PATCH", path, {"status": status}, content_type=_MERGE)
        except urllib.error.HTTPError:
            # Deleted meanwhile.
            return


def pod_status(pod: dict[str, Any]) -> dict[str, Any]:
    """``Running`` and ready, ended when it is to end, or held by an image that cannot be pulled."""
    containers = pod["spec"]["containers"]
    if any(container["image"].endswith(":missing") for container in containers):
        waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image: not found"}
        return {
            "phase": "Pending",
            "containerStatuses": [_container(one, False, {"waiting": waiting}) for one in containers],
        }
    if pod["spec"].get("restartPolicy", "Always") != "Always":
        ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        return {"phase": "Succeeded", "containerStatuses": [_container(one, False, ended) for one in containers]}
    ready = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
    running = [_container(one, True, {"running": {}}) for one in containers]
    return {"phase": "Running", "conditions": ready, "containerStatuses": running}


def _container(container: dict[str, Any], ready: bool, state: dict[str, Any]) -> dict[str, Any]:
    image = container["image"]
    return {"name": container["name"], "image": image, "imageID": "", "ready": ready, "restartCount": 0, "state": state}
