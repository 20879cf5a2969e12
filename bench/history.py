"""Years of changes in seconds: environments with their changes, revisions, runs, approvals and reservations, in bulk.

Called by ``bench.seed``. Rows are consistent with each other as the services would leave them: what an environment
wants is the revision of its last started change, what it uses of the quota follows from that revision's plan, what
waits holds. The history of all environments is written in order of time, so that the changes of one environment lie
as far apart in their table as in life.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bench.bulk import batches, insert, keys
from bench.founding import Organisation, shares
from bench.wanted import SHAPES, VERSIONS, WEIGHTS, Catalogue, Template
from governance.models import Approval, Decision, Reservation
from idp.catalog.models import System, User
from idp.kernel.canonical import digest
from provisioning.models import Change, Environment, Resource, Revision, Run

STARTED = ("succeeded", "failed", "running")
NAMES = ("dev", "staging", "prod", "qa", "demo", "load", "preview")
STAGE_OF = {"dev": 0, "staging": 1, "prod": 2}
ENDINGS = (("ready", 90), ("failed", 4), ("progressing", 2), ("requested", 4))
FIRST_ENDINGS = ("ready", "failed", "requested", "progressing")
"""Of the first environments of the largest system, so that even the smallest data has one of each."""
MIDDLES = (("succeeded", 80), ("failed", 6), ("denied", 5), ("rejected", 5), ("cancelled", 4))
BUSY_PERCENT, BUSY_CHANGES, USUAL_CHANGES = 10, 10, 5
WAITING_PERCENT, GONE_PERCENT = 4, 5


@dataclass(slots=True)
class Place:
    """One environment in the making. ``state`` is the number of its desired state, ``number`` its last revision's."""

    row: Environment
    system: System
    people: Sequence[User]
    shape: int
    stage: int
    ending: str
    state: int | None = None
    number: int = 0
    desired: Revision | None = None
    observed: Revision | None = None
    amounts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """One change to come, ``place`` by number."""

    at: datetime
    place: int
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class Made:
    """What ``bench.trace`` needs to know of a run that was written: its shape tells its steps."""

    run: Run
    place: Place
    outcome: str


class History:
    """Writes everything but what runs and changes left behind as lines, which ``bench.trace`` adds."""

    def __init__(self, organisation: Organisation, catalogue: Catalogue, *, now: datetime, seed: int = 1) -> None:
        self._organisation = organisation
        self._catalogue = catalogue
        self._now = now
        self._random = random.Random(seed)
        self.places: list[Place] = []

    def environments(self, living: int) -> None:
        """``living`` environments, and some that are gone, on the systems by their shares; stored at the very end."""
        systems = self._organisation.systems
        for system, share in zip(systems, shares(living, len(systems)), strict=True):
            people = self._organisation.members(system)
            self.places += [self._place(system, people, index, gone=False) for index in range(share)]
            self.places += [
                self._place(system, people, share + index, gone=True) for index in range(share * GONE_PERCENT // 100)
            ]
        self._random.shuffle(self.places)
        for place, key in zip(self.places, keys(Environment, len(self.places)), strict=True):
            place.row.pk = key

    def _place(self, system: System, people: Sequence[User], index: int, *, gone: bool) -> Place:
        name = NAMES[index] if index < len(NAMES) else f"pr-{index}"
        stage = STAGE_OF.get(name, index % 10 == 0)
        made = self._now - timedelta(days=self._random.uniform(1, 360))
        where = self._organisation.stages[stage]
        row = Environment(
            system=system,
            name=name,
            stage=where,
            cluster=where.cluster,
            namespace=f"{system.slug}-{name}",
            state="requested",
            conditions=[],
            created_by=people[0],
            created_at=made,
            changed_at=made,
            expires_at=self._now + timedelta(days=self._random.uniform(0.2, 80)) if stage == 0 else None,
        )
        certain = FIRST_ENDINGS[index] if system is self._organisation.systems[0] and index < 4 else ""
        ending = "gone" if gone else certain or self._pick(ENDINGS)
        return Place(row, system, people, self._pick(tuple(enumerate(WEIGHTS))), int(stage), ending)

    def _pick(self, weighted: Sequence[tuple[Any, int]]) -> Any:
        return self._random.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]

    def changes(self) -> Iterator[list[Made]]:
        """All changes in order of time, each batch with what belongs to it; yields the runs of each batch."""
        asks = sorted((ask for index in range(len(self.places)) for ask in self._asks(index)), key=lambda one: one.at)
        for batch in batches(asks):
            yield self._write(batch)
        self._settle()

    def _asks(self, index: int) -> Iterator[Ask]:
        place = self.places[index]
        begin = place.row.created_at
        if place.ending == "requested":
            yield Ask(begin, index, "create", "pending")
            return
        many = BUSY_CHANGES if self._random.randrange(100) < BUSY_PERCENT else USUAL_CHANGES
        times = sorted(begin + (self._now - begin) * self._random.random() for _ in range(many - 1))
        yield Ask(begin, index, "create", "succeeded")
        for at in times[:-1]:
            yield Ask(at, index, "update", self._pick(MIDDLES))
        last = {"ready": "succeeded", "failed": "failed", "progressing": "running", "gone": "succeeded"}[place.ending]
        yield Ask(times[-1], index, "delete" if place.ending == "gone" else "update", last)
        if place.ending == "ready" and self._random.randrange(100) < WAITING_PERCENT:
            yield Ask(self._now - timedelta(minutes=self._random.uniform(1, 900)), index, "update", "pending")

    def _write(self, batch: Sequence[Ask]) -> list[Made]:
        changes: list[Change] = []
        made: list[Made] = []
        approvals: list[tuple[Approval, Decision | None]] = []
        holds: list[Reservation] = []
        revision_keys = iter(keys(Revision, len(batch)))
        for key, ask in zip(keys(Change, len(batch)), batch, strict=True):
            place = self.places[ask.place]
            template = self._template(ask, place)
            change = self._change(key, ask, place, template)
            changes.append(change)
            if ask.state in STARTED:
                _start(change, place, template, revision_keys)
                made.append(Made(_run(change, place), place, ask.state))
            approvals += _approvals(change, place, template)
            holds += _hold(change, place, template)
        insert(one.run.revision for one in made if one.run.revision)
        insert(changes)
        insert(one.run for one in made)
        insert(approval for approval, _ in approvals)
        insert(decision for _, decision in approvals if decision is not None)
        insert(holds)
        return made

    def _template(self, ask: Ask, place: Place) -> Template:
        after = None if ask.kind == "delete" else _next(place.state)
        return self._catalogue.of(place.shape, place.stage, place.state, after)

    def _change(self, key: int, ask: Ask, place: Place, template: Template) -> Change:
        requester = place.people[self._random.randrange(3)]
        return Change(
            pk=key,
            kind=ask.kind,
            state=ask.state,
            system=place.system,
            stage=place.row.stage,
            environment=place.row,
            environment_name=place.row.name,
            base=place.desired,
            target=template.target,
            plan={**template.plan, "base": place.desired.number if place.desired else None},
            plan_digest=digest([place.row.pk, ask.at.isoformat()]),
            facts=_facts(template, place, requester),
            verdicts=template.verdicts,
            title=f"{ask.kind.capitalize()} {place.system.slug} / {place.row.name}",
            reason="Customers wait for it.",
            via="portal" if place.row.pk % 3 else "api",
            requester=requester,
            monthly_cost_before=template.plan["cost_before"],
            monthly_cost_after=template.plan["cost_after"],
            created_at=ask.at,
            decided_at=None if ask.state in ("pending", "denied") else ask.at + timedelta(minutes=2),
            finished_at=None if ask.state in ("pending", "running") else ask.at + timedelta(minutes=4),
        )

    def _settle(self) -> None:
        """What each environment is now, its resources, and its use of the quota."""
        for batch in batches(self.places):
            for place in batch:
                _now_is(place)
            insert(place.row for place in batch)
            insert(row for place in batch for row in self._resources(place))
            insert(_use(place) for place in batch if place.desired and not place.row.deleted_at)

    def _resources(self, place: Place) -> Iterator[Resource]:
        if place.desired is None or place.row.deleted_at:
            return
        states = {"ready": "ready", "failed": "failed", "progressing": "progressing"}
        for index, (name, wanted) in enumerate(sorted(place.desired.document["resources"].items())):
            yield Resource(
                environment=place.row,
                name=name,
                contract_id=self._catalogue.contracts[wanted["capability"]],
                state="ready" if index else states[place.row.state],
                message="" if index else {"failed": "The image cannot be pulled."}.get(place.row.state, ""),
                outputs=_outputs(place.row.namespace, name, wanted["capability"]),
                objects_made=[
                    {"apiVersion": "v1", "kind": "Service", "namespace": place.row.namespace, "name": name},
                    {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": place.row.namespace, "name": name},
                ],
                changed_at=place.row.changed_at,
            )


def _facts(template: Template, place: Place, requester: User) -> dict[str, Any]:
    team = place.system.team
    return {
        **template.facts,
        "change": {**template.facts["change"], "requester": requester.username},
        "environment": {**template.facts["environment"], "name": place.row.name},
        "system": {"name": place.system.slug, "restricted": place.system.restricted, "team": team.slug},
        "team": {"slug": team.slug, "name": team.name},
    }


def _next(state: int | None) -> int:
    return 0 if state is None else (state + 1) % len(VERSIONS)


def _start(change: Change, place: Place, template: Template, revision_keys: Iterator[int]) -> None:
    """The change's revision is what the environment wants from now on; a delete has none."""
    place.row.changed_at = change.finished_at or change.created_at
    if change.kind == "delete":
        place.row.deleted_at = change.finished_at
        return
    place.amounts = {name: template.plan["usage_after"][name] for name in ("cpu", "memory_gib", "storage_gib")}
    place.state = _next(place.state)
    place.number += 1
    place.desired = change.revision = Revision(
        pk=next(revision_keys),
        environment=place.row,
        number=place.number,
        document=template.target,
        digest=template.plan["target_digest"],
        change_id=change.pk,
        created_at=change.created_at,
    )
    if change.state == "succeeded":
        place.observed = place.desired
    place.row.monthly_cost = change.monthly_cost_after


def _run(change: Change, place: Place) -> Run:
    over = change.state != "running"
    error = {"code": "image-not-found", "message": "api: The image cannot be pulled.", "remedy": "Check its name."}
    return Run(
        change=change,
        environment=place.row,
        revision=change.revision,
        kind="apply" if change.revision else "delete",
        state=change.state,
        epoch=3,
        # Far ahead: what is seeded as running must not be taken up by a worker that is measured.
        due_at=None if over else change.created_at + timedelta(days=4000),
        error={**error, "raw": "", "step": "resource:api", "title": "api"} if change.state == "failed" else None,
        created_at=change.created_at,
        started_at=change.created_at + timedelta(seconds=1),
        applied_at=change.created_at + timedelta(seconds=2),
        finished_at=change.finished_at,
    )


def _approvals(change: Change, place: Place, template: Template) -> Iterator[tuple[Approval, Decision | None]]:
    """What was asked for, and the one person who answered all of it."""
    if change.state == "denied":
        return
    state = {"pending": "waiting", "rejected": "rejected", "cancelled": "dismissed"}.get(change.state, "approved")
    decider = next(one for one in place.people[3:] if one.pk != change.requester_id)
    for position, need in enumerate(template.needs):
        approval = Approval(
            change_id=change.pk,
            plan_digest=change.plan_digest,
            position=position,
            source=need.source,
            team_id=place.system.team_id,
            count=need.count,
            reason=need.reason,
            policy=need.policy,
            state=state,
            settled_at=change.decided_at,
        )
        answered = position == 0 and state in ("approved", "rejected")
        yield approval, _decision(change, decider) if answered else None


def _hold(change: Change, place: Place, template: Template) -> Iterator[Reservation]:
    """What a waiting change holds, and what started ones held once."""
    before, after = template.plan["usage_before"], template.plan["usage_after"]
    asked = {name: max(0, after[name] - before[name]) for name in before}
    if change.state == "denied" or not any(asked.values()):
        return
    waits = change.state == "pending"
    yield Reservation(
        team_id=place.system.team_id,
        environment_id=place.row.pk,
        change_id=change.pk,
        label=f"{place.system.slug}/{place.row.name}",
        state="held" if waits else "released",
        created_at=change.created_at,
        released_at=None if waits else change.decided_at,
        **asked,
    )


def _use(place: Place) -> Reservation:
    return Reservation(
        team_id=place.system.team_id,
        environment_id=place.row.pk,
        label=f"{place.system.slug}/{place.row.name}",
        state="used",
        environments=1,
        created_at=place.row.created_at,
        **place.amounts,
    )


def _decision(change: Change, by: User) -> Decision:
    return Decision(
        change_id=change.pk,
        plan_digest=change.plan_digest,
        user=by,
        verdict="reject" if change.state == "rejected" else "approve",
        comment="Looks right." if change.state != "rejected" else "Not this week.",
        created_at=change.decided_at,
    )


def _now_is(place: Place) -> None:
    row = place.row
    row.state = place.ending
    row.desired, row.observed = place.desired, place.observed
    if place.ending != "gone":
        for name, amount in place.amounts.items():
            setattr(row, name, amount)
    ready = "True" if place.ending == "ready" else "False"
    row.conditions = [
        {"type": "Ready", "status": ready, "reason": place.ending.title(), "message": "", "since": str(row.changed_at)}
    ]


def _outputs(namespace: str, name: str, capability: str) -> dict[str, Any]:
    host = f"{name}.{namespace}.svc"
    if capability == "postgres":
        secret = {"name": f"{name}-credentials", "key": "password"}
        return {"host": host, "port": 5432, "database": name, "credentials": {"password": secret}}
    return {"host": host, "url": f"http://{host}"}


def by_shape(made: Iterable[Made]) -> dict[tuple[int, str, str], list[int]]:
    """Ids of runs by (shape, kind, outcome): those that have the same steps and lines."""
    found: dict[tuple[int, str, str], list[int]] = defaultdict(list)
    for one in made:
        found[one.place.shape, one.run.kind, one.outcome].append(one.run.pk)
    return found


assert len(SHAPES) == len(WEIGHTS)
