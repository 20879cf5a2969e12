"""What belongs to the person who asks: their teams' systems, environments, quota. Read by the shell and by home."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest
from django.urls import reverse

from governance.access import Rights, visible
from idp.catalog.models import System
from idp.kernel.prepared import Prepared
from provisioning.domain.contract_states import StateNote
from provisioning.models import Change, Environment, Run
from provisioning.selectors.contract_flags import DefectiveUse

SYSTEMS: Final = 30
EACH: Final = 6
"""Of each kind of need, as many as are shown when there is no other."""
EXPIRES_SOON: Final = timedelta(days=3)
CARE_STATES: Final = ("failed", "degraded", "progressing", "deleting")


def systems(request: HttpRequest) -> list[System]:
    """The systems of the person's teams, the one that changed last first; asked once per request."""
    if not hasattr(request, "_my_systems"):
        request._my_systems = _systems(rights=request.rights)  # type: ignore[attr-defined]
    return list(request._my_systems)  # type: ignore[attr-defined]


@Prepared
def _systems(rights: Rights) -> QuerySet[System]:
    newest = Change.objects.filter(system=OuterRef("pk")).order_by("-id").values("pk")[:1]
    return (
        visible(System.objects.filter(team__in=list(rights.teams)), rights, "")
        .select_related("team")
        .annotate(newest_change=Subquery(newest))
        .order_by(F("newest_change").desc(nulls_last=True), "slug")[:SYSTEMS]
    )


@dataclass(frozen=True, slots=True)
class Need:
    """Environments that may need care: the first ``EACH`` of each kind, and how many of a kind are not among them."""

    shown: list[Environment]
    hidden: Counter[str]


def in_need(of: Sequence[System], now: datetime) -> Need:
    """Environments of these systems that may need care, with the last run that failed, by stage and name.

    Two queries: the database counts them and says which are the first of their kind, and only those are read.
    ``failed_run`` and ``failed_error`` are sub-queries by the index of runs per environment.
    """
    first = _first_of_each(systems=[one.pk for one in of], soon=now + EXPIRES_SOON)
    hidden = Counter({kind: alike for _, kind, alike in first})
    hidden.subtract(kind for _, kind, _ in first)
    return Need(_with_failed_runs(keys=sorted(key for key, *_ in first)), hidden)


@Prepared
def _first_of_each(systems: list[int], soon: datetime) -> QuerySet[Environment, tuple[int, str, int]]:
    """Key, kind of need, and how many are of that kind."""
    living = Environment.objects.filter(system__in=systems, deleted_at=None)
    settled = (When(state=state, then=Value(state)) for state in ("failed", "degraded"))
    kind = Case(
        *settled,
        When(drifted__gt=0, state__in=("ready", "asleep", "unknown"), then=Value("drifted")),
        When(expires_at__lt=soon, then=Value("expiring")),
        default=F("state"),
    )
    return (
        living.filter(Q(state__in=CARE_STATES) | Q(expires_at__lt=soon) | Q(drifted__gt=0))
        .annotate(
            kind=kind,
            alike=Window(Count("pk"), partition_by=kind),
            place=Window(RowNumber(), partition_by=kind, order_by=(F("stage__order"), F("name"), F("pk"))),
        )
        .filter(place__lte=EACH)
        .values_list("pk", "kind", "alike")
    )


@Prepared
def _with_failed_runs(keys: list[int]) -> QuerySet[Environment]:
    failed = Run.objects.filter(environment=OuterRef("pk"), state="failed").order_by("-id")
    return (
        Environment.objects.filter(pk__in=keys)
        .select_related("stage", "desired")
        .only("name", "state", "drifted", "expires_at", "system_id", "stage__name", "desired__number")
        .annotate(failed_run=Subquery(failed.values("pk")[:1]), failed_error=Subquery(failed.values("error")[:1]))
        .order_by("stage__order", "name", "pk")
    )


@dataclass(frozen=True, slots=True)
class Care:
    """One line of "Needs care": a state, what is so, why, and where to act."""

    name: str
    state: str
    title: str
    text: str
    url: str
    action: str = ""
    kind: str = "environment"


def needs_care(of: Iterable[tuple[System, Environment]], now: datetime) -> list[Care]:
    """Environments that failed, are degraded, drifted, move or expire soon, the gravest first."""
    found: list[tuple[int, Care]] = []
    for system, environment in of:
        care = _care(system, environment, now)
        if care is not None:
            found.append((_GRAVITY.index(care.state), care))
    return [care for _, care in sorted(found, key=lambda pair: pair[0])]


_GRAVITY: Final = ("failed", "defective", "degraded", "drifted", "expiring", "deleting", "progressing")


def by_gravity(*found: Iterable[Care]) -> list[Care]:
    """All of them, the gravest first, otherwise in their order."""
    return sorted(chain(*found), key=lambda care: _GRAVITY.index(care.state))


def defective_care(uses: Iterable[DefectiveUse]) -> list[Care]:
    """One line for each environment and defective version in it: what is wrong with it, and what to do."""
    places: dict[tuple[str, str, StateNote], list[str]] = {}
    for use in uses:
        places.setdefault((use.system, use.environment, use.note), []).append(use.resource)
    return [
        Care(
            f"{system} / {environment}",
            "defective",
            f"{system} / {environment}: {', '.join(names)} runs {note.label}, which is defective",
            " ".join(
                part for part in (note.reason, f"Move to {note.replacement}." if note.replacement else "") if part
            ),
            reverse("environment", args=[system, environment]),
            "Open it",
            kind="contract",
        )
        for (system, environment, note), names in places.items()
    ]


def _care(system: System, environment: Environment, now: datetime) -> Care | None:
    name, state = f"{system.slug} / {environment.name}", environment.state
    here = reverse("environment", args=[system.slug, environment.name])
    if state == "failed":
        return _failed(name, environment, here)
    if state == "degraded":
        return Care(name, state, f"{name} is degraded", "Part of it is not as agreed.", here, "Open it")
    if environment.drifted and state not in ("progressing", "deleting"):
        return _drifted(name, environment, reverse("environment-drift", args=[system.slug, environment.name]))
    if environment.expires_at is not None and environment.expires_at - now < EXPIRES_SOON:
        over = environment.expires_at <= now
        text = "Its time is over." if over else "It will be deleted with all it holds."
        return Care(
            name,
            "expiring",
            f"{name} {'expired' if over else 'expires'} {_day(environment.expires_at, now)}",
            text,
            here,
            "Open it" if over else "Keep it longer",
        )
    if state == "progressing":
        return Care(name, state, f"{name} is rolling out", _revision(environment), here)
    if state == "deleting":
        return Care(name, state, f"{name} is being deleted", "", here)
    return None


def _drifted(name: str, environment: Environment, there: str) -> Care:
    one = environment.drifted == 1
    what = "1 object differs" if one else f"{environment.drifted} objects differ"
    text = f"{what} from what was agreed: adopt, revert or snooze."
    return Care(name, "drifted", f"{name} was changed outside", text, there, "Decide")


def _failed(name: str, environment: Environment, here: str) -> Care:
    run, error = environment.failed_run, environment.failed_error or {}  # type: ignore[attr-defined]
    text = str(error.get("message") or "The last run did not succeed.")
    if run is None:
        return Care(name, "failed", f"{name} failed", text, here, "Open it")
    step = str(error.get("step") or "").rpartition(":")[2]
    title = f"{name}: run {run} stopped" + (f" at {step}" if step else "")
    return Care(name, "failed", title, text, reverse("run", args=[run]), "See what failed")


def _revision(environment: Environment) -> str:
    return f"To revision r{environment.desired.number}." if environment.desired else "Its first revision is being made."


def _day(moment: datetime, now: datetime) -> str:
    days = (moment.date() - now.date()).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    return f"{near[days]} at {moment:%H:%M}" if days in near else f"on {moment.day} {moment:%b}"
