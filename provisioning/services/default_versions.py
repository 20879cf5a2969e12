"""The version that a major leads to: the newest stable one, unless an admin chooses another.

Revisions keep the version they were resolved to, so a choice counts for what is asked for from then on, and never
moves anything back.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, NotFound
from provisioning.models import Capability, Contract, DefaultVersion


@transaction.atomic
def default_version_set(actor: Actor, *, capability: str, version: str, now: datetime) -> DefaultVersion:
    """Make ``version`` the default of its major. Admins only; locks the capability, then the contract.

    Raises Conflict ``illegal-state`` for one that is not stable or is a pre-release. The same again is no change and
    leaves no entry.
    """
    rights_of(actor).require_admin()
    owner = _locked(capability)
    rows = Contract.objects.select_for_update(of=("self",)).filter(capability=owner, version=version)
    row = rows.defer("document").first()
    if row is None:
        raise NotFound(f"{capability} has no version {version}.")
    if row.state != "stable" or "-" in row.version:
        kind = "a pre-release" if row.state == "stable" else row.state
        raise Conflict(
            f"{capability} {version} is {kind}, so no major leads to it.",
            code="illegal-state",
            remedy="Choose a stable version.",
        )
    held = DefaultVersion.objects.select_related("contract").filter(capability=owner, major=row.major).first()
    if held is not None and held.contract_id == row.pk:
        return held
    before = held.contract.version if held else None
    made, _ = DefaultVersion.objects.update_or_create(
        capability=owner, major=row.major, defaults={"contract": row, "set_by_id": actor.user_id, "set_at": now}
    )
    _audit(actor, owner, row.major, before=before, after=version, now=now)
    return made


@transaction.atomic
def default_version_clear(actor: Actor, *, capability: str, major: int, now: datetime) -> None:
    """Let the newest stable version of ``major`` be its default again. Admins only; nothing to clear is no change."""
    rights_of(actor).require_admin()
    owner = _locked(capability)
    held = DefaultVersion.objects.select_related("contract").filter(capability=owner, major=major).first()
    if held is None:
        return
    before = held.contract.version
    held.delete()
    _audit(actor, owner, major, before=before, after=None, now=now)


def default_version_drop(contract: Contract) -> bool:
    """Forget that ``contract`` is a default, because it is not stable any more; whether it was one.

    Called inside the transaction that moves its state, which audits both.
    """
    gone, _ = DefaultVersion.objects.filter(contract=contract).delete()
    return bool(gone)


def _locked(name: str) -> Capability:
    row = Capability.objects.select_for_update(of=("self",)).filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no capability “{name}”.")
    return row


def _audit(
    actor: Actor, capability: Capability, major: int, *, before: str | None, after: str | None, now: datetime
) -> None:
    audit_append(
        actor,
        action="contract.default",
        object_type="capability",
        object_id=str(capability.pk),
        object_label=f"{capability.name} {major}.x",
        data={"major": major, "before": before, "after": after},
        now=now,
    )
