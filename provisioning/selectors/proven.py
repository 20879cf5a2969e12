"""What has run Ready in an environment and for how long: what a promotion may take.

How long the present revision has been Ready is on the environment; of earlier ones the runs tell it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from provisioning.models import Environment, Revision, Run

RUNS_READ = 40
"""The newest runs that are looked at; what ran before them no longer counts as proven."""


def ran_ready(environment: Environment, now: datetime) -> Iterator[tuple[int, dict[str, Any], float]]:
    """Number, document and minutes of the revisions that ran Ready, newest first; two queries.

    ``environment`` comes with its ``observed`` revision. An earlier revision's time ends where the next run began.
    """
    runs = list(
        Run.objects.filter(environment=environment)
        .order_by("-id")
        .values_list("revision_id", "state", "created_at", "finished_at")[:RUNS_READ]
    )
    spans: dict[int, float] = {}
    ended: datetime | None = None
    for revision_id, state, created, finished in runs:
        if state == "succeeded" and revision_id is not None and finished is not None and ended is not None:
            spans[revision_id] = max(spans.get(revision_id, 0.0), (ended - finished).total_seconds() / 60)
        ended = created
    if environment.observed_id is not None and environment.ready_since is not None:
        since = (now - environment.ready_since).total_seconds() / 60
        spans[environment.observed_id] = max(spans.get(environment.observed_id, 0.0), since)
    documents = Revision.objects.filter(pk__in=spans).order_by("-number").values_list("pk", "number", "document")
    for pk, number, document in documents:
        if document.get("power", "awake") == "awake":
            yield number, document, spans[pk]
