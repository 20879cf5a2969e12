"""Preview environments: one call with a key such as ``pr-123`` makes one, or brings the one with that key up to date.

Called by the API, mostly for CI. Both are ordinary changes through the gate, so that stage, quota and policies hold.
A preview begins as a copy of its template. Each later call takes over what has changed there since, but for the inputs
that belong to an environment, and lays the images and inputs of the call over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from governance.access import rights_of
from idp.catalog.models import System
from idp.catalog.selectors import system_get
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, PolicyDenied, QuotaExceeded
from provisioning.domain.preview import STAGE, key_problem, overlay, preview_name
from provisioning.domain.promotion import promoted
from provisioning.domain.targets import overridden, resources_of
from provisioning.models import Change, Environment, Preview
from provisioning.selectors.contracts import lookup_for
from provisioning.services.changes import ChangeRequest, change_submit


@dataclass(frozen=True, slots=True)
class PreviewWish:
    """What CI asks for. ``template`` is an environment of the system; ``images`` are by component, ``spec`` holds
    further inputs by resource, a stage other than ``preview`` and a life. ``name`` is derived from the key when empty.
    """

    system: str
    key: str
    template: str = ""
    name: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""
    reason: str = ""


def preview_put(actor: Actor, wish: PreviewWish, *, now: datetime) -> Change:
    """Make the preview of a key, or bring it up to date; the change that does it.

    The same call again, with nothing new in it, answers with the change that made it so. Two first calls at the same
    moment make one environment; whoever was slower brings it up to date.
    """
    try:
        return _put(actor, wish, now=now)
    except (Conflict, IntegrityError):
        if preview_of(actor, wish.system, wish.key) is None:
            raise
        return _put(actor, wish, now=now)


def preview_end(actor: Actor, *, system: str, key: str, reason: str = "", now: datetime) -> Change:
    """Delete the preview of a key; NotFound when it has none. One whose deletion is under way answers with that."""
    living = preview_of(actor, system, key)
    if living is None:
        raise NotFound(f"{system} has no preview “{key}”.", remedy="It may have expired, or was deleted before.")
    going = Change.objects.filter(
        environment=living.environment, kind="delete", state__in=("pending", "approved", "running")
    ).last()
    if going is not None:
        return going
    name = living.environment.name
    why = reason or f"The preview {key} is over."
    return change_submit(actor, ChangeRequest("delete", system, name, reason=why, confirm=name), now=now)


def preview_request(actor: Actor, wish: PreviewWish) -> ChangeRequest:
    """The change that the wish stands for now: a create, or an update of what has the key. Writes nothing.

    InvalidInput names what is wrong with key, template, images or inputs.
    """
    problem = key_problem(wish.key)
    if problem:
        raise _invalid(FieldError("labels", problem))
    rights = rights_of(actor)
    system = system_get(rights, wish.system)
    rights.require_request(system)
    living = _living(system, wish.key)
    source, template = _template(system, wish)
    laid, problems = overlay(template, source.name, given=resources_of(wish.spec), images=wish.images)
    if problems:
        raise _invalid(*problems)
    expires = {"expires": wish.spec["expires"]} if wish.spec.get("expires") else {}
    if living is None:
        spec = {"stage": wish.spec.get("stage") or STAGE, **expires, "resources": laid}
        name, reason = wish.name or preview_name(wish.key), wish.reason or f"Preview {wish.key}."
        return ChangeRequest("create", wish.system, name, spec=spec, source=source.name, reason=reason)
    name = living.environment.name
    if wish.name not in ("", name):
        raise _invalid(FieldError("environment", f"The preview {wish.key} is called {name}; leave the name out."))
    spec = _renewed(living.environment, source.name, template, laid) | expires
    return ChangeRequest("update", wish.system, name, spec=spec, reason=wish.reason)


def preview_plan(actor: Actor, kind: str, wish: PreviewWish) -> ChangeRequest:
    """What ``preview_put`` (``kind`` create) or ``preview_end`` (delete) would ask for now, to be planned."""
    if kind == "create":
        return preview_request(actor, wish)
    living = preview_of(actor, wish.system, wish.key)
    if living is None:
        raise NotFound(f"{wish.system} has no preview “{wish.key}”.")
    return ChangeRequest("delete", wish.system, living.environment.name, confirm=living.environment.name)


def preview_of(actor: Actor, system: str, key: str) -> Preview | None:
    """The living preview of a key in a system that the actor may ask changes of."""
    rights = rights_of(actor)
    found = system_get(rights, system)
    rights.require_request(found)
    return _living(found, key)


def _living(system: System, key: str) -> Preview | None:
    rows = Preview.objects.select_related("environment__desired")
    return rows.filter(system=system, key=key, environment__deleted_at=None).first()


def _put(actor: Actor, wish: PreviewWish, *, now: datetime) -> Change:
    request = preview_request(actor, wish)
    denied: PolicyDenied | QuotaExceeded | None = None
    with transaction.atomic():
        try:
            change = change_submit(actor, request, now=now, kept=partial(_bind, wish, now))
        except (PolicyDenied, QuotaExceeded) as error:
            denied = error  # the denied change is kept
        except InvalidInput as error:
            if error.code != "nothing-to-change":
                raise
            change = _last_of(request)
            assert change.environment is not None
            _bind(wish, now, change.environment)
    if denied is not None:
        raise denied
    return change


def _bind(wish: PreviewWish, now: datetime, environment: Environment) -> None:
    kept = {"environment_id": environment.pk, "changed_at": now} | ({"link": wish.link} if wish.link else {})
    Preview.objects.update_or_create(
        system_id=environment.system_id, key=wish.key, defaults=kept, create_defaults={**kept, "created_at": now}
    )


def _last_of(request: ChangeRequest) -> Change:
    """The change that made the environment what it is; of those that are over, else the newest."""
    rows = Change.objects.filter(
        system__slug=request.system, environment_name=request.environment, environment__deleted_at=None
    )
    return rows.filter(revision__isnull=False).order_by("-id").first() or rows.order_by("-id")[0]


def _template(system: System, wish: PreviewWish) -> tuple[Environment, Mapping[str, Any]]:
    rows = Environment.objects.select_related("observed", "desired")
    source = rows.filter(system=system, name=wish.template, deleted_at=None).first()
    revision = (source.observed or source.desired) if source else None
    if source is None or revision is None:
        told = f"{system.slug} has no environment “{wish.template}” to take as a template."
        raise _invalid(FieldError("from", told if wish.template else "Name the environment to take as a template."))
    return source, revision.document


def _renewed(
    environment: Environment, source: str, template: Mapping[str, Any], laid: Mapping[str, Any]
) -> dict[str, Any]:
    """The template as a promotion would bring it here, with what the call says laid over it."""
    base = environment.desired.document if environment.desired else None
    if base is None:
        raise Conflict("It waits to be made for the first time.", remedy="Cancel that change, or wait for it.")
    contracts = lookup_for({}, template).catalogue.contract
    stage = base["stage"]
    target = promoted(base, template, source, stage=stage, resources=None, spec={}, contracts=contracts)
    spec, problems = overridden(
        dict(target.spec), {"resources": laid}, told=f"It is not among the resources of {source}"
    )
    if problems:
        raise _invalid(*problems)
    return spec


def _invalid(*problems: FieldError) -> InvalidInput:
    return InvalidInput("The preview cannot be made like this.", errors=list(problems))
