"""Turns an API server's refusal into one of the two errors that callers know. Used by the Kubernetes driver only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from provisioning.domain.driver import DriverError, ObjectRef, PermanentError, TemporaryError, VersionExpired
from provisioning.drivers.ownership import field_conflict

LONGEST_DELAY = 300.0
"""Seconds; a longer Retry-After is cut to this."""

_MANAGER = re.compile(r'conflict with "([^"]+)"')
# A field that the schema does not have, or of another type, is told as an error of the server (500).
_MISFIT = "failed to create typed patch object"
_BUSY = {408, 425, 429}


def error_of(status: int, body: bytes, headers: Mapping[str, str], ref: ObjectRef | None) -> DriverError:
    """The error for an answer of ``status`` (300 or more) about ``ref``; ``body`` is a Kubernetes Status or
    anything.
    """
    told = _status(body)
    message = _plain(told.get("message"), ref)
    if status == 500 and _MISFIT in str(told.get("message")):
        return _invalid(told, message, ref)
    if status == 410:
        return VersionExpired()
    if status in _BUSY or status >= 500:
        delay = _delay(headers)
        return TemporaryError(
            "cluster-busy", f"The cluster cannot answer now (HTTP {status}).", delay=delay, raw=message
        )
    if status == 401:
        remedy = "Register the cluster again with credentials that are valid."
        return PermanentError("unauthorized", "The cluster does not accept Slipway's credentials.", remedy=remedy)
    if status == 403:
        return _forbidden(told, message, ref)
    if status == 404:
        return _missing(told, message, ref)
    if status == 409:
        return _conflict(told, message, ref)
    if status in (400, 413, 415, 422):
        return _invalid(told, message, ref)
    return PermanentError(
        "unexpected-answer", f"The cluster answered HTTP {status} about {_subject(ref)}.", raw=message
    )


def is_missing(error: DriverError) -> bool:
    return error.code == "not-found"


def _status(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {"message": body[:500].decode("utf-8", "replace")}
    return told if isinstance(told, dict) else {}


def _plain(message: Any, ref: ObjectRef | None) -> str:
    """What the server said, unless it may quote the value of a secret."""
    return "" if ref is not None and ref.kind == "Secret" else str(message or "")


def _subject(ref: ObjectRef | None) -> str:
    return "this" if ref is None else str(ref)


def _detail(told: Mapping[str, Any], name: str) -> Any:
    return (told.get("details") or {}).get(name)


def _delay(headers: Mapping[str, str]) -> float:
    asked = headers.get("Retry-After", "")
    return min(float(asked), LONGEST_DELAY) if asked.isascii() and asked.isdigit() else 2.0


def _forbidden(told: Mapping[str, Any], message: str, ref: ObjectRef | None) -> DriverError:
    reasons = {cause.get("reason") for cause in _detail(told, "causes") or []}
    if "NamespaceTerminating" in reasons:
        where = ref.namespace if ref is not None else ""
        return TemporaryError("namespace-terminating", f"Namespace {where} is being deleted.", delay=5.0, raw=message)
    if "status unknown for quota" in str(told.get("message")):
        text = "The cluster has not counted yet what the namespace's quota allows."
        return TemporaryError("quota-not-counted", text, delay=1.0, raw=message)
    if "exceeded quota" in str(told.get("message")):
        remedy = "Ask for less, or have the namespace's ResourceQuota raised."
        text = f"{_subject(ref)} does not fit into the quota that the cluster enforces: {_sentence(message)}"
        return PermanentError("over-cluster-quota", text, remedy=remedy, raw=message)
    remedy = "Give Slipway's account that permission (deploy/kubernetes/rbac.yaml), or change the rule that refuses it."
    return PermanentError(
        "forbidden", f"The cluster does not allow {_subject(ref)}: {_sentence(message)}", remedy=remedy, raw=message
    )


def _missing(told: Mapping[str, Any], message: str, ref: ObjectRef | None) -> DriverError:
    kind, name = _detail(told, "kind"), _detail(told, "name")
    if ref is not None and kind == "namespaces" and name == ref.namespace:
        return PermanentError("namespace-missing", f"{ref} cannot be made: there is no namespace {name}.", raw=message)
    if not name and ref is not None:
        text = f"The cluster does not know {ref.kind} of {ref.api_version}."
        return PermanentError(
            "kind-not-served", text, remedy="Install what provides that kind on the cluster.", raw=message
        )
    return PermanentError("not-found", f"There is no {_subject(ref)}.", raw=message)


def _conflict(told: Mapping[str, Any], message: str, ref: ObjectRef | None) -> DriverError:
    found = []
    for cause in _detail(told, "causes") or []:
        manager = _MANAGER.search(cause.get("message", ""))
        if cause.get("reason") == "FieldManagerConflict":
            found.append((manager.group(1) if manager else "another manager", cause.get("field", "")))
    if found and ref is not None:
        return field_conflict(ref, found)
    if told.get("reason") == "AlreadyExists":
        return PermanentError("exists", f"{_subject(ref)} exists already.", raw=message)
    return TemporaryError("changed-meanwhile", f"{_subject(ref)} changed in the same moment.", delay=1.0, raw=message)


def _invalid(told: Mapping[str, Any], message: str, ref: ObjectRef | None) -> PermanentError:
    text = f"The cluster refuses {_subject(ref)}: {_causes(told, message, ref)}"
    return PermanentError("invalid-object", text, raw=message)


def _causes(told: Mapping[str, Any], message: str, ref: ObjectRef | None) -> str:
    """The causes as one text; of a Secret only the fields, as the words may quote a value."""
    causes = _detail(told, "causes") or []
    if ref is not None and ref.kind == "Secret":
        fields = ", ".join(cause.get("field", "") for cause in causes)
        return f"see {fields}." if fields else "its fields are not as they must be."
    named = "; ".join(f"{cause.get('field')}: {cause.get('message')}" for cause in causes if cause.get("field"))
    return _sentence(named or message)


def _sentence(text: str) -> str:
    text = text.strip()[:1000]
    return text if text.endswith(".") else f"{text or 'it gives no reason'}."
