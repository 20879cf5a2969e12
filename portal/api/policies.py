"""Policies beyond the document: their versions, what is wrong with a draft, and what one would have done.

A replay is worked out by the workers: 202 while it is, 200 once it is there. For platform admins; auditors read it.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from governance.models import PolicyVersion
from governance.selectors import policies as policy_selectors
from governance.services.policies import policy_restore
from governance.services.policy_checks import policy_check
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api import paths
from portal.api.answers import answer, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.rules import one_policy, policy_row
from portal.api.shapes import policies as shapes
from portal.api.shapes.administration import POLICY, POLICY_DOCUMENT
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import text
from provisioning.models import PolicyReplay, PolicyReplayItem
from provisioning.selectors import policy_replays as selectors
from provisioning.services import policy_replays as services

AREA = "Administration"
ADMINS = "Platform admins only. "
BOTH = {200: shapes.REPLAY, 202: shapes.REPLAY}


class Versions(Endpoint):
    @operation(
        "policy_versions_list",
        "List the versions of a policy",
        area=AREA,
        answers={200: shapes.POLICY_VERSION_PAGE},
        query=PAGED,
        about="The newest first; retiring and taking back are versions too.",
    )
    def get(self, request: Request, policy: str) -> HttpResponse:
        found = policy_selectors.policy_get(self.rights, policy)
        rows = policy_selectors.policy_versions(self.rights, found)
        return listing(request, self.query, rows, ("-number",), lambda row: _version(row, policy))


class OneVersion(Endpoint):
    @operation("policy_versions_read", "Read a version", area=AREA, answers={200: shapes.POLICY_VERSION_WHOLE})
    def get(self, request: Request, policy: str, number: int) -> HttpResponse:
        found = policy_selectors.policy_get(self.rights, policy)
        row = policy_selectors.policy_version(self.rights, found, number)
        whole = {"document": row.document, "text": policy_selectors.text_of(row)}
        return answer({**_version(row, policy), **whole})


class RestoreVersion(Endpoint):
    @operation(
        "policy_versions_restore",
        "Take back a version",
        area=AREA,
        answers={200: POLICY},
        body=NOTHING,
        scope="admin",
        versioned=True,
        about=f"{ADMINS}Its document becomes the newest version; a retired policy holds again.",
    )
    def post(self, request: Request, policy: str, number: int) -> HttpResponse:
        policy_restore(self.actor, name=policy, number=number, now=clock.now())
        row = one_policy(policy)
        return versioned(policy_row(row), row.version)


class Check(Endpoint):
    @operation(
        "policies_check",
        "Check a policy",
        area=AREA,
        answers={200: shapes.POLICY_CHECK},
        body=POLICY_DOCUMENT,
        scope="admin",
        about=f"{ADMINS}Stores nothing. What stands against it and where, and what each of its tests comes out as.",
    )
    def post(self, request: Request) -> HttpResponse:
        if request.content_type.partition(";")[0] == "application/yaml":
            check = policy_check(self.rights, text=request._request.body.decode())
        else:
            check = policy_check(self.rights, document=self.sent)
        return answer(
            {
                "may_be_saved": check.may_be_saved,
                "may_be_enforced": check.may_be_enforced,
                "found": [
                    {
                        "path": one.path,
                        "message": one.message,
                        "line": one.line,
                        "source": one.source,
                        "pointer": one.pointer,
                    }
                    for one in check.found
                ],
                "tests": [
                    {
                        "name": one.name,
                        "expect": one.expect,
                        "came": one.came,
                        "holds": one.holds,
                        "detail": one.detail,
                    }
                    for one in check.tests
                ],
            }
        )


class Replays(Endpoint):
    @operation(
        "policy_replays_ask",
        "Ask what a policy would have done",
        area=AREA,
        answers=BOTH,
        body=shapes.REPLAY_ASK,
        scope="admin",
        about=f"{ADMINS}Judges the changes that were recorded, as if the policy, a version of it or a draft had been "
        "enforced. The same question has the same report; 202 while it is worked out: read `url` until it is over.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        asked: dict[str, Any] = {"days": self.sent.get("days", services.DAYS), "now": clock.now()}
        if ("policy" in self.sent) == ("document" in self.sent):
            told = FieldError("policy", "Send either the name of a policy or a document.")
            raise InvalidInput(told.message, errors=[told])
        if "document" in self.sent:
            report = services.replay_of_draft(self.actor, document=self.sent["document"], **asked)
        else:
            version = self.sent.get("version")
            report = services.replay_of_policy(self.actor, name=self.sent["policy"], number=version, **asked)
        return _report(self, report)


class OneReplay(Endpoint):
    @operation(
        "policy_replays_read",
        "Read what a policy would have done",
        area=AREA,
        answers=BOTH,
        about="Platform admins and auditors. It stays as it was when it was asked for; 202 while it is worked out.",
    )
    def get(self, request: Request, report_id: int) -> HttpResponse:
        return _report(self, selectors.replay_get(self.rights, report_id))


class ReplayItems(Endpoint):
    @operation(
        "policy_replays_items",
        "List the changes that would have felt a policy",
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


def _version(row: PolicyVersion, policy: str) -> dict[str, Any]:
    return {
        "number": row.number,
        "mode": row.mode,
        "active": row.active,
        "note": row.note,
        "digest": row.digest,
        "at": moment(row.at),
        "by": row.by.username if row.by else None,
        "url": f"{paths.policy(policy)}versions/{row.number}/",
    }


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
