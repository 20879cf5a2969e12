"""The shapes of what the API takes and gives, as JSON Schema 2020-12: the OpenAPI document shows them, and
``portal.api.bodies`` holds request bodies against the very same ones, so that the two cannot disagree.

A shape says form only; what is allowed is decided by the services. Imported by ``portal.api`` alone.
"""

from __future__ import annotations

from portal.api.shapes import (
    administration,
    applying,
    availability,
    backstage,
    blast_radius,
    campaigns,
    capabilities,
    catalog,
    changes,
    deploying,
    drift,
    environments,
    everywhere,
    governance,
    links,
    logins,
    notices,
    secrets,
    trains,
    troubles,
    trust,
    webhooks,
)
from portal.api.shapes.words import SHAPES, Schema, ref

__all__ = [
    "SHAPES",
    "Schema",
    "administration",
    "applying",
    "availability",
    "backstage",
    "blast_radius",
    "campaigns",
    "capabilities",
    "catalog",
    "changes",
    "deploying",
    "drift",
    "environments",
    "everywhere",
    "governance",
    "links",
    "logins",
    "notices",
    "ref",
    "secrets",
    "trains",
    "troubles",
    "trust",
    "webhooks",
]
