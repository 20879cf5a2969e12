"""Letting go of an object whose deletion hangs, because whoever should have cleaned up does not answer.

An admin's last resort, after a stated wait: what the finalizer's controller would have cleaned up stays behind. Called
by the pages and the API. Reaches the cluster, so the audit entry is written before and not in one transaction with
it: better a release that is recorded and failed than one that nobody knows of.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, Transient
from provisioning.domain.driver import Deletion, DriverError, ObjectRef, Scope, TemporaryError
from provisioning.domain.finalizers import Held
from provisioning.models import Environment, Resource, Run
from provisioning.selectors.desired import desired_of
from provisioning.selectors.health import asking, held_now, recorded_refs, unanswered
from provisioning.services.observations import runs_hint
from provisioning.services.runs import events_append

MOST_REASON = 400


def release_wait() -> timedelta:
    """How long an object must have been on its way out before it may be released."""
    return timedelta(minutes=settings.RELEASE_AFTER_MINUTES)


def object_held(actor: Actor, environment: Environment, *, api_version: str, kind: str, name: str) -> Held:
    """What holds an object of ``environment`` now. Admins only.

    Raises NotFound for what is not the environment's or is gone, Conflict for what is not being deleted or may never
    be released, Transient when the cluster does not answer.
    """
    rights_of(actor).require_admin()
    ref = _ref(environment, api_version, kind, name)
    try:
        with asking(environment.cluster) as driver:
            found = held_now(driver, ref)
    except DriverError as error:
        raise _told(error) from None
    if found is None:
        raise Conflict(f"{ref} is gone, or is not being deleted, so there is nothing to release.", code="illegal-state")
    if not found.releasable:
        raise Conflict(
            f"Nothing that may be taken away holds {ref}.",
            code="illegal-state",
            remedy="Look again in a moment; it usually goes by itself.",
        )
    return found


def object_release(
    actor: Actor, environment: Environment, *, api_version: str, kind: str, name: str, reason: str, now: datetime
) -> Deletion:
    """Take the finalizers of one object away. Admins only, once its deletion has lasted ``release_wait``.

    Raises what ``object_held`` raises, InvalidInput without a reason, Conflict ``too-early``.
    """
    found = object_held(actor, environment, api_version=api_version, kind=kind, name=name)
    if not reason.strip() or len(reason) > MOST_REASON:
        told = f"Write why, in at most {MOST_REASON} characters."
        raise InvalidInput("The object was not released.", errors=[FieldError("reason", told)])
    _require_wait(found, now)
    _write_down(actor, environment, found, reason.strip(), now=now)
    try:
        with asking(environment.cluster) as driver:
            answer = driver.release(found.ref, Scope(environment.system.slug, environment.name))
    except DriverError as error:
        raise _told(error) from None
    runs_hint([environment.pk], now=now)
    return answer


def _ref(environment: Environment, api_version: str, kind: str, name: str) -> ObjectRef:
    """Only what Slipway made there, by its own record: an address on the cluster is never made of what was sent."""
    rows = Resource.objects.filter(environment=environment)
    known = [ref for row in rows for ref in recorded_refs(row)]
    if environment.desired is not None:
        desired = desired_of(environment, environment.desired.document, revision=environment.desired.number)
        known += [ObjectRef.of(one) for one in desired.guardrails()]
    for ref in known:
        if (ref.api_version, ref.kind, ref.name) == (api_version, kind, name):
            return ref
    raise NotFound(f"{environment.system.slug} / {environment.name} has no {kind} {name}.")


def _require_wait(found: Held, now: datetime) -> None:
    if found.since is not None and now - found.since >= release_wait():
        return
    minutes = settings.RELEASE_AFTER_MINUTES
    begun = f" It is being deleted since {found.since:%H:%M} UTC." if found.since else ""
    raise Conflict(
        f"{found.ref} may be released when its deletion has lasted {minutes} minutes.{begun}",
        code="too-early",
        remedy="Mend the controller that holds it, or wait and release it then.",
    )


@transaction.atomic
def _write_down(actor: Actor, environment: Environment, found: Held, reason: str, *, now: datetime) -> None:
    names = [one.finalizer for one in found.holders]
    run = Run.objects.filter(environment=environment, state__in=("queued", "running")).order_by("-id").first()
    if run is not None:
        told = f"{actor.username} releases {found.ref}, held by {', '.join(names)}: {reason}"
        events_append(run.pk, "", [("warn", told)], now=now)
    audit_append(
        actor,
        action="object.release",
        object_type="environment",
        object_id=str(environment.pk),
        object_label=f"{environment.system.slug}/{environment.name}",
        team_slug=environment.system.team.slug,
        data={
            "object": f"{found.ref.api_version} {found.ref}",
            "before": {"finalizers": names},
            "after": {"finalizers": []},
            "reason": reason,
        },
        now=now,
    )


def _told(error: DriverError) -> Exception:
    if isinstance(error, TemporaryError):
        return Transient(
            "The cluster does not answer now.", code="cluster-unreachable", delay=error.delay, remedy="Try again soon."
        )
    return Conflict(unanswered(error), remedy=getattr(error, "remedy", ""))
