"""Everything that one drawing of the environment form shows, with or without a plan.

Made by the views of the form. It asks the gate for the plan when told to and translates; it decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.functional import SimpleLazyObject

from idp.kernel.actor import Actor
from idp.kernel.documents import load_yaml
from idp.kernel.errors import FieldError, SlipwayError
from portal.forms.environment_draft import Contracts, Draft
from portal.forms.kept_draft import Desk
from portal.forms.request_form import ResourceForm, Shown, draft_errors, resource_forms, sentence
from portal.forms.yaml_text import as_yaml
from portal.reading.plan_panel import Note, PlanPanel, panel_of, unplanned
from portal.reading.request_page import Offer, Surroundings, expiry_options, picker
from provisioning.domain.contract import nearest_line
from provisioning.models import Environment
from provisioning.services.changes import ChangeRequest, Planned, change_plan


def request_of(draft: Draft, environment: Environment | None) -> ChangeRequest:
    """The intent that the draft puts to the gate."""
    return ChangeRequest(
        kind="create" if environment is None else "update",
        system=draft.system,
        environment=draft.name,
        spec=draft.spec(),
        reason=draft.reason,
        base=draft.base,
    )


@dataclass(frozen=True, slots=True)
class RequestView:
    """``opened`` are keys of resources that stand open; ``focus`` is the one that was just added or edited."""

    around: Surroundings
    draft: Draft
    contracts: Contracts
    action: str
    now: datetime
    environment: Environment | None = None
    focus: str = ""
    opened: frozenset[str] = frozenset()
    strict: bool = False
    plan: Planned | None = None
    refused: SlipwayError | None = None
    desk: Desk | None = None

    @property
    def editing(self) -> bool:
        return self.environment is not None

    def planned(self, actor: Actor, *, strict: bool = False, refused: SlipwayError | None = None) -> RequestView:
        """The same with the gate's plan. ``strict`` calls what is missing an error; ``refused`` is why it failed."""
        plan = change_plan(actor, request_of(self.draft, self.environment), now=self.now)
        return replace(self, plan=plan, strict=strict, refused=refused)

    @property
    def problems(self) -> tuple[FieldError, ...]:
        planned = self.plan.problems if self.plan else ()
        return (*self.draft.problems(), *planned, *(self.refused.errors if self.refused else ()))

    def forms(self) -> tuple[ResourceForm, ...]:
        open_keys = set(self.opened)
        if len(self.draft.resources) == 1 or (not self.plan and not self.editing and len(self.draft.resources) <= 2):
            open_keys |= {one.key for one in self.draft.resources}
        takes = {}
        if self.plan and self.plan.plan:
            takes = {one["name"]: _takes(one["usage_after"]) for one in self.plan.plan["resources"]}
        shown = Shown(
            problems=self.problems,
            strict=self.strict,
            components=self.around.components,
            takes=takes,
            open=frozenset(open_keys),
            focus=self.focus,
            versions=getattr(self.contracts, "versions", lambda capability: ()),
        )
        return resource_forms(self.draft, self.contracts, shown)

    def context(self) -> dict[str, Any]:
        forms, errors = self.forms(), self._errors()
        stage = self.around.stage(self.draft.stage)
        held = None
        if self.environment is not None and self.environment.desired is not None:
            held = self.environment.desired.document.get("expires")
        return {
            "system": self.around.system,
            "environment": self.environment,
            "editing": self.editing,
            "draft": self.draft,
            "action": self.action,
            "resources": forms,
            "errors": errors,
            "strict": self.strict,
            "stages": self.around.cards(self.draft.stage),
            "expiry": expiry_options(stage, self.draft.expires, now=self.now, held=held, editing=self.editing),
            "panel": self._panel(forms, errors),
            "offers": SimpleLazyObject(self._picker),  # the live plan has one only when the stage moved
            "copy_from": "" if self.editing or self.draft.resources else self.around.copy_from,
            "yaml": (text := yaml_text(self.draft)),
            "faults": faults(self.problems, text, self.strict),
            "showing": "form",
            "desk": self.desk,
            "curl": curl_text(request_of(self.draft, self.environment)),
        }

    def _picker(self) -> list[Offer]:
        return picker(getattr(self.contracts, "offer", None))

    def _errors(self) -> dict[str, str]:
        """Errors of the draft's own fields; an empty name is not worth red ink before somebody asks."""
        errors = draft_errors(self.draft, self.problems)
        if not self.strict and not self.draft.name:
            errors.pop("name", None)
        return errors

    def _panel(self, forms: tuple[ResourceForm, ...], errors: Mapping[str, str]) -> PlanPanel:
        if self.plan is None:
            return unplanned(self.editing)
        panel = panel_of(self.plan, forms, dict(errors), self.now)
        if self.refused is None or self.refused.errors:
            return panel
        return replace(
            panel, notes=(Note("bad", f"{self.refused.message} {self.refused.remedy}".strip()), *panel.notes)
        )


def _takes(usage: Mapping[str, float]) -> str:
    """``0.5 CPU, 1 GiB``: what a resource takes, for its closed line."""
    parts = [
        f"{usage['cpu']:g} CPU" if usage["cpu"] else "",
        f"{usage['memory_gib']:g} GiB" if usage["memory_gib"] else "",
    ]
    if usage["storage_gib"]:
        parts.append(f"{usage['storage_gib']:g} GiB storage")
    return ", ".join(part for part in parts if part)


def yaml_text(draft: Draft) -> str:
    """The draft as the document that a file or the API would hold."""
    return as_yaml(draft.document())


def faults(problems: Iterable[FieldError], text: str, strict: bool) -> list[FieldError]:
    """The problems with the line of ``text`` on which each stands; what is only missing yet comes once asked for."""
    lines = load_yaml(text).lines
    return [
        FieldError(one.path, sentence(one.message), nearest_line(lines, one.path))
        for one in dict.fromkeys(problems)
        if strict or not one.message.startswith("is required")
    ]


def curl_text(request: ChangeRequest) -> str:
    """The same request as a call of the API."""
    body: dict[str, Any] = {"kind": request.kind, "system": request.system, "environment": request.environment}
    if request.base is not None:
        body["base"] = request.base
    body |= {"spec": request.spec, "reason": request.reason}
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return "\n".join(
        [
            f"curl -X POST {settings.BASE_URL}/api/v1/changes/ \\",
            '  -H "Authorization: Bearer $SLIPWAY_TOKEN" \\',
            '  -H "Idempotency-Key: $(uuidgen)" \\',
            '  -H "Content-Type: application/json" \\',
            "  --data-binary @- <<'JSON'",
            text,
            "JSON",
        ]
    )
