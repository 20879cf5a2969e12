"""Catalogs for tests of the import: whole organisations as files, as large as asked for."""

from __future__ import annotations

from governance.models import CatalogSource
from governance.services.backstage_reading import SourceFile
from idp.catalog.models import Team
from tests.personas import NOW

GROUP = """apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {{name: {name}}}
spec: {{type: team, children: [], profile: {{displayName: {title}}}}}
"""
SYSTEM = """apiVersion: backstage.io/v1alpha1
kind: System
metadata: {{name: {name}, description: What {name} is for}}
spec: {{owner: {owner}}}
"""
COMPONENT = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
  description: Does what {name} does
  annotations: {{github.com/project-slug: acme/{name}}}
  links: [{{url: "https://docs.example/{name}", title: Docs}}]
  tags: [java]
spec:
  type: service
  lifecycle: production
  owner: {owner}
  system: {system}
  dependsOn: [{needs}]
  providesApis: [{name}-api]
"""
API = """apiVersion: backstage.io/v1alpha1
kind: API
metadata: {{name: {name}}}
spec: {{type: openapi, lifecycle: production, owner: {owner}, system: {system}, definition: "openapi: 3.0.0"}}
"""


def source(name: str = "backstage", **fields: object) -> CatalogSource:
    values = {"kind": "upload", "owner": Team.objects.filter(slug="payments").first(), "created_at": NOW, **fields}
    return CatalogSource.objects.create(name=name, **values)


def file(text: str, path: str = "catalog-info.yaml") -> SourceFile:
    return SourceFile(path, text.encode())


def large(systems: int, *, of: int = 16) -> SourceFile:
    """``systems`` systems, each with ``of`` entities: one system, and halves of components and APIs."""
    parts = []
    for number in range(systems):
        system = f"System_{number}"
        parts.append(SYSTEM.format(name=system, owner="payments"))
        for item in range((of - 1) // 2 + 1):
            name = f"{system}.Part-{item}"
            needs = f"component:{system}.Part-{item - 1}" if item else f"component:System_{max(0, number - 1)}.Part-0"
            parts.append(COMPONENT.format(name=name, owner="payments", system=system, needs=needs))
        for item in range((of - 1) // 2):
            parts.append(API.format(name=f"{system}.Part-{item}-api", owner="payments", system=system))
    return file("---\n".join(parts))
