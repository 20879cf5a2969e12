"""Which links environments of a stage get. Admins write the templates; pages and answers only fill them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from provisioning.domain.links import LinkTemplate, template_problems
from provisioning.models import Stage, StageLink
from provisioning.selectors.links import templates_forget

MOST: Final = 30
"""Links of one stage."""


@transaction.atomic
def link_save(actor: Actor, *, stage: Stage, name: str, kind: str, url: str, now: datetime) -> StageLink:
    """Make the link ``name`` of a stage, or change it. Admins only; locks the stage, so that the limit holds."""
    rights_of(actor).require_admin()
    made = LinkTemplate(name.strip(), kind, url.strip())
    if problems := template_problems(made):
        raise InvalidInput("The link was not stored.", errors=problems)
    Stage.objects.select_for_update(of=("self",)).get(pk=stage.pk)
    found = StageLink.objects.filter(stage=stage, name=made.name).first()
    if found is not None and (found.kind, found.url) == (made.kind, made.url):
        return found
    if found is None and StageLink.objects.filter(stage=stage).count() >= MOST:
        told = f"A stage has at most {MOST} links; remove one that nobody needs first."
        raise Conflict(told, code="illegal-state")
    before = _stands(found) if found else None
    fields = {"kind": made.kind, "url": made.url, "changed_by_id": actor.user_id, "changed_at": now}
    row, _ = StageLink.objects.update_or_create(stage=stage, name=made.name, defaults=fields)
    templates_forget()
    _audit(actor, row, stage, "link.save", before, _stands(row), now=now)
    return row


@transaction.atomic
def link_remove(actor: Actor, *, stage: Stage, link_id: int, now: datetime) -> None:
    """Remove a link of a stage. Admins only."""
    rights_of(actor).require_admin()
    row = StageLink.objects.select_for_update(of=("self",)).filter(stage=stage, pk=link_id).first()
    if row is None:
        raise NotFound(f"Stage {stage.name} has no such link.")
    _audit(actor, row, stage, "link.remove", _stands(row), None, now=now)
    row.delete()
    templates_forget()


def _stands(row: StageLink) -> dict[str, str]:
    return {"kind": row.kind, "url": row.url}


def _audit(
    actor: Actor,
    row: StageLink,
    stage: Stage,
    action: str,
    before: dict[str, str] | None,
    after: dict[str, str] | None,
    *,
    now: datetime,
) -> None:
    audit_append(
        actor,
        action=action,
        object_type="stage",
        object_id=stage.pk,
        object_label=f"{stage.name}: {row.name}",
        data={"before": before, "after": after},
        now=now,
    )
