"""What platform admins do about second factors: of whom one is required, and a person's taken away."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.selectors.second_factors import asked_count, factors_of, passkeys_of, required_of, without_factor
from governance.services import second_factor_rule as services
from idp.kernel import clock
from idp.kernel.errors import Conflict, PreconditionFailed
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.forms.second_factor import RequiredForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.people import edits_recent
from provisioning.selectors.people import person_get

SHOWN = 50


@page("administration", methods=FORM)
def second_factor_rule(request: PageRequest) -> HttpResponse:
    """Of whom a second factor is required; who has none yet is shown before it is saved."""
    request.rights.require_admin()
    rule = required_of()
    form = RequiredForm(request.POST or None, initial={"required_of": rule})
    chosen = form.cleaned_data["required_of"] if form.is_valid() else rule
    if request.method == "POST" and was_looked_at(request.POST) and form.is_valid():
        try:
            services.second_factor_require(
                request.actor, of=chosen, expected=request.POST.get("was", rule), now=clock.now()
            )
        except PreconditionFailed as error:
            add_errors(form, error)
        else:
            messages.success(request, f"A second factor is required of {services.WORDS[chosen]}")
            return redirect("second-factor-rule")
    posted = request.method == "POST"
    missing = without_factor(chosen)
    context = {
        "form": form,
        "rule": rule,
        "asked": asked_count(chosen),
        "missing": list(missing[:SHOWN]),
        "missing_count": missing.count(),
        "mine": missing.filter(pk=request.user.pk).exists(),
        "edits": edits_recent(Q(kind="second-factor"), most=5),
        "looked": posted,
        "looked_at": fingerprint(request.POST) if posted else "",
    }
    return render(request, "people/second_factor_rule.html", context, status=422 if form.errors else 200)


@page("administration", methods=FORM)
def factors_reset(request: PageRequest, username: str) -> HttpResponse:
    """What a person has, and taking it away when they have lost it."""
    request.rights.require_admin()
    one = person_get(username)
    if request.method == "POST":
        try:
            services.factors_reset(request.actor, username=username, now=clock.now())
        except Conflict as error:
            messages.error(request, f"Nothing was reset\n{error.message} {error.remedy}".strip())
        else:
            messages.success(request, f"The second factor of {username} is reset\nThey were told.")
        return redirect("person", username)
    context = {"person": one, "factors": factors_of(one.pk), "passkeys": passkeys_of(one.pk), "rule": required_of()}
    return render(request, "people/second_factor.html", context)
