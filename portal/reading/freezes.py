"""Freezes in words: for their pages, and for the banners of the pages that they concern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from provisioning.domain.freeze import (
    COVERS,
    GLASS,
    Freeze,
    begins,
    in_force,
    scope_in_words,
    until_in_words,
)
from provisioning.domain.windows import in_words
from provisioning.models import Freeze as Row
from provisioning.selectors.freezes import Affected, freeze_of, freezes_shown

COVER_WORDS = {
    "changes": "changes",
    "promotions": "promotions",
    "upgrades": "upgrades",
    "expiry": "expiry",
    "sleep": "sleep",
}


@dataclass(frozen=True, slots=True)
class FreezeLine:
    """One freeze in a list; ``state`` with ``state_kind`` and ``word`` is as the tag ``state`` draws it."""

    row: Row
    url: str
    scope: str
    covers: str
    time: str
    state: str
    state_kind: str
    word: str

    @property
    def holds(self) -> bool:
        return self.state == "denied"


def freeze_line(row: Row, *, now: datetime) -> FreezeLine:
    """Needs ``declared_by`` and ``lifted_by`` joined."""
    freeze = freeze_of(row)
    state, kind, word, time = _stands(row, freeze, now)
    return FreezeLine(
        row=row,
        url=reverse("freeze", args=[row.pk]),
        scope=_capital(scope_in_words(freeze.scope)),
        covers="Everything it can hold" if freeze.covers == set(COVERS) else _covers(row),
        time=time,
        state=state,
        state_kind=kind,
        word=word,
    )


def _stands(row: Row, freeze: Freeze, now: datetime) -> tuple[str, str, str, str]:
    if row.lifted_at is not None:
        by = f" by {row.lifted_by.username}" if row.lifted_by else ""
        return "cancelled", "run", "Lifted", f"Lifted{by} {_local(row.lifted_at, row.zone)}"
    hold = in_force(freeze, now)
    if hold is not None:
        return "denied", "change", "Frozen", _capital(until_in_words(hold))
    coming = begins(freeze, now)
    if coming is not None:
        return "waiting", "approval", "Scheduled", _to_come(row, freeze, coming)
    return "cancelled", "run", "Over", "It has thawed"


def _to_come(row: Row, freeze: Freeze, coming: datetime) -> str:
    """From when it holds, and to when; week by week where it has windows, with the day of the next."""
    if freeze.schedule.windows:
        local = coming.astimezone(ZoneInfo(row.zone))
        return f"{in_words(freeze.schedule)}; next on {local:%a} {local.day} {local:%b}"
    begin = f"From {_local(coming, row.zone)}"
    return f"{begin} until {_local(row.ends_at, row.zone)}" if row.ends_at else begin


def freeze_facts(row: Row, *, now: datetime) -> list[dict[str, Any]]:
    """What the page of one freeze says of it, as ``components/_pairs.html`` draws it."""
    freeze, line = freeze_of(row), freeze_line(row, now=now)
    said = [
        ("What", line.scope),
        ("Covers", line.covers),
        ("Now", line.time),
        ("Begins", _local(row.starts_at, row.zone)),
        ("Ends", _local(row.ends_at, row.zone) if row.ends_at else "When somebody lifts it"),
        ("Declared", f"{row.declared_by.username}, {_local(row.declared_at, row.zone)}"),
        ("Break the glass", GLASS[row.glass]),
    ]
    if freeze.schedule.windows:
        said.insert(5, ("Week by week", in_words(freeze.schedule)))
    return [{"label": label, "value": value} for label, value in said]


def affected_facts(found: Affected) -> list[dict[str, Any]]:
    """Whom a freeze meets, as ``components/_facts.html`` draws it."""
    return [
        {"label": "Environments", "value": f"{found.environments:,}", "figure": True},
        {"label": "Teams", "value": f"{len(found.teams):,}", "figure": True},
        {"label": "Open changes that wait", "value": f"{found.waiting:,}", "figure": True},
    ]


def freeze_banners(match: Any, *, now: datetime) -> list[dict[str, str]]:
    """What a page is told of the freezes that concern it. ``match`` is the request's resolver match, or None.

    Mostly no query: what stands is kept for seconds in the process.
    """
    shown = freezes_shown()
    if not shown:
        return []
    about = _about(match)
    found = [hold for one in shown if one.concerns(**about) and (hold := in_force(one.freeze, now)) is not None]
    return [
        {
            "tone": "bad",
            "icon": "snowflake",
            "strong": f"Frozen: {scope_in_words(hold.freeze.scope)}, {until_in_words(hold)}.",
            "text": f"{hold.freeze.by}: {hold.freeze.reason}",
            "action_url": reverse("freeze", args=[hold.freeze.id]),
            "action_label": "What it holds",
        }
        for hold in found[:3]
    ]


def _about(match: Any) -> Mapping[str, str]:
    """The system, team, stage and capability that the page's address names; each empty where it names none."""
    named = match.kwargs if match is not None else {}
    capability = named.get("name", "") if match is not None and (match.url_name or "").startswith("capab") else ""
    return {
        "system": str(named.get("system", "")),
        "team": str(named.get("team", "")),
        "stage": str(named.get("stage", "")),
        "capability": str(capability),
    }


def everything_frozen(*, now: datetime) -> int | None:
    """The freeze of the whole organisation that holds now, for the red switch; None while there is none."""
    holding = (one.freeze.id for one in freezes_shown() if one.freeze.scope.is_all and in_force(one.freeze, now))
    return next(holding, None)


def _covers(row: Row) -> str:
    return _capital(", ".join(COVER_WORDS[one] for one in row.covers if one in COVER_WORDS))


def _local(moment: datetime, zone: str) -> str:
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} {zone}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
