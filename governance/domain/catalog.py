"""Rules for what people write into the catalog that a column cannot hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from idp.kernel.errors import FieldError, InvalidInput

MAX_LINKS = 20
MAX_TITLE = 80
MAX_URL = 400


def is_web_address(text: str) -> bool:
    """Whether a browser may be sent there: http or https with a host, and nothing that runs a script."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and len(text) <= MAX_URL
    except ValueError:
        return False


def repository_errors(repository: str) -> list[FieldError]:
    if not repository or is_web_address(repository):
        return []
    return [FieldError("repository", "A repository is an address that begins with https:// or http://.")]


def link_errors(links: Iterable[Any]) -> list[FieldError]:
    """Faults in a list of ``{"title", "url"}``, each with its place."""
    listed = list(links)
    if len(listed) > MAX_LINKS:
        return [FieldError("links", f"Keep at most {MAX_LINKS} links.")]
    return [error for number, link in enumerate(listed) for error in _link_errors(f"links.{number}", link)]


def require_links(links: Iterable[Any]) -> list[dict[str, str]]:
    """``links`` as they are stored; InvalidInput names each that is wrong."""
    listed = list(links)
    errors = link_errors(listed)
    if errors:
        raise InvalidInput(f"The links are not right yet: {errors[0].message}", errors=errors)
    return [{"title": link["title"].strip(), "url": link["url"]} for link in listed]


def _link_errors(path: str, link: Any) -> list[FieldError]:
    if not isinstance(link, Mapping) or set(link) != {"title", "url"}:
        return [FieldError(path, "A link has a title and a url, and nothing else.")]
    errors = []
    title, url = link["title"], link["url"]
    if not isinstance(title, str) or not 0 < len(title.strip()) <= MAX_TITLE:
        errors.append(FieldError(f"{path}.title", f"A title has 1 to {MAX_TITLE} letters."))
    if not isinstance(url, str) or not is_web_address(url):
        errors.append(FieldError(f"{path}.url", "A link's address begins with https:// or http://."))
    return errors
