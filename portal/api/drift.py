"""Drift of an environment, and what its owners decide: adopt, revert or snooze it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api import paths
from portal.api.answers import answer, created, listing, moment
from portal.api.changes import change_row
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import changes as change_shapes
from portal.api.shapes import drift as shapes
from portal.api.shapes.words import text
from provisioning.models import Drift
from provisioning.models.observation import DRIFT_STATES
from provisioning.selectors.drift import drift_get, drift_list, is_answered, label_of
from provisioning.selectors.environments import environment_get
from provisioning.services import drift as services

AREA = "Environments"
WHO = "Developers and maintainers of the owning team."


class EnvironmentDrift(Endpoint):
    @operation(
        "environments_drift",
        "List an environment's drift",
        area=AREA,
        answers={200: shapes.DRIFT_PAGE},
        query=(Query("state", text(one_of=DRIFT_STATES)), *PAGED),
        about="Newest first; also what is over.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        found = environment_get(self.rights, system, name)
        rows = drift_list(found, state=self.query.get("state", ""))
        return listing(request, self.query, rows, ("-id",), lambda row: drift_row(row, found.system.slug, found.name))


class OneDrift(Endpoint):
    @operation("drift_read", "Read one drifted object", area=AREA, answers={200: shapes.DRIFT})
    def get(self, request: Request, drift_id: int) -> HttpResponse:
        return answer(_row(drift_get(self.rights, drift_id)))


class DriftAdopt(Endpoint):
    @operation(
        "drift_adopt",
        "Adopt drift",
        area=AREA,
        answers={202: change_shapes.CHANGE},
        body=shapes.DRIFT_DECISION,
        scope="change",
        problems=(409,),
        about=f"{WHO} Asks for a change that writes what lives into the inputs; 422 names each field that no input can "
        "say. Several objects at once: `POST changes/` with kind adopt.",
    )
    def post(self, request: Request, drift_id: int) -> HttpResponse:
        return self._asked(services.drift_adopt, drift_id)

    def _asked(self, decide: Any, drift_id: int) -> HttpResponse:
        row = drift_get(self.rights, drift_id)
        change = decide(
            self.actor,
            system=row.environment.system.slug,
            environment=row.environment.name,
            drifts=[row.pk],
            reason=self.sent.get("reason", ""),
            now=clock.now(),
        )
        return created(change_row(change, requester=self.actor.username), paths.change(change.pk), status=202)


class DriftRevert(DriftAdopt):
    @operation(
        "drift_revert",
        "Revert drift",
        area=AREA,
        answers={202: change_shapes.CHANGE},
        body=shapes.DRIFT_DECISION,
        scope="change",
        problems=(409,),
        about=f"{WHO} Asks for a change that puts the object back as agreed, or makes it again. Several objects at "
        "once: `POST changes/` with kind revert.",
    )
    def post(self, request: Request, drift_id: int) -> HttpResponse:
        return self._asked(services.drift_revert, drift_id)


class DriftSnooze(Endpoint):
    @operation(
        "drift_snooze",
        "Snooze drift",
        area=AREA,
        answers={200: shapes.DRIFT},
        body=shapes.DRIFT_SNOOZE,
        scope="change",
        problems=(409,),
        about=f"{WHO} It is open again at that moment, and at once when the object drifts otherwise.",
    )
    def post(self, request: Request, drift_id: int) -> HttpResponse:
        row = drift_get(self.rights, drift_id)
        services.drift_snooze(
            self.actor,
            system=row.environment.system.slug,
            environment=row.environment.name,
            drifts=[row.pk],
            until=_moment(self.sent["until"]),
            reason=self.sent["reason"],
            now=clock.now(),
        )
        return answer(_row(drift_get(self.rights, drift_id)))


def _moment(sent: str) -> datetime:
    """RFC 3339; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(sent)
    except ValueError:
        told = "Write a moment such as 2030-01-31T09:00:00Z."
        raise InvalidInput("The body is not as it must be.", errors=[FieldError("until", told)]) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _row(row: Drift) -> dict[str, Any]:
    return drift_row(row, row.environment.system.slug, row.environment.name)


def drift_row(row: Drift, system: str, environment: str) -> dict[str, Any]:
    """Needs ``change`` and ``decided_by`` joined."""
    return {
        "id": row.pk,
        "system": system,
        "environment": environment,
        "resource": row.resource,
        "object": label_of(row),
        "api_version": row.api_version,
        "kind": row.kind,
        "namespace": row.namespace,
        "name": row.name,
        "fields": row.fields,
        "managers": row.managers,
        "caused_at": moment(row.caused_at),
        "seen_at": moment(row.seen_at),
        "state": row.state,
        "answered": is_answered(row),
        "decision": row.decision,
        "automatic": row.automatic,
        "change": row.change_id,
        "snoozed_until": moment(row.snoozed_until),
        "reason": row.reason,
        "decided_by": row.decided_by.username if row.decided_by else None,
        "decided_at": moment(row.decided_at),
        "url": paths.drift(row.pk),
    }
