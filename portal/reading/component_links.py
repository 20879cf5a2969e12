"""Links that a component has from what runs of it: outputs that their contract declares as links (``x-link``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioning.models import Resource
from provisioning.selectors.capabilities import parsed


@dataclass(frozen=True, slots=True)
class ComponentLink:
    """``title`` is what the contract calls it (``API``, ``OpenAPI``), ``environment`` where it leads."""

    title: str
    url: str
    environment: str


def links_of(uses: Iterable[Resource]) -> list[ComponentLink]:
    """Links of living resources, in their order. Needs ``contract`` and ``environment`` joined.

    No query for contracts that this process has seen. What is no web address is left out, whoever published it.
    """
    found = []
    for use in uses:
        if not use.outputs:
            continue
        for name, schema in parsed(use.contract).outputs.items():
            title, url = schema.get("x-link"), use.outputs.get(name)
            if isinstance(title, str) and isinstance(url, str) and url.startswith(("https://", "http://")):
                found.append(ComponentLink(title[:40], url, use.environment.name))
    return found
