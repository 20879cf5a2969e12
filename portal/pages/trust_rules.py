"""Which pipelines are trusted: the rules, and one while it is edited, looked at and saved. Platform admins only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.domain.workload import fits
from governance.models import TrustRule
from governance.services import trust_rules as services
from idp.kernel import clock
from idp.kernel.errors import InvalidInput
from portal.forms.confirming import EMPTY, Confirmed
from portal.forms.looked_at import meaning, meant
from portal.forms.trust import TrustForm, initial_of
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page

REMOVED = ("Pipelines of this subject get no token any more", "What the rule was before its last edit")


@page("administration")
def trust_rules(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    rows = TrustRule.objects.select_related("account__service_of")[:200]
    return render(request, "trust/rules.html", {"rows": rows})


@page("administration", methods=FORM)
def trust_rule(request: PageRequest, name: str = "") -> HttpResponse:
    """What is saved is what the page showed the reach of."""
    request.rights.require_admin()
    row = services.trust_rule_get(request.actor, name) if name else None
    if request.method != "POST":
        return _answer(request, row, TrustForm(initial=initial_of(row, settings.BASE_URL)))
    form = TrustForm(request.POST)
    if not form.is_valid():
        return _answer(request, row, form, status=422)
    try:
        return _looked_or_saved(request, row, form)
    except InvalidInput as error:
        add_errors(form, error)
        return _answer(request, row, form, status=422)


@page("administration", methods=POST)
def trust_rule_act(request: PageRequest, name: str) -> HttpResponse:
    """Take the last edit back, or remove the rule."""
    if request.POST.get("do") == "remove":
        typed = Confirmed.of(request.POST)
        if typed.name != name:
            return _not_removed(request, name, typed)
        services.trust_rule_remove(request.actor, name=name, now=clock.now())
        messages.info(request, f"{name} is removed\nTokens that it led to end within minutes.")
        return redirect("trust-rules")
    services.trust_rule_take_back(request.actor, name=name, now=clock.now())
    messages.success(request, f"The last edit of {name} is taken back")
    return redirect("trust-rule", name)


def _not_removed(request: PageRequest, name: str, typed: Confirmed) -> HttpResponse:
    row = services.trust_rule_get(request.actor, name)
    wrong = typed.refused(InvalidInput(f"Type {name} to remove it."))
    return _answer(request, row, TrustForm(initial=initial_of(row, settings.BASE_URL)), typed=wrong, status=422)


def _looked_or_saved(request: PageRequest, row: TrustRule | None, form: TrustForm) -> HttpResponse:
    name = row.name if row else form.cleaned_data["name"]
    if row is None and TrustRule.objects.filter(name=name).exists():
        form.add_error("name", "There is a rule of this name already.")
        return _answer(request, row, form, status=422)
    services.trust_rule_checked(request.actor, name, form.wish())
    if not meant(request.POST, _meaning(name, form)):
        return _answer(request, row, form, looked=True)
    seen = request.POST.get("version", "")
    expected = int(seen) if row and seen.isascii() and seen.isdigit() and len(seen) < 9 else None
    services.trust_rule_save(request.actor, name=name, wish=form.wish(), expected_version=expected, now=clock.now())
    messages.success(request, f"{name} is saved\nIt counts from the next exchange on.")
    return redirect("trust-rule", name)


def _meaning(name: str, form: TrustForm) -> dict[str, Any]:
    """Without the subject that is only tried."""
    return {"name": name, **asdict(form.wish())}


def _answer(
    request: PageRequest,
    row: TrustRule | None,
    form: TrustForm,
    *,
    looked: bool = False,
    typed: Confirmed = EMPTY,
    status: int = 200,
) -> HttpResponse:
    subject = form.cleaned_data["try_subject"].strip() if looked else ""
    context = {
        "row": row,
        "form": form,
        "looked": looked,
        "looked_at": meaning(_meaning(row.name if row else form.cleaned_data["name"], form)) if looked else "",
        "subject": subject,
        "losses": REMOVED,
        "typed": typed,
        "matches": bool(subject) and fits(form.cleaned_data["subject"].strip(), subject),
    }
    return render(request, "trust/rule.html", context, status=status)
