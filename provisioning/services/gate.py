"""The gate: from an intent to a plan with its verdicts. Walks steps 1 to 6 of the one way in, and writes nothing.

Every face and every kind of change comes through ``change_plan``; submitting plans again through the same function
inside its transaction, so that what was shown and what is stored cannot differ by path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.db.models import Q

from governance.access import rights_of
from governance.domain.approval import ApprovalNeed, needed_approvals
from governance.domain.policy import Verdict
from governance.domain.quota import Amounts, Shortage
from governance.selectors.quota import quota_state
from governance.services.approvals import approvers_for
from governance.services.policies import active_policies, evaluate
from idp.catalog.models import Component, System, Team
from idp.catalog.names import SLUG_RULE, is_slug
from idp.catalog.selectors import system_get
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.lifetime import expiry
from provisioning.domain.plan import Side, build_plan, changes_nothing, plan_digest
from provisioning.domain.render import duplicates
from provisioning.domain.revision import Revision as Resolved
from provisioning.domain.revision import resolve
from provisioning.models import Environment, Revision, Stage
from provisioning.selectors.amounts import amounts_after
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.clusters import prices_of
from provisioning.selectors.contracts import ContractLookup, lookup_for
from provisioning.selectors.desired import Desired, desired_at, side_of
from provisioning.selectors.quota_lines import QuotaLine, quota_lines
from provisioning.selectors.stages import stage_list
from provisioning.services.facts import facts_of

Kind = Literal["create", "update", "delete"]
Result = Literal["starts", "waits", "denied", "invalid", "nothing"]
KINDS: tuple[str, ...] = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """An intent, as every face puts it.

    ``spec`` is the ``spec`` of an Environment document (create, update). ``base`` is the number of the revision
    the requester saw; another one now is a Conflict. ``confirm`` is the typed name, for delete.
    """

    kind: str
    system: str
    environment: str
    spec: Mapping[str, Any] | None = None
    reason: str = ""
    confirm: str = ""
    base: int | None = None


@dataclass(frozen=True, slots=True)
class ApprovalNeeded:
    """One decision that the change will need, in words; ``who`` may give it (user names, the requester left out)."""

    source: str
    label: str
    count: int
    policy: str
    reason: str
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """What the gate says to an intent. ``problems`` name every field to fix; ``left_out`` the resources they are in.

    ``catalogue`` holds the contracts of base and target; where it is None they are loaded when they are needed.
    ``namespace_taken``: another environment of the stage's cluster has the namespace that this one would get.
    """

    kind: str
    system: System
    environment_name: str
    stage: Stage | None = None
    environment: Environment | None = None
    base: Revision | None = None
    target: dict[str, Any] | None = None
    plan: dict[str, Any] = field(default_factory=dict)
    plan_digest: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    needs: tuple[ApprovalNeed, ...] = ()
    approvals: tuple[ApprovalNeeded, ...] = ()
    quota: tuple[QuotaLine, ...] = ()
    shortages: tuple[Shortage, ...] = ()
    problems: tuple[FieldError, ...] = ()
    left_out: tuple[str, ...] = ()
    catalogue: Catalogue | None = field(default=None, repr=False, compare=False)
    namespace_taken: bool = False

    @property
    def denials(self) -> tuple[Verdict, ...]:
        return tuple(one for one in self.verdicts if one.outcome in ("denies", "errors"))

    @property
    def outcome(self) -> Result:
        """What submitting it now would lead to."""
        if self.problems:
            return "invalid"
        if self.plan and changes_nothing(self.plan):
            return "nothing"
        if self.denials or self.shortages:
            return "denied"
        return "waits" if self.needs else "starts"

    @property
    def amounts_before(self) -> Amounts:
        return amounts_after(self.plan, "usage_before")

    @property
    def amounts_after(self) -> Amounts:
        return amounts_after(self.plan, "usage_after")


def change_plan(
    actor: Actor, request: ChangeRequest, *, now: datetime, objects: bool = False, people: bool = True
) -> Planned:
    """What ``request`` would do and who speaks about it; writes nothing.

    Raises NotFound and Forbidden for what the actor may not see or do, InvalidInput for an unknown kind. What the
    person can fix in the document comes back as ``problems``. ``objects`` adds the object-level difference;
    without ``people`` nobody looks up who could agree, so ``approvals`` stays empty and ``needs`` says what is needed.
    """
    rights = rights_of(actor)
    system = system_get(rights, request.system)
    rights.require_request(system)
    if request.kind not in KINDS:
        raise InvalidInput(
            f"“{request.kind}” is not a kind of change.",
            errors=[FieldError("kind", f"Write one of {', '.join(KINDS)}.")],
        )
    return _planned(actor, system, request, now=now, objects=objects, people=people)


def _planned(
    actor: Actor, system: System, request: ChangeRequest, *, now: datetime, objects: bool, people: bool
) -> Planned:
    stages = {stage.name: stage for stage in stage_list()}
    environment, taken_on = _living(system, request.environment, stages.values())
    start = Planned(kind=request.kind, system=system, environment_name=request.environment, environment=environment)
    problems = _request_problems(request, environment)
    stage, stage_problems = _stage(request, environment, stages)
    problems += stage_problems
    if stage is None:
        return replace(start, problems=tuple(problems))
    base = environment.desired if environment else None
    lookup = lookup_for(request.spec or {}, base.document if base else None)
    resolved, found = _target(request, base, stage, environment, system, now, lookup)
    problems += found
    planned = replace(
        start,
        stage=stage,
        base=base,
        target=dict(resolved.document) if resolved else None,
        left_out=resolved.left_out if resolved else (),
        catalogue=lookup.catalogue,
        namespace_taken=stage.cluster_id in taken_on,
    )
    planned = with_plan(
        planned,
        order=resolved.order if resolved else (),
        digest=resolved.digest if resolved else "",
        objects=objects,
    )
    judged = judge(planned, actor, reason=request.reason, now=now, people=people)
    return replace(judged, problems=tuple(problems))


def with_plan(
    planned: Planned,
    *,
    order: Sequence[str] = (),
    digest: str = "",
    objects: bool = False,
) -> Planned:
    """``planned`` with the difference between its base and its target, whose digest is ``digest``."""
    assert planned.stage is not None
    environment = planned.environment
    cluster = environment.cluster if environment else planned.stage.cluster
    place: dict[str, Any] = {
        "system": planned.system,
        "stage": planned.stage,
        "name": planned.environment_name,
        "objects": objects,
        "catalogue": planned.catalogue,
        "namespace": environment.namespace if environment else f"{planned.system.slug}-{planned.environment_name}",
    }
    target = side_of(planned.target, digest=digest, **place) if planned.target else Side()
    base = side_of(planned.base.document, digest=planned.base.digest, **place) if planned.base else Side()
    plan = build_plan(
        planned.kind,
        base,
        target,
        base_number=planned.base.number if planned.base else None,
        stage=planned.stage.name,
        prices=prices_of(cluster),
        currency=settings.CURRENCY,
        order=order,
        objects=objects,
    )
    return replace(
        planned, plan=plan, plan_digest=plan_digest(plan, f"{planned.system.slug}/{planned.environment_name}")
    )


def judge(planned: Planned, actor: Actor, *, reason: str, now: datetime, people: bool = True) -> Planned:
    """``planned`` with policies' verdicts, quota and who must agree. ``actor`` is the requester.

    Who they are by name is looked up with ``people`` only: one query for each decision that is needed.
    """
    assert planned.stage is not None
    team = planned.system.team
    quota, shortages = quota_lines(quota_state(team.pk), before=planned.amounts_before, after=planned.amounts_after)
    facts = facts_of(
        kind=planned.kind,
        system=planned.system,
        stage=planned.stage,
        environment=planned.environment,
        environment_name=planned.environment_name,
        base=planned.base.document if planned.base else None,
        target=planned.target,
        plan=planned.plan,
        quota=quota,
        requester=actor.username,
        via=actor.via,
        reason=reason,
        now=now,
    )
    verdicts = evaluate(active_policies(), facts)
    needs = needed_approvals(verdicts, team.slug)
    return replace(
        planned,
        facts=dict(facts),
        verdicts=verdicts,
        quota=quota,
        shortages=shortages,
        needs=needs,
        approvals=tuple(_needed(one, team, actor) for one in needs) if people else (),
    )


def _needed(one: ApprovalNeed, team: Team, requester: Actor) -> ApprovalNeeded:
    who = approvers_for(one.source, team=team, excluding=requester.user_id)
    return ApprovalNeeded(one.source, one.label, one.count, one.policy, one.reason, who)


def _living(system: System, name: str, stages: Collection[Stage]) -> tuple[Environment | None, frozenset[int]]:
    """The living environment of that name, and the clusters on which another one has the namespace it would get."""
    mine = Q(system=system, name=name)
    alike = Q(cluster__in={stage.cluster_id for stage in stages}, namespace=f"{system.slug}-{name}")
    rows = Environment.objects.select_related("system__team", "stage", "cluster", "desired")
    found = list(rows.filter(mine | alike, deleted_at=None))
    living = next((one for one in found if one.system_id == system.pk and one.name == name), None)
    return living, frozenset(one.cluster_id for one in found if one is not living)


def _request_problems(request: ChangeRequest, environment: Environment | None) -> list[FieldError]:
    label = f"{request.system}/{request.environment}"
    if request.kind == "create":
        if not is_slug(request.environment):
            return [FieldError("metadata.name", SLUG_RULE)]
        if environment is not None:
            return [FieldError("metadata.name", f"{label} exists already. Choose another name, or change that one.")]
        return []
    if environment is None:
        return [FieldError("metadata.name", f"There is no {label}. Check the name, or ask for “create”.")]
    if environment.state == "deleting":
        return [FieldError("metadata.name", f"{label} is being deleted; nothing else can be asked of it.")]
    number = environment.desired.number if environment.desired else None
    if request.base is not None and request.base != number:
        return [
            FieldError(
                "base",
                f"You started from r{request.base}; {label} is at {_r(number)} now. Look at it and redo your edit.",
            )
        ]
    if number is None and request.kind == "update":
        return [FieldError("metadata.name", f"{label} waits to be made for the first time; cancel that change first.")]
    return []


def _r(number: int | None) -> str:
    return "no revision" if number is None else f"r{number}"


def _stage(
    request: ChangeRequest, environment: Environment | None, stages: Mapping[str, Stage]
) -> tuple[Stage | None, list[FieldError]]:
    if environment is not None and request.kind != "create":
        asked = (request.spec or {}).get("stage")
        stage = stages[environment.stage.name]
        if asked not in (None, stage.name):
            return stage, [FieldError("spec.stage", f"The stage stays {stage.name}; make another environment instead.")]
        return stage, []
    name = (request.spec or {}).get("stage")
    if isinstance(name, str) and name in stages:
        return stages[name], []
    return None, [FieldError("spec.stage", f"Choose one of {', '.join(stages)}.")]


def _target(
    request: ChangeRequest,
    base: Revision | None,
    stage: Stage,
    environment: Environment | None,
    system: System,
    now: datetime,
    lookup: ContractLookup,
) -> tuple[Resolved | None, list[FieldError]]:
    """The resolved target with the problems on the way; None for delete."""
    if request.kind == "delete":
        return None, []
    spec = {"stage": stage.name, **(request.spec or {})}
    asked = spec.pop("expires", None)
    expires, problems = expiry(
        asked,
        held=base.document.get("expires") if base else None,
        has_base=base is not None,
        created=environment.created_at if environment else now,
        now=now,
        default_days=stage.default_days,
        max_days=stage.max_days,
    )
    before = base.document if base else None
    resolved = resolve(spec, contracts=lookup.contract, expires=expires, base=before)
    refused = lookup.refused(resolved.document, before, team=system.team_id)
    found = [*problems, *resolved.problems, *refused, *_component_problems(resolved, system)]
    desired = desired_at(
        resolved.document, system=system, stage=stage, name=request.environment, catalogue=lookup.catalogue
    )
    unsound = _unsound(desired)
    if not found:
        found = list(unsound.values()) or duplicates({name: desired.render_expected(name) for name in desired.order})
    if not unsound:
        return resolved, found
    kept = replace(resolved, document=_without(resolved.document, unsound), left_out=(*resolved.left_out, *unsound))
    return kept, found


def _component_problems(resolved: Resolved, system: System) -> list[FieldError]:
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


def _unsound(desired: Desired) -> dict[str, FieldError]:
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


def _without(document: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    kept = {name: one for name, one in document["resources"].items() if name not in names}
    return {**document, "resources": kept}


def delete_confirmed(request: ChangeRequest, planned: Planned) -> Sequence[FieldError]:
    """The typed name must be the environment's; asked for at submit, not while planning."""
    names = {planned.environment_name, f"{planned.system.slug}-{planned.environment_name}"}
    if request.kind != "delete" or request.confirm in names:
        return ()
    return (FieldError("confirm", f"Type “{planned.environment_name}” to confirm that it and its data are deleted."),)
