"""Links as pages draw them: those of an environment by workload, and an admin's templates with what comes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from idp.kernel.cel import CelError
from provisioning.domain.links import (
    KINDS,
    SAMPLE,
    SAMPLE_WORKLOAD,
    Link,
    LinkTemplate,
    address,
    template_problems,
)
from provisioning.models import StageLink

ICONS: Final = {
    "dashboard": "gauge",
    "logs": "logs",
    "traces": "binary-tree-2",
    "alerts": "bell",
    "other": "link",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a template gives for a made-up environment; ``problems`` are pairs of field and sentence."""

    url: str = ""
    per_resource: bool = False
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One template with what it gives; ``example`` is empty when it gives nothing any more."""

    row: StageLink
    icon: str
    kind: str
    example: str
    per_resource: bool


@dataclass(frozen=True, slots=True)
class Anchor:
    """One link; ``spoken`` is its name for those who hear it outside its row."""

    name: str
    url: str
    icon: str
    kind: str
    spoken: str


@dataclass(frozen=True, slots=True)
class LinkGroup:
    """Links of the whole environment (``resource`` is empty) or of one workload."""

    resource: str
    anchors: tuple[Anchor, ...]


def link_groups(links: Sequence[Link]) -> list[LinkGroup]:
    """One group for the environment where it has any, then one for each workload."""
    grouped: dict[str, list[Anchor]] = {}
    for one in links:
        grouped.setdefault(one.resource, []).append(_anchor(one))
    return [LinkGroup(resource, tuple(anchors)) for resource, anchors in grouped.items()]


def link_rows(rows: Iterable[StageLink]) -> list[LinkRow]:
    return [_row(one) for one in rows]


def preview(name: str | None, kind: str | None, url: str | None) -> Shown:
    """What comes of a template that is being written."""
    made = LinkTemplate((name or "").strip() or "Link", kind or "", (url or "").strip())
    problems = tuple((one.path, one.message) for one in template_problems(made))
    if problems:
        return Shown(problems=problems)
    return Shown(_sample(made), made.is_per_resource)


def _row(one: StageLink) -> LinkRow:
    made = LinkTemplate(one.name, one.kind, one.url)
    example = _sample(made)
    return LinkRow(one, ICONS[one.kind], KINDS[one.kind], example, bool(example) and made.is_per_resource)


def _sample(made: LinkTemplate) -> str:
    try:
        return address(made.url, {**SAMPLE.facts, **SAMPLE_WORKLOAD.facts})
    except (CelError, ValueError):
        return ""


def _anchor(one: Link) -> Anchor:
    spoken = f"{one.name} of {one.resource}" if one.resource else one.name
    return Anchor(one.name, one.url, ICONS.get(one.kind, "link"), KINDS.get(one.kind, "Other"), spoken)
