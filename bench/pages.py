"""Pages as a signed-in developer of the largest team sees them: time beside the floor, queries, and how both grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from bench.databases import Databases
from bench.report import Row, milliseconds, missing
from bench.seed import Seeded
from bench.timing import Action, median, once_with_cpu, percentile

FLOOR = "floor"
MOST_RATIO, MOST_QUERIES, MOST_GROWTH = 3.0, 12, 1.2
BUDGET = f"p95 ≤ {MOST_RATIO:g} ×, ≤ {MOST_QUERIES} queries"

Address = tuple[str, Callable[[Seeded], Sequence[object]], str]
PAGES: Mapping[str, Address] = {
    "home": ("home", lambda at: (), ""),
    "systems": ("systems", lambda at: (), ""),
    "system": ("system", lambda at: (at.system,), ""),
    "environments": ("environments", lambda at: (), ""),
    # What is ready is more than a page of the smaller data too: lines that are not there cost nothing.
    "environments, filtered": ("environments", lambda at: (), "?state=ready&q=api"),
    "environment": ("environment", lambda at: (at.system, at.environment), ""),
    "environment changes": ("environment-changes", lambda at: (at.system, at.environment), ""),
    "environment revisions": ("environment-revisions", lambda at: (at.system, at.environment), ""),
    "environment drift": ("environment-drift", lambda at: (at.system, at.environment), ""),
    "environments, drifted": ("environments", lambda at: (), "?drift=open"),
    "environment settings": ("environment-settings", lambda at: (at.system, at.environment), ""),
    "environment secrets": ("environment-secrets", lambda at: (at.system, at.environment), ""),
    "environment sleep": ("environment-sleep", lambda at: (at.system, at.environment), ""),
    "environment health": ("environment-health", lambda at: (at.system, at.environment), ""),
    "new environment": ("environment-new", lambda at: (), "?system={system}"),
    "capabilities": ("capabilities", lambda at: (), ""),
    "capability": ("capability", lambda at: ("postgres",), ""),
    "changes": ("changes", lambda at: (), ""),
    "changes, failed": ("changes", lambda at: (), "?state=failed"),
    "change": ("change", lambda at: (at.change,), ""),
    "change, waiting": ("change", lambda at: (at.waiting_change,), ""),
    "run": ("run", lambda at: (at.run,), ""),
    "teams": ("teams", lambda at: (), ""),
    "team": ("team", lambda at: (at.team,), ""),
    "account": ("account", lambda at: (), ""),
    "notices": ("notices", lambda at: (), ""),
    "trains": ("trains", lambda at: (), ""),
    "campaigns": ("campaigns", lambda at: (), ""),
    "clusters": ("clusters", lambda at: (), ""),
    "hosts": ("hosts", lambda at: (), ""),
    "links": ("links", lambda at: (), ""),
    "stages": ("stages", lambda at: (), ""),
    "freezes": ("freezes", lambda at: (), ""),
    "policies": ("policies", lambda at: (), ""),
    "quotas": ("quotas", lambda at: (), ""),
    "costs": ("costs", lambda at: (), ""),
    "costs, by environment": ("costs", lambda at: (), "?by=environment"),
    "audit": ("audit", lambda at: (), ""),
    "search": ("search", lambda at: (), "?q={system}"),
}


@dataclass
class Taken:
    """Milliseconds and queries of one page at one size of data; ``cpu`` is what this process computed of them."""

    samples: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    floor_cpu: list[float] = field(default_factory=list)
    queries: int = 0
    size: int = 0

    def take(self, floor: Action, shown: Action) -> None:
        """One of each, the floor first."""
        for action, samples, cpu in ((floor, self.floor, self.floor_cpu), (shown, self.samples, self.cpu)):
            took, computed = once_with_cpu(action)
            samples.append(took)
            cpu.append(computed)

    @property
    def cpu_ratio(self) -> float:
        """How many times the floor this process computes; other work on the machine hardly moves it."""
        return median(self.cpu) / median(self.floor_cpu)


def address(page: str, at: Seeded) -> str:
    name, arguments, query = PAGES[page]
    return reverse(name, args=[*arguments(at)]) + query.format(system=at.system)


def signed_in(username: str) -> Client:
    """A client of the whole stack of middleware, without the instrumentation of tests."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(
        get_user_model().objects.get(username=username), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def load(client: Client, url: str) -> int:
    """Bytes of the answer; RuntimeError when it is not a page."""
    answer = client.get(url)
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answers {answer.status_code}")
    return len(answer.content)


def queries_of(client: Client, url: str) -> int:
    """The fewest of three: what the process remembers for seconds may be asked for anew by one of them."""
    counts = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            load(client, url)
        counts.append(len(captured))
    return min(counts)


def measure(databases: Databases, sizes: Sequence[int], *, rounds: int, times: int) -> dict[str, dict[int, Taken]]:
    """Each page at each size, in turns with the floor; the database is changed only between rounds."""
    taken: dict[str, dict[int, Taken]] = {page: {} for page in PAGES}
    clients = {size: signed_in(databases.use(size).developer) for size in sizes}
    for number in range(rounds):
        for size in sizes:
            _round(taken, databases.use(size), clients[size], size, times, first=number == 0)
    return taken


def _round(
    taken: dict[str, dict[int, Taken]], at: Seeded, client: Client, size: int, times: int, *, first: bool
) -> None:
    floor = partial(load, client, reverse("bench-page"))
    for _ in range(3):
        floor()
    for page in list(taken):
        url = _url_or_none(page, at)
        if url is None:
            continue
        if first:
            taken[page][size] = Taken(size=load(client, url))
            taken[page][size].queries = queries_of(client, url)
        shown = partial(load, client, url)
        shown()
        for _ in range(times):
            taken[page][size].take(floor, shown)


def _url_or_none(page: str, at: Seeded) -> str | None:
    try:
        return address(page, at)
    except NoReverseMatch:
        return None


def rows(taken: Mapping[str, Mapping[int, Taken]], sizes: Sequence[int], main: int) -> list[Row]:
    """One row per page for time and queries at the size ``main``, one row for how the slowest grows."""
    made = [_row(page, by_size, main) for page, by_size in taken.items()]
    return [*made, _growth(taken, sizes)] if len(sizes) > 1 else made


def _row(page: str, by_size: Mapping[int, Taken], main: int) -> Row:
    if main not in by_size:
        return missing(f"page: {page}", BUDGET, "needs the page, which is not there")
    one = by_size[main]
    p95, floor = percentile(one.samples, 0.95), percentile(one.floor, 0.95)
    return Row(
        what=f"page: {page}",
        floor=milliseconds(floor),
        measured=f"{milliseconds(p95)}, {one.queries} queries",
        ratio=f"{p95 / floor:.2f} (median {median(one.samples) / median(one.floor):.2f}, CPU {one.cpu_ratio:.2f})",
        budget=BUDGET,
        ok=p95 <= MOST_RATIO * floor and one.queries <= MOST_QUERIES,
    )


def growth_of(by_size: Mapping[int, Taken], sizes: Sequence[int]) -> float:
    """The median at the largest size over that at the smallest, each as a ratio to its own floor."""
    small, large = by_size[sizes[0]], by_size[sizes[-1]]
    return (median(large.samples) / median(large.floor)) / (median(small.samples) / median(small.floor))


def _growth(taken: Mapping[str, Mapping[int, Taken]], sizes: Sequence[int]) -> Row:
    known = {page: growth_of(by_size, sizes) for page, by_size in taken.items() if set(sizes) <= set(by_size)}
    worst = max(known, key=lambda page: known[page])
    changed = [page for page in known if len({taken[page][size].queries for size in sizes}) > 1]
    over = sorted((page for page in known if known[page] > MOST_GROWTH), key=lambda page: -known[page])
    told = f"worst: {worst}" if not over else f"{len(over)} grow: {', '.join(over[:3])}"
    return Row(
        what=f"pages from {sizes[0]:,} to {sizes[-1]:,} environments",
        floor="itself",
        measured=f"{told}; queries {'differ: ' + ', '.join(changed[:3]) if changed else 'the same'}",
        ratio=f"{known[worst]:.2f}",
        budget=f"≤ {MOST_GROWTH:g} ×, queries the same",
        ok=not over and not changed,
    )


def details(taken: Mapping[str, Mapping[int, Taken]]) -> dict[str, dict[str, dict[str, float]]]:
    """The numbers behind the rows."""
    return {
        page: {
            str(size): {
                "median_ms": round(median(one.samples), 2),
                "p95_ms": round(percentile(one.samples, 0.95), 2),
                "floor_median_ms": round(median(one.floor), 2),
                "floor_p95_ms": round(percentile(one.floor, 0.95), 2),
                "cpu_median_ms": round(median(one.cpu), 2),
                "floor_cpu_median_ms": round(median(one.floor_cpu), 2),
                "queries": one.queries,
                "bytes": one.size,
            }
            for size, one in by_size.items()
        }
        for page, by_size in taken.items()
    }
