"""Score workloads to an environment: mapped by the rules that hold, then an ordinary change through the gate.

Called by the API and the portal. What cannot be mapped is told before anything is asked for, and then nothing is.
Locks what ``change_submit`` locks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.access import rights_of
from idp.catalog.models import System
from idp.catalog.selectors import system_get
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, InvalidInput, PolicyDenied, QuotaExceeded
from provisioning.domain.lending import is_borrowed
from provisioning.domain.score.check import Workload, workloads_of
from provisioning.domain.score.outcome import Place, Translation, removed_by
from provisioning.domain.score.rules import Rule
from provisioning.domain.score.translate import translate
from provisioning.domain.targets import spec_of
from provisioning.models import Change, Environment, ScoreWorkload
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.contracts import ContractLookup
from provisioning.selectors.lending import lent_by_identity
from provisioning.selectors.score import before_of, rules_now, workloads_in_force
from provisioning.services.changes import ChangeRequest, Planned, change_plan, change_submit


@dataclass(frozen=True, slots=True)
class ScoreWish:
    """``text`` holds one workload or several. ``stage`` is needed for an environment that is not there yet.

    ``images`` are what to run where a file says “.”, by container or workload, or under ``""`` for all.
    """

    system: str
    environment: str
    text: str
    stage: str = ""
    expires: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ScorePlan:
    """What a wish comes to. ``request`` is None while something cannot be mapped; ``removed`` are resources that the
    files made before and do not name any more. ``problems`` stand at places of the files.
    """

    workloads: tuple[Workload, ...]
    translation: Translation
    request: ChangeRequest | None
    removed: tuple[str, ...] = ()
    planned: Planned | None = None

    @property
    def problems(self) -> tuple[FieldError, ...]:
        found = list(self.translation.problems)
        if self.planned is not None:
            found += [self.placed(one) for one in self.planned.problems]
        return tuple(dict.fromkeys(found))

    @property
    def spec(self) -> Mapping[str, Any] | None:
        return self.request.spec if self.request else None

    def placed(self, problem: FieldError) -> FieldError:
        """A problem of the environment's document at the place of the file that it came from, where there is one."""
        steps = problem.path.split(".")
        origin = self.translation.origins.get(steps[2]) if steps[:2] == ["spec", "resources"] and steps[2:] else None
        if origin is None:
            return problem
        workload, path = origin
        inside = ".".join(steps[3:])
        return workload.problem(path, f"{inside} {problem.message}".strip())


def score_plan(actor: Actor, wish: ScoreWish, *, now: datetime, people: bool = True) -> ScorePlan:
    """What the files would make, and what the gate says to it; writes nothing.

    InvalidInput for a text that is no Score; NotFound and Forbidden as for any change.
    """
    plan = _mapped(actor, wish, now)
    if plan.request is None:
        return plan
    return replace(plan, planned=change_plan(actor, plan.request, now=now, people=people))


def score_submit(actor: Actor, wish: ScoreWish, *, now: datetime) -> Change:
    """Ask for what the files make, all or nothing.

    InvalidInput names every place that cannot be mapped (``score-unmapped``) or that the gate refuses; PolicyDenied
    and QuotaExceeded as for any change, which is stored then.
    """
    denied: PolicyDenied | QuotaExceeded | None = None
    with transaction.atomic():
        if wish.environment:
            list(_environments(wish).select_for_update(of=("self",)).values_list("pk"))
        plan = _mapped(actor, wish, now)
        if plan.request is None:
            raise _unmapped(plan)
        try:
            change = change_submit(actor, plan.request, now=now)
        except (PolicyDenied, QuotaExceeded) as error:
            denied = error  # the denied change is kept
        except InvalidInput as error:
            raise _placed(plan, error) from None
        else:
            _keep(change, plan)
    if denied is not None:
        raise denied
    return change


def _mapped(actor: Actor, wish: ScoreWish, now: datetime) -> ScorePlan:
    rights = rights_of(actor)
    system = system_get(rights, wish.system)
    rights.require_request(system)
    workloads = workloads_of(wish.text)
    environment = _environments(wish).select_related("desired", "stage").first()
    _require_place(wish, environment)
    rules = rules_now().rules
    there = workloads_in_force(environment)
    names = [one.name for one in workloads]
    before = before_of(environment, there, without=names)
    if any("id" in one for workload in workloads for one in workload.document.get("resources", {}).values()):
        before = replace(before, lent=lent_by_identity(system, wish.environment, now=now))
    stage = environment.stage.name if environment else wish.stage
    translation = translate(
        workloads,
        rules,
        lookup_of_rules(rules, before.resources).contract,
        Place(system.slug, wish.environment, stage),
        before=before,
        images=wish.images,
    )
    claims = {name: row.claims for name, row in there.items()}
    shared = {name for own in translation.claims.values() for name in own}
    removed = tuple(name for name in removed_by(names, claims, dict.fromkeys(shared)) if name in before.resources)
    if translation.problems:
        return ScorePlan(workloads, translation, None, removed)
    return ScorePlan(workloads, translation, _request(wish, system, environment, translation, removed), removed)


def lookup_of_rules(
    rules: tuple[Rule, ...], resources: Mapping[str, Mapping[str, Any]], catalogue: Catalogue | None = None
) -> ContractLookup:
    """Contracts that rules name, and those of an environment's own resources, which keep their versions.

    One query; none with a ``catalogue`` that has them all.
    """
    there = {one["capability"] for one in resources.values()}
    kept = {one["capability"]: one["contract"] for one in resources.values() if not is_borrowed(one)}
    named = {one.capability for one in rules if one.capability}
    return ContractLookup(catalogue or Catalogue(named | there), kept)


def _environments(wish: ScoreWish) -> Any:
    return Environment.objects.filter(system__slug=wish.system, name=wish.environment, deleted_at=None)


def _require_place(wish: ScoreWish, environment: Environment | None) -> None:
    errors = []
    if not wish.environment:
        errors.append(FieldError("environment", "Write which environment it is for."))
    if environment is None and not wish.stage:
        errors.append(FieldError("stage", "Choose a stage: the environment is not there yet."))
    if environment is not None and wish.stage and wish.stage != environment.stage.name:
        errors.append(FieldError("stage", f"It is {environment.stage.name} and stays so; leave it out."))
    if environment is not None and environment.desired is None:
        errors.append(FieldError("environment", "It waits to be made for the first time; try again when it is there."))
    if errors:
        raise InvalidInput(errors[0].message, errors=errors)


def _request(
    wish: ScoreWish,
    system: System,
    environment: Environment | None,
    translation: Translation,
    removed: tuple[str, ...],
) -> ChangeRequest:
    """The change that the files stand for. Resources that no Score file made stay as they are."""
    expires = {"expires": wish.expires} if wish.expires else {}
    if environment is None or environment.desired is None:
        made = {"stage": wish.stage, **expires, "resources": translation.resources}
        return ChangeRequest("create", system.slug, wish.environment, spec=made, reason=wish.reason)
    spec: dict[str, Any] = spec_of(environment.desired.document)
    resources = {name: one for name, one in spec["resources"].items() if name not in removed}
    for name, one in translation.resources.items():
        component = resources.get(name, {}).get("component")
        resources[name] = {**one, **({"component": component} if component else {})}
    spec["resources"] = resources
    base = environment.desired.number
    return ChangeRequest(
        "update", system.slug, wish.environment, spec={**spec, **expires}, reason=wish.reason, base=base
    )


def _unmapped(plan: ScorePlan) -> InvalidInput:
    problems = plan.translation.problems
    count = "1 place" if len(problems) == 1 else f"{len(problems)} places"
    return InvalidInput(
        f"{count} of the Score file cannot be mapped. Nothing was asked for.",
        code="score-unmapped",
        remedy="Change these places, or ask an administrator for a rule.",
        errors=problems,
    )


def _placed(plan: ScorePlan, error: InvalidInput) -> InvalidInput:
    errors = [plan.placed(one) for one in error.errors]
    return InvalidInput(error.message, code=error.code, remedy=error.remedy, errors=errors)


def _keep(change: Change, plan: ScorePlan) -> None:
    ScoreWorkload.objects.bulk_create(
        ScoreWorkload(
            change=change,
            system_id=change.system_id,
            environment_name=change.environment_name,
            name=one.name,
            document=one.document,
            claims=plan.translation.claims.get(one.name, {}),
        )
        for one in plan.workloads
    )
