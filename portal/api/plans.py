"""What a change would do, without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api.answers import answer
from portal.api.deprecation import HEADERS, headers_of
from portal.api.endpoint import Endpoint
from portal.api.operation import Query, operation
from portal.api.shapes import changes as shapes
from portal.api.shapes.words import flag
from provisioning.domain.preview import LABEL
from provisioning.selectors.contract_flags import flagged_in
from provisioning.services.changes import ChangeRequest, Planned, change_plan
from provisioning.services.dry_runs import change_dry_run
from provisioning.services.preview_environments import PreviewWish, preview_plan

OF_PREVIEWS = ("labels", "images", "link")


class Plans(Endpoint):
    @operation(
        "plans_make",
        "Plan a change",
        area="Changes",
        answers={200: shapes.PLANNED},
        body=shapes.CHANGE_REQUEST,
        query=(
            Query("objects", flag("Add the Kubernetes objects, before and after, as the contracts render them.")),
            Query("cluster", flag("Ask the cluster: add `dry_run`, what it says to each object. Slower.")),
        ),
        scope="change",
        headers=HEADERS,
        about="Same body as a change. Answers plan, policy verdicts, quota and who must agree; writes nothing. What "
        "is wrong with the spec comes back as `problems`, with the outcome `invalid`.",
    )
    def post(self, request: Request) -> HttpResponse:
        wish = preview_wish(self.sent)
        request_made = preview_plan(self.actor, self.sent["kind"], wish) if wish else change_request(self.sent)
        if self.query.get("cluster", False):
            planned, told = change_dry_run(self.actor, request_made, now=clock.now())
            return answer({**planned_row(planned), "dry_run": told}, headers=headers_of(flagged_in(planned.target)))
        planned = change_plan(self.actor, request_made, now=clock.now(), objects=self.query.get("objects", False))
        return answer(planned_row(planned), headers=headers_of(flagged_in(planned.target)))


def change_request(sent: Mapping[str, Any]) -> ChangeRequest:
    """The body of a change or a plan as services take it."""
    _require_name(sent)
    fields = {name: value for name, value in sent.items() if name not in ("from", *OF_PREVIEWS)}
    for name in ("resources", "objects"):
        if sent.get(name) is not None:
            fields[name] = tuple(sent[name])
    return ChangeRequest(**fields, source=sent.get("from", ""))


def _require_name(sent: Mapping[str, Any]) -> None:
    """Without the label of a preview a change names its environment, and nothing that is a preview's."""
    told = f"This is for previews only: add the label {LABEL}, or leave it out."
    errors = [FieldError(name, told) for name in OF_PREVIEWS if sent.get(name)]
    if "environment" not in sent:
        errors.append(FieldError("environment", "Add it; it is required."))
    if errors:
        raise InvalidInput("The body is not as it must be.", errors=errors)


def preview_wish(sent: Mapping[str, Any]) -> PreviewWish | None:
    """The preview that a body is about; None where it has no label of one. InvalidInput for another kind."""
    key = sent.get("labels", {}).get(LABEL)
    if key is None:
        return None
    errors = []
    if sent["kind"] not in ("create", "delete"):
        errors.append(FieldError("kind", "Use create, which also brings a preview up to date, or delete."))
    spec = sent.get("spec", {})
    if not isinstance(spec.get("resources", {}), Mapping):
        errors.append(FieldError("spec.resources", "Write inputs by resource."))
    errors += [
        FieldError(f"spec.{name}", "Write a text.")
        for name in ("stage", "expires")
        if not isinstance(spec.get(name, ""), str)
    ]
    if errors:
        raise InvalidInput("The body is not as it must be.", errors=errors)
    return PreviewWish(
        system=sent["system"],
        key=key,
        template=sent.get("from", ""),
        name=sent.get("environment", ""),
        images=sent.get("images", {}),
        spec=spec,
        link=sent.get("link", ""),
        reason=sent.get("reason", ""),
    )


def planned_row(planned: Planned) -> dict[str, Any]:
    return {
        "kind": planned.kind,
        "system": planned.system.slug,
        "environment": planned.environment_name,
        "stage": planned.stage.name if planned.stage else None,
        "namespace": _namespace(planned),
        "base": planned.base.number if planned.base else None,
        "outcome": planned.outcome,
        "plan_digest": planned.plan_digest,
        "plan": plan_row(planned.plan) if planned.plan else None,
        "verdicts": [verdict_row(one.as_dict()) for one in planned.verdicts],
        "approvals": [
            {
                "source": one.source,
                "label": one.label,
                "count": one.count,
                "policy": one.policy,
                "reason": one.reason,
                "who": list(one.who),
                "route": one.route,
                "stage": one.stage_name,
            }
            for one in planned.approvals
        ],
        "quota": [one.as_dict() for one in planned.quota],
        "problems": [one.as_dict() for one in planned.problems],
        "left_out": list(planned.left_out),
        "warnings": [one.sentence for one in flagged_in(planned.target)],
    }


def _namespace(planned: Planned) -> str:
    """Where it would live; for what cannot be planned the plain name."""
    if planned.stage is not None:
        return planned.home.namespace
    return f"{planned.system.slug}-{planned.environment_name}"


def verdict_row(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What a policy said, as it is kept with a change; who must agree stands in the approvals."""
    return {name: verdict[name] for name in ("policy", "title", "outcome", "message", "remedy", "mode")}


def plan_row(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan as it is stored: it is plain data already."""
    return dict(plan)
