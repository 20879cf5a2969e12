"""The gate: from an intent to a plan with its verdicts. Walks steps 1 to 6 of the one way in, and writes nothing.

Every face and every kind of change comes through ``change_plan``; submitting plans again through the same function
inside its transaction, so that what was shown and what is stored cannot differ by path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from django.conf import settings

from governance.access import Rights, rights_of
from governance.domain.approval import ApprovalNeed, needed_approvals
from governance.domain.ceilings import Extras
from governance.domain.policy import Verdict
from governance.domain.quota import Amounts, Shortage
from governance.selectors.quota import quota_counted, quota_state
from governance.services.policies import active_policies, evaluate
from governance.services.routing import needs_routed
from idp.catalog.models import System
from idp.catalog.selectors import system_get
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError
from provisioning.domain.correction import with_corrections
from provisioning.domain.isolation import Place, namespace_name
from provisioning.domain.lifetime import expiry
from provisioning.domain.placement import Placement
from provisioning.domain.plan import Side, build_plan, changes_nothing, plan_digest
from provisioning.domain.render import duplicates
from provisioning.domain.revision import Revision as Resolved
from provisioning.domain.revision import resolve
from provisioning.domain.targets import Target
from provisioning.models import Cluster, Environment, Revision, Stage
from provisioning.selectors.amounts import amounts_after, amounts_asked, extras_after
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.clusters import prices_of
from provisioning.selectors.contracts import ContractLookup
from provisioning.selectors.desired import desired_at, side_of
from provisioning.selectors.drift import corrections_of
from provisioning.selectors.freezes import stages_marked
from provisioning.selectors.hosts import hosts_wanted
from provisioning.selectors.lending import Taker, lend_source
from provisioning.selectors.offers import offer_source
from provisioning.selectors.owners import owners_of
from provisioning.selectors.ownership import team_is_alone
from provisioning.selectors.quota_lines import QuotaLine, quota_lines
from provisioning.services.agent_gate import cosign_verdicts
from provisioning.services.budget_gate import budget_verdicts
from provisioning.services.drift_gate import drift_blocks, drift_chosen, drift_notes
from provisioning.services.facts import facts_of
from provisioning.services.freeze_gate import Asked, freeze_verdicts
from provisioning.services.gate_checks import component_problems, living, request_problems, stage_of, unsound, without
from provisioning.services.git_ownership import git_verdicts, git_verdicts_for_new
from provisioning.services.hosts import hosts_judged
from provisioning.services.lending_gate import lender_checked, request_completed
from provisioning.services.losses import losses_of
from provisioning.services.moving import moved, place_of_environment, with_move
from provisioning.services.needed_approvals import ApprovalNeeded, approval_needed
from provisioning.services.placing import placed
from provisioning.services.requests import MAKES, ChangeRequest, intent_of, request_checked
from provisioning.services.standing_rules import standing_verdicts
from provisioning.services.targeting import Sources, lookup_of, pinned, sources_of, target_of

Result = Literal["starts", "waits", "denied", "invalid", "nothing"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What the gate says to an intent. ``problems`` name every field to fix; ``left_out`` the resources they are in.

    ``catalogue`` holds the contracts of base and target; where it is None they are loaded when they are needed.
    ``cluster`` is where a new environment goes, or one that moves (to ``goes``), and ``placement`` says why;
    ``taken_on`` are the clusters on which another environment has the namespace that it would get.
    ``skipped`` are decisions that a condition of their route left out.
    ``intent`` is what a change keeps of the request; ``notes`` are sentences for who decides; ``untested`` says why a
    promoted set has not proven itself; ``hosts`` are those that it begins to route, and ``hosts_held`` those of them
    that the system's team holds already.
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
    skipped: tuple[ApprovalNeed, ...] = ()
    approvals: tuple[ApprovalNeeded, ...] = ()
    quota: tuple[QuotaLine, ...] = ()
    shortages: tuple[Shortage, ...] = ()
    problems: tuple[FieldError, ...] = ()
    left_out: tuple[str, ...] = ()
    intent: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    untested: str = ""
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hosts_held: frozenset[str] = frozenset()
    catalogue: Catalogue | None = field(default=None, repr=False, compare=False)
    cluster: Cluster | None = field(default=None, repr=False)
    placement: Placement | None = None
    taken_on: frozenset[int] = frozenset()
    goes: Place | None = None

    @property
    def place(self) -> Cluster:
        """The cluster of the environment that is there, or the one that a new one or one that moves would go to."""
        if self.cluster is not None:
            return self.cluster
        if self.environment is not None:
            return self.environment.cluster
        assert self.stage is not None
        return self.stage.cluster

    @property
    def home(self) -> Place:
        """Where the environment is once the change is carried out."""
        if self.goes is not None:
            return self.goes
        if self.environment is not None:
            return place_of_environment(self.environment)
        assert self.stage is not None
        name = namespace_name(
            self.stage.isolation,
            stage=self.stage.name,
            system=self.system.slug,
            environment=self.environment_name,
            taken=self.place.pk in self.taken_on,
        )
        return Place(self.place.name, name, self.stage.isolation)

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
    def target_day(self) -> str:
        """The day on which the target goes away, in words."""
        expires = self.target.get("expires") if self.target else None
        return f"{datetime.fromisoformat(expires):%d %B %Y}" if expires else "further notice"

    @property
    def amounts_before(self) -> Amounts:
        return amounts_after(self.plan, "usage_before")

    @property
    def amounts_after(self) -> Amounts:
        return amounts_asked(self.plan)

    @property
    def extras_before(self) -> Extras:
        return extras_after(self.plan, "before")

    @property
    def extras_after(self) -> Extras:
        return extras_after(self.plan, "after")


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
    request = request_completed(request_checked(request))
    planned = _with_hosts(_planned(actor, system, request, now=now, objects=objects, people=people), rights)
    return lender_checked(planned, rights)


def _planned(
    actor: Actor, system: System, request: ChangeRequest, *, now: datetime, objects: bool, people: bool
) -> Planned:
    stages = {stage.name: stage for stage in stages_marked()}
    environment, taken_on = living(system, request.environment, stages.values())
    start = Planned(kind=request.kind, system=system, environment_name=request.environment, environment=environment)
    sources = sources_of(request, system, environment)
    request = pinned(request, sources)
    stage, stage_problems = stage_of(request, environment, sources, stages)
    problems = [*request_problems(request, environment), *sources.problems, *stage_problems]
    problems += drift_blocks(request.kind, environment)
    base = environment.desired if environment else None
    if stage is None or (base is None and request.kind not in (*MAKES, "delete")):
        return replace(start, stage=stage, problems=tuple(problems))
    planned = replace(start, stage=stage, base=base, taken_on=taken_on)

    def plan(at: Planned) -> Planned:
        return targeted(at, request, sources, objects=objects, now=now)

    planned = moved(planned, request.cluster, plan) if request.kind == "move" else placed(planned, plan)
    planned = replace(planned, intent=_intent(request, planned))
    judged = judge(planned, actor, reason=request.reason, now=now, people=people)
    mark: Any = stages[stage.name]
    owned = mark.git_owns and environment is None
    judged = _held(judged, actor, glass=request.glass, mark=mark.freeze_mark, owned=owned, now=now)
    return replace(judged, problems=tuple(dict.fromkeys([*problems, *judged.problems])))


def _held(planned: Planned, actor: Actor, *, glass: bool, mark: int, owned: bool, now: datetime) -> Planned:
    """``planned`` with what freezes and Git say; ``owned`` where Git may say what a new environment is.

    A change that waits already is not judged anew here: a freeze lets it wait on, and Git denies it when it takes over.
    """
    assert planned.stage is not None
    documents = (planned.base.document if planned.base else None, planned.target)
    asked = Asked(planned.kind, planned.system, planned.stage.name, planned.plan, documents)
    said = (
        *freeze_verdicts(actor, asked, glass=glass, mark=mark, now=now),
        *git_verdicts(actor, planned.kind, planned.environment),
        *(git_verdicts_for_new(actor, planned.system, planned.environment_name) if owned else ()),
    )
    return replace(planned, verdicts=(*planned.verdicts, *said)) if said else planned


def _with_hosts(planned: Planned, rights: Rights) -> Planned:
    """``planned`` with the hosts that it begins to route, and a problem for each that is another's."""
    if planned.target is None or planned.stage is None or planned.kind in ("sleep", "wake", "extend", "move"):
        return planned
    place: dict[str, Any] = {
        "system": planned.system,
        "stage": planned.stage,
        "name": planned.environment_name,
        "catalogue": planned.catalogue,
    }
    hosts = hosts_wanted(planned.target, **place)
    if not hosts:
        return planned
    routed = hosts_wanted(planned.base.document, **place) if planned.base else {}
    known = {host for names in routed.values() for host in names}
    new = {resource: fresh for resource, names in hosts.items() if (fresh := tuple(set(names) - known))}
    refused, held = hosts_judged(rights, planned.system, new) if new else ([], frozenset())
    return replace(planned, hosts=new, hosts_held=held, problems=(*planned.problems, *refused))


def _intent(request: ChangeRequest, planned: Planned) -> dict[str, Any]:
    """What the change keeps of the request; a span of time becomes the moment, any cluster the one, that was shown."""
    intent = intent_of(request)
    if request.kind == "extend" and planned.target is not None:
        intent["until"] = planned.target["expires"] or "never"
    if planned.goes is not None:
        intent["cluster"] = planned.goes.cluster
    return intent


def targeted(
    planned: Planned, request: ChangeRequest, sources: Sources, *, now: datetime, objects: bool = False
) -> Planned:
    """``planned`` with the target that ``request`` asks for from its base, and the plan from one to the other."""
    assert planned.stage is not None
    lookup = replace(lookup_of(request, planned.base, sources), offer=offer_source(planned.place))
    planned = replace(planned, catalogue=lookup.catalogue)
    if request.kind == "delete":
        return with_plan(_with_losses(planned), objects=objects)
    place: dict[str, Any] = {
        "system": planned.system,
        "stage": planned.stage,
        "environment": planned.environment,
        "base": planned.base,
        "lookup": lookup,
        "now": now,
    }
    asked = target_of(request, sources=sources, **place)
    resolved, problems = _target(request, asked, home=planned.home, at=planned.place, **place)
    planned = replace(
        planned,
        target=dict(resolved.document),
        left_out=resolved.left_out,
        problems=tuple(problems),
        notes=asked.notes,
        untested=asked.untested,
    )
    planned = with_plan(planned, order=resolved.order, digest=resolved.digest, objects=objects)
    return corrected(planned, request) if request.kind == "revert" else planned


def corrected(planned: Planned, request: ChangeRequest) -> Planned:
    """The plan of a revert, with every field that is put back; one query."""
    assert planned.environment is not None
    rows, problems = drift_chosen(planned.environment, request.objects)
    plan = with_corrections(planned.plan, corrections_of(rows))
    label = f"{planned.system.slug}/{planned.environment_name}"
    return replace(planned, plan=plan, plan_digest=plan_digest(plan, label), problems=(*planned.problems, *problems))


def _with_losses(planned: Planned) -> Planned:
    if planned.environment is None or planned.base is None:
        return planned
    notes, problems = losses_of(planned.environment, planned.base.document, planned.catalogue)
    return replace(planned, notes=notes, problems=problems)


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
    place: dict[str, Any] = {
        "system": planned.system,
        "stage": planned.stage,
        "name": planned.environment_name,
        "objects": objects,
        "catalogue": planned.catalogue,
    }
    home = planned.home
    there = place_of_environment(environment) if environment else home
    target = side_of(planned.target, digest=digest, **place, **home.names) if planned.target else Side()
    had, held = planned.base, there.names
    base = side_of(had.document, digest=had.digest, **place, **held) if had else Side()
    plan = build_plan(
        planned.kind,
        base,
        target,
        base_number=planned.base.number if planned.base else None,
        stage=planned.stage.name,
        prices=prices_of(planned.place, stage=planned.stage.name),
        currency=settings.CURRENCY,
        order=order,
        objects=objects,
        prices_before=prices_of(environment.cluster, stage=planned.stage.name) if environment else None,
    )
    plan["notes"] = [*planned.notes, *drift_notes(planned.kind, environment)]
    planned = with_move(replace(planned, plan=plan))
    label = f"{planned.system.slug}/{planned.environment_name}"
    return replace(planned, plan_digest=plan_digest(planned.plan, label))


def judge(planned: Planned, actor: Actor, *, reason: str, now: datetime, people: bool = True) -> Planned:
    """``planned`` with policies' verdicts, quota and who must agree. ``actor`` is the requester.

    Who they are by name is looked up with ``people`` only: one query for each decision that is needed.
    """
    assert planned.stage is not None
    team = planned.system.team
    extras = planned.extras_after
    state = quota_counted(team.pk, quota_state(team.pk), extras.resources)
    quota, shortages = quota_lines(
        state,
        before=planned.amounts_before,
        after=planned.amounts_after,
        extras_before=planned.extras_before,
        extras=extras,
    )
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
        untested=planned.untested,
        now=now,
    )
    policies = active_policies()
    said = evaluate(policies, facts)
    own = standing_verdicts(
        planned.kind,
        stage=planned.stage,
        environment=planned.environment,
        untested=planned.untested,
        expires=planned.target.get("expires") if planned.target else None,
        reason=reason,
        policies=policies,
        verdicts=said,
        now=now,
        alone=planned.kind == "promote" and team_is_alone(team.pk),
    )
    money = budget_verdicts(planned.system, planned.plan, now=now) if state.budgeted else ()
    verdicts = (*said, *own, *money, *cosign_verdicts(actor.via, planned.stage))
    needs, skipped = needs_routed(
        needed_approvals(verdicts, team.slug),
        team=team.slug,
        facts=facts,
        digest=planned.plan_digest,
        owners=owners_of(planned.system, planned.plan),
    )
    return replace(
        planned,
        facts=dict(facts),
        verdicts=verdicts,
        quota=quota,
        shortages=shortages,
        needs=needs,
        skipped=skipped,
        approvals=tuple(approval_needed(one, team, actor) for one in needs) if people else (),
    )


def _target(
    request: ChangeRequest,
    asked: Target,
    *,
    system: System,
    stage: Stage,
    environment: Environment | None,
    base: Revision | None,
    lookup: ContractLookup,
    home: Place,
    at: Cluster,
    now: datetime,
) -> tuple[Resolved, list[FieldError]]:
    """The resolved target, with everything that keeps it from being carried out.

    What a cluster serves decides what is made of a resource; one that moves is looked at anew.
    """
    before, moves = base.document if base else None, request.kind == "move"
    expires, late = expiry(
        asked.expires,
        held=before.get("expires") if before else None,
        has_base=before is not None,
        created=environment.created_at if environment else now,
        now=now,
        default_days=stage.default_days,
        max_days=stage.max_days,
        extends=request.kind == "extend",
    )
    late = [FieldError("until", one.message) for one in late] if request.kind == "extend" else late
    resolved = resolve(
        asked.spec,
        contracts=lookup.contract,
        power=asked.power,
        expires=expires,
        base=None if moves else before,
        served=lookup.served,
        lend=lend_source(Taker(system, request.environment, stage, at, environment), before, now=now),
    )
    said = {one.path for one in asked.problems}
    refused = lookup.refused(resolved.document, before, team=system.team_id, elsewhere=moves)
    further = (*resolved.problems, *refused, *component_problems(resolved, system))
    found = [*late, *asked.problems, *(one for one in further if one.path not in said)]
    desired = desired_at(
        resolved.document,
        system=system,
        stage=stage,
        name=request.environment,
        namespace=home.namespace,
        isolation=home.isolation,
        catalogue=lookup.catalogue,
    )
    wrong = unsound(desired)
    if not found:
        found = list(wrong.values()) or duplicates({name: desired.render_expected(name) for name in desired.order})
    if not wrong:
        return resolved, found
    kept = replace(resolved, document=without(resolved.document, wrong), left_out=(*resolved.left_out, *wrong))
    return kept, found
