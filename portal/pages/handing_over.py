"""Accounts that were made here are handed over to the directory: chosen, looked at with what ends, then saved.

Taking one back is one click under *Edited lately*.
"""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render

from governance.services.scim_users import HAND_OVER, MOST_HANDED_OVER, scim_users_adopt
from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict
from portal.forms.looked_at import meaning, meant
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.handing_over import candidates, handed_over
from portal.reading.people import edits_recent

PAGE = 50


@page("administration", methods=FORM)
def hand_over(request: PageRequest) -> HttpResponse:
    """Without anybody chosen, those who may be; with, what handing them over means."""
    request.rights.require_admin()
    given: QueryDict = request.POST if request.method == "POST" else request.GET
    names = sorted(set(given.getlist("person")))[:MOST_HANDED_OVER]
    looked = handed_over(names, clock.now()) if names else None
    if looked and looked.able and meant(request.POST, looked.able) and _saved(request, looked.able):
        return redirect("hand-over")
    query = request.GET.get("q", "").strip()[:80]
    found = keyset.page(candidates(query), order=("username",), cursor=request.GET.get("cursor"), limit=PAGE)
    context = {
        "looked": looked,
        "none_chosen": "look" in request.GET and not names,
        "looked_at": meaning(looked.able) if looked else "",
        "people": found.items,
        "next": found.next,
        "query": query,
        "edits": edits_recent(Q(kind=HAND_OVER), most=10),
    }
    return render(request, "people/hand_over.html", context)


def _saved(request: PageRequest, names: list[str]) -> bool:
    try:
        number = scim_users_adopt(request.actor, usernames=names, now=clock.now())
    except Conflict as error:
        messages.error(request, f"Nobody was handed over\n{error.message} {error.remedy}".strip())
        return False
    who = names[0] if number == 1 else f"{number} people"
    messages.success(request, f"The directory manages {who} from now on\nTake it back under Edited lately.")
    return True
