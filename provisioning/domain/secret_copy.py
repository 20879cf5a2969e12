"""A Secret whose data the driver copies from another one: whose it must be, and whether the copy is of today.

Read by both drivers and by the controller, which copies anew when the source has changed. What is known of either is
metadata; the data passes through a driver for the time of one call and is kept nowhere. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioning.domain.driver import (
    ANNOTATION_COPIED,
    ANNOTATION_COPY,
    ANNOTATION_LENDER,
    Manifest,
    ObjectRef,
    PermanentError,
    Scope,
    TemporaryError,
)


def is_copy(manifest: Manifest) -> bool:
    return manifest.get("kind") == "Secret" and ANNOTATION_COPY in _annotations(manifest)


def source_of(manifest: Manifest) -> ObjectRef:
    """The Secret that ``manifest`` is to be a copy of; PermanentError ``invalid-object`` when it names none."""
    namespace, slash, name = str(_annotations(manifest)[ANNOTATION_COPY]).partition("/")
    if not (namespace and slash and name):
        raise PermanentError("invalid-object", f"{ANNOTATION_COPY} of {ObjectRef.of(manifest)} must be namespace/name.")
    return ObjectRef("v1", "Secret", namespace, name)


def lender_of(manifest: Manifest) -> Scope:
    """Whose the source must be."""
    system, _, environment = str(_annotations(manifest).get(ANNOTATION_LENDER, "")).partition("/")
    return Scope(system, environment)


def mark_of(source: Manifest) -> str:
    """What tells that a source has changed; nothing in it is secret."""
    metadata = source["metadata"]
    return f"{metadata.get('uid', '')}/{metadata.get('resourceVersion', '')}"


def copied_mark(live: Manifest) -> str:
    """The mark of the source as the ``live`` copy was made of it; empty when nobody knows."""
    return str(_annotations(live).get(ANNOTATION_COPIED, ""))


def with_mark(manifest: Manifest, mark: str) -> dict[str, Any]:
    """A copy of ``manifest`` that says what its data is of."""
    metadata = dict(manifest["metadata"])
    metadata["annotations"] = {**_annotations(manifest), ANNOTATION_COPIED: mark}
    return {**manifest, "metadata": metadata}


def source_missing(ref: ObjectRef, source: ObjectRef) -> TemporaryError:
    """The giver may be making it at this moment."""
    told = f"{ref} is a copy of {source} in namespace {source.namespace}, which is not there."
    return TemporaryError("copy-source-missing", told, delay=5.0)


def source_foreign(ref: ObjectRef, source: ObjectRef) -> PermanentError:
    return PermanentError(
        "copy-source-foreign",
        f"{ref} would be a copy of {source} in namespace {source.namespace}, which is not what is lent; nothing was "
        "copied.",
        remedy="Ask for the change again, so that it leads to what is lent now.",
    )


def _annotations(manifest: Manifest) -> Mapping[str, Any]:
    found: Mapping[str, Any] = manifest.get("metadata", {}).get("annotations") or {}
    return found
