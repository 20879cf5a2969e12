"""Changes: the inbox (what do I decide?) and the decision (is it safe?)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh

from governance.access import Rights
from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, InvalidInput, StalePlan, UserFault
from idp.kernel.prepared import Prepared
from portal.pages.shell import POST, page
from portal.reading import change as reading
from portal.reading.agents import asked_by_agent
from portal.reading.git import denied_by_git
from portal.reading.plan_words import diff_resources, quota_after, stored_verdicts, unchanged_sentence
from provisioning.domain.freeze import POLICY, refusal
from provisioning.domain.lifecycle import CHANGE_STATES
from provisioning.models import Change
from provisioning.selectors.changes import LISTED, change_get, change_list, change_objects, change_view, newest_event
from provisioning.selectors.departures import departures_of
from provisioning.selectors.freezes import breaks_open, change_holds
from provisioning.selectors.git import commit_of
from provisioning.services import decisions
from provisioning.services.starts import change_resume

PAGE = 50
GROUP = 20
TABS = ("inbox", "mine", "open", "all")
DECISIONS = ("approve", "reject", "request-info", "comment", "cancel", "resume")
SAID = {
    "approve": "You agreed to #{0}",
    "reject": "#{0} is rejected",
    "request-info": "You asked about #{0}",
    "comment": "Your comment is on #{0}",
    "cancel": "#{0} is withdrawn",
}


@page("changes")
def changes(request: HttpRequest) -> HttpResponse:
    tab = request.GET.get("tab", "inbox")
    tab = tab if tab in TABS else "inbox"
    asked = {name: request.GET.get(name, "").strip()[:80] for name in ("q", "team", "system", "state")}
    filtered = any(asked.values())
    context: dict[str, Any] = {"tab": tab, "asked": asked, "filtered": filtered, "states": _states(tab)}
    if tab == "inbox" and not filtered:
        context |= _inbox(request)
    else:
        context |= _listed(request, tab, asked)
    context["teams"] = _options(
        context["shown"], lambda one: (one.system.team.slug, one.system.team.name), asked["team"]
    )
    context["systems"] = _options(context["shown"], lambda one: (one.system.slug, one.system.slug), asked["system"])
    return render(request, "changes/list.html", context)


@page("changes", methods=POST)
def changes_decide(request: HttpRequest) -> HttpResponse:
    """Agrees to several changes of low risk, each for the plan that was shown; what cannot be is said one by one."""
    done, kept = 0, []
    for chosen in [one for given in request.POST.getlist("change")[:PAGE] for one in given.split(",")][:PAGE]:
        number, _, digest = chosen.partition(":")
        try:
            if not number.isascii() or not number.isdigit() or len(number) > 18:
                continue
            if not reading.is_low_risk(change_get(request.rights, int(number))):  # type: ignore[attr-defined]
                raise Conflict(f"#{number} reaches too far to be agreed to from the list.")
            decisions.change_approve(request.actor, int(number), plan_digest=digest, now=clock.now())  # type: ignore[attr-defined]
            done += 1
        except UserFault as error:
            kept.append(f"#{number}: {error.message}")
    if done:
        messages.success(request, f"You agreed to {done} change{'' if done == 1 else 's'}")
    for sentence in kept:
        messages.error(request, f"Not agreed to\n{sentence}")
    return redirect("changes")


@page("changes")
def change(request: HttpRequest, change: int) -> HttpResponse:
    """With ``seen``, the newest event that an open page shows: 204 while nothing is newer, else to load it anew."""
    found = change_get(request.rights, change)  # type: ignore[attr-defined]
    if request.htmx and "seen" in request.GET:  # type: ignore[attr-defined]
        is_news = str(newest_event(found)) != request.GET["seen"]
        return HttpResponseClientRefresh() if is_news else HttpResponse(status=204)
    return render(request, "changes/change.html", _decision(request, found))


@page("changes", methods=POST)
def change_decide(request: HttpRequest, change: int) -> HttpResponse:
    decision = request.POST.get("decision", "")
    try:
        _decide(request, change, decision)
    except StalePlan as error:
        return _again(request, change, 409, {"moved": error})
    except Conflict as error:
        return _again(request, change, 409, {"refused": error})
    except InvalidInput as error:
        return _again(
            request, change, 422, {"comment_error": error.errors[0].message if error.errors else error.message}
        )
    if decision == "resume":
        return redirect(reverse("run", args=[_newest_run(change)]))
    messages.success(request, SAID[decision].format(change))
    return redirect("change", change)


def _decide(request: HttpRequest, change: int, decision: str) -> None:
    actor, now = request.actor, clock.now()  # type: ignore[attr-defined]
    comment, digest = request.POST.get("comment", ""), request.POST.get("plan_digest", "")
    if decision == "approve":
        decisions.change_approve(actor, change, plan_digest=digest, comment=comment, now=now)
    elif decision == "reject":
        decisions.change_reject(actor, change, plan_digest=digest, comment=comment, now=now)
    elif decision == "request-info":
        decisions.change_request_info(actor, change, comment=comment, now=now)
    elif decision == "comment":
        decisions.change_comment(actor, change, comment=comment, now=now)
    elif decision == "cancel":
        decisions.change_cancel(actor, change, now=now)
    elif decision == "resume":
        change_resume(actor, change, now=now)
    else:
        raise InvalidInput(f"Choose one of {', '.join(DECISIONS)}.")


def _again(request: HttpRequest, change: int, status: int, more: dict[str, Any]) -> HttpResponse:
    """The decision page anew, with what was written kept and what went wrong said."""
    found = change_get(request.rights, change)  # type: ignore[attr-defined]
    context = {**_decision(request, found), "comment": request.POST.get("comment", ""), **more}
    return render(request, "changes/change.html", context, status=status)


def _newest_run(change: int) -> int:
    return int(Change.objects.get(pk=change).runs.order_by("-id").values_list("pk", flat=True)[0])


def _inbox(request: HttpRequest) -> dict[str, Any]:
    """Three groups: waiting on the reader, waiting on others, decided lately."""
    rights, now = request.rights, clock.now()  # type: ignore[attr-defined]
    waiting = _to_decide(rights=rights)
    if len(waiting) < PAGE:
        request._waiting_count = len(waiting)  # type: ignore[attr-defined]  # the shell need not count them again
    pending = _pending(rights=rights, mine=[one.pk for one in waiting])
    since = now - timedelta(hours=24)
    # Numbers rise with time: those of a day are among the newest, and the database need not look for the day.
    decided = [one for one in _newest(rights=rights) if one.created_at >= since]
    agreed = reading.agreed_counts([*waiting, *pending])
    groups, single = reading.alike(waiting)
    return {
        "shown": [*waiting, *pending, *decided],
        "groups": [
            *_alike(groups, agreed),
            {"id": "g-you", "title": "Waiting on you", "rows": reading.inbox_rows(single, agreed, tick=True)},
            {"id": "g-others", "title": "Waiting on others", "rows": reading.inbox_rows(pending, agreed)},
            {"id": "g-lately", "title": "In the last 24 hours", "rows": reading.inbox_rows(decided, agreed)},
        ],
        "waiting": len(waiting),
        "breaks": breaks_open(limit=10) if rights.may_administer() else [],
        "reader": rights.actor.user_id,
        "tickable": any(reading.is_low_risk(one) for one in waiting),
        "next": None,
    }


@Prepared
def _to_decide(rights: Rights) -> QuerySet[Change]:
    return change_list(rights, waiting_on_me=True).only(*LISTED, "plan")[:PAGE]


@Prepared
def _pending(rights: Rights, mine: list[int]) -> QuerySet[Change]:
    return change_list(rights, state="pending").exclude(pk__in=mine).only(*LISTED)[:GROUP]


@Prepared
def _newest(rights: Rights) -> QuerySet[Change]:
    return change_list(rights).exclude(state="pending").only(*LISTED)[:GROUP]


def _alike(groups: list[list[Change]], agreed: dict[int, str]) -> list[dict[str, Any]]:
    """Changes that do the same, each with one button for all of them; the plans agreed to are those that are shown."""
    found = []
    for number, changes in enumerate(groups):
        rows = reading.inbox_rows(changes, agreed, tick=True)
        together = ",".join(row.tick for row in rows)
        found.append(
            {"id": f"g-alike-{number}", "title": reading.alike_title(changes), "rows": rows, "together": together}
        )
    return found


def _listed(request: HttpRequest, tab: str, asked: dict[str, str]) -> dict[str, Any]:
    rights = request.rights  # type: ignore[attr-defined]
    rows = change_list(
        rights,
        state=asked["state"] or ("open" if tab == "open" else ""),
        team=asked["team"],
        system=asked["system"],
        requester=rights.actor.user_id if tab == "mine" else None,
        waiting_on_me=tab == "inbox",
        query=asked["q"],
    ).only(*LISTED)
    found = keyset.page(rows, order=("-id",), cursor=request.GET.get("cursor"), limit=PAGE)
    group = {"id": "g-all", "title": "", "rows": reading.inbox_rows(found.items, reading.agreed_counts(found.items))}
    return {"shown": found.items, "groups": [group], "next": found.next, "waiting": None}


def _states(tab: str) -> list[dict[str, str]]:
    return [] if tab in ("inbox", "open") else [{"value": one, "label": one.capitalize()} for one in CHANGE_STATES]


def _options(shown: list[Change], pair: Any, chosen: str) -> list[dict[str, str]]:
    """Values to filter by: those on this page, and the one that is set."""
    found = dict(pair(one) for one in shown)
    if chosen:
        found.setdefault(chosen, chosen)
    return [{"value": key, "label": found[key]} for key in sorted(found)]


def _frozen(found: Change, events: list[str]) -> dict[str, str] | None:
    """What a change that a freeze met is told; None, and no query, for all others."""
    if found.state == "denied":
        said = next((one for one in found.verdicts if one["policy"] == POLICY), None)
        return {"text": said["message"], "remedy": said["remedy"]} if said else None
    if found.state != "approved" or "freeze" not in events:
        return None
    holds = change_holds(found, now=clock.now())
    return {"text": refusal(holds[0]), "remedy": "It starts by itself when it has thawed."} if holds else None


def _decision(request: HttpRequest, found: Change) -> dict[str, Any]:
    rights = request.rights  # type: ignore[attr-defined]
    view = change_view(rights, found)
    objects = request.GET.get("view") == "objects"
    times, agreed = reading.waiting_times(view), reading.approvals_count(view)
    return {
        "change": found,
        "view": view,
        "run": view.runs[0] if view.runs else None,
        "facts": reading.risk_facts(found, waits=reading.waiting_fact(times, agreed, clock.now())),
        "by_objects": objects,
        "objects": reading.object_diffs(change_objects(found)) if objects else [],
        "diff": diff_resources(found.plan),
        "unchanged": unchanged_sentence(found.plan),
        "approvals": reading.approval_lines(view, rights.actor.username),
        "approvals_count": agreed,
        "times": times,
        "question": reading.open_question(view),
        "agent": asked_by_agent(rights, found),
        "verdicts": stored_verdicts(found.verdicts),
        "quota": [quota_after(line) for line in view.quota],
        "similar": view.similar,
        "history": reading.history(view.events),
        "departure": departures_of([found.pk]).get(found.pk) if found.kind == "promote" else None,
        "frozen": (frozen := _frozen(found, [one.event for one in view.events])),
        "denial": reading.denial(found, view.events) if found.state == "denied" and frozen is None else None,
        "commit": commit_of(found),
        "patch": denied_by_git(found) and rights.may_request(found.system),
        "may_ask": rights.may_request(found.system),
        "own": found.requester_id == rights.actor.user_id,
        "pending": found.state == "pending",
        "newest": view.events[-1].pk if view.events else 0,
        "may_edit": rights.may_request(found.system) and found.environment is not None,
    }
