"""Deploying: the images of components in one environment, and nothing else, as an ordinary change.

Called by the API, mostly for CI. The same call again answers with the change that it led to, whether that waits, runs
or is done, so that a pipeline can be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from governance.access import rights_of
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from provisioning.domain.preview import overlay
from provisioning.domain.targets import overridden, spec_of
from provisioning.models import Change, Environment, Revision
from provisioning.selectors.environments import environment_get
from provisioning.services.changes import ChangeRequest, change_plan, change_submit

TRIES: Final = 3
"""How often it is put together anew when somebody else's change came between."""


def images_deploy(
    actor: Actor, *, system: str, environment: str, images: Mapping[str, str], reason: str = "", now: datetime
) -> Change:
    """The change that makes the environment run ``images`` (by component); everything else stays as it is wanted.

    Raises what a change raises, and InvalidInput for a component that runs no image there.
    """
    rights = rights_of(actor)
    place = environment_get(rights, system, environment)
    rights.require_request(place.system)
    for left in reversed(range(TRIES)):
        request = _request(place, images, reason)
        if known := _asked_already(actor, request, place, now=now):
            return known
        try:
            return change_submit(actor, request, now=now)
        except InvalidInput as error:
            if not left or all(one.path != "base" for one in error.errors):
                raise
    raise AssertionError("the last try answers or raises")


def _request(place: Environment, images: Mapping[str, str], reason: str) -> ChangeRequest:
    """An update that differs from what is wanted now in these images alone."""
    base = Revision.objects.filter(pk__in=Environment.objects.filter(pk=place.pk).values("desired")).first()
    if base is None or place.deleted_at is not None:
        raise Conflict(
            f"{place.system.slug}/{place.name} is not made yet, or is gone.", remedy="Ask for the environment first."
        )
    laid, problems = overlay(base.document, place.name, given={}, images=images)
    spec, wrong = overridden(spec_of(base.document), {"resources": laid}, told="It is not there")
    if problems or wrong or not images:
        found = [*problems, *wrong] or [FieldError("images", "Name at least one component and its image.")]
        raise InvalidInput("This cannot be deployed.", errors=found)
    told = reason or f"Deploy {', '.join(images.values())}."
    return ChangeRequest("update", place.system.slug, place.name, spec=spec, base=base.number, reason=told[:4000])


def _asked_already(actor: Actor, request: ChangeRequest, place: Environment, *, now: datetime) -> Change | None:
    """The change that waits, runs or has run for the very same; None when it has to be asked for."""
    planned = change_plan(actor, request, now=now, people=False)
    changes: Any = Change.objects.filter(environment=place).select_related("system__team", "stage", "requester")
    if planned.outcome == "nothing":
        return changes.exclude(revision=None).order_by("-id").first() or changes.order_by("-id").first()
    return changes.filter(
        kind="update", state__in=("pending", "approved", "running"), plan_digest=planned.plan_digest
    ).last()
