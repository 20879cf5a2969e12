"""What an entity means to our catalog: the fields of the Team, System or Component that it becomes.

Free words of Backstage become ours where ours are few; the entity itself keeps its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from governance.domain.catalog import MAX_LINKS, MAX_TITLE, is_web_address

MOST_NAME: Final = 80
MOST_REPOSITORY: Final = 200

_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("website", "webapp", "web", "frontend", "ui", "site", "mobile", "app"), "website"),
        **dict.fromkeys(("library", "lib", "package", "sdk", "module", "documentation", "docs"), "library"),
        **dict.fromkeys(("job", "cronjob", "pipeline", "batch", "workflow", "task", "script", "dag"), "job"),
    }
)
_SLUGS: Final = (
    ("github.com/project-slug", "https://github.com/"),
    ("gitlab.com/project-slug", "https://gitlab.com/"),
    ("bitbucket.org/project-slug", "https://bitbucket.org/"),
)
SOURCE_LOCATION: Final = "backstage.io/source-location"
VIEW_URL: Final = "backstage.io/view-url"


def component_type(word: str) -> str:
    """Our type for a free word; what is none of the others is a service."""
    return _TYPES.get(word.strip().lower(), "service")


def shown_name(data: Mapping[str, Any]) -> str:
    metadata, spec = data["metadata"], data.get("spec") or {}
    profile = spec.get("profile")
    given = profile.get("displayName") if isinstance(profile, Mapping) else None
    title = metadata.get("title") or given or metadata["name"]
    return str(title).replace("\x00", "").strip()[:MOST_NAME] or str(metadata["name"])


def description(data: Mapping[str, Any]) -> str:
    return str(data["metadata"].get("description") or "").replace("\x00", "")


def repository(data: Mapping[str, Any]) -> str:
    """Where the source is, as the annotations say it; empty when they do not."""
    notes: Mapping[str, Any] = data["metadata"].get("annotations") or {}
    located = str(notes.get(SOURCE_LOCATION, ""))
    kind, _, target = located.partition(":")
    if kind == "url" and _fits(target):
        return target
    for key, host in _SLUGS:
        slug = str(notes.get(key, "")).strip("/")
        if slug and _fits(host + slug):
            return host + slug
    viewed = str(notes.get(VIEW_URL, ""))
    return viewed if _fits(viewed) else ""


def links(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Its web links as ours: those with other schemes stay with the entity."""
    found = []
    for link in data["metadata"].get("links") or ():
        url = str(link["url"]).strip()
        if is_web_address(url):
            title = str(link.get("title") or urlsplit(url).hostname or url).strip()
            found.append({"title": title[:MAX_TITLE], "url": url})
    return found[:MAX_LINKS]


def _fits(url: str) -> bool:
    return is_web_address(url) and len(url) <= MOST_REPOSITORY and " " not in url
