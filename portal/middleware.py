"""What every request gets: an id, a limit, an actor; and what every fault becomes: a clear answer.

Order matters and stands in ``idp.settings``. No business rule lives here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.db.models import BigIntegerField
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import resolve
from django.utils.functional import SimpleLazyObject

from governance.access import rights_of
from governance.services.sign_ins import refusal_note
from idp.kernel import clock
from idp.kernel.actor import Actor
from idp.kernel.database_faults import database_fault
from idp.kernel.errors import NotFound, SlipwayError, TooLarge, Transient, UserFault
from portal import scim_problem as scim
from portal.origin import origin_of
from portal.problems import TITLES, problem_of, status_of

Next = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,40}$")


class RequestIdentity:
    """Gives each request an id (the caller's ``X-Request-Id`` if it is a plain word) and puts it on every log line."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.match(given) else secrets.token_hex(8)
        request.request_id = request_id  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class Faults:
    """Turns our errors, and a database that is away, into an answer in the face's own form."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        except DatabaseError as error:
            if (told := database_fault(error)) is None:
                raise
            return self._database_fault(request, error, told)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, SlipwayError):
            return answer(request, error)
        if isinstance(error, RequestDataTooBig):
            return answer(request, _too_large(settings.MAX_BODY_BYTES))
        told = database_fault(error)
        return self._database_fault(request, error, told) if told else None

    def _database_fault(self, request: HttpRequest, error: Exception, told: Transient) -> HttpResponse:
        log.warning("database_away", error=type(error).__name__, why=told.message)
        return answer(request, told)


class Probes:
    """Answers ``/livez`` and ``/readyz`` before the host name is looked at: a kubelet asks by the pod's address."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in ("/livez", "/readyz"):
            response: HttpResponse = resolve(request.path_info).func(request)
            return response
        return self.get_response(request)


class BodyLimit:
    """Refuses a body above the limit before anything reads it, and one that does not say its length.

    WSGI would take a body in chunks for an empty one, ASGI would read it to its end.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isascii() or not length.isdigit():
            return answer(request, _unreadable("Content-Length is not a number."))
        most = settings.MAX_BODY_BYTES
        if "HTTP_AUTHORIZATION" in request.META or settings.SESSION_COOKIE_NAME in request.COOKIES:
            most = dict(settings.LARGE_BODIES).get(request.path_info, most)
        if len(length) > 18 or int(length) > most:
            return answer(request, _too_large(most, request.path_info))
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            return answer(request, _unreadable("The body came in chunks; send it whole, with Content-Length."))
        return self.get_response(request)


class PlainText:
    """Refuses NUL, which PostgreSQL does not hold, in addresses and forms. The API checks what it gets itself."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_api(request) and ("\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")):
            return answer(request, _unreadable("The address holds a NUL, which no name has."))
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        if request.method != "POST" or _is_api(request):
            return None
        if any("\0" in text for name, texts in request.POST.lists() for text in (name, *texts)):
            return answer(request, _unreadable("A field holds a NUL, which no text has.", "Type it anew."))
        return None


class KeptNumbers:
    """Says that nothing is at an address with a number that no row can have; databases refuse to look for one."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, named: Mapping[str, object]
    ) -> HttpResponse | None:
        if any(isinstance(value, int) and value > BigIntegerField.MAX_BIGINT for value in named.values()):
            return answer(request, NotFound("There is nothing at this address."))
        return None


class ActorOfRequest:
    """``request.actor`` and, lazily, ``request.rights`` for a signed-in session. Tokens replace both in the API."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: actor_of_session(request))  # type: ignore[attr-defined]
        request.rights = SimpleLazyObject(lambda: rights_of(request.actor))  # type: ignore[attr-defined]
        return self.get_response(request)


def actor_of_session(request: HttpRequest) -> Actor:
    """Who is signed in; nobody once the REST framework has refused the session, which it says with None."""
    user = request.user
    known = user if user is not None and user.is_authenticated else None
    return Actor(
        user_id=known.pk if known else None,
        username=known.get_username() if known else "",
        via="portal",
        request_id=getattr(request, "request_id", ""),
        address=origin_of(request),
    )


class Refusals:
    """Notes every 403 in the audit log, whichever view or check said it: what somebody tried and may not do."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 403:
            self._note(request)
        return response

    def _note(self, request: HttpRequest) -> None:
        error = getattr(request, "refusal", None)
        actor = getattr(request, "actor", None) or Actor(None, "", via="portal", address=origin_of(request))
        try:
            refusal_note(
                actor,
                what=f"{request.method} {request.path}"[:200],
                code=getattr(error, "code", "forbidden"),
                why=getattr(error, "message", ""),
                now=clock.now(),
            )
        except DatabaseError as fault:
            # The answer stands without its entry: the database is away, and then nothing can be changed either.
            log.error("refusal_not_noted", error=type(fault).__name__)


def answer(request: HttpRequest, error: SlipwayError) -> HttpResponse:
    """``error`` as problem JSON under ``/api/``, as SCIM says it there, else as a page that needs no database."""
    status = status_of(error)
    request.refusal = error  # type: ignore[attr-defined]  # read by Refusals
    request_id = getattr(request, "request_id", "")
    if status >= 500:
        log.error("platform_fault", code=error.code, message=error.message)
    if request.path.startswith(scim.PREFIX):
        response: HttpResponse = JsonResponse(scim.scim_problem(error, status), status=status, content_type=scim.MEDIA)
    elif _is_api(request):
        response = JsonResponse(problem_of(error, request_id), status=status, content_type="application/problem+json")
    else:
        context = {
            "status": status,
            "title": TITLES.get(status, ""),
            "error": error,
            "request_id": request_id,
            "theme": request.COOKIES.get("theme", ""),
        }
        # Without the request: context processors would ask the session, and the database may be what failed.
        response = HttpResponse(render_to_string("errors/problem.html", context), status=status)
    if status == 503:
        response["Retry-After"] = str(int(getattr(error, "delay", 5)))
    return response


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", scim.PREFIX))


def _unreadable(message: str, remedy: str = "Send the request again as it should be.") -> UserFault:
    return UserFault(message, code="bad-request", remedy=remedy)


def _too_large(most: int, path: str = "") -> TooLarge:
    remedy = "Send a smaller document; the largest that Slipway takes is a contract."
    if path == "/api/v1/apply/":
        remedy = "Send the documents in several calls, contracts and policies first; slipway apply does so by itself."
    elif most > settings.MAX_BODY_BYTES:
        remedy = "Import a larger catalog from its repository or address."
    return TooLarge(f"The request is larger than {most // 1_000_000} MB.", remedy=remedy)
