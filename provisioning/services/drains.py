"""Draining clusters: a cordoned cluster's environments are asked to move elsewhere, in waves, until none is left.

Each move is an ordinary change, asked by the platform: policies, approvals, freezes and quota of each environment hold,
and who started the drain approves none of them. What has data is left to its people. Called by the pages, the API and a
sweep; the drain's row is the lock of all that it does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from governance.services.transactions import require_version
from idp.kernel.actor import PLATFORM, Actor, platform_for
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, UserFault
from provisioning.domain.drain import ACTS, MOST_AT_ONCE, OPEN_DRAIN_STATES, ItemView, Next, item_state, next_of
from provisioning.models import Cluster, Drain, DrainItem, Environment, FormerPlace
from provisioning.selectors.clusters import cluster_get
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.drain_notices import tell_over, tell_paused

log = structlog.get_logger(__name__)
NOT_LEFT = "It lives elsewhere, and has not been torn down here yet. Resume its last change."
HAS_DATA = "It has {size:g} GiB of data, which is not moved. Its team copies it and moves the environment."


def drain_start(actor: Actor, *, cluster: str, at_once: int, reason: str = "", now: datetime) -> Drain:
    """Begin to empty a cordoned cluster, ``at_once`` environments side by side. Admins only.

    Raises Conflict when it is not cordoned or is being drained already, InvalidInput for a wave of another size.
    """
    rights_of(actor).require_admin()
    if isinstance(at_once, bool) or not isinstance(at_once, int) or not 1 <= at_once <= MOST_AT_ONCE:
        told = f"Write how many move side by side: 1 to {MOST_AT_ONCE}."
        raise InvalidInput("The drain was not begun.", errors=[FieldError("at_once", told)])
    if len(reason) > 200:
        raise InvalidInput("The drain was not begun.", errors=[FieldError("reason", "Write at most 200 characters.")])
    with transaction.atomic():
        row = Cluster.objects.select_for_update().get(pk=cluster_get(cluster).pk)
        if row.cordoned_at is None:
            raise Conflict(f"{cluster} is not cordoned.", code="illegal-state", remedy="Cordon it first.")
        if Drain.objects.filter(cluster=row, state__in=OPEN_DRAIN_STATES).exists():
            raise Conflict(f"{cluster} is being drained already.", code="illegal-state")
        drain = Drain.objects.create(
            cluster=row, at_once=at_once, reason=reason.strip(), started_by_id=actor.user_id, started_at=now
        )
        _audit(actor, drain, "start", before=None, now=now)
    drain_advance(drain.pk, now=now)
    drain.refresh_from_db()
    return drain


@transaction.atomic
def drain_act(actor: Actor, *, cluster: str, act: str, expected_version: int | None = None, now: datetime) -> Drain:
    """``pause``, ``resume`` or ``end`` the open drain of a cluster. Admins only.

    A resumed drain asks again for what failed and for what was held. One that has ended withdraws nothing.
    """
    rights_of(actor).require_admin()
    rows = Drain.objects.select_for_update(of=("self",)).select_related("cluster")
    drain = rows.filter(cluster__name=cluster, cluster__removed_at=None, state__in=OPEN_DRAIN_STATES).first()
    if drain is None:
        raise NotFound(f"{cluster} is not being drained.")
    require_version(drain, drain.version, expected_version)
    state = ACTS.get((drain.state, act))
    if state is None:
        raise Conflict(f"This drain is {drain.state}; “{act}” is not possible now.", code="illegal-state")
    before = drain.state
    if act == "resume":
        drain.items.filter(state__in=("failed", "held")).update(state="waiting", told="")
    _move(drain, state, "" if act == "resume" else f"By {actor.username}.", now=now)
    if act == "end":
        tell_over(drain, by=actor.user_id, now=now)
    _audit(actor, drain, act, before=before, now=now)
    return drain


def drains_sweep(*, now: datetime) -> int:
    """Advance every drain that runs; how many."""
    running = list(Drain.objects.filter(state="running").values_list("pk", flat=True))
    for drain_id in running:
        try:
            drain_advance(drain_id, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # one drain at fault must not stop the others
            log.exception("drain_fault", drain=drain_id)
    return len(running)


def drain_advance(drain_id: int, *, now: datetime) -> None:
    """Take one drain as far as it goes now; each move is asked for in a transaction of its own."""
    step = _looked_at(drain_id, now=now)
    for item_id in step.start:
        _ask(drain_id, item_id, now=now)


@transaction.atomic
def _looked_at(drain_id: int, *, now: datetime) -> Next:
    """Bring every item up to date, then pause, end or begin the next wave."""
    rows = Drain.objects.select_for_update(of=("self",)).select_related("cluster")
    drain = rows.filter(pk=drain_id, state="running").first()
    if drain is None:
        return Next()
    there = {one.pk: one for one in Environment.objects.filter(cluster=drain.cluster_id, deleted_at=None)}
    leaving = set(FormerPlace.objects.filter(cluster=drain.cluster_id).values_list("environment", flat=True))
    items = list(drain.items.select_related("change"))
    known = {item.environment_id for item in items}
    items += [DrainItem.objects.create(drain=drain, environment=there[pk]) for pk in sorted(set(there) - known)]
    for item in items:
        _observe(item, there.get(item.environment_id), leaves=item.environment_id in leaving)
    step = next_of([ItemView(one.pk, one.state) for one in items], at_once=drain.at_once)
    if step.pause:
        _move(drain, "paused", step.pause, now=now)
        tell_paused(drain, now=now)
        _audit(_actor(drain), drain, "pause", before="running", now=now)
    elif step.over:
        _move(drain, "done", "", now=now)
        tell_over(drain, now=now)
        _audit(_actor(drain), drain, "finish", before="running", now=now)
    elif step.start:
        wave = max((one.wave for one in items), default=0) + 1
        DrainItem.objects.filter(pk__in=step.start).update(wave=wave)
    return step


def _observe(item: DrainItem, there: Environment | None, *, leaves: bool) -> None:
    """Bring one item up to date. ``there`` is its environment while it lives on the cluster; ``leaves``: something of
    it is still to be torn down there.
    """
    state, told = item.state, item.told
    if item.state == "moving" and item.change is not None:
        state = item_state(item.change.state, is_there=there is not None or leaves)
        told = f"Change #{item.change_id} is {item.change.state}." if state == "failed" else ""
    elif there is None:
        state, told = ("held", NOT_LEFT) if leaves else ("moved", "")
    elif item.state == "waiting" and there.storage_gib:
        state, told = "held", HAS_DATA.format(size=float(there.storage_gib))
    if (state, told) != (item.state, item.told):
        item.state, item.told = state, told
        item.save(update_fields=["state", "told"])


def _ask(drain_id: int, item_id: int, *, now: datetime) -> None:
    """Ask for one move, unless somebody paused the drain or took the item meanwhile. What is refused is told."""
    with transaction.atomic():
        drain = Drain.objects.select_for_update(of=("self",)).select_related("cluster").get(pk=drain_id)
        item = drain.items.select_related("environment__system").filter(pk=item_id, state="waiting").first()
        if item is None or drain.state != "running":
            return
        change_id: int | None
        try:
            change_id, state, told = change_submit(_actor(drain), _request(drain, item), now=now).pk, "moving", ""
        except UserFault as fault:
            change_id, state, told = fault.change_id, "failed", _words(fault)
        DrainItem.objects.filter(pk=item.pk).update(state=state, told=told[:400], change=change_id)


def _actor(drain: Drain) -> Actor:
    """The platform, on behalf of who began the drain."""
    return platform_for(drain.started_by.username) if drain.started_by else PLATFORM


def _request(drain: Drain, item: DrainItem) -> ChangeRequest:
    why = f"{drain.cluster.name} is drained. {drain.reason}".strip()
    authors = () if drain.started_by_id is None else (drain.started_by_id,)
    place = item.environment
    return ChangeRequest("move", place.system.slug, place.name, reason=why, authors=authors)


def _words(fault: UserFault) -> str:
    return fault.errors[0].message if fault.errors else fault.message


def _move(drain: Drain, state: str, why: str, *, now: datetime) -> None:
    """Another state of a locked drain."""
    drain.state, drain.state_reason = state, why[:200]
    drain.version += 1
    drain.finished_at = None if state in OPEN_DRAIN_STATES else now
    drain.save(update_fields=["state", "state_reason", "version", "finished_at"])


def _audit(actor: Actor, drain: Drain, act: str, *, before: str | None, now: datetime) -> None:
    why = drain.state_reason or drain.reason
    data: dict[str, Any] = {
        "before": {"state": before} if before else None,
        "after": {"state": drain.state},
        "at_once": drain.at_once,
    }
    audit_append(
        actor,
        action=f"drain.{act}",
        object_type="cluster",
        object_id=str(drain.cluster_id),
        object_label=drain.cluster.name,
        data={**data, **({"reason": why} if why else {})},
        now=now,
    )
