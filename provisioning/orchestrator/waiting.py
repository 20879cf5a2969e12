"""What a run says while a resource is not ready, and when it looks again.

Called by the step of a resource. While it waits, the cluster is asked now and then why, because a rollout whose image
does not exist says so within seconds, long before it gives up; the step keeps waiting, since somebody may mend it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import structlog

from idp.kernel.canonical import digest
from provisioning.domain.driver import Driver, DriverError, ObjectRef, Observed
from provisioning.domain.explanation import Explanation
from provisioning.selectors.health import trouble_of

log = structlog.get_logger(__name__)

LOOK_AGAIN: Final = 1.0
LOOK_AGAIN_LATEST: Final = 10.0
LOOK_UNASKED: Final = 15.0
"""Seconds until the next look where a controller watches and wakes the run: a fall-back for an event that got lost."""
SOON: Final = 3
"""So many looks come close together and the cluster is asked why at the last of them; then at every such number."""

Said = Mapping[str, Any]


class Asked(Protocol):
    """What is needed of a run's context."""

    @property
    def driver(self) -> Driver: ...

    @property
    def watched(self) -> bool: ...


def look_delay(context: Asked, *, attempt: int, quiet: bool) -> float:
    """Seconds until the next look. ``quiet``: nothing moved since the look before, so that no event was missed in
    between; where a controller watches, the next event wakes the run.
    """
    if quiet and attempt > SOON and context.watched:
        return LOOK_UNASKED
    return min(LOOK_AGAIN_LATEST, LOOK_AGAIN + attempt * 0.25)


def looks(seen: Mapping[str, Observed]) -> str:
    """The same for two looks between which nothing moved."""
    manifests = [one.manifest or {} for one in seen.values()]
    return digest([[one.get("metadata", {}).get("resourceVersion"), one.get("status")] for one in manifests])


def is_time_to_ask(*, attempt: int, quiet: bool) -> bool:
    return attempt % SOON == 0 or (quiet and attempt > SOON)


def told_why(context: Asked, refs: Sequence[ObjectRef]) -> Said | None:
    """``{"code", "message", "remedy"}`` of what is wrong; None when the cluster says nothing or cannot be asked.

    Not being told why is no failure of its own: the run goes by what it observed.
    """
    try:
        found = trouble_of(context.driver, refs)
    except DriverError as error:
        log.info("explanation_missing", code=error.code)
        return None
    return None if found is None else _said(found[1])


def _said(found: Explanation) -> Said:
    return {
        "code": found.code,
        "message": f"{found.sentence} {found.meaning}".strip(),
        "remedy": " ".join(found.advice),
    }
