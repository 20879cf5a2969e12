"""Groups as a directory provisions them through SCIM, and the roles in teams that follow from them by rules.

Called by ``portal.api.scim_groups``. A group gives nothing by itself: rules of platform admins say what it gives, and
they give roles in teams only (``governance.services.group_rules``).

Lock order: group row, then what memberships lock for each person, by number, then audit head.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from governance.domain.scim_patch import patched
from governance.domain.scim_schema import GROUP, Document, clean, folded
from governance.models import ScimGroup, ScimUser
from governance.services.audit import audit_append
from governance.services.scim_tokens import require_scim
from governance.services.scim_users import follow
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, PreconditionFailed, TooLarge

MOST_MOVED: Final = 1_000
"""How many people one request may bring into a group or take out of it: each is looked at against the rules."""
NAMED: Final = 20


@transaction.atomic
def scim_group_create(actor: Actor, *, sent: Mapping[str, Any], now: datetime) -> ScimGroup:
    """A group with its members. Conflict (``uniqueness``) when there is one of the name."""
    require_scim(actor)
    row = ScimGroup(created_at=now, version=0)
    return _stored(actor, row, clean(GROUP, sent), {}, now=now)


@transaction.atomic
def scim_group_replace(
    actor: Actor, key: str, *, sent: Mapping[str, Any], expected: int | None = None, now: datetime
) -> ScimGroup:
    """The group as ``sent`` says; without members it has none. ``expected`` is the version that was read."""
    require_scim(actor)
    row = _locked(key, expected)
    return _stored(actor, row, clean(GROUP, sent), document_of(row), now=now)


@transaction.atomic
def scim_group_patch(
    actor: Actor, key: str, *, sent: Mapping[str, Any], expected: int | None = None, now: datetime
) -> ScimGroup:
    """The group after the operations of ``sent``; all of them are carried out or none."""
    require_scim(actor)
    row = _locked(key, expected)
    before = document_of(row)
    return _stored(actor, row, patched(GROUP, before, sent), before, now=now)


@transaction.atomic
def scim_group_delete(actor: Actor, key: str, *, expected: int | None = None, now: datetime) -> None:
    """End a group; the roles that only it gave end with it."""
    require_scim(actor)
    row = _locked(key, expected)
    document = document_of(row)
    people = list(row.members.filter(deleted_at=None).select_related("user").order_by("pk"))
    _require_few(people)
    name, number = row.display_name, row.pk
    row.delete()
    for one in people:
        follow(one, now=now)
    _audit(actor, "scim-group.delete", number, name, {"before": _told(document), "after": None}, now=now)


def document_of(row: ScimGroup) -> Document:
    """What the directory has written; members by id, in the order of their rows."""
    found: Document = {"displayName": row.display_name}
    if row.external_id:
        found["externalId"] = row.external_id
    keys = row.members.filter(deleted_at=None).order_by("pk").values_list("key", flat=True)
    members = [{"value": key} for key in keys]
    return found | ({"members": members} if members else {})


def _locked(key: str, expected: int | None) -> ScimGroup:
    row = ScimGroup.objects.select_for_update().filter(key=key.lower()).first()
    if row is None:
        raise NotFound(f"There is no Group {key[:40]}.")
    if expected is not None and expected != row.version:
        raise PreconditionFailed("The group was changed since you read it; nothing was stored.")
    return row


def _stored(actor: Actor, row: ScimGroup, document: Document, before: Document, *, now: datetime) -> ScimGroup:
    """Keep ``document`` and let roles follow; one that says what is known changes nothing, not even the version."""
    wanted, held = _keys(document), _keys(before)
    named = {name: document.get(name, "") for name in ("displayName", "externalId")}
    renamed = any(before.get(name, "") != value for name, value in named.items())
    if not renamed and wanted == held:
        return row
    coming, going = _people(wanted - held), _people(held - wanted, gone=True)
    row.display_name, row.display_name_key = named["displayName"], folded(named["displayName"])
    row.external_id, row.updated_at = named["externalId"], now
    row.version += 1
    _save(row)
    row.members.remove(*going)
    row.members.add(*coming)
    moved = {one.pk: one for one in (*coming, *going)}
    if renamed and before:
        moved |= {one.pk: one for one in row.members.filter(deleted_at=None).select_related("user")}
    _require_few(moved)
    for _, person in sorted(moved.items()):
        follow(person, now=now)
    told = {"before": _told(before) if before else None, "after": _told(document)}
    data = told | {"came": _names(coming), "left": _names(going)}
    _audit(actor, "scim-group.update" if before else "scim-group.create", row.pk, row.display_name, data, now=now)
    return row


def _people(keys: Collection[str], *, gone: bool = False) -> list[ScimUser]:
    """The people with these ids; InvalidInput for an id that is nobody's, unless they are to go anyway."""
    _require_few(keys)
    rows = list(ScimUser.objects.filter(key__in=keys, deleted_at=None).select_related("user").order_by("pk"))
    unknown = sorted(set(keys) - {one.key for one in rows})
    if unknown and not gone:
        told = f"There is no User {unknown[0][:60]}; groups are no members of groups here."
        raise InvalidInput(told, code="invalidValue", errors=[FieldError("members", told)])
    return rows


def _keys(document: Document) -> set[str]:
    return {one["value"].lower() for one in document.get("members", ())}


def _require_few(people: Collection[Any]) -> None:
    if len(people) > MOST_MOVED:
        raise TooLarge(
            f"One request moves at most {MOST_MOVED:,} people.", remedy="Send the members in several requests."
        )


def _save(row: ScimGroup) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict(f"There is a group called {row.display_name[:80]} already.", code="uniqueness") from None


def _told(document: Document) -> dict[str, Any]:
    """A group as the log keeps it: who came and who left stands beside it."""
    name, own = document["displayName"], document.get("externalId", "")
    return {"display_name": name, "external_id": own, "members": len(document.get("members", ()))}


def _names(people: Iterable[ScimUser]) -> list[str]:
    """The first of them, and how many more."""
    names = [one.user.username for one in people]
    return names[:NAMED] + ([f"and {len(names) - NAMED} more"] if len(names) > NAMED else [])


def _audit(actor: Actor, action: str, number: int, name: str, data: Mapping[str, Any], *, now: datetime) -> None:
    audit_append(
        actor, action=action, object_type="scim-group", object_id=number, object_label=name, data=data, now=now
    )
