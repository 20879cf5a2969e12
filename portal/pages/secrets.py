"""Secrets of an environment: what has to be filled in, what is there, and the form that sends it to the cluster.

What is typed is in the request and nowhere else: no page, message, log or draft ever holds a value.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, Transient
from portal.pages.environments import frame
from portal.pages.shell import POST, page
from portal.reading.secrets import slot_cards
from provisioning.models import Environment
from provisioning.selectors.environments import environment_get
from provisioning.services.secret_slots import slot_fill, slots_read

VALUE: Final = "value."
"""Before a key's name, in the names of the form's fields."""


@never_cache
@page("environments")
def environment_secrets(request: HttpRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    return _shown(request, found)


@sensitive_post_parameters()
@sensitive_variables("values")
@never_cache
@page("environments", methods=POST)
def environment_secret_fill(request: HttpRequest, system: str, name: str, resource: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    values = {key.removeprefix(VALUE): request.POST[key] for key in request.POST if key.startswith(VALUE)}
    values = {key: value for key, value in values.items() if value}
    try:
        state = slot_fill(
            request.actor,  # type: ignore[attr-defined]
            system=system,
            environment=name,
            resource=resource,
            values=values,
            now=clock.now(),
        )
    except InvalidInput as error:
        errors = {one.path.removeprefix("values").removeprefix("."): one.message for one in error.errors}
        return _shown(request, found, resource, errors, status=422)
    more = f"{', '.join(state.missing)} is still missing." if state.missing else "Nothing is missing any more."
    messages.success(request, f"{', '.join(sorted(values))} is in the cluster\n{more}")
    return redirect("environment-secrets", system, name)


def _shown(
    request: HttpRequest,
    found: Environment,
    resource: str = "",
    errors: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The slots, or why the cluster cannot be asked; ``errors`` by key stand at the fields of ``resource``."""
    rights = request.rights  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        **frame(request, found, "secrets"),
        "may_fill": rights.may_fill(found.system, production=found.stage.production) and found.deleted_at is None,
        "slots": [],
    }
    try:
        states = slots_read(request.actor, found.system.slug, found.name)  # type: ignore[attr-defined]
        context["slots"] = slot_cards(states, resource, errors or {})
    except (Transient, Conflict) as error:
        context["unreachable"] = error
    return render(request, "environments/secrets.html", context, status=status)
