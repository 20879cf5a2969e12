"""One way to turn a plain value into bytes, so that equal values have equal digests.

Canonical JSON here means: keys sorted by code point, no white space, UTF-8, no NaN or infinity, and
a float that is whole written as an integer (``1.0`` and ``1`` are one value in JSON Schema, and in CEL
after a round trip). Called by revisions, plans, contracts and the audit chain.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any


def canonical(value: Any) -> Any:
    """A copy of ``value`` (JSON types only) in canonical form.

    Raises TypeError for a type JSON does not have, ValueError for NaN or infinity.
    """
    if isinstance(value, dict):
        return {str(key): canonical(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("NaN and infinity have no canonical form")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if value is None or isinstance(value, (str, int, bool)):
        return value
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def canonical_json(value: Any) -> str:
    """``value`` as canonical JSON text."""
    return json.dumps(canonical(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
