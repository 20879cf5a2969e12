"""Drift as people, the gate and the API read it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from zlib import crc32

from django.db.models import Count, Max, Q, QuerySet

from governance.access import Rights
from idp.kernel.errors import NotFound
from provisioning.domain.correction import Correction, object_label
from provisioning.domain.driver import ObjectRef
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.models import Drift, Environment

THERE = ("open", "snoozed")
"""States of drift that is there; in all others it is over."""


def drift_list(environment: Environment, *, state: str = "") -> QuerySet[Drift]:
    """Newest first; of one state only when it is named."""
    rows = Drift.objects.filter(environment=environment).select_related("change", "decided_by")
    return rows.filter(state=state) if state else rows


def drift_there(environment: Environment, ids: Collection[int] | None = None) -> list[Drift]:
    """What drifted and still is, oldest first; all that is open when ``ids`` is None."""
    rows = drift_list(environment).order_by("pk")
    return list(rows.filter(state="open") if ids is None else rows.filter(state__in=THERE, pk__in=set(ids)))


def drift_mark(environment: Environment) -> str:
    """Short text that differs when something of its drift does; one query."""
    rows = Drift.objects.filter(environment=environment)
    there = Count("pk", filter=Q(state__in=THERE))
    told = rows.aggregate(Max("seen_at"), Max("decided_at"), Max("change"), Count("pk"), there=there)
    return f"{crc32(repr(sorted(told.items())).encode()):08x}"


def drift_get(rights: Rights, drift_id: int) -> Drift:
    """One row with its environment; NotFound when the reader may not know of it."""
    rows = Drift.objects.select_related("environment__system__team", "environment__stage", "change", "decided_by")
    found = rows.filter(pk=drift_id, environment__deleted_at=None).first()
    if found is None or not rights.may_see(found.environment.system):
        raise NotFound("There is no such drift.")
    return found


def unanswered(environment: Environment) -> list[Drift]:
    """Open drift on which nobody has decided, or whose decision came to nothing; one query."""
    answered = Q(change__state__in=OPEN_CHANGE_STATES)
    return list(Drift.objects.filter(environment=environment, state="open").exclude(answered).order_by("pk"))


def label_of(row: Drift) -> str:
    """``Deployment/api``."""
    return object_label(row.kind, row.name)


def ref_of(row: Drift) -> ObjectRef:
    return ObjectRef(row.api_version, row.kind, row.namespace, row.name)


def corrections_of(rows: Collection[Drift]) -> list[Correction]:
    """What a revert of these rows puts back; what stands for the environment as a whole comes first."""
    ordered = sorted(rows, key=lambda one: (one.resource, one.pk))
    return [Correction(one.resource, ref_of(one), one.fields, one.fingerprint, one.managers) for one in ordered]


def is_answered(row: Drift) -> bool:
    """Whether a change that decides on it is under way."""
    change: Any = row.change
    return change is not None and change.state in OPEN_CHANGE_STATES
