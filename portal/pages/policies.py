"""Policies: which rules hold? Everybody reads them; platform admins write them, with checks while they type.

Saving one that begins to enforce, or that enforces something else, first shows what it would have done to what was
recorded in the last days, and asks.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.domain.policy_text import MAX_BYTES, with_mode
from governance.models import Policy
from governance.selectors.policies import (
    current_text,
    policy_get,
    policy_list,
    policy_version,
    policy_versions,
    version_before,
)
from governance.services.policies import policy_restore, policy_retire, policy_save
from governance.services.policy_checks import PolicyCheck, policy_check
from idp.kernel import clock, keyset
from idp.kernel.errors import InvalidInput, PreconditionFailed, UserFault
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import policies as reading
from portal.reading.policy_replays import ReplayView, view_of
from provisioning.domain.replay import question_of
from provisioning.services.policy_replays import DAYS, replay_of_draft

VERSIONS_SHOWN: Final = 20


@page("administration")
def policies(request: PageRequest) -> HttpResponse:
    retired = request.GET.get("show") == "retired"
    rows = list(policy_list(request.rights, retired=retired))
    context = {
        "lines": reading.lines(rows),
        "retired": retired,
        "may_edit": request.rights.may_administer(),
    }
    return render(request, "policies/list.html", context)


@page("administration")
def policy(request: PageRequest, policy: str) -> HttpResponse:
    found = policy_get(request.rights, policy)
    versions = policy_versions(request.rights, found)
    try:
        shown = keyset.page(versions, order=("-number",), cursor=request.GET.get("cursor"), limit=VERSIONS_SHOWN)
    except UserFault:
        shown = keyset.page(versions, order=("-number",), cursor=None, limit=VERSIONS_SHOWN)
    rule = reading.rule_of(found.document)
    context = {
        "policy": found,
        "rule": rule,
        "tests": reading.tried(rule.policy),
        "text": current_text(found),
        "versions": shown.items,
        "older": shown.next,
        "days": reading.DAYS_OFFERED,
        "may_edit": request.rights.may_administer(),
        "may_replay": request.rights.may_administer(),
    }
    return render(request, "policies/policy.html", context)


@page("administration", methods=FORM)
def policy_new(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    if request.method == "POST":
        return _posted(request, None)
    return _editor(request, None, reading.START, policy_check(request.rights, text=reading.START))


@page("administration", methods=FORM)
def policy_edit(request: PageRequest, policy: str) -> HttpResponse:
    request.rights.require_admin()
    found = policy_get(request.rights, policy)
    if request.method == "POST":
        return _posted(request, found)
    text = current_text(found)
    if request.GET.get("version", "").isdecimal() and len(request.GET["version"]) < 10:
        kept = policy_version(request.rights, found, int(request.GET["version"]))
        text = reading.text_of(kept)
    return _editor(request, found, text, policy_check(request.rights, text=text, name=policy))


@page("administration", methods=POST)
def policy_checked(request: PageRequest) -> HttpResponse:
    """What stands against the text in the editor; the fragment beside it. Stores nothing."""
    name = request.POST.get("policy", "")[:60]
    check = policy_check(request.rights, text=_text(request), name=name)
    return render(request, "policies/editor.html#check", _checked(check))


@page("administration", methods=FORM)
def policy_enforce(request: PageRequest, policy: str) -> HttpResponse:
    """What would it have done? Asked before an observing policy is enforced."""
    request.rights.require_admin()
    found = policy_get(request.rights, policy)
    text = with_mode(current_text(found), "enforce")
    check = policy_check(request.rights, text=text, name=policy)
    if not check.may_be_enforced:
        return _editor(request, found, text, check, status=422)
    return _asked(request, found, text, check)


@page("administration")
def policy_compare(request: PageRequest, policy: str, number: int) -> HttpResponse:
    """One version beside the one before it."""
    found = policy_get(request.rights, policy)
    version = policy_version(request.rights, found, number)
    before = version_before(found, number)
    context = {
        "policy": found,
        "version": version,
        "before": before,
        "lines": reading.difference(before, version),
        "is_newest": number == found.version,
        "may_edit": request.rights.may_administer(),
    }
    return render(request, "policies/version.html", context)


@page("administration", methods=POST)
def policy_act(request: PageRequest, policy: str, act: str) -> HttpResponse:
    """``restore`` a version, or ``retire`` the policy."""
    expected = _number(request.POST.get("expected", ""))
    if act == "retire":
        policy_retire(request.actor, name=policy, expected_version=expected, now=clock.now())
        messages.info(request, f"{policy} is retired\nIt says nothing any more; save it again to bring it back.")
    elif act == "restore" and (number := _number(request.POST.get("number", ""))) is not None:
        row = policy_restore(request.actor, name=policy, number=number, expected_version=expected, now=clock.now())
        messages.success(request, f"Version {number} of {policy} holds again\nIt is version {row.version} now.")
    else:
        raise InvalidInput("There is no such action.", remedy="Use a button of the page.")
    return redirect("policy", policy)


def _posted(request: PageRequest, found: Policy | None) -> HttpResponse:
    """``do`` is check, replay, save, or one of the answers to the question: enforce, observe."""
    do, text = request.POST.get("do", "check"), _text(request)
    if do == "observe":
        text = _observing(text)
    check = policy_check(request.rights, text=text, name=found.name if found else "")
    if do == "replay" and check.document is not None and check.policy is not None and not check.found:
        report = replay_of_draft(request.actor, document=check.document, days=_days(request), now=clock.now())
        return _editor(request, found, text, check, replay=view_of(report))
    if do not in ("save", "enforce", "observe") or not check.may_be_saved:
        return _editor(request, found, text, check, status=200 if do == "check" and not check.found else 422)
    if do == "save" and _begins_to_enforce(found, check):
        return _asked(request, found, text, check)
    return _saved(request, found, text, check)


def _saved(request: PageRequest, found: Policy | None, text: str, check: PolicyCheck) -> HttpResponse:
    assert check.document is not None
    expected = _number(request.POST.get("expected", "")) if found else None
    try:
        if found is None:
            reading.require_free(check.document["metadata"]["name"])
        row = policy_save(request.actor, document=check.document, text=text, expected_version=expected, now=clock.now())
    except (InvalidInput, PreconditionFailed) as error:
        return _editor(request, found, text, check, refused=error, status=422)
    told = "It holds for every change from now on." if row.mode == "enforce" else "It observes and stops nothing."
    messages.success(request, f"{row.name} is saved as version {row.version}\n{told}")
    return redirect("policy", row.name)


def _begins_to_enforce(found: Policy | None, check: PolicyCheck) -> bool:
    """Whether saving it changes what is enforced."""
    if check.policy is None or check.policy.mode != "enforce" or check.document is None:
        return False
    if found is None or not found.active or found.mode != "enforce":
        return True
    return question_of(found.document) != question_of(check.document)


def _asked(request: PageRequest, found: Policy | None, text: str, check: PolicyCheck) -> HttpResponse:
    assert check.document is not None
    report = replay_of_draft(request.actor, document=check.document, days=DAYS, now=clock.now())
    context = {
        "policy": found,
        "name": check.document["metadata"]["name"],
        "rule": reading.rule_of(check.document),
        "text": text,
        "expected": request.POST.get("expected", "") or (found.version if found else ""),
        "replay": view_of(report),
        "was": found.mode if found and found.active else "",
    }
    return render(request, "policies/enforce.html", context)


def _editor(
    request: PageRequest,
    found: Policy | None,
    text: str,
    check: PolicyCheck,
    *,
    replay: ReplayView | None = None,
    refused: UserFault | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "policy": found,
        "text": text,
        "expected": request.POST.get("expected", "") or (found.version if found else ""),
        "replay": replay,
        "refused": refused,
        "days": reading.DAYS_OFFERED,
        "chosen_days": _days(request),
        "most_bytes": MAX_BYTES,
        **reading.language(),
        **_checked(check),
    }
    return render(request, "policies/editor.html", context, status=status)


def _checked(check: PolicyCheck) -> dict[str, Any]:
    return {"check": check, "tests_told": reading.tests_words(check.failing, len(check.tests))}


def _observing(text: str) -> str:
    try:
        return with_mode(text, "observe")
    except (InvalidInput, KeyError, TypeError):
        return text


def _text(request: PageRequest) -> str:
    """Line ends as they are stored, and no longer than can be read."""
    return request.POST.get("text", "").replace("\r\n", "\n")[: MAX_BYTES + 1]


def _days(request: PageRequest) -> int:
    days = _number(request.POST.get("days", ""))
    return days if days in reading.DAYS_OFFERED else DAYS


def _number(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None
