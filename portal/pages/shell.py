"""What surrounds every page: who is signed in, what waits, what must be said above the work.

``shell`` is the context processor behind base.html; ``page`` is the decorator of every view for signed-in people.
Nothing here decides what a person may see; that is ``request.rights``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any, Final

from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from idp.catalog.models import System, Team
from idp.kernel import clock
from idp.kernel.errors import UserFault
from portal.drawing import words
from portal.pages import problems, verbs
from portal.reading import mine
from portal.reading.administration import has_sections
from portal.reading.freezes import freeze_banners
from portal.reading.guide_of import guide_url
from portal.reading.notices import Counts, bell_of, counts
from provisioning.models import Cluster
from provisioning.selectors import runs

View = Callable[..., HttpResponseBase]

STARRED: Final = 5
DELAY_KNOWN_FOR: Final = 5
SANDBOX_KNOWN_FOR: Final = 30


def page(nav: str = "", *, methods: Sequence[str] = ("GET", "HEAD")) -> Callable[[View], View]:
    """A view for signed-in people: refuses other verbs, marks ``nav`` in the sidebar, draws our errors in the shell."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            request.nav = nav  # type: ignore[attr-defined]
            try:
                return view(request, *args, **kwargs)
            except UserFault as error:
                return problems.answer(request, error)

        return verbs.signed_in(methods, verbs.only(methods, guarded))

    return decorate


POST: Final = ("POST",)
FORM: Final = ("GET", "HEAD", "POST")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of base.html. Lazy, so that a fragment, which has no shell, asks the database nothing."""
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    return {
        "nav": getattr(request, "nav", ""),
        "rights": getattr(request, "rights", None),
        "theme": theme_of(request),
        "shell": SimpleLazyObject(lambda: _build(request)) if signed_in else None,
    }


def theme_of(request: HttpRequest) -> str:
    """``light``, ``dark`` or nothing, which means what the system says."""
    theme = request.COOKIES.get("theme", "")
    return theme if theme in ("light", "dark") else ""


def waiting_count(request: HttpRequest) -> int:
    """How many changes wait for this person; asked once per request, however often it is shown."""
    if not hasattr(request, "_waiting_count"):
        request._waiting_count = counts_of(request).waiting  # type: ignore[attr-defined]
    return int(request._waiting_count)  # type: ignore[attr-defined]


def counts_of(request: HttpRequest, *, asking: bool = False) -> Counts:
    """What waits for this person and what they have not read, together, in one query per request.

    With ``asking``, said by who asks first, also what waits besides changes.
    """
    if not hasattr(request, "_counts"):
        request._counts = counts(  # type: ignore[attr-defined]
            request.rights,  # type: ignore[attr-defined]
            here=request.path,
            waiting=not hasattr(request, "_waiting_count"),
            asking=asking,
        )
    found: Counts = request._counts  # type: ignore[attr-defined]
    return found


def _build(request: HttpRequest) -> dict[str, Any]:
    """At most three queries: the team's systems, what waits and is unread, and the team when it has no system yet."""
    systems = mine.systems(request)
    return {
        "user": {
            "username": request.user.get_username(),
            "initials": words.initials(request.user.get_username()),
            "team": _team_name(request, systems),
        },
        "waiting_count": waiting_count(request),
        "bell": bell_of(counts_of(request), here=request.path),
        "starred": [{"name": one.slug, "url": reverse("system", args=[one.slug])} for one in systems[:STARRED]],
        "administration": has_sections(request.rights),  # type: ignore[attr-defined]
        "guide": guide_url(getattr(request.resolver_match, "url_name", None) or ""),
        "banners": [*banners(), *freeze_banners(request.resolver_match, now=clock.now())],
    }


def _team_name(request: HttpRequest, systems: Sequence[System]) -> str:
    teams = request.rights.teams  # type: ignore[attr-defined]
    if not teams:
        return "No team yet"
    names = sorted({one.team.name for one in systems}) or list(
        Team.objects.filter(pk__in=teams).order_by("name").values_list("name", flat=True)[:2]
    )
    return names[0] if len(teams) == 1 else f"{names[0]} and {words.count(len(teams) - 1, 'other team,other teams')}"


def banners() -> list[dict[str, str]]:
    """What every page must say; kept for seconds in the process, because it is the same for everyone."""
    shown = []
    late = cache.get_or_set("shell.work-delayed", _delayed, DELAY_KNOWN_FOR)
    if late:
        shown.append(
            {
                "tone": "warn",
                "strong": "Work is delayed.",
                "text": f"It has waited {words.duration(late)} for a worker. Nothing is lost; it goes on by itself.",
            }
        )
    if cache.get_or_set("shell.sandbox", _sandbox, SANDBOX_KNOWN_FOR):
        shown.append(
            {
                "tone": "",
                "icon": "box",
                "strong": "This is a sandbox.",
                "text": "Objects are simulated on this machine, nothing runs on a cluster.",
            }
        )
    return shown


def _delayed() -> timedelta:
    return runs.work_delayed(clock.now()) or timedelta(0)


def _sandbox() -> bool:
    """Whether all environments are simulated; with one real cluster each environment says it for itself."""
    drivers = set(Cluster.objects.values_list("driver", flat=True).distinct())
    return drivers == {"sandbox"}
