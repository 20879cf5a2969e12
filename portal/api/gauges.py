"""What Prometheus reads: the process, and a few figures of the platform that cost one small query each.

No ids and no names as labels. A database that is away leaves the platform's figures out and the process's in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db import DatabaseError
from django.db.models import Count
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from idp.kernel import clock
from portal.api.event_stream import places
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.models import Change, Environment, Run
from provisioning.selectors.runs import work_delayed
from provisioning.selectors.watches import watch_figures


class Figures(Collector):
    """Asked once per scrape. Each query walks a partial index of living or open rows only."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        streams = GaugeMetricFamily("slipway_event_streams", "Event streams open in this process.")
        streams.add_metric([], places.taken)
        yield streams
        try:
            yield from _of_the_platform()
        except DatabaseError:
            return

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is asked of the database when the process starts."""
        return []


def _of_the_platform() -> list[GaugeMetricFamily]:
    living = Environment.objects.filter(deleted_at=None).order_by().values_list("state").annotate(Count("pk"))
    changes = Change.objects.filter(state__in=OPEN_CHANGE_STATES).order_by().values_list("state").annotate(Count("pk"))
    runs = Run.objects.filter(state__in=("queued", "running")).order_by().values_list("state").annotate(Count("pk"))
    delayed = GaugeMetricFamily(
        "slipway_work_delayed_seconds",
        "How long the oldest due work has been waiting for a worker; 0 when none is late.",
    )
    late = work_delayed(clock.now())
    delayed.add_metric([], late.total_seconds() if late else 0.0)
    return [
        _by_state("slipway_environments", "Living environments by state.", living),
        _by_state("slipway_changes_open", "Open changes by state.", changes),
        _by_state("slipway_runs_active", "Queued and running runs.", runs),
        delayed,
        *_of_watches(),
    ]


def _of_watches() -> list[GaugeMetricFamily]:
    """What the controllers noted beside their leases, wherever they run; see ``docs/running.md``."""
    rows = watch_figures()
    clusters = GaugeMetricFamily("slipway_clusters", "Registered clusters by how they are watched.", labels=["state"])
    for state, count in Counter(one.state for one in rows).items():
        clusters.add_metric([state], count)
    totals = (
        ("slipway_watched_objects", "Objects that controllers hold.", sum(one.objects for one in rows)),
        ("slipway_watch_backlog", "Environments that wait to be judged.", sum(one.backlog for one in rows)),
        (
            "slipway_watch_lag_seconds",
            "For how long the first environment that an event named has been waiting to be judged.",
            max((one.lag for one in rows), default=0.0),
        ),
    )
    return [clusters, *(_one(name, about, value) for name, about, value in totals)]


def _one(name: str, about: str, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about)
    family.add_metric([], value)
    return family


def _by_state(name: str, about: str, counts: Iterable[tuple[str, int]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=["state"])
    for state, count in counts:
        family.add_metric([state], count)
    return family


REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)
REGISTRY.register(Figures())
