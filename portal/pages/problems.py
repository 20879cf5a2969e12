"""Draws errors for people: what happened, what to do, and the request's id. Never a trace, never a secret.

``answer`` is used by the ``page`` decorator for faults a person can act on, inside the shell, so that one is not thrown
out of the portal. The handlers and everything that may happen without a database use the page that stands alone.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from governance.domain.quota import OverQuota
from idp.kernel.database_faults import database_fault
from idp.kernel.errors import Forbidden, NotFound, QuotaExceeded, SlipwayError, UserFault
from portal.middleware import answer as answer_alone
from portal.problems import status_of

TITLES: Final = {
    "own-change": "You may not approve your own change",
    "stale-plan": "The plan moved while you were reading",
    "over-quota": "There is not enough quota left",
    "denied-by-policy": "A policy refuses this",
}
TITLE_OF_STATUS: Final = {
    400: "This request cannot be read",
    403: "You may not do this",
    404: "There is nothing here for you",
    405: "There is nothing to open here",
    409: "It changed while you were reading",
    412: "It changed while you were editing",
    413: "This is too large",
    422: "This is not valid",
    429: "Too many requests",
}


def answer(request: HttpRequest, error: SlipwayError) -> HttpResponse:
    """``error`` as a page in the shell; as a bare fragment with its title in a header for htmx."""
    status = status_of(error)
    request.refusal = error  # type: ignore[attr-defined]  # read by portal.middleware.Refusals
    context = describe(request, error, status)
    if getattr(request, "htmx", False):
        response = render(request, "components/_problem.html", context, status=status)
        response["X-Slipway-Problem"] = context["title"].encode("ascii", "ignore").decode()
        return response
    return render(request, "problems/problem.html", {"problem": context}, status=status)


def describe(request: HttpRequest, error: SlipwayError, status: int) -> dict[str, Any]:
    """What ``components/_problem.html`` draws: the sentence is the title when it stands alone."""
    title = TITLES.get(error.code) or TITLE_OF_STATUS.get(status, "This did not work")
    url, label = _way_out(error)
    return {
        "status": status,
        "code": error.code,
        "title": title,
        "detail": " ".join([error.message, *(one.message for one in error.errors if one.message != error.message)]),
        "remedy": error.remedy or _remedy(error),
        "action_url": url,
        "action_label": label,
        "request_id": getattr(request, "request_id", ""),
        "level": 1,
        "tone": "bad" if status >= 500 else "",
    }


def _way_out(error: SlipwayError) -> tuple[str, str]:
    change_id = getattr(error, "change_id", None)
    if change_id is not None:
        return reverse("change", args=[change_id]), "Open the change"
    if isinstance(error, OverQuota):
        return reverse("quota-room", args=[error.team]), "Make room"
    if isinstance(error, QuotaExceeded):
        return reverse("teams"), "See what uses it"
    return reverse("home"), "Go to what needs you"


def _remedy(error: SlipwayError) -> str:
    if isinstance(error, NotFound):
        return "Check the address. It may be gone, or it belongs to a team that keeps it to itself."
    if isinstance(error, Forbidden):
        return "Ask a maintainer of the owning team, or someone of the platform team."
    return ""


def add_errors(form: Form, error: UserFault) -> None:
    """Puts each of a service's errors at its field (last part of the path), the rest above the form.

    Call it inside ``except InvalidInput`` (and what else belongs beside the form), then answer 422.
    """
    placed = False
    for one in error.errors:
        name = next((part for part in reversed(one.path.split(".")) if part in form.fields), None)
        form.add_error(name, one.message)
        placed = True
    if not placed:
        form.add_error(None, f"{error.message} {error.remedy}".strip())


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer_alone(
        request, UserFault("The browser sent something that cannot be read.", remedy="Go back and try again.")
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer_alone(request, Forbidden("You may not do this.", remedy=_remedy(Forbidden(""))))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    error = NotFound("There is no page at this address.", remedy="Check the address, or search with Ctrl K.")
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return answer(request, error)
    return answer_alone(request, error)


def server_error(request: HttpRequest) -> HttpResponse:
    """What nobody foresaw; a database that went away outside a view, as when a session is kept, is no defect."""
    if told := database_fault(sys.exc_info()[1]):
        return answer_alone(request, told)
    return answer_alone(
        request,
        SlipwayError(
            "Slipway failed to answer. This is a defect, and it was recorded.",
            code="internal",
            remedy="Try again. If it stays, tell the platform team the request id below.",
        ),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's secret is missing or old, mostly because one signed in again in another tab."""
    return answer_alone(
        request,
        Forbidden(
            "This form is no longer valid, so nothing was changed.",
            code="csrf",
            remedy="Go back, load the page again, and send it once more. Cookies must be allowed.",
        ),
    )
