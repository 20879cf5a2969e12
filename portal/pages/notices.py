"""Notices: the bell and its drawer, the list, how one wants to be told, and the link at a mail's foot.

The bell asks now and then while its page is looked at: a stream would hold one of the server's threads and one of the
browser's six connections for every open page of every person, for news that may wait twenty seconds. An answer
without news is empty and takes three queries.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from governance.domain.notice import DELIVERIES, DELIVERY_WORDS, groups
from governance.selectors.notices import ORDER, notice_list, wishes_of
from governance.services import notice_settings
from governance.services import notices as services
from governance.services.open_sessions import session_seen
from idp.kernel import clock, keyset
from idp.kernel.errors import InvalidInput, UserFault
from portal.forms.notices import NoticeForm
from portal.middleware import answer as answer_alone
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, counts_of, page, theme_of
from portal.reading import notices as reading

PAGE = 50
STOP_POLLING = 286
TABS = ("unread", "all")


@page()
def notices(request: PageRequest) -> HttpResponse:
    tab = "all" if request.GET.get("tab") == "all" else "unread"
    about = groups()
    group = request.GET.get("about", "") if request.GET.get("about", "") in about else ""
    kinds = [kind.key for kind in about[group]] if group else []
    rows = notice_list(request.rights, unread=tab == "unread", kinds=kinds)
    found = keyset.page(rows, order=ORDER, cursor=request.GET.get("cursor"), limit=PAGE)
    bell = reading.bell_of(counts_of(request))
    context = {
        "tab": tab,
        "group": group,
        "groups": [{"value": title, "label": title} for title in about],
        "lines": [reading.line_of(one) for one in found.items],
        "next": found.next,
        "unread": bell.shown if bell.unread else "",
        "newest": bell.newest,
    }
    return render(request, "notices/list.html", context)


@require_http_methods(["GET", "HEAD"])
def bell(request: HttpRequest) -> HttpResponse:
    """The bell again when something moved, with the drawer's list; else nothing. Whoever is signed out asks no more."""
    if not request.user.is_authenticated:
        return HttpResponse(status=STOP_POLLING, headers={"HX-Reswap": "none"})
    session_seen(request.session.session_key or "", now=clock.now())
    now = reading.counts(request.rights, waiting=False)  # type: ignore[attr-defined]
    if (_number(request, "newest"), _number(request, "unread")) == (now.newest, now.unread):
        return HttpResponse(status=204)
    answer = HttpResponse(_bell_and_drawer(request, now))
    if now.newest > _number(request, "newest"):
        answer["HX-Trigger"] = json.dumps({"toast": _toast(request)})
    return answer


@page()
def drawer(request: PageRequest) -> HttpResponse:
    return HttpResponse(_drawer(request, counts_of(request)))


@page(methods=POST)
def notices_read(request: PageRequest) -> HttpResponse:
    """Marks one (``id``) or all up to one (``until``) as read."""
    now = clock.now()
    if "until" in request.POST:
        services.notices_read_all(request.actor, until=_posted(request, "until"), now=now)
    else:
        services.notices_read(request.actor, ids=[_posted(request, "id")], now=now)
    if not request.htmx:
        return redirect("notices")
    found = counts_of(request)
    return HttpResponse(_drawer(request, found) + _bell(request, found, aside=True))


@page(methods=POST)
def notices_seen(request: PageRequest) -> HttpResponse:
    """The page at ``url`` was opened, so the notices that it answers are read; answers the bell as it is then."""
    services.notices_read_about(request.actor, url=request.POST.get("url", ""), now=clock.now())
    if not request.htmx:
        return redirect("notices")
    return HttpResponse(_bell(request, counts_of(request)))


@page("account", methods=FORM)
def account_notices(request: PageRequest) -> HttpResponse:
    form = NoticeForm(request.POST or None, wishes=wishes_of(request.user.pk))
    if request.method == "POST" and form.is_valid():
        try:
            notice_settings.notice_settings_save(
                request.actor,
                deliveries=form.deliveries(),
                digest_hour=form.cleaned_data["digest_hour"],
                time_zone=form.cleaned_data["time_zone"],
                now=clock.now(),
            )
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, "Saved\nFrom now on you are told this way.")
            return redirect("account-notices")
    context = {
        "form": form,
        "words": [DELIVERY_WORDS[one] for one in DELIVERIES],
        "mailbox": request.user.email,
        "mail_enabled": settings.MAIL_ENABLED,
    }
    return render(request, "account/notices.html", context, status=422 if form.errors else 200)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A mail's own link. Its token is what allows it, so a mail program may post without our cookie (RFC 8058)."""
    try:
        if request.method == "POST":
            subscription = notice_settings.mails_stop(token, now=clock.now())
        else:
            subscription = notice_settings.subscription_of(token)
    except UserFault as error:
        return answer_alone(request, error)
    context = {
        "title": subscription.title,
        "masked": _masked(subscription.person.email),
        "done": request.method == "POST",
        "token": token,
        "theme": theme_of(request),
    }
    answer = render(request, "notices/unsubscribe.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _bell(request: HttpRequest, found: reading.Counts, *, aside: bool = False) -> str:
    """``aside``: it goes to its own place, beside what was asked for."""
    return render_to_string("notices/_bell.html", {"bell": reading.bell_of(found), "aside": aside}, request)


def _drawer(request: HttpRequest, found: reading.Counts) -> str:
    bell_now = reading.bell_of(found)
    context: dict[str, Any] = {
        "lines": reading.drawer_lines(request.rights),  # type: ignore[attr-defined]
        "newest": found.newest,
        "unread": bell_now.shown if found.unread else "",
    }
    return render_to_string("notices/_drawer.html", context, request)


def _bell_and_drawer(request: HttpRequest, found: reading.Counts) -> str:
    drawn = _drawer(request, found)
    return f'{_bell(request, found)}<div id="notices-list" hx-swap-oob="innerHTML">{drawn}</div>'


def _toast(request: HttpRequest) -> dict[str, str]:
    newest = notice_list(request.rights, unread=True).order_by("-id").first()  # type: ignore[attr-defined]
    return {"tone": "info", "title": newest.title, "text": newest.text[:160]} if newest else {}


def _number(request: HttpRequest, name: str) -> int:
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else -1


def _posted(request: HttpRequest, name: str) -> int:
    given = request.POST.get(name, "")
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise InvalidInput("Say which notice you have read.", remedy="Open your notices and try again.")
    return int(given)


def _masked(address: str) -> str:
    """``d…@example.com``: enough for its owner to know it, too little for anybody else."""
    name, at, host = address.rpartition("@")
    return f"{name[:1]}…@{host}" if at else "your mailbox"
