"""The published versions next to a new one, and the inputs that living resources have recorded.

Called when a contract is published or previewed. Reads in a fixed number of queries, however many resources there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.version import Version, parse_version
from provisioning.models import Contract, Resource
from provisioning.selectors.capabilities import parsed

CHUNK = 500
"""Revisions held in memory at once."""


def neighbours(capability: str, version: Version) -> tuple[ParsedContract | None, ParsedContract | None]:
    """The version that ``version`` follows, and the one of its own major that follows it; None where there is none.

    It follows the newest older one of its major, failing that the newest of the major before. Retired versions and
    pre-releases promise nothing, so they do not count. At most three queries.
    """
    rows = Contract.objects.filter(capability__name=capability).exclude(state="retired").defer("document")
    known = [(number, row) for row in rows if not (number := parse_version(row.version)).prerelease]
    older = [one for one in known if one[0] < version]
    own = [one for one in older if one[0].major == version.major]
    newer = [one for one in known if one[0].major == version.major and version < one[0]]
    before = max(own or older, key=lambda one: one[0], default=None)
    after = min(newer, key=lambda one: one[0], default=None)
    return (parsed(before[1]) if before else None, parsed(after[1]) if after else None)


def living_inputs(capability: str, major: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """``system/environment/resource`` and the inputs agreed for it, with defaults; one query.

    Of all that uses any version of the major, what is being made now included.
    """
    rows = (
        Resource.objects.filter(
            contract__capability__name=capability,
            contract__major=major,
            borrowed=False,
            environment__deleted_at=None,
        )
        .exclude(state="gone")
        .exclude(environment__desired=None)
        .order_by("pk")
        .values_list("environment__system__slug", "environment__name", "name", "environment__desired__document")
    )
    for system, environment, name, document in rows.iterator(chunk_size=CHUNK):
        wanted = document["resources"].get(name)
        if wanted is not None and wanted["capability"] == capability:
            yield f"{system}/{environment}/{name}", wanted["inputs"]
