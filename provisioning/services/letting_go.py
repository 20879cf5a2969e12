"""Letting go of a place that an environment cannot leave, because the old cluster never answers again.

An admin's last resort, after a stated wait: what stands there is listed as left behind, and the run that was to tear it
down ends without it. Called by the pages and the API. Asks the cluster first, outside of any transaction; everything
else is one transaction, with the environment locked first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from idp.kernel.wake import wake_after_commit
from provisioning.domain.driver import DriverError, ObjectRef
from provisioning.domain.isolation import SHARED
from provisioning.domain.lifecycle import RESUMABLE_CHANGE_STATES
from provisioning.models import ClusterWatch, Environment, FormerPlace, Orphan, Run, Step
from provisioning.selectors.health import asking, unanswered
from provisioning.services.runs import events_append
from provisioning.services.shared_namespaces import shared_forgotten
from provisioning.services.starts import change_resume

MOST_REASON: Final = 400
NAMED: Final = 50
"""How many objects the audit entry names; the list of orphans has them all."""
LEAVING_KINDS: Final = ("leave-resource", "leave-guardrails")


@dataclass(frozen=True, slots=True)
class Stranded:
    """A place that is being left. ``since``: how long leaving it has been tried in vain, None before it has begun;
    ``silence`` is why the cluster could not be asked just now, empty when it answers; ``left`` is what stands there by
    what is recorded.
    """

    former: FormerPlace
    since: datetime | None
    silence: str
    left: tuple[ObjectRef, ...]

    @property
    def may_from(self) -> datetime | None:
        """When it may be let go of; None while nothing says that it never answers."""
        return None if self.since is None or not self.silence else self.since + let_go_wait()


@dataclass(frozen=True, slots=True)
class LetGo:
    """What was let go of: objects now listed as orphans, and the change that goes on because of it."""

    cluster: str
    left: int
    resumed: int | None


def let_go_url(system: str, environment: str) -> str:
    """The page on which an admin is asked before that."""
    return f"/environments/{system}/{environment}/let-go"


def let_go_wait() -> timedelta:
    """How long leaving a place must have been tried in vain before it may be let go of."""
    return timedelta(minutes=settings.LET_GO_AFTER_MINUTES)


def place_stranded(actor: Actor, environment: Environment) -> Stranded:
    """How it stands with the place that ``environment`` is leaving; asks its cluster now. Admins only.

    NotFound when it is leaving none.
    """
    rights_of(actor).require_admin()
    former = FormerPlace.objects.select_related("cluster").filter(environment=environment).first()
    if former is None:
        raise NotFound(f"{environment.system.slug} / {environment.name} is not leaving any place.")
    silence = ""
    try:
        with asking(former.cluster) as driver:
            driver.probe()
    except DriverError as error:
        silence = unanswered(error)
    return Stranded(former, _since(former), silence, tuple(_left(former)))


def place_let_go(actor: Actor, environment: Environment, *, confirm: str, reason: str, now: datetime) -> LetGo:
    """Forget the place that ``environment`` cannot leave. Admins only, once it has been tried for ``let_go_wait``.

    ``confirm`` is the environment's name. What stands there becomes orphans, which the sweep looks for as soon as the
    cluster answers again; a run that failed over it goes on. Raises NotFound, InvalidInput without a reason or the
    name, Conflict ``illegal-state`` while the cluster answers or leaving has not begun, Conflict ``too-early``.
    """
    found = place_stranded(actor, environment)
    if not reason.strip() or len(reason) > MOST_REASON:
        told = f"Write why, in at most {MOST_REASON} characters."
        raise InvalidInput("The place was not let go of.", errors=[FieldError("reason", told)])
    if confirm != environment.name:
        told = f"Type “{environment.name}” to confirm it."
        raise InvalidInput("The place was not let go of.", code="name-differs", errors=[FieldError("confirm", told)])
    _require_stranded(found, now)
    return _forgotten(actor, environment.pk, found, reason.strip(), now=now)


def _require_stranded(found: Stranded, now: datetime) -> None:
    cluster = found.former.cluster.name
    if not found.silence:
        raise Conflict(
            f"{cluster} answers, so what stands there can be deleted.",
            code="illegal-state",
            remedy="Resume the environment's last change, which tears it down.",
        )
    if found.since is None:
        raise Conflict(
            f"{cluster} is not being left yet: the new place is built up first.",
            code="illegal-state",
            remedy="Wait for that, resume the last change, or move the environment back.",
        )
    if now - found.since < let_go_wait():
        raise Conflict(
            f"{cluster} may be let go of when leaving it has failed for {settings.LET_GO_AFTER_MINUTES} minutes. "
            f"It is tried since {found.since:%H:%M} UTC.",
            code="too-early",
            remedy="Bring the cluster back, or wait and let go of it then.",
        )


@transaction.atomic
def _forgotten(actor: Actor, environment_id: int, found: Stranded, reason: str, *, now: datetime) -> LetGo:
    rows = Environment.objects.select_for_update(of=("self",)).select_related("system__team")
    environment, cluster = rows.get(pk=environment_id), found.former.cluster
    same = FormerPlace.objects.filter(pk=found.former.pk, cluster=cluster, since=found.former.since)
    if not same.delete()[0]:
        raise Conflict("It was left, or moved back, meanwhile.", code="illegal-state", remedy="Look at it again.")
    if found.former.isolation == SHARED:
        shared_forgotten(cluster, found.former.namespace)
    Orphan.objects.bulk_create((_orphan(environment, found, ref, now) for ref in found.left), ignore_conflicts=True)
    resumed = _go_on(environment, f"{actor.username} lets go of {cluster.name}: {reason}", now=now)
    audit_append(
        actor,
        action="place.let-go",
        object_type="environment",
        object_id=str(environment.pk),
        object_label=f"{environment.system.slug}/{environment.name}",
        team_slug=environment.system.team.slug,
        data={
            "before": {"cluster": cluster.name, "namespace": found.former.namespace},
            "after": None,
            "reason": reason,
            "left": len(found.left),
            "objects": [str(ref) for ref in found.left[:NAMED]],
        },
        now=now,
    )
    return LetGo(cluster.name, len(found.left), resumed)


def _orphan(environment: Environment, found: Stranded, ref: ObjectRef, now: datetime) -> Orphan:
    return Orphan(
        cluster=found.former.cluster,
        api_version=ref.api_version,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        system=environment.system.slug,
        environment=environment.name,
        reason="left-behind",
        first_seen_at=now,
    )


def _go_on(environment: Environment, told: str, *, now: datetime) -> int | None:
    """Write it down in the last run. One that is under way looks again at once; one that failed at nothing but leaving
    is resumed, and its change is the answer.
    """
    run = Run.objects.filter(environment=environment).order_by("-id").select_related("change").first()
    if run is None:
        return None
    events_append(run.pk, "", [("warn", told)], now=now)
    if run.state in ("queued", "running"):
        Step.objects.filter(run=run, state="waiting", kind__in=LEAVING_KINDS).update(due_at=now)
        Run.objects.filter(pk=run.pk, state__in=("queued", "running")).update(due_at=now)
        wake_after_commit("run", run.pk)
        return None
    failed = set(Step.objects.filter(run=run, state="failed").values_list("kind", flat=True))
    if run.state != "failed" or run.change.state not in RESUMABLE_CHANGE_STATES or not failed <= set(LEAVING_KINDS):
        return None
    return change_resume(PLATFORM, run.change_id, now=now).change_id


def _since(former: FormerPlace) -> datetime | None:
    """The first try to leave it, or when its cluster fell silent if that was later."""
    tries = Step.objects.filter(run__environment=former.environment_id, kind__in=LEAVING_KINDS)
    begun: datetime | None = tries.filter(started_at__gte=former.since).aggregate(at=Min("started_at"))["at"]
    silent = ClusterWatch.objects.filter(cluster=former.cluster).values_list("unreachable_since", flat=True).first()
    return max(begun, silent) if begun and silent else begun


def _left(former: FormerPlace) -> list[ObjectRef]:
    """What is recorded as made there, without what is torn down already; and the namespace, where it is its own."""
    done = Step.objects.filter(run__environment=former.environment_id, started_at__gte=former.since, state="done")
    gone = set(done.filter(kind="leave-resource").values_list("key", flat=True))
    made = [refs for name, refs in former.objects_made.items() if f"leave:{name}" not in gone]
    left = [ObjectRef(one["apiVersion"], one["kind"], one["namespace"], one["name"]) for refs in made for one in refs]
    own = [] if former.isolation == SHARED else [ObjectRef("v1", "Namespace", "", former.namespace)]
    return [*left, *own]
