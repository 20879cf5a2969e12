"""Sources of catalogs: where entities come from, how often, and what becomes of groups and people. Admins only.

What is secret is encrypted and never read back by a face. Lock order: source row, then audit head.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from governance.access import rights_of
from governance.domain.audit import difference
from governance.domain.backstage.places import USUAL_PATTERN
from governance.models import CatalogSource, Entity
from governance.services.audit import audit_append
from governance.services.transactions import checked, require_version
from idp.catalog.models import Team
from idp.kernel import git_reader, outbound
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, UserFault
from idp.kernel.vault import decrypt, encrypt

SUBJECT: Final = "catalog-source"
MOST_MINUTES: Final = 10_080
LEAST_MINUTES: Final = 5
_EDITABLE: Final = ("url", "branch", "pattern", "username", "host_key", "groups", "users", "loose", "every")


@transaction.atomic
def source_save(
    actor: Actor,
    *,
    name: str,
    kind: str | None = None,
    owner: str | None = None,
    secret: str | None = None,
    expected_version: int | None = None,
    now: datetime,
    **fields: Any,
) -> CatalogSource:
    """Make the source ``name``, or change what is not None of it; its kind stays. ``fields`` are those of the model.

    ``owner`` is a team's slug, empty for none. ``secret`` is a token, or a private key for ssh; empty forgets it.
    InvalidInput names each field that is wrong.
    """
    rights_of(actor).require_admin()
    row = CatalogSource.objects.select_for_update(of=("self",)).select_related("owner").filter(name=name).first()
    before = source_state(row) if row else None
    if row is None:
        row = CatalogSource(name=name, kind=kind or "", created_at=now)
    elif kind not in (None, row.kind):
        raise _wrong("kind", f"{name} is of kind {row.kind}; make another source for another kind.")
    require_version(row, row.version, expected_version)
    for field, value in fields.items():
        if field in _EDITABLE and value is not None:
            setattr(row, field, value.strip() if isinstance(value, str) else value)
    if owner is not None:
        row.owner = _team(owner)
    _require_right(row, secret)
    changed = before is None or source_state(row) != before or secret is not None
    if changed:
        _keep(actor, row, before, secret, now)
    return row


def _keep(actor: Actor, row: CatalogSource, before: dict[str, Any] | None, secret: str | None, now: datetime) -> None:
    if secret is not None:
        row.secret = encrypt(secret) if secret else ""
    row.version = row.version + 1 if before else 1
    row.changed_by_id = actor.user_id
    row.known, row.previous = "", before if before != source_state(row) else row.previous
    row.due_at = now + timedelta(minutes=row.every) if row.every else None
    checked(row).save()
    data = {"before": before, "after": source_state(row), "credential_changed": secret is not None}
    _audit(actor, "catalog-source.save", row, data, now)


def source_state(row: CatalogSource) -> dict[str, Any]:
    """What an edit may change, without what is secret; needs ``owner`` joined."""
    return {name: getattr(row, name) for name in _EDITABLE} | {"owner": row.owner.slug if row.owner else ""}


@transaction.atomic
def source_take_back(actor: Actor, *, name: str, expected_version: int | None = None, now: datetime) -> CatalogSource:
    """Set again what the latest edit replaced; a secret stays as it is. Conflict when nothing was edited."""
    rights_of(actor).require_admin()
    row = source_get(name)
    if row.previous is None:
        raise Conflict(f"Nothing of {name} was edited.", code="illegal-state")
    before, after = source_state(row), row.previous
    row = source_save(actor, name=name, expected_version=expected_version, now=now, **after)
    _audit(actor, "catalog-source.take-back", row, difference(before, after), now)
    return row


@transaction.atomic
def source_hook(actor: Actor, *, name: str, now: datetime) -> str:
    """A new secret for pushes from the Git host, shown this once; the one before it no longer counts."""
    rights_of(actor).require_admin()
    row = CatalogSource.objects.select_for_update(of=("self",)).filter(name=name, kind="git").first()
    if row is None:
        raise NotFound(f"There is no source {name} that reads a Git repository.")
    made = secrets.token_urlsafe(32)
    row.hook_secret = encrypt(made)
    row.version += 1
    row.save(update_fields=["hook_secret", "version"])
    _audit(actor, "catalog-source.hook", row, {}, now)
    return made


@transaction.atomic
def source_remove(actor: Actor, *, name: str, now: datetime) -> None:
    """Remove a source that has no entities any more; Conflict says what to do first."""
    rights_of(actor).require_admin()
    row = source_get(name)
    if Entity.objects.filter(source=row).exists():
        told = f"Entities of {name} are in the catalog."
        raise Conflict(told, remedy="Import it without them, then remove its orphans.", code="illegal-state")
    _audit(actor, "catalog-source.remove", row, {"before": source_state(row), "after": None}, now)
    row.delete()


@transaction.atomic
def orphans_remove(actor: Actor, *, name: str, now: datetime) -> int:
    """Forget entities that their source no longer has; how many. What they became here stays as it is."""
    rights_of(actor).require_admin()
    row = source_get(name)
    found = Entity.objects.filter(source=row).exclude(orphaned_at=None)
    refs = list(found.order_by("ref").values_list("ref", flat=True))
    if refs:
        found.delete()
        data = {"count": len(refs), "before": {"entities": refs[:1_000]}, "after": None}
        _audit(actor, "catalog-source.orphans-remove", row, data, now)
    return len(refs)


def source_get(name: str) -> CatalogSource:
    row = CatalogSource.objects.select_related("owner", "changed_by").filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no source “{name[:30]}”.")
    return row


def secret_of(row: CatalogSource) -> str:
    """What opens the source; for the worker that reads it, and nobody else."""
    return decrypt(row.secret) if row.secret else ""


def _team(slug: str) -> Team | None:
    if not slug:
        return None
    found = Team.objects.filter(slug=slug, archived_at=None).first()
    if found is None:
        raise _wrong("owner", f"There is no team “{slug}”.")
    return found


def _require_right(row: CatalogSource, secret: str | None) -> None:
    """What the columns cannot say of a source; the address is held against where Slipway may call."""
    if row.every and not LEAST_MINUTES <= row.every <= MOST_MINUTES:
        raise _wrong("every", f"Import every {LEAST_MINUTES} to {MOST_MINUTES} minutes, or 0 for never by itself.")
    if row.kind == "upload":
        if row.url or row.every:
            raise _wrong("url" if row.url else "every", "What is uploaded has no address and no schedule.")
        return
    if not row.url:
        raise _wrong("url", "Write the address that is read.")
    try:
        if row.kind == "git":
            row.url = git_reader.check_address(row.url, secret=git_secret(row, secret))
            row.pattern = row.pattern or USUAL_PATTERN
            git_reader.check_branch(row.branch)
        else:
            outbound.check_url(row.url, schemes=("https",) if secret or row.secret else ("https", "http"))
    except UserFault as error:
        raise _wrong("url", error.message) from None


def git_secret(row: CatalogSource, secret: str | None = None) -> git_reader.Secret:
    """``secret`` in place of the stored one when it is given: a key when it looks like one, else a token."""
    held = secret_of(row) if secret is None else secret
    if "PRIVATE KEY" in held:
        return git_reader.Secret(key=held, host_key=row.host_key)
    return git_reader.Secret(token=held, username=row.username, host_key=row.host_key)


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, errors=[FieldError(field, message)])


def _audit(actor: Actor, action: str, row: CatalogSource, data: Mapping[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type=SUBJECT,
        object_id=row.pk,
        object_label=row.name,
        data={"kind": row.kind, **data},
        now=now,
    )
