"""Changes: asked for, read, decided. ``POST plans/`` shows what one would do and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from governance.access import Rights
from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, created, figure, listing, moment
from portal.api.deprecation import HEADERS, headers_of
from portal.api.endpoint import Endpoint
from portal.api.events import change_event_row
from portal.api.operation import PAGED, Operation, Query, operation
from portal.api.plans import change_request, plan_row, preview_wish, verdict_row
from portal.api.runs import run_row
from portal.api.shapes import changes as shapes
from portal.api.shapes.words import text
from portal.reading.agents import asked_by_agent
from provisioning.models import Change
from provisioning.selectors import changes as selectors
from provisioning.selectors.contract_flags import flagged_in
from provisioning.services import decisions
from provisioning.services.changes import change_submit
from provisioning.services.cosigning import change_cosign
from provisioning.services.preview_environments import PreviewWish, preview_end, preview_put
from provisioning.services.starts import change_resume

AREA = "Changes"
CHANGES_JOINED = ("system__team", "stage", "requester", "base", "revision")
UNSHOWN = ("plan", "facts", "target", "verdicts", "base__document", "revision__document")
DECIDED = {202: shapes.CHANGE}


class Changes(Endpoint):
    @operation(
        "changes_list",
        "List changes",
        area=AREA,
        answers={200: shapes.CHANGE_PAGE},
        query=(
            Query("waiting_on", text("Only those that wait for a decision of yours.", one_of=("me",))),
            Query("state", text(one_of=("open", *shapes.CHANGE_STATES))),
            Query("team", text("Slug of the owning team.", most=30)),
            Query("system", text("Slug of the system.", most=30)),
            Query("requester", text("Username of who asked.", most=150)),
            Query("q", text("Part of the title.", most=200)),
            *PAGED,
        ),
        about="Newest first.",
    )
    def get(self, request: Request) -> HttpResponse:
        chosen = {name: self.query[name] for name in ("state", "team", "system") if name in self.query}
        rows = selectors.change_list(
            self.rights,
            query=self.query.get("q", ""),
            waiting_on_me="waiting_on" in self.query,
            **chosen,
        )
        if requester := self.query.get("requester"):
            rows = rows.filter(requester__username=requester)
        rows = rows.select_related(*CHANGES_JOINED).defer(*UNSHOWN)
        return listing(request, self.query, rows, ("-id",), change_row)

    @operation(
        "changes_submit",
        "Ask for a change",
        area=AREA,
        answers={202: shapes.CHANGE_ASKED},
        body=shapes.CHANGE_REQUEST,
        scope="change",
        problems=(409,),
        headers=HEADERS,
        about="It starts at once, or waits for people. A change that is denied by policy or quota is stored too: the "
        "problem names it as `change`.",
    )
    def post(self, request: Request) -> HttpResponse:
        wish = preview_wish(self.sent)
        if wish is not None:
            return self._preview(wish)
        change = change_submit(self.actor, change_request(self.sent), now=clock.now())
        row = change_row(change, requester=self.actor.username)
        response = created(row, paths.change(change.pk), status=202)
        return _announced(response, change)

    def _preview(self, wish: PreviewWish) -> HttpResponse:
        """The same for what has a key instead of a name; answers the addresses that CI writes into a pull request."""
        now = clock.now()
        if self.sent["kind"] == "create":
            change = preview_put(self.actor, wish, now=now)
        else:
            change = preview_end(self.actor, system=wish.system, key=wish.key, reason=wish.reason, now=now)
        place = (change.system.slug, change.environment_name)
        row = change_row(_joined(change.pk))
        links = {"environment": paths.environment(*place), "page": "/environments/{}/{}/".format(*place)}
        return _announced(created({**row, "links": links}, paths.change(change.pk), status=202), change)


class OneChange(Endpoint):
    @operation("changes_read", "Read a change", area=AREA, answers={200: shapes.CHANGE_DETAIL}, headers=HEADERS)
    def get(self, request: Request, change_id: int) -> HttpResponse:
        change = selectors.change_get(self.rights, change_id)
        return _announced(answer(change_detail(self.rights, change)), change)


def _announced(response: HttpResponse, change: Change) -> HttpResponse:
    """With the headers of the versions that the change's target should leave."""
    for name, value in headers_of(flagged_in(change.target)).items():
        response[name] = value
    return response


def _decision(declared: Operation, act: Callable[[Endpoint, int], object]) -> type[Endpoint]:
    """An endpoint that says one thing to a change and answers with the change as it is then."""

    def post(self: Endpoint, request: Request, change_id: int) -> HttpResponse:
        act(self, change_id)
        return answer(change_row(_joined(change_id)), 202)

    described = {name: getattr(declared, name) for name in declared.__dataclass_fields__}
    return type(declared.id.title().replace("_", ""), (Endpoint,), {"post": operation(**described)(post)})


def _declared(verb: str, summary: str, body: str, about: str = "", scope: str | None = None) -> Operation:
    return Operation(
        id=f"changes_{verb}",
        summary=summary,
        area=AREA,
        answers=DECIDED,
        body=body,
        about=about,
        scope=scope,
        problems=(409,),
    )


ChangeApprove = _decision(
    _declared(
        "approve",
        "Approve a change",
        shapes.APPROVE,
        "Counts for the plan whose digest you send; 409 when the plan is another one by now. Never for one's own.",
        "approve",
    ),
    lambda view, change_id: decisions.change_approve(view.actor, change_id, now=clock.now(), **view.sent),
)
ChangeCosign = _decision(
    _declared(
        "cosign",
        "Sign beside an agent",
        shapes.COSIGN,
        "For changes that an agent asked for; by who may ask for them, with a token that may change and approve. It is "
        "no approval: who signs does not approve the change as well.",
        "approve",
    ),
    lambda view, change_id: change_cosign(view.actor, change_id, now=clock.now(), **view.sent),
)
ChangeReject = _decision(
    _declared("reject", "Reject a change", shapes.REJECT, "It ends; the requester reads why.", "approve"),
    lambda view, change_id: decisions.change_reject(view.actor, change_id, now=clock.now(), **view.sent),
)
ChangeRequestInfo = _decision(
    _declared("request_info", "Ask the requester something", shapes.COMMENT, "The change goes on waiting."),
    lambda view, change_id: decisions.change_request_info(view.actor, change_id, now=clock.now(), **view.sent),
)
ChangeComment = _decision(
    _declared("comment", "Comment on a change", shapes.COMMENT),
    lambda view, change_id: decisions.change_comment(view.actor, change_id, now=clock.now(), **view.sent),
)
ChangeCancel = _decision(
    _declared(
        "cancel",
        "Cancel a change",
        shapes.NOTHING,
        "The requester and the team's maintainers. A change that runs is stopped through its run.",
        "change",
    ),
    lambda view, change_id: decisions.change_cancel(view.actor, change_id, now=clock.now()),
)
ChangeResume = _decision(
    _declared(
        "resume",
        "Resume a failed change",
        shapes.NOTHING,
        "Goes on from the steps that failed; finished steps are not done again.",
        "change",
    ),
    lambda view, change_id: change_resume(view.actor, change_id, now=clock.now()),
)


def change_row(change: Change, *, requester: str = "") -> dict[str, Any]:
    """Needs ``CHANGES_JOINED`` joined, but for who asked where ``requester`` is given."""
    return {
        "id": change.pk,
        "kind": change.kind,
        "state": change.state,
        "title": change.title,
        "system": change.system.slug,
        "environment": change.environment_name,
        "stage": change.stage.name,
        "team": change.system.team.slug,
        "requester": requester or change.requester.username,
        "via": change.via,
        "reason": change.reason,
        "base": change.base.number if change.base else None,
        "revision": change.revision.number if change.revision else None,
        "plan_digest": change.plan_digest,
        "monthly_cost_before": figure(change.monthly_cost_before),
        "monthly_cost_after": figure(change.monthly_cost_after),
        "currency": settings.CURRENCY,
        "created_at": moment(change.created_at),
        "decided_at": moment(change.decided_at),
        "finished_at": moment(change.finished_at),
        "url": paths.change(change.pk),
    }


def change_detail(rights: Any, change: Change) -> dict[str, Any]:
    view = selectors.change_view(rights, change)
    return {
        **change_row(change),
        "plan": plan_row(change.plan),
        "verdicts": [verdict_row(one) for one in change.verdicts],
        "approvals": [
            {
                "label": one.label,
                "stage": one.stage,
                "state": one.state,
                "reason": one.reason,
                "who": list(one.who),
                "waits_since": moment(one.opened_at),
                "escalates_at": moment(one.escalates_at),
                "expires_at": moment(one.expires_at),
            }
            for one in view.approvals
        ],
        "decisions": [
            {
                "username": one.user.username,
                "on_behalf_of": one.on_behalf_of.username if one.on_behalf_of else None,
                "verdict": one.verdict,
                "comment": one.comment,
                "plan_digest": one.plan_digest,
                "at": moment(one.created_at),
            }
            for one in view.decisions
        ],
        "events": [change_event_row(one) for one in view.events],
        "runs": [run_row(one) for one in view.runs],
        "agent": _agent(rights, change),
        "may_decide": view.may_decide,
        "why_not": view.why_not,
        "stale": view.stale,
        "rollback_point": view.rollback_point.number if view.rollback_point else None,
        "links": _links(change),
    }


def _agent(rights: Rights, change: Change) -> dict[str, Any] | None:
    """No query for what people ask for."""
    asked = asked_by_agent(rights, change)
    if asked is None:
        return None
    row = asked.row
    return {
        "name": row.agent.name,
        "owner": row.agent.owner.username,
        "waits": asked.waits,
        "may_sign": asked.may_sign,
        "signed_by": row.signed_by.username if asked.signed and row.signed_by else None,
        "signed_at": moment(row.signed_at) if asked.signed else None,
    }


def _links(change: Change) -> dict[str, str]:
    url = paths.change(change.pk)
    verbs = ("approve", "reject", "request-info", "comment", "cancel", "resume")
    links = {verb: f"{url}{verb}/" for verb in verbs}
    if change.environment_id:
        links["environment"] = paths.environment(change.system.slug, change.environment_name)
    return links


def _joined(change_id: int) -> Change:
    return Change.objects.select_related(*CHANGES_JOINED).defer(*UNSHOWN).get(pk=change_id)
