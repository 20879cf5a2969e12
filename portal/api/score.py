"""Score: files that become changes, and the rules by which they are mapped, which platform admins edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, created, listing, moment, versioned
from portal.api.changes import change_row
from portal.api.deprecation import HEADERS, headers_of
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.plans import planned_row
from portal.api.preconditions import require_if_match
from portal.api.shapes import score as shapes
from portal.api.shapes.changes import CHANGE
from provisioning.models import ScoreRules
from provisioning.selectors.contract_flags import flagged_in
from provisioning.selectors.score import rules_now, rules_versions
from provisioning.services.score import ScorePlan, ScoreWish, score_plan, score_submit
from provisioning.services.score_rules import (
    score_rules_affected,
    score_rules_checked,
    score_rules_restore,
    score_rules_save,
)

AREA = "Score"
ADMINS = "Platform admins only. "


class Plans(Endpoint):
    @operation(
        "score_plan",
        "Plan what Score files make",
        area=AREA,
        answers={200: shapes.SCORE_PLAN},
        body=shapes.SCORE_REQUEST,
        scope="change",
        about="Writes nothing. What each place of the files becomes, what cannot be mapped and why, and the plan of "
        "the change as the gate sees it.",
    )
    def post(self, request: Request) -> HttpResponse:
        return answer(plan_row(score_plan(self.actor, wish_of(self.sent), now=clock.now())))


class Changes(Endpoint):
    @operation(
        "score_submit",
        "Ask for what Score files make",
        area=AREA,
        answers={202: CHANGE},
        body=shapes.SCORE_REQUEST,
        scope="change",
        problems=(409,),
        headers=HEADERS,
        about="All or nothing: with one place that cannot be mapped nothing is asked for. Else it is a change like any "
        "other, which starts at once or waits for people.",
    )
    def post(self, request: Request) -> HttpResponse:
        change = score_submit(self.actor, wish_of(self.sent), now=clock.now())
        row = change_row(change, requester=self.actor.username)
        response = created(row, paths.change(change.pk), status=202)
        for name, value in headers_of(flagged_in(change.target)).items():
            response[name] = value
        return response


class Rules(Endpoint):
    @operation(
        "score_rules_read",
        "Read the rules that map Score files",
        area=AREA,
        answers={200: shapes.RULES},
        versioned=True,
    )
    def get(self, request: Request) -> HttpResponse:
        return _rules_now()

    @operation(
        "score_rules_replace",
        "Replace the rules that map Score files",
        area=AREA,
        answers={200: shapes.RULES},
        body=shapes.RULES_REQUEST,
        scope="admin",
        versioned=True,
        problems=(409,),
        about=f"{ADMINS}What exists stays as it is until its file is sent again. Every version is kept.",
    )
    def put(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, rules_now().version)
        document = {"rules": self.sent["rules"]}
        note = self.sent.get("note", "")
        score_rules_save(self.actor, document=document, expected_version=expected, note=note, now=clock.now())
        return _rules_now()


class RulesPreview(Endpoint):
    @operation(
        "score_rules_preview",
        "See what other rules would change",
        area=AREA,
        answers={200: shapes.RULES_PREVIEW},
        body=shapes.RULES_REQUEST,
        scope="admin",
        about=f"{ADMINS}Stores nothing. Workloads whose files would be mapped otherwise when they are sent again.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        document = {"rules": self.sent["rules"]}
        rules = score_rules_checked(document)
        found = [
            {
                "system": one.system,
                "environment": one.environment,
                "workload": one.workload,
                "changed": list(one.changed),
                "problem": one.problem,
            }
            for one in score_rules_affected(document)
        ]
        return answer({"changes": rules != rules_now().rules, "affected": found})


class RulesVersions(Endpoint):
    @operation(
        "score_rules_versions",
        "List the versions of the rules",
        area=AREA,
        answers={200: shapes.RULES_VERSION_PAGE},
        query=PAGED,
        about="Newest first.",
    )
    def get(self, request: Request) -> HttpResponse:
        return listing(request, self.query, rules_versions(), ("-version",), _version_row)


class RulesRestore(Endpoint):
    @operation(
        "score_rules_restore",
        "Take a version of the rules back",
        area=AREA,
        answers={200: shapes.RULES},
        body=shapes.RESTORE_REQUEST,
        scope="admin",
        versioned=True,
        problems=(409,),
        about=f"{ADMINS}It becomes the newest version.",
    )
    def post(self, request: Request) -> HttpResponse:
        score_rules_restore(self.actor, version=self.sent["version"], now=clock.now())
        return _rules_now()


def wish_of(sent: Mapping[str, Any]) -> ScoreWish:
    """The body of a request as the service takes it."""
    image = {"": sent["image"]} if sent.get("image") else {}
    return ScoreWish(
        system=sent["system"],
        environment=sent["environment"],
        text=sent["score"],
        stage=sent.get("stage", ""),
        expires=sent.get("expires", ""),
        images={**image, **sent.get("images", {})},
        reason=sent.get("reason", ""),
    )


def plan_row(plan: ScorePlan) -> dict[str, Any]:
    translation = plan.translation
    return {
        "mapped": [
            {
                "workload": one.workload,
                "path": one.path,
                "asked": one.asked,
                "resource": one.resource,
                "made_by": one.made_by,
            }
            for one in translation.mapped
        ],
        "problems": [one.as_dict() for one in plan.problems],
        "notes": list(translation.notes),
        "removed": list(plan.removed),
        "spec": plan.spec,
        "planned": planned_row(plan.planned) if plan.planned is not None else None,
    }


def _rules_now() -> HttpResponse:
    held = rules_now()
    row = held.row
    return versioned(
        {
            "version": held.version,
            "rules": held.document["rules"],
            "saved_by": row.saved_by if row else None,
            "saved_at": moment(row.saved_at) if row else None,
            "note": row.note if row else "These rules ship with Slipway.",
        },
        held.version,
    )


def _version_row(row: ScoreRules) -> dict[str, Any]:
    return {"version": row.version, "note": row.note, "saved_by": row.saved_by, "saved_at": moment(row.saved_at)}
