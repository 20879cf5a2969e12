"""Where files of a catalog stand: patterns over a repository's paths, pages of Git hosts and what is behind them, the
targets of a Location, and whether a push came from the host that it names. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

USUAL_PATTERN: Final = "**/catalog-info.y*ml"
_GITHUB = re.compile(r"^https://github\.com/([^/]+)/([^/]+)/(?:blob|raw)/(.+)$")
_GITLAB = re.compile(r"^(https://[^/]+/.+?)/-/blob/(.+)$")
_GITEA = re.compile(r"^(https://[^/]+/[^/]+/[^/]+)/src/(branch/.+)$")


def matcher(patterns: str) -> Callable[[str], bool]:
    """Whether a path fits one of ``patterns``, with blanks or commas between.

    ``**`` stands for any folders, ``*`` and ``?`` for no “/”.
    """
    found = re.compile("|".join(_expression(one) for one in re.split(r"[\s,]+", patterns) if one) or r"(?!)")
    return lambda path: found.fullmatch(path) is not None


def _expression(pattern: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", re.sub(r"(?:\*\*/)+", "**/", pattern.lstrip("/")))
    signs = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(signs.get(part, re.escape(part)) for part in parts)


def raw_address(url: str) -> str:
    """The file behind a page of a Git host that shows it; other addresses as they are."""
    if found := _GITHUB.match(url):
        return f"https://raw.githubusercontent.com/{found[1]}/{found[2]}/{found[3]}"
    if found := _GITLAB.match(url):
        return f"{found[1]}/-/raw/{found[2]}"
    if found := _GITEA.match(url):
        return f"{found[1]}/raw/{found[2]}"
    return url


def same_host(url: str, other: str) -> bool:
    """Whether what authenticates at one may be sent to the other: the same scheme, host and port."""
    one, two = urlsplit(url), urlsplit(other)
    return (one.scheme, one.netloc.lower()) == (two.scheme, two.netloc.lower())


def location_targets(data: Mapping[str, Any]) -> Iterator[str]:
    """What a Location points at; nothing for other kinds and for types that are no file."""
    spec = data.get("spec")
    if str(data.get("kind", "")).lower() != "location" or not isinstance(spec, Mapping):
        return
    if spec.get("type") not in (None, "url", "file"):
        return
    targets = spec.get("targets")
    for said in (spec.get("target"), *(targets if isinstance(targets, list) else ())):
        if isinstance(said, str) and said:
            yield said


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether a push was sent by who knows ``secret``: GitHub and Gitea sign the body, GitLab sends the secret.

    Names of headers are lower-case. Compared in constant time.
    """
    made = hmac.new(secret.encode(), body, sha256).hexdigest()
    signed = headers.get("x-hub-signature-256", "").removeprefix("sha256=") or headers.get("x-gitea-signature", "")
    if signed:
        return hmac.compare_digest(signed.encode("utf-8", "replace"), made.encode())
    given = headers.get("x-gitlab-token", "")
    return bool(given) and hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())
