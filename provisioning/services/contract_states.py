"""Moving a published version from one state to another, and the teams that see previews.

What is published stays as it is; only its state and what is said about the state change, and every move is audited.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.catalog.models import Team
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from provisioning.domain.contract_states import note_problems, transition_refused
from provisioning.models import Capability, Contract, PreviewTeam, Resource
from provisioning.selectors.contract_flags import flags_forget
from provisioning.services.default_versions import default_version_drop
from provisioning.services.moved_changes import Moves, moves_audit
from provisioning.services.replanning import changes_refuse


@transaction.atomic
def contract_state_set(
    actor: Actor,
    *,
    capability: str,
    version: str,
    state: str,
    now: datetime,
    reason: str = "",
    sunset: datetime | None = None,
    replacement: str | None = None,
    expected_version: int | None = None,
) -> Contract:
    """Move one published version to ``state``, or tell anew why it is there. Admins only; locks the contract, and for
    a defective one then the environments and the open changes that would begin to use it, which are denied.

    Raises Conflict ``illegal-state`` for a move that is not allowed or would retire what is in use, InvalidInput for a
    note that is not complete, PreconditionFailed when it was moved since ``expected_version``. The same again is no
    change and leaves no entry.
    """
    rights_of(actor).require_admin()
    row = _locked(capability, version)
    if expected_version is not None and row.state_version != expected_version:
        raise PreconditionFailed("Its state was changed since you read it; nothing was stored.")
    reason, replacement = reason.strip(), (replacement or "").strip()
    wanted = {"state": state, "state_reason": reason, "sunset_at": sunset, "replacement": replacement}
    if all(getattr(row, name) == value for name, value in wanted.items()):
        return row
    _require_allowed(row, state)
    _require_note(row, state, reason, sunset, replacement, now=now)
    before = row.state
    since = row.state_since if before == state and row.state_since else now
    Contract.objects.filter(pk=row.pk).update(state_version=row.state_version + 1, state_since=since, **wanted)
    row.refresh_from_db()
    flags_forget()
    was_default = state != "stable" and default_version_drop(row)
    moves: Moves = []
    if state == "defective" != before:
        changes_refuse(row, moves=moves, now=now)
    audit_append(
        actor,
        action="contract.state",
        object_type="contract",
        object_id=str(row.pk),
        object_label=f"{capability} {version}",
        data={
            "before": before,
            "after": state,
            "reason": row.state_reason,
            "sunset": sunset.isoformat() if sunset else None,
            "replacement": row.replacement,
            "was_default": was_default,
        },
        now=now,
    )
    moves_audit(actor, moves, cause=f"{capability} {version} is {state}", now=now)
    return row


def _locked(capability: str, version: str) -> Contract:
    """Its key stays free, so that a start which holds an environment can make resources of it meanwhile."""
    rows = Contract.objects.select_for_update(of=("self",), no_key=True).select_related("capability")
    row = rows.filter(capability__name=capability, version=version).first()
    if row is None:
        raise NotFound(f"{capability} has no version {version}.")
    return row


def _require_allowed(row: Contract, state: str) -> None:
    in_use = 0
    if state == "retired":
        living = Resource.objects.filter(contract=row, borrowed=False, environment__deleted_at=None)
        in_use = living.exclude(state="gone").count()
    if refusal := transition_refused(row.state, state, in_use=in_use):
        raise Conflict(refusal, code="illegal-state", remedy="Read the version again to see where it stands.")


def _require_note(
    row: Contract, state: str, reason: str, sunset: datetime | None, replacement: str, *, now: datetime
) -> None:
    usable = dict(Contract.objects.filter(capability=row.capability_id).values_list("version", "state"))
    found = list(
        note_problems(
            state, version=row.version, reason=reason, sunset=sunset, replacement=replacement, usable=usable, now=now
        )
    )
    if found:
        raise InvalidInput("The state was not changed.", errors=found)


@transaction.atomic
def preview_join(actor: Actor, *, capability: str, team: str, now: datetime) -> PreviewTeam:
    """Let a team's systems use the previews of a capability. Its maintainers and admins; joining again is no change."""
    owner, wanted = _managed(actor, capability, team)
    row, made = PreviewTeam.objects.get_or_create(
        capability=wanted, team=owner, defaults={"joined_by_id": actor.user_id, "joined_at": now}
    )
    if made:
        _audit_preview(actor, "preview.join", wanted, owner, member=True, now=now)
    return row


@transaction.atomic
def preview_leave(actor: Actor, *, capability: str, team: str, now: datetime) -> None:
    """The opposite: what uses a preview already may stay, nothing new begins to."""
    owner, wanted = _managed(actor, capability, team)
    gone, _ = PreviewTeam.objects.filter(capability=wanted, team=owner).delete()
    if gone:
        _audit_preview(actor, "preview.leave", wanted, owner, member=False, now=now)


def _managed(actor: Actor, capability: str, team: str) -> tuple[Team, Capability]:
    wanted = Capability.objects.filter(name=capability).first()
    owner = Team.objects.filter(slug=team).first()
    if wanted is None:
        raise NotFound(f"There is no capability “{capability}”.")
    if owner is None:
        raise NotFound(f"There is no team “{team}”.")
    rights_of(actor).require_manage(owner)
    return owner, wanted


def _audit_preview(
    actor: Actor, action: str, capability: Capability, team: Team, *, member: bool, now: datetime
) -> None:
    audit_append(
        actor,
        action=action,
        object_type="capability",
        object_id=str(capability.pk),
        object_label=capability.name,
        team_slug=team.slug,
        data={"team": team.slug, "before": {"previews": not member}, "after": {"previews": member}},
        now=now,
    )
