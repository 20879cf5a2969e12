"""Score in the portal: files pasted for an environment, and the rules by which they are mapped."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.catalog.selectors import system_get, system_list
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound, PolicyDenied, QuotaExceeded, SlipwayError
from portal.forms.looked_at import meaning, meant
from portal.forms.score import RuleForm, from_fields, from_rule
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import score as reading
from portal.reading.request_page import surroundings
from provisioning.domain.score.rules import rule_of
from provisioning.models import Capability
from provisioning.selectors.score import rules_now, rules_versions
from provisioning.services import score_rules as services
from provisioning.services.score import ScorePlan, ScoreWish, score_plan, score_submit

TEMPLATE = "score/files.html"
SHOWN_VERSIONS = 20


@page("environments", methods=FORM)
def environment_score(request: PageRequest) -> HttpResponse:
    """Files for one environment, what they would make of it, and one button."""
    given = request.POST if request.method == "POST" else request.GET
    slug = given.get("system", "")
    if not slug:
        systems = [one for one in system_list(request.rights)[:500] if request.rights.may_request(one)]
        return render(request, "environments/choose_system.html", {"systems": systems})
    system = system_get(request.rights, slug)
    request.rights.require_request(system)
    around = surroundings(request.rights, system)
    name = given.get("environment", "").strip()[:60]
    wish = ScoreWish(
        system=slug,
        environment=name,
        text=given.get("score", "").replace("\r\n", "\n"),
        stage="" if name in around.taken else given.get("stage", "")[:60],
        images={"": given.get("image", "").strip()[:300]} if given.get("image", "").strip() else {},
        reason=given.get("reason", "")[:4001],
    )
    plan, refused = None, None
    if request.method == "POST":
        try:
            if request.POST.get("do") == "submit":
                return _asked(request, wish)
            if wish.text.strip() or request.POST.get("do"):  # else only the place was filled in so far
                plan = score_plan(request.actor, wish, now=clock.now())
        except (InvalidInput, Conflict, PolicyDenied, QuotaExceeded) as error:
            if error.code == "frozen" and error.change_id is not None:
                return redirect("change", error.change_id)
            refused = error
    context = {"around": around, "wish": wish, **_told(request, wish, plan, refused, editing=name in around.taken)}
    return render(request, TEMPLATE, context, status=200 if refused is None else 422)


def _told(
    request: PageRequest, wish: ScoreWish, plan: ScorePlan | None, refused: SlipwayError | None, *, editing: bool
) -> dict[str, Any]:
    """What is said of the files. After a refusal by the gate their plan is worked out again, to be shown beside it."""
    if isinstance(refused, (PolicyDenied, QuotaExceeded)):
        plan = score_plan(request.actor, wish, now=clock.now())
    return {
        "panel": reading.panel(plan, refused, editing=editing, now=clock.now()),
        "faults": reading.faults(plan, refused),
        "errors": reading.field_errors(refused),
        "refused": refused if refused is not None and not refused.errors else None,
        "mapped": reading.mapped_lines(plan),
        "notes": plan.translation.notes if plan else (),
        "removed": plan.removed if plan else (),
        "editing": editing,
        "image": wish.images.get("", ""),
        "example": reading.EXAMPLE,
    }


def _asked(request: PageRequest, wish: ScoreWish) -> HttpResponse:
    change = score_submit(request.actor, wish, now=clock.now())
    run = change.runs.order_by("-id").values_list("pk", flat=True).first()
    if run is not None:
        return redirect("run", run)
    messages.success(request, f"#{change.pk} is asked for\nIt starts when the people below agree.")
    return redirect("change", change.pk)


@page("administration")
def score_rules(request: PageRequest) -> HttpResponse:
    held = rules_now()
    context = {
        "lines": [reading.rule_line(place, one) for place, one in enumerate(held.rules)],
        "version": held.version,
        "row": held.row,
        "versions": rules_versions()[:SHOWN_VERSIONS],
        "may_administer": request.rights.may_administer(),
    }
    return render(request, "score/rules.html", context)


@page("administration", methods=FORM)
def score_rule_new(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    return _form(request, None)


@page("administration", methods=FORM)
def score_rule_edit(request: PageRequest, place: int) -> HttpResponse:
    request.rights.require_admin()
    return _form(request, place)


@page("administration", methods=POST)
def score_rules_restore(request: PageRequest) -> HttpResponse:
    version = request.POST.get("version", "")
    if not version.isdecimal() or len(version) > 9:
        raise NotFound("There is no such version of the rules.")
    services.score_rules_restore(request.actor, version=int(version), now=clock.now())
    messages.success(request, "The rules are taken back\nFiles that are sent from now on follow them.")
    return redirect("score-rules")


def _form(request: PageRequest, place: int | None) -> HttpResponse:
    """One rule with who is affected; saved when that is what was looked at."""
    held = rules_now()
    rules: list[Any] = list(held.document["rules"])
    if place is not None and place >= len(rules):
        raise NotFound("There is no such rule any more.", remedy="Open the rules again.")
    posted = request.method == "POST"
    form = (
        from_fields(request.POST) if posted else from_rule(rules[place] if place is not None else {"what": "resource"})
    )
    removes = posted and request.POST.get("do") == "remove"
    document, at = _edited(rules, place, form, removes=removes)
    affected, checked = [], False
    try:
        if posted:
            services.score_rules_checked(document)
            affected, checked = reading.affected_lines(services.score_rules_affected(document)), True
            if meant(request.POST, document) or (removes and request.POST.get("looked_at") == meaning(document)):
                return _saved(request, document, form, removes=removes)
    except (InvalidInput, Conflict) as error:
        form.refuse(error.errors, at)
        if not error.errors:
            form.general.append(f"{error.message} {error.remedy}".strip())
    wrong = bool(form.errors or form.general)
    context = {
        "form": form,
        "place": place,
        "label": rule_of(rules[place]).label if place is not None else "",
        "version": request.POST.get("version", str(held.version)),
        "affected": affected,
        "affected_sentence": reading.affected_sentence(affected) if checked else "",
        "capabilities": Capability.objects.order_by("name").values_list("name", flat=True),
        "looked_at": meaning(document) if checked else "",
        "looked": checked and not wrong and not removes,
        "removing": checked and not wrong and removes,
        "whats": form.options("what"),
        "does": form.options("does"),
    }
    return render(request, "score/rule.html", context, status=422 if wrong else 200)


def _edited(rules: list[Any], place: int | None, form: RuleForm, *, removes: bool) -> tuple[dict[str, Any], int]:
    """All rules with the one of the form, and where it stands. A new one stands before any that fits more."""
    if place is not None:
        return {"rules": [*rules[:place], *([] if removes else [form.rule()]), *rules[place + 1 :]]}, place
    made = form.rule()
    alike = [
        at for at, one in enumerate(rules) if (one["what"], one.get("type")) == (made.get("what"), made.get("type"))
    ]
    at = alike[0] if alike and made.get("class") else len(rules)
    return {"rules": [*rules[:at], made, *rules[at:]]}, at


def _saved(request: PageRequest, document: dict[str, Any], form: RuleForm, *, removes: bool) -> HttpResponse:
    version = request.POST.get("version", "")
    expected = int(version) if version.isdecimal() and len(version) < 10 else None
    what = form.texts["type"] or form.texts["what"]
    note = f"{'Without' if removes else 'Edited'}: {what}"
    services.score_rules_save(request.actor, document=document, expected_version=expected, note=note, now=clock.now())
    messages.success(request, "The rules are saved\nFiles that are sent from now on follow them.")
    return redirect("score-rules")
