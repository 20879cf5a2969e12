"""Time machine: what a policy, limits or an approval route would have done. Asked for here, read here for all three.

A replay is worked out by the workers: 202 while it is, 200 once it is there. For platform admins; auditors read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from governance.domain.quota import NAMES, Amounts
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api import paths
from portal.api.answers import answer, listing
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.rules import one_quota
from portal.api.shapes import replays as shapes
from portal.api.shapes.words import text
from provisioning.models import PolicyReplay, PolicyReplayItem
from provisioning.selectors import policy_replays as selectors
from provisioning.services import policy_replays as services
from provisioning.services.quota_replays import replay_of_quota
from provisioning.services.route_replays import replay_of_route, replay_of_route_draft

AREA = "Administration"
ADMINS = "Platform admins only. "
BOTH = {200: shapes.REPLAY, 202: shapes.REPLAY}
SAME = "The same question has the same report; 202 while it is worked out: read `url` until it is over."


class Replays(Endpoint):
    @operation(
        "policy_replays_ask",
        "Ask what a policy would have done",
        area=AREA,
        answers=BOTH,
        body=shapes.REPLAY_ASK,
        scope="admin",
        about=f"{ADMINS}Judges the changes that were recorded, as if the policy, a version of it or a draft had been "
        f"enforced. {SAME}",
    )
    def post(self, request: Request) -> HttpResponse:
        return _begun(self, "policy", services.replay_of_draft, services.replay_of_policy)


class RouteReplays(Endpoint):
    @operation(
        "route_replays_ask",
        "Ask whom an approval route would have asked",
        area=AREA,
        answers=BOTH,
        body=shapes.ROUTE_REPLAY_ASK,
        scope="admin",
        about=f"{ADMINS}Of the route, a version of it or a draft, at the changes that were recorded: who would have "
        f"been asked that was not, and where nobody would have been. {SAME}",
    )
    def post(self, request: Request) -> HttpResponse:
        return _begun(self, "route", replay_of_route_draft, replay_of_route)


class QuotaReplays(Endpoint):
    @operation(
        "quota_replays_ask",
        "Ask what other limits would have done",
        area=AREA,
        answers=BOTH,
        body=shapes.QUOTA_REPLAY_ASK,
        scope="admin",
        about=f"{ADMINS}What the limits would have said to the recorded changes of the team's systems. What is left "
        f"out is as it is now. {SAME}",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        held = one_quota(self.sent["team"])
        now = Amounts.of(held).as_dict()
        report = replay_of_quota(
            self.actor,
            team=held.team,
            limits=Amounts.of({name: self.sent.get(name, now[name]) for name in NAMES}),
            ceilings=self.sent.get("ceilings", held.ceilings),
            days=self.sent.get("days", services.DAYS),
            now=clock.now(),
        )
        return _report(self, report)


def _begun(
    view: Endpoint, named: str, of_draft: Callable[..., PolicyReplay], of_stored: Callable[..., PolicyReplay]
) -> HttpResponse:
    """The report of the document that was sent, or of what is stored under the name; InvalidInput for both or none."""
    view.rights.require_admin()
    sent = view.sent
    if (named in sent) == ("document" in sent):
        told = FieldError(named, f"Send either the name of a {named} or a document.")
        raise InvalidInput(told.message, errors=[told])
    asked = {"days": sent.get("days", services.DAYS), "now": clock.now()}
    if "document" in sent:
        return _report(view, of_draft(view.actor, document=sent["document"], **asked))
    return _report(view, of_stored(view.actor, name=sent[named], number=sent.get("version"), **asked))


class OneReplay(Endpoint):
    @operation(
        "policy_replays_read",
        "Read what a rule would have done",
        area=AREA,
        answers=BOTH,
        about="Of a policy, of limits or of a route. Platform admins and auditors. It stays as it was when it was "
        "asked for; 202 while it is worked out.",
    )
    def get(self, request: Request, report_id: int) -> HttpResponse:
        return _report(self, selectors.replay_get(self.rights, report_id))


class ReplayItems(Endpoint):
    @operation(
        "policy_replays_items",
        "List the changes that would have felt a rule",
        area=AREA,
        answers={200: shapes.REPLAY_ITEM_PAGE},
        query=(
            Query("outcome", text("All if left out.", one_of=shapes.STRUCK)),
            Query("team", text("Only of this team.", most=30)),
            *PAGED,
        ),
        about="Platform admins and auditors. The newest change first; rows come while the report is worked out.",
    )
    def get(self, request: Request, report_id: int) -> HttpResponse:
        report = selectors.replay_get(self.rights, report_id)
        asked = {"outcome": self.query.get("outcome", ""), "team": self.query.get("team", "")}
        rows = selectors.items_of(self.rights, report, **asked)
        return listing(request, self.query, rows, ("position",), _item)


def _report(view: Endpoint, report: PolicyReplay) -> HttpResponse:
    is_over = report.state in ("succeeded", "failed")
    url = paths.policy_replay(report.pk)
    data = {
        **selectors.replay_data(report),
        "hidden": selectors.hidden_count(view.rights, report),
        "url": url,
        "items_url": f"{url}items/",
        "page": reverse("policy-replay", args=[report.pk]),
    }
    return answer(data, 200 if is_over else 202, {} if is_over else {"Retry-After": "1", "Location": url})


def _item(item: PolicyReplayItem) -> dict[str, Any]:
    return {**selectors.item_data(item), "url": paths.change(item.change_id)}
