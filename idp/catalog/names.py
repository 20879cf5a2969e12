"""Names that become DNS labels, URLs and label values. Pure; used by models, services and documents alike."""

from __future__ import annotations

import re

SLUG = r"^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?\Z"  # not “$”, which also matches before a last line break
SLUG_RULE = "Use 1 to 30 lower-case letters, digits and dashes; begin with a letter and do not end with a dash."
_SLUG = re.compile(SLUG)

ROLES = ("viewer", "developer", "maintainer")
COMPONENT_TYPES = ("service", "website", "job", "library")


def is_slug(name: str) -> bool:
    return bool(_SLUG.match(name))
