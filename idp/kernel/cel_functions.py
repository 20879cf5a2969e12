"""The functions that CEL expressions have beyond the standard: few, pure, bounded. The only place that defines them.

Called by the CEL library through ``cel_program``. Each raises ValueError with a sentence when its arguments do
not fit, and none makes a text longer than ``MAX_TEXT``, so that no expression can grow memory.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_TEXT = 65_536

_SEMVER = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?"
)
_QUANTITY = re.compile(
    r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]{1,2})?"
)
_POWERS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_BINARY = {unit + "i": 1024.0**power for power, unit in enumerate("KMGTPE", start=1)}

STANDARD: frozenset[str] = frozenset(
    """has all exists exists_one map filter size string int uint double bytes contains startsWith endsWith matches
    timestamp duration type dyn getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours
    getMinutes getSeconds getMilliseconds""".split()  # noqa: SIM905 - thirty words read better as words
)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} takes text; convert with string() first")
    return value


def _bounded(size: int, name: str) -> None:
    if size > MAX_TEXT:
        raise ValueError(f"{name} would make a text of more than {MAX_TEXT:,} characters")


def default(value: Any, fallback: Any) -> Any:
    """``fallback`` when ``value`` is null; ``cel_program`` makes a missing field null before it comes here."""
    return fallback if value is None else value


def merge(*maps: Any) -> dict[str, Any]:
    """One map of all keys; a later map wins. Null counts as empty."""
    merged: dict[str, Any] = {}
    for item in maps:
        if item is not None and not isinstance(item, Mapping):
            raise ValueError("merge takes maps")
        merged.update(item or {})
    return merged


def join(items: Any, separator: Any = "") -> str:
    texts = [_text(item, "join") for item in items] if isinstance(items, (list, tuple)) else None
    if texts is None:
        raise ValueError("join takes a list of texts")
    between = _text(separator, "join")
    _bounded(sum(map(len, texts)) + len(between) * len(texts), "join")
    return between.join(texts)


def split(text: Any, separator: Any) -> list[str]:
    if not _text(separator, "split"):
        raise ValueError("split takes a separator that is not empty")
    parts = _text(text, "split").split(separator, 1000)
    if len(parts) > 1000:
        raise ValueError("split would make a list of more than 1,000 items")
    return parts


def lower_ascii(text: Any) -> str:
    return "".join(char.lower() if char.isascii() else char for char in _text(text, "lowerAscii"))


def upper_ascii(text: Any) -> str:
    return "".join(char.upper() if char.isascii() else char for char in _text(text, "upperAscii"))


def trim(text: Any) -> str:
    return _text(text, "trim").strip()


def replace(text: Any, old: Any, new: Any) -> str:
    source, before, after = _text(text, "replace"), _text(old, "replace"), _text(new, "replace")
    if not before:
        raise ValueError("replace takes a text to look for that is not empty")
    _bounded(len(source) + source.count(before) * len(after), "replace")
    return source.replace(before, after)


def slug(text: Any) -> str:
    """``text`` as a DNS label: lower case, letters, digits and single dashes, at most 63 characters."""
    dashed = re.sub(r"[^a-z0-9]+", "-", _text(text, "slug").lower()).strip("-")
    return dashed[:63].rstrip("-")


def sha256(text: Any) -> str:
    return hashlib.sha256(_text(text, "sha256").encode("utf-8", "surrogatepass")).hexdigest()


def b64(text: Any) -> str:
    source = _text(text, "b64").encode("utf-8", "surrogatepass")
    _bounded(len(source) * 4 // 3, "b64")
    return base64.b64encode(source).decode()


def quantity(value: Any) -> float:
    """A Kubernetes quantity as a number of its base unit: ``500m`` is 0.5, ``1Gi`` is 1073741824."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = _QUANTITY.fullmatch(_text(value, "quantity")[:40])
    if match is None:
        raise ValueError("quantity takes a Kubernetes quantity such as 500m or 2Gi")
    number, suffix = float(match.group(1)), match.group(2) or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return number * 10.0 ** int(suffix[1:])
    return number * ({**_POWERS, **_BINARY}[suffix] if suffix else 1.0)


def semver(version: Any, other: Any = None) -> Any:
    """One version: its parts as a map. Two: -1, 0 or 1 as the first is older, equal or newer."""
    if other is None:
        major, minor, patch, pre = _semver_parts(version)
        return {"major": major, "minor": minor, "patch": patch, "prerelease": pre}
    left, right = _semver_order(version), _semver_order(other)
    return (left > right) - (left < right)


def _semver_parts(version: Any) -> tuple[int, int, int, str]:
    match = _SEMVER.fullmatch(_text(version, "semver"))
    if match is None:
        raise ValueError("semver takes a version such as 1.2.3")
    return int(match.group(1)), int(match.group(2)), int(match.group(3)), match.group(4) or ""


def _semver_order(version: Any) -> tuple[Any, ...]:
    """A key that sorts as SemVer 2.0 says: a pre-release comes before its release, numbers before names."""
    major, minor, patch, pre = _semver_parts(version)
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")) if pre else ()
    return (major, minor, patch, not pre, parts)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "default": default,
    "merge": merge,
    "join": join,
    "split": split,
    "lowerAscii": lower_ascii,
    "upperAscii": upper_ascii,
    "trim": trim,
    "replace": replace,
    "slug": slug,
    "sha256": sha256,
    "b64": b64,
    "quantity": quantity,
    "semver": semver,
}

KNOWN = STANDARD | FUNCTIONS.keys()
