"""Secrets that people fill: which keys an environment wants, which are there, and filling them. Values go one way."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import NotFound
from portal.api.answers import answer, content_tag, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import secrets as shapes
from provisioning.selectors.environments import environment_get
from provisioning.services.secret_slots import SlotState, slot_fill, slots_read

AREA = "Environments"


class Secrets(Endpoint):
    @operation(
        "environments_secrets",
        "List an environment's secrets to fill",
        area=AREA,
        answers={200: shapes.SECRET_LIST},
        problems=(409, 503),
        about="Asks the cluster which keys are there. Values are never read, so no answer holds one.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        return answer({"items": [secret_row(one) for one in slots_read(self.actor, system, name)]})


class OneSecret(Endpoint):
    @operation(
        "environments_secrets_read",
        "Read the state of a secret to fill",
        area=AREA,
        answers={200: shapes.SECRET},
        versioned=True,
        problems=(409, 503),
        about="Which keys are there, never a value.",
    )
    def get(self, request: Request, system: str, name: str, resource: str) -> HttpResponse:
        return _shown(self._state(system, name, resource))

    @operation(
        "environments_secrets_fill",
        "Fill a secret",
        area=AREA,
        answers={200: shapes.SECRET},
        body=shapes.SECRET_VALUES,
        scope="change",
        versioned=True,
        problems=(409, 503),
        about="Sends the values to the cluster and keeps none. Keys that are left out stay as they are; sending the "
        "same again changes nothing. Developers and maintainers of the team, in production maintainers only.",
    )
    def patch(self, request: Request, system: str, name: str, resource: str) -> HttpResponse:
        row = environment_get(self.rights, system, name)
        self.rights.require_fill(row.system, production=row.stage.production)
        require_if_match(request, content_tag(secret_row(self._state(system, name, resource))))
        state = slot_fill(
            self.actor,
            system=system,
            environment=name,
            resource=resource,
            values=self.sent["values"],
            now=clock.now(),
        )
        return _shown(state)

    def _state(self, system: str, name: str, resource: str) -> SlotState:
        found = (one for one in slots_read(self.actor, system, name) if one.slot.resource == resource)
        if state := next(found, None):
            return state
        raise NotFound(
            f"{system} / {name} has no secret to fill named “{resource[:63]}”.",
            remedy="Add a resource of the capability secret-slot.",
        )


def _shown(state: SlotState) -> HttpResponse:
    shown = secret_row(state)
    return versioned(shown, content_tag(shown))


def secret_row(state: SlotState) -> dict[str, Any]:
    return {
        "resource": state.slot.resource,
        "secret": state.slot.ref.name,
        "made": state.made,
        "filled_by": "outside" if state.slot.filled_outside else "people",
        "missing": list(state.missing),
        "keys": [
            {
                "key": one.name,
                "help": state.slot.help.get(one.name, ""),
                "required": one.required,
                "filled": one.filled,
                "filled_at": moment(one.filled_at),
                "manager": one.filled_by or None,
            }
            for one in state.keys
        ],
    }
