"""The drivers there are, by the kind that a cluster's row names; the one way to open one.

Called by the orchestrator, the reconciler and the service that registers a cluster. Nothing is imported before it is
asked for: the Kubernetes client costs a second and 50 MB, which a process that only serves a sandbox need not pay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from provisioning.domain.driver import Driver, PermanentError

Settings = Mapping[str, Any]


def _sandbox(settings: Settings) -> Driver:
    from provisioning.drivers.sandbox import SandboxDriver

    return SandboxDriver(
        settings["path"],
        ready_after=float(settings.get("ready_after", 6.0)),
        clock=settings.get("clock", time.time),
        custom_kinds=settings.get("custom_kinds"),
    )


def _kubernetes(settings: Settings) -> Driver:
    from provisioning.drivers.kubernetes import KubernetesDriver

    patience = {"answer_within": float(settings["answer_within"])} if "answer_within" in settings else {}
    return KubernetesDriver(settings["kubeconfig"], **patience)


DRIVERS: Mapping[str, Callable[[Settings], Driver]] = {"sandbox": _sandbox, "kubernetes": _kubernetes}


def open_driver(kind: str, settings: Settings) -> Driver:
    """The driver for a cluster of ``kind``; opening reaches no network.

    ``sandbox`` takes ``path`` (a file of its own), ``ready_after`` (seconds until workloads are ready, default 6),
    ``clock`` (answers seconds since the epoch, by default the real ones) and ``custom_kinds`` (those it serves, by
    default all that come along); ``kubernetes`` takes ``kubeconfig`` (the document as plain data) and
    ``answer_within`` (seconds for one answer). Raises PermanentError ``unknown-driver`` or ``bad-settings``, and
    whatever the driver finds wrong with its settings.
    """
    if kind not in DRIVERS:
        raise PermanentError(
            "unknown-driver", f"There is no driver named {kind}; there are {', '.join(sorted(DRIVERS))}."
        )
    try:
        return DRIVERS[kind](settings)
    except KeyError as missing:
        raise PermanentError("bad-settings", f"A {kind} cluster needs the setting {missing.args[0]}.") from None
