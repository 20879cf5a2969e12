"""What each major of a capability leads to. Platform admins choose; nobody is moved back by it."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api.answers import answer, empty
from portal.api.capabilities import default_rows
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.shapes import capabilities as shapes
from portal.api.shapes.changes import NOTHING
from provisioning.selectors.capabilities import capability_get, contracts_of
from provisioning.services import default_versions as services

AREA = "Capabilities"


class Defaults(Endpoint):
    @operation("defaults_list", "List what each major leads to", area=AREA, answers={200: shapes.DEFAULT_LIST})
    def get(self, request: Request, capability: str) -> HttpResponse:
        return _listed(capability)

    @operation(
        "defaults_set",
        "Choose the default of a major",
        area=AREA,
        answers={200: shapes.DEFAULT_LIST},
        body=shapes.DEFAULT_CHOICE,
        scope="admin",
        problems=(409,),
        about="Platform admins only. `postgres@1` then leads to it, until it is no longer stable or the choice is "
        "taken back. What runs a newer version already is not moved back.",
    )
    def post(self, request: Request, capability: str) -> HttpResponse:
        services.default_version_set(self.actor, capability=capability, now=clock.now(), **self.sent)
        return _listed(capability)


class DefaultClear(Endpoint):
    @operation(
        "defaults_clear",
        "Let the newest version be the default",
        area=AREA,
        answers={204: None},
        body=NOTHING,
        scope="admin",
        about="Platform admins only.",
    )
    def post(self, request: Request, capability: str, major: int) -> HttpResponse:
        services.default_version_clear(self.actor, capability=capability, major=major, now=clock.now())
        return empty()


def _listed(name: str) -> HttpResponse:
    capability = capability_get(name)
    return answer({"items": default_rows(capability, contracts_of(capability).defer("document"))})
