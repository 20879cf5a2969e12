"""Who may sign in without a provider: looked at with who would be left outside, then saved, taken back in one click."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.domain.local_sign_in import KEEPERS, WORDS, LocalRule
from governance.selectors.local_sign_in import (
    able_admins,
    closed_by,
    local_rule,
    proven_providers,
    shut_out_by,
)
from governance.services import local_sign_in as services
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, PreconditionFailed
from portal.forms.local_sign_in import LocalSignInForm, shown_rule, was_rule
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.people import edits_recent

SHOWN = 50


@page("administration", methods=FORM)
def local_sign_in(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    rule, posted = local_rule(), request.method == "POST"
    form = LocalSignInForm(
        request.POST or None,
        admins=list(able_admins().values_list("username", flat=True)),
        initial={"open_to": rule.open_to, "keepers": list(rule.keepers)},
    )
    chosen = form.rule() if form.is_valid() else rule
    right = posted and form.is_valid() and _is_right(form, chosen)
    if right and was_looked_at(request.POST) and _saved(request, form, chosen):
        return redirect("local-sign-in")
    context = _effect(request, chosen) | {
        "form": form,
        "was": shown_rule(rule),
        "works": proven_providers().exists(),
        "edits": edits_recent(Q(kind="local-sign-in"), most=5),
        "looked": posted and not form.errors,
        "looked_at": fingerprint(request.POST) if posted else "",
    }
    return render(request, "people/local_sign_in.html", context, status=422 if form.errors else 200)


def _is_right(form: LocalSignInForm, rule: LocalRule) -> bool:
    try:
        services.local_rule_checked(rule)
    except (InvalidInput, Conflict) as error:
        add_errors(form, error)
    return not form.errors


def _saved(request: PageRequest, form: LocalSignInForm, rule: LocalRule) -> bool:
    try:
        services.local_sign_in_set(request.actor, rule, expected=was_rule(request.POST.get("was", "")), now=clock.now())
    except (InvalidInput, Conflict, PreconditionFailed) as error:
        add_errors(form, error)
        return False
    messages.success(request, f"Passwords and passkeys are for {WORDS[rule.open_to]}\nOpen sessions go on.")
    return True


def _effect(request: PageRequest, rule: LocalRule) -> dict[str, object]:
    """Whom the rule sends to a provider, and who of them has never come through one."""
    closed, outside = closed_by(rule), shut_out_by(rule)
    return {
        "closed_count": closed.count(),
        "outside": list(outside[:SHOWN]),
        "outside_count": outside.count(),
        "mine": outside.filter(pk=request.user.pk).exists(),
        "keeps": rule.open_to == KEEPERS,
    }
