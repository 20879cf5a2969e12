"""What the gate asks of an intent before and after its target is known: the place, the stage, and what would not work.

Called by ``gate`` only. Everything that a person can mend comes back as FieldErrors; nothing here writes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from idp.catalog.models import Component, System
from idp.catalog.names import SLUG_RULE, is_slug
from idp.kernel.errors import FieldError, InvalidInput
from idp.kernel.prepared import Prepared
from provisioning.domain.revision import Revision as Resolved
from provisioning.models import Cluster, Environment, Stage
from provisioning.selectors.desired import Desired
from provisioning.selectors.lending import lends
from provisioning.services.requests import MAKES, ChangeRequest
from provisioning.services.targeting import Sources

NAME = "metadata.name"


def living(system: System, name: str, stages: Collection[Stage]) -> tuple[Environment | None, frozenset[int]]:
    """The living environment of that name, and the clusters on which another one has the namespace it would get."""
    namespace = f"{system.slug}-{name}"
    found = _alike(system=system.pk, name=name, namespace=namespace, clusters=_clusters_of(stages))
    living = next((one for one in found if one.system_id == system.pk and one.name == name), None)
    return living, frozenset(one.cluster_id for one in found if one is not living)


@Prepared
def _alike(system: int, name: str, namespace: str, clusters: list[int] | None) -> QuerySet[Environment]:
    mine = Q(system=system, name=name)
    there: Any = Cluster.objects.order_by().values("pk") if clusters is None else clusters
    alike = Q(cluster__in=there, namespace=namespace)
    rows = Environment.objects.select_related("system__team", "stage", "cluster", "desired", "former__cluster")
    return rows.filter(mine | alike, deleted_at=None).annotate(lends=lends())


def _clusters_of(stages: Collection[Stage]) -> list[int] | None:
    """Where an environment of one of these stages may go: their own clusters; None for any, where labels decide."""
    if any(stage.cluster_labels for stage in stages):
        return None
    return sorted({stage.cluster_id for stage in stages})


def request_problems(request: ChangeRequest, environment: Environment | None) -> list[FieldError]:
    """What keeps the environment from being asked for this at all."""
    label = f"{request.system}/{request.environment}"
    if environment is None and request.kind in MAKES:
        return [] if is_slug(request.environment) else [FieldError(NAME, SLUG_RULE)]
    if environment is None:
        return [FieldError(NAME, f"There is no {label}. Check the name, or ask for “create”.")]
    if request.kind == "create":
        return [FieldError(NAME, f"There is a {label} already. Choose another name, or change that one.")]
    if environment.state == "deleting":
        return [FieldError(NAME, f"It is being deleted; nothing else can be asked of {label}.")]
    number = environment.desired.number if environment.desired else None
    if request.base is not None and request.base != number:
        told = f"You started from r{request.base}; {label} is at {_r(number)} now. Look at it and redo your edit."
        return [FieldError("base", told)]
    if number is None and request.kind != "delete":
        return [FieldError(NAME, f"It waits to be made for the first time; cancel that change of {label} first.")]
    return []


def _r(number: int | None) -> str:
    return "no revision" if number is None else f"r{number}"


def stage_of(
    request: ChangeRequest, environment: Environment | None, sources: Sources, stages: Mapping[str, Stage]
) -> tuple[Stage | None, list[FieldError]]:
    """The stage of the target: the environment's own, the one that was written, or the one that follows."""
    asked = (request.spec or {}).get("stage")
    if environment is None and request.kind not in MAKES:
        return None, []  # that there is none to change is said already
    if environment is not None and request.kind != "create":
        stage = stages[environment.stage.name]
        if asked not in (None, stage.name):
            return stage, [FieldError("spec.stage", f"The stage stays {stage.name}; make another environment instead.")]
        return stage, _order_problems(request, stage, sources)
    if isinstance(asked, str) and asked in stages:
        return stages[asked], _order_problems(request, stages[asked], sources)
    if asked is None and sources.environment is not None:
        return _following(request, sources.environment.stage, stages)
    if request.source and sources.problems:
        return None, []
    return None, [FieldError("spec.stage", f"Choose one of {', '.join(stages)}.")]


def _following(
    request: ChangeRequest, stage: Stage, stages: Mapping[str, Stage]
) -> tuple[Stage | None, list[FieldError]]:
    """The stage of a new environment that comes out of one at ``stage``."""
    if request.kind == "create":
        return stages[stage.name], []
    following = [one for one in stages.values() if one.promotes_from_id == stage.pk]
    if len(following) == 1:
        return following[0], []
    if not following:
        return None, [FieldError("from", f"No stage takes what {stage.name} has; promotion ends there.")]
    names = ", ".join(one.name for one in following)
    return None, [FieldError("spec.stage", f"Choose one of {names}, which follow {stage.name}.")]


def _order_problems(request: ChangeRequest, stage: Stage, sources: Sources) -> list[FieldError]:
    if request.kind != "promote" or sources.environment is None:
        return []
    source = sources.environment
    if stage.promotes_from_id == source.stage_id:
        return []
    takes = f"takes from {stage.promotes_from.name}" if stage.promotes_from else "takes from no other stage"
    return [FieldError("from", f"The stage {stage.name} {takes}; {source.name} is at {source.stage.name}.")]


def component_problems(resolved: Resolved, system: System) -> list[FieldError]:
    """Components that are named and are not of this system."""
    named = {name: one["component"] for name, one in resolved.document["resources"].items() if one.get("component")}
    if not named:
        return []
    known = set(Component.objects.filter(system=system).values_list("slug", flat=True))
    listed = ", ".join(sorted(known)) or "none yet"
    return [
        FieldError(f"spec.resources.{name}.component", f"{system.slug} has no component “{slug}”; it has {listed}")
        for name, slug in named.items()
        if slug not in known
    ]


def unsound(desired: Desired) -> dict[str, FieldError]:
    """Resources that cannot be counted or rendered, each with why: an expression that fails."""
    found = {}
    for name in desired.order:
        try:
            desired.footprint(name)
            desired.render_expected(name)
        except InvalidInput as error:
            found[name] = _at(name, error)
    return found


def _at(name: str, error: InvalidInput) -> FieldError:
    """The first thing wrong with a resource, at its input where it is one whose reference became a wrong value."""
    at_input = next((one for one in error.errors if one.path.startswith("inputs.")), None)
    if at_input is None:
        return FieldError(f"spec.resources.{name}", error.message)
    return FieldError(f"spec.resources.{name}.{at_input.path}", at_input.message)


def without(document: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The document without these resources."""
    kept = {name: one for name, one in document["resources"].items() if name not in names}
    return {**document, "resources": kept}
