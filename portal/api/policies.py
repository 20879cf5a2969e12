"""Policies beyond the document: their versions, and what is wrong with a draft. Replays are in ``replays``."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import PolicyVersion
from governance.selectors import policies as policy_selectors
from governance.services.policies import policy_restore
from governance.services.policy_checks import policy_check
from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.rules import one_policy, policy_row
from portal.api.shapes import policies as shapes
from portal.api.shapes.administration import POLICY, POLICY_DOCUMENT
from portal.api.shapes.changes import NOTHING

AREA = "Administration"
ADMINS = "Platform admins only. "


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
