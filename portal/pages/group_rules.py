"""Which groups give which role in which team. Who gains and loses is looked at before a rule is saved or removed."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.domain.group_rule import Rule
from governance.services import group_rules as services
from idp.kernel import clock, keyset
from idp.kernel.errors import InvalidInput
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.forms.sign_in import GroupRuleForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading import group_rules as reading
from portal.reading.people import edits_recent

PAGE = 100


@page("administration", methods=FORM)
def group_rules(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    sources = reading.sources()
    posted = request.POST if request.method == "POST" else None
    form = GroupRuleForm(posted, sources=sources, teams=reading.teams())
    looked = None
    if posted is not None and form.is_valid():
        rule, remove = form.rule(), posted.get("what") == "remove"
        try:
            if was_looked_at(posted):
                return _saved(request, rule, remove)
            moves = services.group_rule_preview(request.actor, rule, remove=remove)
            looked = reading.Looked(rule, dict(sources)[rule.source], remove, moves)
        except InvalidInput as error:
            add_errors(form, error)
    rows = keyset.page(
        reading.all_rules(), order=("source", "group", "id"), cursor=request.GET.get("cursor"), limit=PAGE
    )
    context = {
        "rules": rows.items,
        "next": rows.next,
        "sources": dict(sources),
        "form": form,
        "known": reading.known_groups(),
        "looked": looked,
        "looked_at": fingerprint(request.POST) if looked else "",
        "edits": edits_recent(Q(kind="group-rule"), most=5),
    }
    return render(request, "providers/rules.html", context, status=422 if form.errors else 200)


def _saved(request: PageRequest, rule: Rule, remove: bool) -> HttpResponse:
    if remove:
        moved = services.group_rule_remove(request.actor, rule, now=clock.now())
    else:
        moved = services.group_rule_set(request.actor, rule, now=clock.now())
    done = "is removed" if remove else "is saved"
    messages.success(request, f"The rule for {rule.group} {done}\nIt moved {len(moved)} people.")
    return redirect("group-rules")
