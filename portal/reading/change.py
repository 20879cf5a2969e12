"""A change as the inbox and the decision page show it: what is agreed, what it reaches, what it would do.

Read by the pages of changes. Takes rows and views that selectors gave; only ``agreed_counts`` asks the database, once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import yaml
from django.conf import settings

from governance.domain.quota import DIMENSIONS
from governance.models import Approval
from portal.addresses import address
from portal.drawing import words
from portal.reading.plan_words import counts_sentence, listed
from provisioning.models import Change, ChangeEvent
from provisioning.selectors.changes import ApprovalView, ChangeView
from provisioning.services.replanning import NO_QUOTA

WORDS_OF_EVENT: Final = {
    "submit": ("git-merge", "asked for it"),
    "approve": ("check", "agreed"),
    "reject": ("x", "rejected it"),
    "cancel": ("arrow-back-up", "withdrew it"),
    "comment": ("message-circle", "wrote"),
    "request-info": ("message-circle", "asked for information"),
    "resume": ("player-play", "resumed it"),
    "glass": ("bolt", "broke the glass of a freeze"),
    "cosign": ("check", "signed beside the agent"),
}
WORDS_OF_STATE: Final = {
    "approve": ("check", "Nobody else has to agree"),
    "start": ("player-play", "It started"),
    "succeed": ("check", "It succeeded"),
    "fail": ("alert-triangle", "It failed"),
    "replan": ("rotate-clockwise", "The plan was made anew"),
    "ask-again": ("rotate-clockwise", "The plan was made anew, so it is asked again"),
    "deny": ("hand-stop", "It was denied"),
    "supersede": ("layers-linked", "It was overtaken"),
    "expire": ("clock", "It expired"),
    "schedule": ("calendar-time", "It waits for its time"),
    "wait": ("hourglass", "It cannot start yet"),
    "stop": ("player-stop", "It was stopped"),
    "freeze": ("snowflake", "It waits for a thaw"),
}


def agreed_counts(changes: Sequence[Change]) -> dict[int, str]:
    """``1 of 2 agreed`` for each pending change; one query."""
    pending = {one.pk: one.plan_digest for one in changes if one.state == "pending"}
    if not pending:
        return {}
    rows = Approval.objects.filter(change_id__in=list(pending), state__in=("waiting", "approved", "later"))
    asked: dict[int, int] = {}
    given: dict[int, int] = {}
    for change_id, digest, count, state in rows.values_list("change_id", "plan_digest", "count", "state"):
        if pending[change_id] == digest:
            asked[change_id] = asked.get(change_id, 0) + count
            given[change_id] = given.get(change_id, 0) + (count if state == "approved" else 0)
    return {key: f"{given[key]} of {asked[key]} agreed" for key in asked}


@dataclass(frozen=True, slots=True)
class Row:
    """A change in a list: every word of its line, made once. ``tick`` is what choosing it sends, where it may be."""

    url: str
    number: int
    title: str
    requester: str
    reason: str
    state: str
    run_url: str
    word: str
    stage: str
    cost: str
    at: datetime
    tick: str


def inbox_rows(changes: Iterable[Change], agreed: Mapping[int, str], *, tick: bool = False) -> list[Row]:
    """Changes as rows of the inbox. ``agreed`` as ``agreed_counts`` says; ``tick`` lets those of low risk be chosen."""
    return [
        _row(
            one,
            word=agreed.get(one.pk, ""),
            cost=words.money_change(one.monthly_cost_after - one.monthly_cost_before, settings.CURRENCY),
            tick=f"{one.pk}:{one.plan_digest}" if tick and is_low_risk(one) else "",
        )
        for one in changes
    ]


FEWEST_ALIKE: Final = 3


def alike(changes: Sequence[Change]) -> tuple[list[list[Change]], list[Change]]:
    """Low-risk changes that do the same to different places, in groups of some size, and all others in their order."""
    groups: dict[tuple[Any, ...], list[Change]] = {}
    for one in changes:
        if is_low_risk(one):
            groups.setdefault(_likeness(one), []).append(one)
    large = [found for found in groups.values() if len(found) >= FEWEST_ALIKE]
    grouped = {one.pk for found in large for one in found}
    return large, [one for one in changes if one.pk not in grouped]


def _likeness(change: Change) -> tuple[Any, ...]:
    """The kind, and what becomes of which capability in which version."""
    touched = {
        (one["action"], one["capability"], one["contract_before"], one["contract_after"])
        for one in change.plan.get("resources", ())
        if one["action"] != "unchanged"
    }
    return (change.kind, change.plan_digest if not touched else "", *sorted(touched, key=str))


def alike_title(changes: Sequence[Change]) -> str:
    """What all of a group do, in a few words."""
    first = changes[0]
    touched = _of(first.plan, "added", "updated", "removed")
    names = {f"{one['capability']} {one['contract_after'] or one['contract_before']}" for one in touched}
    return f"{len(changes)} alike: {first.kind} {listed(sorted(names))}".strip()


def plain_rows(changes: Iterable[Change]) -> list[Row]:
    """The same without cost and agreement, for the changes of one environment."""
    return [_row(one) for one in changes]


def _row(change: Change, *, word: str = "", cost: str = "", tick: str = "") -> Row:
    run = change.run_id if change.state in ("running", "failed") else None  # type: ignore[attr-defined]
    return Row(
        url=address("change", change.pk),
        number=change.pk,
        title=change.title,
        requester=change.requester.username,
        reason=change.reason,
        state=change.state,
        run_url=address("run", run) if run else "",
        word=word,
        stage=change.stage.name,
        cost=cost,
        at=change.created_at,
        tick=tick,
    )


def is_low_risk(change: Change) -> bool:
    """Whether it may be agreed to in the list: no production, nothing removed or deleted, no storage touched."""
    resources = change.plan.get("resources", ())
    touches_data = any(
        line["effect"] == "data" for one in resources if one["action"] == "updated" for line in one["fields"]
    )
    removes = any(one["action"] == "removed" for one in resources)
    return not (change.stage.production or change.kind == "delete" or removes or touches_data)


def risk_facts(change: Change, *, waits: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The strip below the reason: reach, resources, restarts, data, cost, and how long it ``waits`` while it does."""
    plan = change.plan
    facts = [
        {
            "label": "Reach",
            "value": "Production" if change.stage.production else change.stage.title or change.stage.name,
            "small": f"{change.system.slug} / {change.environment_name}",
        },
        {"label": "Resources", "value": counts_sentence(plan), "small": _kept(plan)},
        _restarts(plan),
        _data(plan),
        _cost(change),
    ]
    return [*facts, dict(waits)] if waits else facts


def _kept(plan: Mapping[str, Any]) -> str:
    unchanged = plan.get("counts", {}).get("unchanged", 0)
    return f"{unchanged} stay as they are" if unchanged > 1 else "1 stays as it is" if unchanged else ""


def _of(plan: Mapping[str, Any], *actions: str) -> list[Mapping[str, Any]]:
    return [one for one in plan.get("resources", ()) if one["action"] in actions]


def _restarts(plan: Mapping[str, Any]) -> dict[str, str]:
    names = [one["name"] for one in _of(plan, "updated") if one["effect"].startswith("Restarts")]
    small = "one replica at a time" if any("at a time" in one["effect"] for one in _of(plan, "updated")) else ""
    return {"label": "Restarts", "value": listed(names) or "None", "small": small if names else ""}


def _data(plan: Mapping[str, Any]) -> dict[str, str]:
    lost = [one["name"] for one in _of(plan, "removed") if one["usage_before"]["storage_gib"]]
    if lost:
        return {
            "label": "Data",
            "value": f"{listed(lost)} {'is' if len(lost) == 1 else 'are'} lost",
            "small": "cannot be undone",
        }
    moved = [one["name"] for one in _of(plan, "updated") if "storage" in one["effect"]]
    if moved:
        return {"label": "Data", "value": "Kept", "small": f"storage of {listed(moved)} changes"}
    new = [one["name"] for one in _of(plan, "added") if one["usage_after"]["storage_gib"]]
    return {
        "label": "Data",
        "value": "New" if new else "Kept",
        "small": f"empty at first: {listed(new)}" if new else "untouched",
    }


def _cost(change: Change) -> dict[str, str]:
    before, after = change.monthly_cost_before, change.monthly_cost_after
    small = f"{words.money(before, settings.CURRENCY)} to {words.money(after, settings.CURRENCY)}"
    return {
        "label": "Cost a month",
        "value": words.money_change(after - before, settings.CURRENCY),
        "small": small if before else "nothing until now",
    }


def approval_lines(view: ChangeView, me: str) -> list[dict[str, str]]:
    """Who must agree, then what people decided; one person may answer several of the former."""
    required = [
        {
            "state": "waits" if one.state == "waiting" else one.state,
            "title": f"{one.stage}: {one.label[:1].lower()}{one.label[1:]}" if one.stage else one.label,
            "text": _still(one, me, view.may_decide) or one.reason,
        }
        for one in view.approvals
    ]
    said = [
        {
            "state": "approved" if one.verdict == "approve" else "rejected",
            "title": f"{one.user.username} for {one.on_behalf_of.username}" if one.on_behalf_of else one.user.username,
            "text": f"“{one.comment}”" if one.comment else "",
            "word": "Agreed" if one.verdict == "approve" else "Rejected",
        }
        for one in view.decisions
        if one.verdict in ("approve", "reject") and one.plan_digest == view.change.plan_digest
    ]
    return [*required, *said]


def _still(one: ApprovalView, me: str, may_decide: bool) -> str:
    if one.state == "later":
        return f"Asked when the stage before has agreed: {listed(one.who[:4], 'or')}." if one.who else ""
    if one.state != "waiting":
        return ""
    others = [name for name in one.who if name.partition(" for ")[0] != me]
    if len(others) < len(one.who) and may_decide:
        return f"You may. {listed(others[:3])} may too." if others else "You may; nobody else can."
    return f"{listed(others[:4], 'or')} may." if others else "Nobody can at the moment; ask the platform team."


def approvals_count(view: ChangeView) -> str:
    """``1 of 2``; nothing when nobody must agree."""
    wanted = [one for one in view.approvals if one.state != "skipped"]
    asked = sum(one.count for one in wanted)
    given = sum(one.count if one.state == "approved" else min(len(one.given), one.count) for one in wanted)
    return f"{given} of {asked}" if asked else ""


def waiting_times(view: ChangeView) -> dict[str, Any]:
    """Since when the present stage waits, when others are asked too, and when the change gives up."""
    waiting = [one for one in view.approvals if one.state == "waiting"] if view.change.state == "pending" else []
    moments = {
        "since": [one.opened_at or view.change.created_at for one in waiting],
        "escalates": [one.escalates_at for one in waiting if one.escalates_at],
        "expires": [one.expires_at for one in waiting if one.expires_at],
    }
    return {name: min(found) for name, found in moments.items() if found}


def waiting_fact(times: Mapping[str, Any], count: str, now: datetime) -> dict[str, str] | None:
    """For the strip: how long the present stage has waited, and how many have agreed. None when nothing waits."""
    since = times.get("since")
    if since is None:
        return None
    minutes = int((now - since).total_seconds() // 60)
    waited = words.duration(minutes * 60) if minutes else "under a minute"
    return {"label": "Waits for", "value": waited, "small": f"{count} agreed" if count else ""}


def open_question(view: ChangeView) -> dict[str, Any] | None:
    """What was asked last and the requester has not answered yet, in a comment after it."""
    if view.change.state != "pending":
        return None
    asked = next((one for one in reversed(view.decisions) if one.verdict == "request-info"), None)
    if asked is None:
        return None
    later = (one for one in view.decisions if one.pk > asked.pk and one.verdict == "comment")
    answered = any(one.user_id == view.change.requester_id for one in later)
    return None if answered else {"by": asked.user.username, "text": asked.comment, "at": asked.created_at}


def denial(change: Change, events: Iterable[ChangeEvent]) -> dict[str, str]:
    """Why a change was denied and what can be done, in words; the address is where room could be made.

    What was said when it was denied later, else the rules that denied it, else the quota as it was when it was asked.
    """
    said = next((one.text for one in events if one.event == "deny" and one.text), "")
    denying = [one for one in change.verdicts if one["outcome"] in ("denies", "errors")]
    team = change.system.team
    room = {"remedy": "Ask for less, or make room and ask again.", "url": address("quota-room", team.slug)}
    if said == NO_QUOTA:
        return {"text": f"{said}.", **room}
    if said or denying:
        text = said or " ".join(one["message"] for one in denying)
        return {"text": text, "remedy": " ".join(one["remedy"] for one in denying if one["remedy"])}
    short = " and ".join(_short_of(change.facts.get("quota", {})))
    return {
        "text": f"{team.name} did not have enough {short or 'of its quota'} left.",
        **room,
    }


def _short_of(quota: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What did not suffice: ``memory, 56 of 48 GiB``."""
    return [
        f"{one.label} ({words.number(quota[one.name]['after'])} of {words.number(quota[one.name]['limit'])} {one.unit})"
        for one in DIMENSIONS
        if one.name in quota and quota[one.name]["after"] > quota[one.name]["limit"]
    ]


def history(events: Iterable[ChangeEvent]) -> list[dict[str, Any]]:
    """What happened to the change, newest first, with what people wrote.

    A decision that ends the waiting is stored twice, as what a person said and as the change's move; it is told once.
    """
    items: list[dict[str, Any]] = []
    before: ChangeEvent | None = None
    for one in events:
        moved = one.event == "approve" and one.state == "approved"
        repeated = before is not None and (before.event, before.actor_name) == (one.event, one.actor_name)
        if not (repeated and not one.text):
            items.append(_happened(one, moved=moved))
        elif moved:
            items.append(_happened(one, moved=True))
        before = one
    return items[::-1]


def _happened(one: ChangeEvent, *, moved: bool) -> dict[str, Any]:
    if moved or one.event not in WORDS_OF_EVENT:
        icon, text = WORDS_OF_STATE.get(one.event, ("history", one.event.replace("-", " ").capitalize()))
        return {"icon": icon, "text": one.text.rstrip(".") or text, "at": one.at}
    icon, verb = WORDS_OF_EVENT[one.event]
    said = f": “{one.text}”" if one.text else ""
    return {"icon": icon, "text": f"{one.actor_name} {verb}{said}", "at": one.at}


def object_diffs(changed: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The objects of each resource that change, as lines of YAML with plus and minus."""
    found = []
    for resource in changed:
        objects = [
            {
                "title": f"{one['kind']} {one['name']}".strip(),
                "action": one["action"],
                "lines": _diff_lines(one["before"], one["after"]),
            }
            for one in resource["objects"]
            if one["action"] != "unchanged"
        ]
        if objects:
            found.append({"name": resource["name"], "action": resource["action"], "objects": objects})
    return found


def _diff_lines(before: Any, after: Any) -> list[dict[str, str]]:
    old, new = _yaml_lines(before), _yaml_lines(after)
    if not old or not new:
        kind = "plus" if new else "minus"
        return [{"kind": kind, "text": f"{'+' if new else '−'} {line}"} for line in (new or old)]
    kinds = {"+": "plus", "-": "minus", "@": "gap", " ": ""}
    unified = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    return [
        {"kind": kinds[line[0]], "text": "⋯" if line[0] == "@" else f"{line[0].replace('-', '−')} {line[1:]}"}
        for line in unified
    ]


def _yaml_lines(value: Any) -> list[str]:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)).splitlines() if value else []
