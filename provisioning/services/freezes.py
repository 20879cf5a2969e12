"""Freezes: declared, edited, lifted and taken back by platform admins; told to whom they meet.

Nothing is switched when a freeze begins or ends: whoever asks for a change, starts one or sweeps looks at the clock.
Lock order: freeze row, then audit head.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from django.core.cache import cache
from django.db import transaction

from governance.access import rights_of
from governance.domain.audit import difference
from governance.services.accounts import platform_account
from governance.services.audit import audit_append
from governance.services.events import audience_tell
from governance.services.notices import notify_people
from governance.services.transactions import require_version
from idp.catalog.models import System, Team, User
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput
from provisioning.domain.freeze import COVERS, PARTS, Scope, freeze_problems, in_force, scope_in_words, until_in_words
from provisioning.domain.sleep_schedule import MAX_WINDOWS, schedule_read, schedule_written
from provisioning.models import Capability, Freeze, FreezeMark, Stage
from provisioning.selectors.freezes import SHOWN_KEY, freeze_get, freeze_of, standing_rows, teams_concerned

log = structlog.get_logger(__name__)
EDITABLE: Final = ("title", "reason", "scope", "covers", "windows", "zone", "glass", "starts_at", "ends_at")
MODELS: Final[Mapping[str, tuple[type[Any], str, str]]] = {
    "teams": (Team, "slug", "team"),
    "systems": (System, "slug", "system"),
    "stages": (Stage, "name", "stage"),
    "capabilities": (Capability, "name", "capability"),
}


@transaction.atomic
def freeze_declare(
    actor: Actor,
    *,
    title: str,
    reason: str,
    scope: Mapping[str, Collection[str]] | None = None,
    covers: Collection[str] = tuple(COVERS),
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    windows: Any = (),
    zone: str = "UTC",
    glass: str = "maintainers",
    now: datetime,
) -> Freeze:
    """Hold still what lies in ``scope`` (names by part; empty: the whole organisation). Platform admins only.

    From ``starts_at`` (now) to ``ends_at`` (until it is lifted), with ``windows`` inside of those only; who it meets
    is told at once when it holds at once. InvalidInput names each field and each name that is not there.
    """
    rights_of(actor).require_admin()
    fields = _fields(
        {
            "title": title,
            "reason": reason,
            "scope": scope or {},
            "covers": covers,
            "starts_at": starts_at or now,
            "ends_at": ends_at,
            "windows": windows,
            "zone": zone,
            "glass": glass,
        },
        now=now,
    )
    row = Freeze.objects.create(declared_by_id=_account(actor), declared_at=now, **fields)
    row = freeze_get(row.pk)
    _written()
    _tell(row, now=now)
    _audit(actor, row, "declare", {"before": None, "after": _plain(fields)}, now=now)
    return row


@transaction.atomic
def freeze_update(
    actor: Actor, freeze_id: int, *, expected_version: int | None = None, now: datetime, **asked: Any
) -> Freeze:
    """Change what is named (see ``EDITABLE``); what was before can be taken back. Platform admins only."""
    rights_of(actor).require_admin()
    row = _locked(freeze_id)
    require_version(row, row.version, expected_version)
    if row.lifted_at is not None:
        raise Conflict("This freeze is lifted.", code="illegal-state", remedy="Take the lifting back, or declare anew.")
    before = _kept(row)
    fields = _fields({**before, **{name: asked[name] for name in EDITABLE if name in asked}}, now=now)
    if fields == before:
        return row
    return _store(actor, row, "edit", before=before, after=fields, now=now)


@transaction.atomic
def freeze_lift(actor: Actor, freeze_id: int, *, now: datetime) -> Freeze:
    """End a freeze now, for good unless that is taken back. Platform admins only; what waited starts by itself."""
    rights_of(actor).require_admin()
    row = _locked(freeze_id)
    if row.lifted_at is not None:
        raise Conflict("This freeze is lifted already.", code="illegal-state", remedy="Nothing needs to be done.")
    row.lifted_at, row.lifted_by_id = now, _account(actor)
    row.version += 1
    row.save(update_fields=["lifted_at", "lifted_by", "version"])
    _written()
    if row.told:
        _say(row, "over", f"{actor.username} lifted it. What was held starts by itself.", by=actor, now=now)
    _audit(actor, row, "lift", {"before": {"lifted": False}, "after": {"lifted": True}}, now=now)
    return freeze_get(row.pk)


@transaction.atomic
def freeze_take_back(actor: Actor, freeze_id: int, *, now: datetime) -> Freeze:
    """Take back the last lifting or edit: the freeze is as it was before it. Platform admins only."""
    rights_of(actor).require_admin()
    row = _locked(freeze_id)
    if row.lifted_at is not None:
        row.lifted_at, row.lifted_by = None, None
        row.version += 1
        row.save(update_fields=["lifted_at", "lifted_by", "version"])
        _written()
        _tell(row, now=now)
        _audit(actor, row, "take-back", {"before": {"lifted": True}, "after": {"lifted": False}}, now=now)
        return freeze_get(row.pk)
    if not row.before:
        raise Conflict("Nothing was edited that could be taken back.", code="illegal-state")
    after = {**row.before, "starts_at": _moment(row.before["starts_at"]), "ends_at": _moment(row.before["ends_at"])}
    return _store(actor, row, "take-back", before=_kept(row), after=after, now=now)


def freezes_tell(*, now: datetime) -> int:
    """Tell of freezes that have begun or ended since the last look, by the clock; how many. For a task."""
    told = 0
    for freeze_id in list(standing_rows().values_list("pk", flat=True)):
        with transaction.atomic():
            row = Freeze.objects.select_for_update(of=("self",)).select_related("declared_by").get(pk=freeze_id)
            told += _tell(row, now=now)
    return told


def _tell(row: Freeze, *, now: datetime) -> bool:
    """Whether something was to be told: that it holds now, or no longer."""
    hold = None if row.lifted_at else in_force(freeze_of(row), now)
    if (hold is not None) == row.told:
        return False
    if hold is None:
        _say(row, "over", "What was held starts by itself.", by=PLATFORM, now=now)
    else:
        text = f"{row.declared_by.username} froze it {until_in_words(hold)}: {row.reason}"
        _say(row, "began", text, by=PLATFORM, now=now)
    row.told = hold is not None
    Freeze.objects.filter(pk=row.pk).update(told=row.told)
    return True


def _say(row: Freeze, what: str, text: str, *, by: Actor, now: datetime) -> None:
    """Tell people, and the programs and chats of the teams that it meets."""
    scope = scope_in_words(Scope.of(row.scope))
    freeze = {"id": row.pk, "title": row.title, "reason": row.reason, "scope": scope}
    audience_tell(
        f"freeze.{what}",
        teams=teams_concerned(Scope.of(row.scope)),
        subject=f"freeze/{row.pk}",
        data={
            "page": f"/freezes/{row.pk}/",
            "freeze": {**freeze, "declared_by": row.declared_by.username},
            "actor": by.username,
            "text": text,
        },
        now=now,
    )
    told = User.objects.filter(
        memberships__team__in=teams_concerned(Scope.of(row.scope)).values("pk"),
        memberships__role__in=("developer", "maintainer"),
    )
    notify_people(
        f"freeze-{what}",
        people=User.objects.filter(pk__in=told.values("pk")).exclude(pk=by.user_id or 0),
        title=f"{'Frozen' if what == 'began' else 'Thawed'}: {scope}"[:200],
        text=text,
        url=f"/freezes/{row.pk}/",
        key=f"freeze:{row.pk}:{what}:{now:%Y%m%d%H%M}",
        now=now,
    )


def _fields(given: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """The fields as they are stored; InvalidInput names each that is wrong."""
    schedule, wrong = schedule_read(list(given["windows"]), given["zone"]) if given["windows"] else (None, [])
    if not given["windows"]:
        _, wrong = schedule_read([], given["zone"])
    wrong = [
        FieldError("windows", "Leave an hour of the week free, or leave the windows out to hold all of it.")
        if one.path == "schedule" and len(given["windows"]) <= MAX_WINDOWS
        else FieldError(one.path.replace("schedule", "windows", 1), one.message)
        for one in wrong
    ]
    scope, unknown = _scope(given["scope"])
    checked = {name: given[name] for name in ("title", "reason", "covers", "glass", "starts_at", "ends_at")}
    problems = freeze_problems(**checked, schedule_errors=[*wrong, *unknown], now=now)
    if problems:
        raise InvalidInput("The freeze was not stored.", errors=problems)
    return {
        "title": given["title"].strip(),
        "reason": given["reason"].strip(),
        "scope": scope,
        "covers": [one for one in COVERS if one in given["covers"]],
        "windows": schedule_written(schedule) if schedule else [],
        "zone": given["zone"],
        "glass": given["glass"],
        "starts_at": given["starts_at"],
        "ends_at": given["ends_at"],
    }


def _scope(given: Mapping[str, Iterable[str]]) -> tuple[dict[str, list[str]], list[FieldError]]:
    """The scope as it is kept, and what it names that is not there. One query for each part that names something."""
    kept: dict[str, list[str]] = {}
    wrong = [FieldError("scope", f"It may name {', '.join(PARTS)}.")] if set(given) - set(PARTS) else []
    for part, (model, key, word) in MODELS.items():
        names = sorted(set(given.get(part, ())))
        if not names:
            continue
        kept[part] = names
        there = set(model.objects.filter(**{f"{key}__in": names}).values_list(key, flat=True))
        wrong += [FieldError(f"scope.{part}", f"There is no {word} “{one}”.") for one in names if one not in there]
    return kept, wrong


def _store(
    actor: Actor, row: Freeze, verb: str, *, before: Mapping[str, Any], after: Mapping[str, Any], now: datetime
) -> Freeze:
    for name, value in after.items():
        setattr(row, name, value)
    row.before = _plain(before) if verb == "edit" else {}
    row.version += 1
    row.save()
    _written()
    _tell(row, now=now)
    _audit(actor, row, verb, difference(_plain(before), _plain(after)), now=now)
    return freeze_get(row.pk)


def _kept(row: Freeze) -> dict[str, Any]:
    return {name: getattr(row, name) for name in EDITABLE}


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON: moments become text."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _locked(freeze_id: int) -> Freeze:
    freeze_get(freeze_id)
    return Freeze.objects.select_for_update(of=("self",)).select_related("declared_by").get(pk=freeze_id)


def _written() -> None:
    """Let every process read the freezes anew: this one at once, others with the next row that they read."""
    FreezeMark.objects.update_or_create(pk=1, defaults={"number": secrets.randbits(62) | 1})
    transaction.on_commit(lambda: cache.delete(SHOWN_KEY))


def _account(actor: Actor) -> int:
    return actor.user_id if actor.user_id is not None else platform_account().pk


def _audit(actor: Actor, row: Freeze, verb: str, data: Mapping[str, Any], *, now: datetime) -> None:
    teams = row.scope.get("teams", [])
    audit_append(
        actor,
        action=f"freeze.{verb}",
        object_type="freeze",
        object_id=row.pk,
        object_label=row.title,
        team_slug=teams[0] if len(teams) == 1 else "",
        data=data,
        now=now,
    )
