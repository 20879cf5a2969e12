"""Secrets that are made once and never read: their values exist in the cluster and for a moment in this process.

Used by the Kubernetes driver only. The manifest says in an annotation which keys to fill.
"""

from __future__ import annotations

import base64
import copy
import secrets
import string
from collections.abc import Mapping
from typing import Any

from provisioning.domain.driver import ANNOTATION_GENERATE, Manifest

LENGTH = 32
"""Letters and digits only, so that a value fits into a URL unescaped; 32 of them are 190 bits."""

_ALPHABET = string.ascii_letters + string.digits


def is_generated(manifest: Manifest) -> bool:
    annotations = manifest.get("metadata", {}).get("annotations") or {}
    return manifest["kind"] == "Secret" and ANNOTATION_GENERATE in annotations


def with_values(manifest: Manifest) -> dict[str, Any]:
    """A copy with a fresh random value for each key that the annotation names; other keys stay as they are."""
    filled = copy.deepcopy(dict(manifest))
    keys = [key.strip() for key in filled["metadata"]["annotations"][ANNOTATION_GENERATE].split(",")]
    given = filled.setdefault("stringData", {})
    given |= {key: "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH)) for key in keys if key}
    return filled


def encoded(values: Mapping[str, str]) -> dict[str, str]:
    """``values`` as a Secret's ``data`` holds them."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
