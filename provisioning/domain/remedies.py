"""What a person can do about each way in which a resource fails. Keyed by the codes of ``readiness``; pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "image-not-found": "Push the image and resume, or ask for a change to a tag that exists.",
        "crash-loop": "Read the container's last log lines, mend its start, then ask for a change to the new image.",
        "configuration-missing": "Check the references in its environment variables, then ask for a change.",
        "container-not-created": "Check command and arguments, then ask for a change.",
        "out-of-memory": "Ask for a change to a larger size.",
        "unschedulable": "Ask for less, or ask the platform team for more nodes, then resume.",
        "progress-deadline": "Check that the port and the health path are right, then resume or ask for a change.",
        "pods-refused": "Read the cluster's answer below; usually a limit or a security rule. Then ask for a change.",
        "job-failed": "Read the job's log, mend the cause, then resume.",
    }
)


def remedy_for(code: str) -> str:
    """A sentence for every code; a general one where we know nothing better."""
    return REMEDIES.get(code, "Read the events, mend the cause, then resume; or ask for a change.")
