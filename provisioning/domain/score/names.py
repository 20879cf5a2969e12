"""What a resource of a Score workload is, and what it is called in the environment. Pure.

Two resources are the same one when they have the same identity: ``type.class#id`` with an id, so that workloads of one
environment share it, else ``type.class#workload.name``. Names follow from identities, so that a later file finds what
an earlier one made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

LONGEST = 31
_IDENTITY = re.compile(r"[A-Za-z0-9-]{1,63}\.[A-Za-z0-9-]{1,63}#[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def identity(workload: str, name: str, resource: Mapping[str, Any]) -> str:
    cls = resource.get("class", "default")
    return f"{resource['type']}.{cls}#{resource.get('id') or f'{workload}.{name}'}"


def is_shared_identity(text: str) -> bool:
    """Whether ``text`` is the identity of a resource with an id, such as ``redis.default#main``."""
    return _IDENTITY.fullmatch(text) is not None


def resource_name(workload: str, name: str, resource: Mapping[str, Any]) -> str:
    """The name in the environment of a resource that a workload asks for."""
    if (shared := resource.get("id")) is None:
        return named(f"{workload}-{name}")
    cls = resource.get("class", "default")
    return named(f"{resource['type']}-{shared}" if cls == "default" else f"{resource['type']}-{cls}-{shared}")


def named(text: str) -> str:
    """``text`` as a name of a resource; one that is too long is cut and told apart by a digest of the whole."""
    name = _NOT_IN_NAMES.sub("-", text.lower()).strip("-") or "r"
    name = name if name[0].isalpha() else f"r-{name}"
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 7].rstrip('-')}-{sha256(text.encode()).hexdigest()[:6]}"
