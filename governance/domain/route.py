"""Approval routes: stages of people who must agree, in order or side by side. Pure: documents and facts in, needs out.

``governance.services.routing`` keeps them compiled and asks them; the gate shows what they need beside the form, and
``governance.services.approvals`` opens one stage after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from governance.domain.approval import ApprovalNeed, named_source
from governance.domain.facts import NAMES
from governance.domain.policy import ApprovalRule
from governance.domain.route_schema import schema_errors
from idp.kernel import cel
from idp.kernel.errors import FieldError, InvalidInput

Order = Literal["in-order", "side-by-side"]
Owners = Callable[[str], Sequence[str]]
"""Slugs of the teams that own what ``capabilities``, ``capability:<name>`` or ``dependencies`` means for a change; an
empty one for what nobody owns."""

OWNED: Final = ("capabilities", "dependencies")
ROUTE: Final = "route:"


@dataclass(frozen=True, slots=True)
class RouteStage:
    """``skip`` leaves it out when it is true, but for ``sample`` of a hundred. Times are hours, 0 for never."""

    name: str
    approvers: tuple[ApprovalRule, ...]
    skip: str = ""
    program: cel.Program | None = None
    sample: int = 0
    escalate_after: float = 0
    escalate_to: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A route, ready to be asked."""

    name: str
    title: str
    order: Order
    stages: tuple[RouteStage, ...]
    expires: float = 0


def parse_route(document: Any) -> Route:
    """The route in a document; InvalidInput names each place that is wrong."""
    errors = schema_errors(document)
    if not errors:
        errors = [*_conditions(document["spec"]["stages"]), *_twice(document["spec"]["stages"])]
    if errors:
        first = errors[0]
        raise InvalidInput(f"This route is not right yet: {first.path}: {first.message}", errors=errors)
    return compiled(document)


def compiled(document: Mapping[str, Any]) -> Route:
    """The route of a document that was valid when it was stored."""
    spec = document["spec"]
    return Route(
        name=document["metadata"]["name"],
        title=spec["title"],
        order=spec.get("order", "in-order"),
        stages=tuple(_stage(one) for one in spec["stages"]),
        expires=spec.get("expires", 0),
    )


def sources_of(route: Route) -> list[tuple[str, str]]:
    """Each source that it names, with its path in the document."""
    found = []
    for number, stage in enumerate(route.stages):
        path = f"spec.stages.{number}"
        found += [(f"{path}.approvers.{at}.from", one.source) for at, one in enumerate(stage.approvers)]
        if stage.escalate_to:
            found.append((f"{path}.escalate.to", stage.escalate_to))
    return found


def route_named(source: str) -> str | None:
    """The route's name in ``route:<name>``, else None."""
    return source.removeprefix(ROUTE) if source.startswith(ROUTE) else None


def route_needs(
    route: Route, *, team: str, facts: cel.Facts, digest: str, owners: Owners, reason: str, policy: str
) -> list[ApprovalNeed]:
    """Every decision that ``route`` asks of one change, ``skipped`` ones with why; ``team`` is the owning team's slug.

    ``digest`` is the plan's, which decides who is in a sample: the same for the form, the submit and a later replan.
    """
    needs: list[ApprovalNeed] = []
    for number, stage in enumerate(route.stages):
        skipped = _skipped(stage, facts, f"{digest}{number}")
        for rule in _resolved(stage.approvers, team, owners):
            needs.append(
                ApprovalNeed(
                    source=rule.source,
                    count=rule.count,
                    policy=policy,
                    reason=reason,
                    route=route.name,
                    stage=number + 1 if route.order == "in-order" else 1,
                    stage_name=stage.name,
                    escalate_hours=stage.escalate_after,
                    escalate_to=stage.escalate_to,
                    expire_hours=route.expires,
                    skipped=skipped,
                )
            )
    return needs


def _stage(given: Mapping[str, Any]) -> RouteStage:
    skip, escalate = given.get("skip", {}), given.get("escalate", {})
    return RouteStage(
        name=given["name"],
        approvers=tuple(ApprovalRule(one["from"], one.get("count", 1)) for one in given["approvers"]),
        skip=skip.get("when", ""),
        program=_program(skip.get("when", "")),
        sample=skip.get("sample", 0),
        escalate_after=escalate.get("after", 0),
        escalate_to=escalate.get("to", ""),
    )


def _program(source: str) -> cel.Program | None:
    try:
        return cel.compile(source, names=NAMES) if source else None
    except cel.CelError:
        return None


def _conditions(stages: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    errors = []
    for number, stage in enumerate(stages):
        source = stage.get("skip", {}).get("when", "")
        try:
            if source:
                cel.compile(source, names=NAMES)
        except cel.CelError as error:
            errors.append(FieldError(f"spec.stages.{number}.skip.when", error.message))
    return errors


def _twice(stages: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    names = [stage["name"].strip().lower() for stage in stages]
    return [
        FieldError(f"spec.stages.{number}.name", "Another stage has this name; give each its own.")
        for number, name in enumerate(names)
        if name in names[:number]
    ]


def _skipped(stage: RouteStage, facts: cel.Facts, digest: str) -> str:
    """Why the stage is left out, or nothing. A condition that cannot be evaluated leaves nothing out."""
    if stage.program is None:
        return ""
    try:
        holds = stage.program.evaluate(facts)
    except cel.CelError:
        return ""
    if holds is not True or _sampled(stage.sample, digest):
        return ""
    return f"Left out, because {stage.skip}"


def _sampled(share: int, digest: str) -> bool:
    """Whether this one is among ``share`` of a hundred; the digest is as good as dice, and the same each time."""
    return share > 0 and int(sha256(digest.encode()).hexdigest()[:8], 16) % 100 < share


def _of_owner(slug: str) -> str:
    """The maintainers of the owning team; what nobody owns is the platform admins' to decide."""
    return f"team:{slug}:maintainer" if slug else "group:platform-admins"


def _resolved(rules: Iterable[ApprovalRule], team: str, owners: Owners) -> list[ApprovalRule]:
    """Rules with the teams that own something in place of what they own; the highest count where two lead to one."""
    counts: dict[str, int] = {}
    for rule in rules:
        owned = rule.source in OWNED or rule.source.startswith("capability:")
        sources = [_of_owner(slug) for slug in owners(rule.source)] if owned else [rule.source]
        for source in sources:
            named = named_source(source, team)
            counts[named] = max(rule.count, counts.get(named, 0))
    return [ApprovalRule(source, count) for source, count in counts.items()]
