"""The functions that CEL expressions have beyond the standard: few, pure, bounded. The only place that defines them.

Called by the CEL library through ``cel_program``. Each raises ValueError with a sentence when its arguments do
not fit, and none makes a text longer than ``MAX_TEXT``, so that no expression can grow memory.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from idp.kernel.time_zones import time_zones

MAX_TEXT = 65_536

_SEMVER = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?"
)
_QUANTITY = re.compile(
    r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]{1,2})?"
)
_POWERS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
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


def weekday(moment: Any, zone: Any = "UTC") -> str:
    return _WEEKDAYS[_local(moment, zone, "weekday").weekday()]


def hour(moment: Any, zone: Any = "UTC") -> int:
    return _local(moment, zone, "hour").hour


def day(moment: Any, zone: Any = "UTC") -> str:
    """The date there as ``2026-12-24``; dates compare as texts do."""
    return _local(moment, zone, "day").date().isoformat()


def days_between(start: Any, end: Any) -> float:
    """Days from one moment to another, below zero when the second is the earlier one."""
    return (_moment(end, "daysBetween") - _moment(start, "daysBetween")).total_seconds() / 86_400


def _local(moment: Any, zone: Any, name: str) -> datetime:
    if _text(zone, name) not in time_zones():
        raise ValueError(f"{name} takes a time zone such as Europe/Berlin")
    return _moment(moment, name).astimezone(ZoneInfo(zone))


def _moment(moment: Any, name: str) -> datetime:
    """A timestamp, or a text in ISO 8601; one without a zone is UTC."""
    if not isinstance(moment, datetime):
        try:
            moment = datetime.fromisoformat(_text(moment, name)[:40])
        except ValueError:
            raise ValueError(f"{name} takes a moment such as 2026-12-24T09:30:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CelFunction:
    """One function as it is called, for the library; ``signature``, ``text`` and ``example`` are for people."""

    name: str
    call: Callable[..., Any]
    signature: str
    text: str
    example: str


REGISTER: tuple[CelFunction, ...] = (
    CelFunction(
        "default",
        default,
        "default(value, fallback)",
        "The fallback where the value is missing or null.",
        "default(r.inputs.replicas, 1)",
    ),
    CelFunction("merge", merge, "merge(map, …)", "One map of all keys; a later map wins.", "merge({'a': 1}, {'b': 2})"),
    CelFunction("join", join, "list.join(separator)", "One text of many.", "['a', 'b'].join(', ')"),
    CelFunction("split", split, "text.split(separator)", "The parts of a text.", "'a,b'.split(',')"),
    CelFunction("lowerAscii", lower_ascii, "text.lowerAscii()", "A to Z in lower case.", "'Prod'.lowerAscii()"),
    CelFunction("upperAscii", upper_ascii, "text.upperAscii()", "a to z in upper case.", "'eur'.upperAscii()"),
    CelFunction("trim", trim, "text.trim()", "Without white space around it.", "' a '.trim()"),
    CelFunction("replace", replace, "text.replace(old, new)", "Every place replaced.", "'a b'.replace(' ', '-')"),
    CelFunction("slug", slug, "slug(text)", "A text as a DNS label.", "slug('Checkout API')"),
    CelFunction("sha256", sha256, "sha256(text)", "The SHA-256 digest, in hexadecimal digits.", "sha256('a')"),
    CelFunction("b64", b64, "b64(text)", "The text in Base64.", "b64('a')"),
    CelFunction(
        "quantity",
        quantity,
        "quantity(text)",
        "A Kubernetes quantity as a number: 500m is 0.5, 1Ki is 1024.",
        "quantity('2Gi') > quantity('500Mi')",
    ),
    CelFunction(
        "semver",
        semver,
        "semver(version), semver(a, b)",
        "The parts of a version (major, minor, patch, prerelease); of two, -1, 0 or 1 as the first is older, equal or"
        " newer.",
        "semver('1.10.0', '1.9.3') > 0",
    ),
    CelFunction(
        "weekday", weekday, "weekday(time, zone)", "The day of the week there.", "weekday(now.time, 'Europe/Berlin')"
    ),
    CelFunction("hour", hour, "hour(time, zone)", "The hour there, 0 to 23.", "hour(now.time, 'Europe/Berlin') >= 16"),
    CelFunction(
        "day", day, "day(time, zone)", "The date there; dates compare as texts.", "day(now.time, 'UTC') >= '2026-12-24'"
    ),
    CelFunction(
        "daysBetween",
        days_between,
        "daysBetween(from, to)",
        "Days from one moment to another.",
        "daysBetween('2026-01-01T00:00:00Z', now.time) < 90.0",
    ),
)
"""Every function beyond the standard, once: the library, the checks and the pages read it."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {one.name: one.call for one in REGISTER}

KNOWN = STANDARD | FUNCTIONS.keys()
