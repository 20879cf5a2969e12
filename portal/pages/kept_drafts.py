"""Keeping the draft of an environment while it is written, opening it again, forgetting it.

Called by the form of an environment. A draft is kept with each plan once somebody has touched it, under a token of
the page, so that two tabs never overwrite each other.
"""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from idp.catalog.models import System
from idp.kernel import clock
from portal.forms.environment_draft import Draft
from portal.forms.kept_draft import Begun, Desk, began, from_kept, to_kept, words_of
from portal.pages.shell import POST, page
from provisioning.models import KeptDraft
from provisioning.selectors.kept_drafts import kept_drafts
from provisioning.services.kept_drafts import TOKEN, draft_forget, draft_keep


def opened(
    request: HttpRequest, system: System, draft: Draft, *, environment: str = "", kept: frozenset[str] = frozenset()
) -> tuple[Draft, Desk]:
    """The draft that the page begins with: the kept one that its address names, else ``draft``; and its desk."""
    rows = kept_drafts(request.actor.user_id, system, environment)  # type: ignore[attr-defined]
    wanted = next((row for row in rows if row.token == request.GET.get("draft")), None)
    others = tuple(_begun(request, row) for row in rows if row is not wanted)
    if wanted is not None:
        draft = from_kept(wanted.content, system=system.slug, kept=kept)
        return draft, Desk(wanted.token, began(draft), others)
    return draft, Desk(secrets.token_hex(8), began(draft), others)


def _begun(request: HttpRequest, row: KeptDraft) -> Begun:
    query = f"draft={row.token}" if row.environment else f"system={row.system.slug}&draft={row.token}"
    return Begun(row.token, words_of(row.content), row.changed_at, f"{request.path}?{query}")


def posted(request: HttpRequest) -> Desk:
    """The desk of the page that posts."""
    token = request.POST.get("draft_token", "")
    return Desk(token if TOKEN.match(token) else secrets.token_hex(8), request.POST.get("began", ""))


def keep(request: HttpRequest, system: System, draft: Draft, *, environment: str = "") -> None:
    """Keep the draft, unless it still is as its page began."""
    desk = posted(request)
    if not desk.began or desk.began == began(draft):
        return
    draft_keep(
        request.actor,  # type: ignore[attr-defined]
        token=desk.token,
        system=system,
        environment=environment,
        content=to_kept(draft),
        now=clock.now(),
    )


def done(request: HttpRequest) -> None:
    """What the page asked for is asked for, so its draft is not needed any more."""
    draft_forget(request.actor, token=request.POST.get("draft_token", ""))  # type: ignore[attr-defined]


@page("environments", methods=POST)
def draft_forgotten(request: HttpRequest) -> HttpResponse:
    draft_forget(request.actor, token=request.POST.get("token", ""))  # type: ignore[attr-defined]
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse()
    return redirect(reverse("environments"))
