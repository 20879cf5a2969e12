"""What happens before a page is asked: who is not signed in goes there first, and a wrong verb is told in words.

Used by the ``page`` decorator of ``portal.pages.shell`` alone. Nothing here decides what a person may see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from portal.pages import problems
from portal.problems import WrongMethod

View = Callable[..., HttpResponseBase]


def only(methods: Sequence[str], view: View) -> View:
    """405 for every other verb. A person gets there by the address of a form that was sent, reloaded or bookmarked."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in methods:
            return view(request, *args, **kwargs)
        response = problems.answer(request, _wrong(methods))
        response["Allow"] = ", ".join(methods)
        return response

    return guarded


def signed_in(methods: Sequence[str], view: View) -> View:
    """Sends others to sign in and back again; a fragment takes the whole page there instead of drawing it inside."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        htmx = getattr(request, "htmx", None)
        if not htmx:
            return redirect_to_login(_back(request, methods))
        back = urlencode({"next": htmx.current_url_abs_path or reverse("home")})
        return HttpResponse(status=401, headers={"HX-Redirect": f"{reverse('login')}?{back}"})

    return guarded


def _back(request: HttpRequest, methods: Sequence[str]) -> str:
    """The address itself; where that only takes forms, the page of ours that the form was on."""
    if "GET" in methods:
        return request.get_full_path()
    page = urlsplit(request.headers.get("Referer", ""))
    if page.netloc != request.get_host():
        return reverse("home")
    return page.path + (f"?{page.query}" if page.query else "")


def _wrong(methods: Sequence[str]) -> WrongMethod:
    if "GET" in methods:
        return WrongMethod("This page can be read, but takes nothing that is sent to it.", remedy="Open it as a link.")
    return WrongMethod(
        "This address takes what a form sends; there is nothing to read here, and nothing was changed.",
        remedy="Go back to the page with the form and send it from there.",
    )
