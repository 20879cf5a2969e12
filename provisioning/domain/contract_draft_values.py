"""A draft contract from a Helm chart's ``values.schema.json``: its values become inputs, a release becomes the object.

Called by the service behind ``manage.py contract draft --from-values-schema``. Slipway runs no Helm: the object tells
Flux or Argo CD to, whichever the cluster has. Nothing is fetched, the chart least of all. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.contract_draft import OBJECT, Decision, Draft, Naming, Parts, assembled, first_sentence
from provisioning.domain.contract_draft_schema import translated

FLUX: Final = "flux"
ARGO: Final = "argo"
RELEASES: Final = (FLUX, ARGO)
_SPEC: Final = f"spec.objects.{OBJECT}.manifest.spec"


@dataclass(frozen=True, slots=True)
class Chart:
    """Where the chart comes from; empty where the person has not said."""

    name: str = ""
    version: str = ""
    repository: str = ""


def draft_from_values(schema: Any, naming: Naming, *, chart: Chart, release: str = FLUX) -> Draft:
    """The draft for one chart; ``release`` is who installs it. InvalidInput when ``schema`` is none of an object."""
    if release not in RELEASES:
        raise InvalidInput("The release was not understood.", errors=[FieldError("release", "Write flux or argo.")])
    if not isinstance(schema, Mapping) or not any(key in schema for key in ("properties", "$ref", "allOf", "type")):
        raise InvalidInput("This is not the schema of a chart's values: it has no properties.")
    inputs, found = translated(schema)
    called = chart.name or _title(schema) or "chart"
    told = list(_chart_decisions(chart, release))
    if not inputs["properties"]:
        message = "The schema names no values, so there are no inputs; name those that teams need"
        told.insert(0, Decision("spec.inputs", "no-schema", message, must=True))
    parts = Parts(
        called=called,
        summary=_summary(schema, called),
        category="other",
        icon="puzzle",
        inputs=inputs,
        manifest=_flux(chart) if release == FLUX else _argo(chart),
        ready_when="" if release == FLUX else _ARGO_READY,
    )
    return assembled(parts, naming, [*told, *found])


_ARGO_READY: Final = "object.status.health.status == 'Healthy' && object.status.sync.status == 'Synced'"


def _flux(chart: Chart) -> dict[str, Any]:
    source = {"kind": "HelmRepository", "name": chart.repository or "charts"}
    wanted = {"chart": chart.name or "chart", "version": chart.version or "*", "sourceRef": source}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "spec": {"interval": "10m", "chart": {"spec": wanted}, "values": "${inputs}"},
    }


def _argo(chart: Chart) -> dict[str, Any]:
    source = {
        "repoURL": chart.repository or "https://charts.example",
        "chart": chart.name or "chart",
        "targetRevision": chart.version or "*",
        "helm": {"valuesObject": "${inputs}"},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "spec": {
            "project": "default",
            "source": source,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "${environment.namespace}"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }


def _chart_decisions(chart: Chart, release: str) -> Iterable[Decision]:
    if release == FLUX:
        other = "Flux installs the chart, so each cluster needs its HelmRelease kind; Argo CD is the other choice"
        place, word = f"{_SPEC}.chart.spec", "the name of a HelmRepository in the environment's namespace"
    else:
        other = (
            "Argo CD installs the chart, from a namespace that it watches for Applications; Flux is the other choice"
        )
        place, word = f"{_SPEC}.source", "the address of its repository"
    yield Decision(f"spec.objects.{OBJECT}.manifest.kind", "release", other)
    if not chart.name:
        yield Decision(f"{place}.chart", "chart", "Name the chart", must=True)
    if not chart.version:
        key = "version" if release == FLUX else "targetRevision"
        yield Decision(
            f"{place}.{key}", "chart-version", "Name one version of the chart, for “*” moves by itself", must=True
        )
    if not chart.repository:
        key = "sourceRef.name" if release == FLUX else "repoURL"
        yield Decision(f"{place}.{key}", "chart-source", f"Say where the chart comes from: {word}", must=True)
    if release == ARGO:
        yield Decision(f"{_SPEC}.project", "project", "Name the project of Argo CD that may deploy there")


def _title(schema: Mapping[str, Any]) -> str:
    said = schema.get("title")
    return said.strip()[:60] if isinstance(said, str) else ""


def _summary(schema: Mapping[str, Any], called: str) -> str:
    said = schema.get("description")
    return first_sentence(said) if isinstance(said, str) and said.strip() else f"{called}, installed by its Helm chart."
