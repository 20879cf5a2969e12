"""Copies Secrets that are lent anew when they have changed where they come from.

Called by the periodic task. Only metadata are compared; the data passes through the driver, which copies. An
environment with a run under way is passed over: its run copies by itself, or takes the copies away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import structlog

from provisioning.domain.driver import Driver, DriverError, Manifest, ObjectRef, Scope
from provisioning.domain.secret_copy import copied_mark, is_copy, mark_of, source_of
from provisioning.models import Borrowing, Environment, Run
from provisioning.orchestrator.reach import driver_for
from provisioning.selectors.desired import desired_of

log = structlog.get_logger(__name__)
BATCH: Final = 200
"""Borrowed resources that are looked at with one query."""
_UNDER_WAY: Final = ("queued", "running")


def copies_refresh() -> int:
    """Look at every Secret that is lent; how many were copied anew. What a cluster refuses waits for the next look."""
    done, last = 0, 0
    while rows := _borrowings(after=last):
        last = rows[-1].pk
        done += sum(_refreshed(row) for row in rows)
    return done


def _borrowings(*, after: int) -> list[Borrowing]:
    joined = ("environment__system__team", "environment__stage", "environment__cluster", "environment__observed")
    rows = Borrowing.objects.filter(pk__gt=after, environment__deleted_at=None, environment__observed__isnull=False)
    return list(rows.select_related(*joined).order_by("pk")[:BATCH])


def _refreshed(row: Borrowing) -> int:
    environment = row.environment
    copies = list(_copies(environment, row.name))
    if not copies or Run.objects.filter(environment=environment, state__in=_UNDER_WAY).exists():
        return 0
    try:
        return _copied(driver_for(environment.cluster), environment, copies)
    except DriverError as error:
        log.warning("copies_not_refreshed", environment=environment.pk, resource=row.name, code=error.code)
        return 0


def _copies(environment: Environment, name: str) -> Iterator[Manifest]:
    """What stands for the Secrets of a borrowed resource, as the revision that was carried out has it."""
    revision = environment.observed
    if revision is None or name not in revision.document["resources"]:
        return
    desired = desired_of(environment, revision.document, revision=revision.number)
    if desired.is_borrowed(name):
        yield from (one.manifest for one in desired.render_expected(name) if is_copy(one.manifest))


def _copied(driver: Driver, environment: Environment, copies: list[Manifest]) -> int:
    seen = driver.observe([ref for one in copies for ref in (ObjectRef.of(one), source_of(one))])
    stale = [
        copy
        for copy, live, source in zip(copies, seen[::2], seen[1::2], strict=True)
        if live.manifest is not None
        and not live.deleting
        and source.manifest is not None
        and copied_mark(live.manifest) != mark_of(source.manifest)
    ]
    if stale:
        driver.apply(stale, Scope(environment.system.slug, environment.name))
        log.info("copies_refreshed", environment=environment.pk, copies=len(stale))
    return len(stale)
