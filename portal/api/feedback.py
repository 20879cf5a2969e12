"""“Was this easy?”: answers about runs by who asked for them, and read by who owns what they were about."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api.answers import answer, listing, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.shapes import capabilities as shapes
from provisioning.models import Feedback
from provisioning.selectors.capabilities import capability_get
from provisioning.selectors.feedback import feedback_list, require_words
from provisioning.services.feedback import feedback_give


class RunFeedback(Endpoint):
    @operation(
        "runs_feedback",
        "Say whether a run was easy",
        area="Runs",
        answers={200: shapes.FEEDBACK},
        body=shapes.FEEDBACK_ANSWER,
        scope="change",
        problems=(409,),
        about="Only whoever asked for the change of the run, once it is over. The last answer counts.",
    )
    def post(self, request: Request, run_id: int) -> HttpResponse:
        return answer(feedback_row(feedback_give(self.actor, run_id, now=clock.now(), **self.sent)))


class CapabilityFeedback(Endpoint):
    @operation(
        "capabilities_feedback",
        "Read what people say of a capability",
        area="Capabilities",
        answers={200: shapes.FEEDBACK_PAGE},
        query=PAGED,
        about="For the owning team and platform admins; latest first. How many say what is in the capability itself.",
    )
    def get(self, request: Request, capability: str) -> HttpResponse:
        row = capability_get(capability)
        require_words(self.rights, row)
        return listing(request, self.query, feedback_list(self.rights, row), ("-changed_at", "-id"), feedback_row)


def feedback_row(row: Feedback) -> dict[str, Any]:
    """Needs ``person`` and ``run__environment__system`` joined."""
    return {
        "run": row.run_id,
        "system": row.run.environment.system.slug,
        "environment": row.run.environment.name,
        "person": row.person.username,
        "answer": row.answer,
        "words": row.words,
        "created_at": moment(row.created_at),
        "changed_at": moment(row.changed_at),
    }
