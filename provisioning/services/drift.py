"""What owners decide about drift: adopt it into the desired state, revert it, or leave it be until a date.

Adopting and reverting are changes through the gate like any other; only a snooze is stored here. Called by pages and
the API; the platform itself reverts in ``drift_correction``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from governance.access import Rights, rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor, platform_for
from idp.kernel.errors import Conflict, FieldError, InvalidInput, Transient
from provisioning.domain.adoption import adoption
from provisioning.domain.drift import Drifted, drift_of
from provisioning.domain.driver import DriverError, Manifest, Observed, TemporaryError
from provisioning.drivers import open_driver
from provisioning.models import Change, Drift, Environment, Resource
from provisioning.selectors.clusters import driver_settings
from provisioning.selectors.desired import Desired, desired_of
from provisioning.selectors.drift import THERE, drift_there, label_of, ref_of
from provisioning.selectors.environments import environment_get
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.drift_rows import drift_count, drift_told

LONGEST_SNOOZE: Final = timedelta(days=90)
MAX_REASON: Final = 400
REOPENED_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Adopted:
    """One input that gets the value that lives. ``label`` is the object from which it was read."""

    label: str
    resource: str
    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Left:
    """One field that the inputs of its capability cannot say, with why."""

    label: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Adopting:
    """What adopting would write: whole inputs by resource, and field by field what that means."""

    environment: Environment
    objects: tuple[str, ...]
    patches: Mapping[str, Mapping[str, Any]]
    adopted: tuple[Adopted, ...]
    left: tuple[Left, ...]

    @property
    def request(self) -> ChangeRequest:
        return ChangeRequest(
            "adopt", self.environment.system.slug, self.environment.name, patches=self.patches, objects=self.objects
        )


def drift_adoption(actor: Actor, *, system: str, environment: str, drifts: Collection[int] | None = None) -> Adopting:
    """The inputs that explain what lives, read from the cluster now; outside any transaction, and writes nothing.

    ``drifts`` are ids of what is open or snoozed; all that is open when None. Raises Transient when the cluster does
    not answer, InvalidInput when none of them is there.
    """
    found, rows = _chosen(rights_of(actor), system, environment, drifts)
    if found.desired is None:
        raise Conflict("It waits to be made for the first time; there is nothing to adopt into.")
    desired = desired_of(found, found.desired.document, revision=found.desired.number)
    lives = dict(zip([row.pk for row in rows], _live(found, rows), strict=True))
    outputs = {one.name: one.outputs for one in Resource.objects.filter(environment=found)}
    patches: dict[str, Mapping[str, Any]] = {}
    adopted: list[Adopted] = []
    left: list[Left] = []
    for row in rows:
        _adopt_row(row, lives[row.pk].manifest, desired, outputs, (patches, adopted, left))
    return Adopting(found, tuple(label_of(row) for row in rows), patches, tuple(adopted), tuple(left))


def _adopt_row(
    row: Drift,
    live: Manifest | None,
    desired: Desired,
    outputs: Mapping[str, Mapping[str, Any]],
    into: tuple[dict[str, Mapping[str, Any]], list[Adopted], list[Left]],
) -> None:
    """Add to ``into`` (patches, adopted, left) what one object says."""
    patches, adopted, left = into
    label, name = label_of(row), row.resource
    if not name or name not in desired.names:
        why = "It is a guardrail that Slipway itself sets; it can be reverted or snoozed."
        left.append(Left(label, "", why if not name else f"Nothing called {name} is wanted any more; revert it."))
        return
    inputs = patches.get(name) or desired.inputs(name)
    index, wanted = _place(row, desired.with_inputs(name, inputs).render(name, outputs))
    if wanted is None or live is None:
        left.append(Left(label, "", "An object that was deleted cannot be adopted; revert makes it again."))
        return

    def rendering(tried: Mapping[str, Any]) -> Sequence[Manifest]:
        return [one.manifest for one in desired.with_inputs(name, tried).render(name, outputs)]

    found = adoption(inputs, live, drift_of(wanted, live), index=index, rendering=rendering)
    adopted += [Adopted(label, name, path, before, after) for path, before, after in found.adopted]
    left += [Left(label, one.path, _why(one, desired, name)) for one in found.left]
    if found.adopted:
        patches[name] = found.inputs


def _place(row: Drift, rendered: Sequence[Any]) -> tuple[int, Manifest | None]:
    """Which of the rendered objects the row is about."""
    for index, one in enumerate(rendered):
        if (one.manifest["kind"], one.manifest["metadata"]["name"]) == (row.kind, row.name):
            return index, one.manifest
    return 0, None


def _why(one: Drifted, desired: Desired, name: str) -> str:
    made_by = f"{desired.capability(name)} {desired.version(name)}"
    if one.kind == "removed":
        return f"It was removed, and no input of {made_by} leaves it out."
    return f"No input of {made_by} makes it so."


def _live(environment: Environment, rows: Sequence[Drift]) -> list[Observed]:
    cluster = environment.cluster
    try:
        return open_driver(cluster.driver, driver_settings(cluster)).observe([ref_of(row) for row in rows])
    except TemporaryError as error:
        raise Transient(
            f"The cluster does not answer: {error.message}",
            code=error.code,
            delay=error.delay,
            remedy="Try again soon.",
        ) from None
    except DriverError as error:
        raise Conflict(f"The cluster refuses to be read: {error.message}", code=error.code) from None


def _chosen(
    rights: Rights, system: str, environment: str, drifts: Collection[int] | None
) -> tuple[Environment, list[Drift]]:
    found = environment_get(rights, system, environment)
    rights.require_request(found.system)
    rows = drift_there(found, drifts)
    if not rows or (drifts is not None and len(rows) != len(set(drifts))):
        told = "Nothing of it has drifted." if drifts is None else "Some of that has not drifted any more."
        raise Conflict(told, code="drift-over", remedy="Look at the drift page again; it shows what there is now.")
    return found, rows


def drift_adopt(
    actor: Actor,
    *,
    system: str,
    environment: str,
    drifts: Collection[int] | None = None,
    reason: str = "",
    now: datetime,
) -> Change:
    """Ask for a change that writes what lives into the desired state.

    Raises what ``drift_adoption`` and ``change_submit`` raise; InvalidInput that names every field that cannot be
    adopted, because a run would stop at it.
    """
    asked = drift_adoption(actor, system=system, environment=environment, drifts=drifts)
    if asked.left:
        raise InvalidInput(
            "Some of it cannot be adopted.",
            code="not-adoptable",
            errors=[FieldError(f"{one.label} {one.path}".strip(), one.why) for one in asked.left],
            remedy="Adopt the other objects, and revert or snooze these; or ask the capability's owner for an input.",
        )
    if not asked.patches:
        raise Conflict("It is as agreed again.", code="drift-over", remedy="The drift page says so within seconds.")
    return change_submit(actor, _with_reason(asked.request, reason), now=now)


def drift_revert(
    actor: Actor,
    *,
    system: str,
    environment: str,
    drifts: Collection[int] | None = None,
    reason: str = "",
    now: datetime,
) -> Change:
    """Ask for a change that puts it back as agreed. Raises Conflict when it is over."""
    request = revert_request(actor, system=system, environment=environment, drifts=drifts)
    return change_submit(actor, _with_reason(request, reason), now=now)


def revert_request(
    actor: Actor, *, system: str, environment: str, drifts: Collection[int] | None = None
) -> ChangeRequest:
    """The intent that puts these rows back, to plan or to submit."""
    _, rows = _chosen(rights_of(actor), system, environment, drifts)
    return ChangeRequest("revert", system, environment, objects=tuple(label_of(row) for row in rows))


def _with_reason(request: ChangeRequest, reason: str) -> ChangeRequest:
    return replace(request, reason=reason)


@transaction.atomic
def drift_snooze(
    actor: Actor,
    *,
    system: str,
    environment: str,
    drifts: Collection[int] | None = None,
    until: datetime,
    reason: str,
    now: datetime,
) -> list[Drift]:
    """Leave it be until a moment within 90 days; then it is open again. Drift that a change deals with is refused.

    Locks: environment, audit head.
    """
    found, _ = _chosen(rights_of(actor), system, environment, drifts)
    _snooze_checked(until, reason, now)
    Environment.objects.select_for_update(of=("self",)).get(pk=found.pk)
    rows = drift_there(found, drifts)
    busy = [label_of(row) for row in rows if row.change is not None and row.change.state in ("approved", "running")]
    if busy:
        raise Conflict(f"A change deals with {', '.join(busy)} already.", remedy="Wait for it, or cancel it first.")
    before = _stands(rows)
    Drift.objects.filter(pk__in=[row.pk for row in rows], state__in=THERE).update(
        state="snoozed",
        snoozed_until=until,
        reason=reason.strip(),
        decision="",
        change=None,
        automatic=False,
        decided_by=actor.user_id,
        decided_at=now,
    )
    drift_count(found.pk)
    after = drift_there(found, [row.pk for row in rows])
    audit_append(
        actor,
        action="drift.snooze",
        object_type="environment",
        object_id=str(found.pk),
        object_label=f"{system}/{environment}",
        team_slug=found.system.team.slug,
        data={
            "objects": [label_of(row) for row in rows],
            "before": before,
            "after": _stands(after),
            "reason": reason.strip(),
        },
        now=now,
    )
    return after


def _stands(rows: Iterable[Drift]) -> dict[str, Any]:
    """One side of an entry: what was decided about each object."""
    return {
        label_of(row): {
            "state": row.state,
            "until": row.snoozed_until.isoformat() if row.snoozed_until else None,
            "decision": row.decision,
        }
        for row in rows
    }


def _snooze_checked(until: datetime, reason: str, now: datetime) -> None:
    errors = []
    if not now < until <= now + LONGEST_SNOOZE:
        errors.append(FieldError("until", f"Choose a moment within the next {LONGEST_SNOOZE.days} days."))
    if not reason.strip():
        errors.append(FieldError("reason", "Say why it can wait; whoever looks next reads it."))
    if len(reason.strip()) > MAX_REASON:
        errors.append(FieldError("reason", f"Write at most {MAX_REASON} characters."))
    if errors:
        raise InvalidInput("It was not snoozed.", errors=errors)


def drifts_reopen(*, now: datetime) -> int:
    """Open again what was left be until now, and tell the owners; how many. Called by a sweep."""
    over = Drift.objects.filter(state="snoozed", snoozed_until__lte=now).order_by("pk")
    due = list(over.values_list("environment_id", flat=True)[:REOPENED_AT_ONCE])
    return sum(_reopen(environment_id, now=now) for environment_id in sorted(set(due)))


@transaction.atomic
def _reopen(environment_id: int, *, now: datetime) -> int:
    """Those of one environment. Locks: environment, audit head."""
    environment = (
        Environment.objects.select_for_update(of=("self",))
        .select_related("system__team", "stage")
        .get(pk=environment_id)
    )
    rows = list(
        Drift.objects.filter(environment=environment_id, state="snoozed", snoozed_until__lte=now).order_by("pk")
    )
    if not rows:
        return 0
    ids, before = [row.pk for row in rows], _stands(rows)
    Drift.objects.filter(pk__in=ids).update(state="open", snoozed_until=None, decided_at=None, decided_by=None)
    drift_count(environment_id)
    if environment.deleted_at is None:
        key = f"drift:{rows[0].pk}:{now.isoformat()}"
        drift_told(environment, rows, key=key, begins="still differs from what was agreed", now=now)
    audit_append(
        platform_for(f"team {environment.system.team.slug}"),
        action="drift.reopen",
        object_type="environment",
        object_id=str(environment.pk),
        object_label=f"{environment.system.slug}/{environment.name}",
        team_slug=environment.system.team.slug,
        data={
            "objects": [label_of(row) for row in rows],
            "before": before,
            "after": _stands(Drift.objects.filter(pk__in=ids).order_by("pk")),
        },
        now=now,
    )
    return len(rows)
