"""Search over everything: processor time of one search by kind of what is typed, at 50,000 objects and as they grow.

Counted is what this process computes for the answer that page, palette and API show (rights are known before; neither
request nor template is in it), and what the connection's own server process of PostgreSQL computes meanwhile. Waiting
is not counted, nor is other work of the machine. ``python -m bench.search`` measures the database of DATABASE_URL,
also an SQLite, which ``bench.seed`` filled: there all is computed in this process.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from django.db import connection

from bench.seed import Seeded
from bench.timing import median

MOST_MS, OBJECTS, MOST_GROWTH = 10.0, 50_000, 1.2
ROUNDS, TIMES = 5, 8
Taken = dict[str, dict[str, float]]


def rows(taken: dict[int, tuple[int, Taken]], *, searched: int, sizes: Sequence[int]) -> list[Any]:
    """``taken`` has for each number of environments that of objects, and what each query took."""
    from bench.report import Row

    objects, here = taken[searched]
    whole = {name: sum(parts.values()) for name, parts in here.items()}
    slowest = max(whole, key=lambda name: whole[name])
    measured = f"{median(list(whole.values())):.1f} ms, at most {whole[slowest]:.1f} ms ({slowest})"
    budget = f"≤ {MOST_MS:g} CPU ms at {OBJECTS:,} objects"
    at_most = Row(f"search in {objects:,} objects", "–", measured, "", budget, whole[slowest] <= MOST_MS)
    first, last = sizes[0], sizes[-1]
    growth = {name: _sum(taken, last, name) / _sum(taken, first, name) for name in here}
    ratio = median(list(growth.values()))
    grown = f"at most {max(growth.values()):.2f} ({max(growth, key=lambda name: growth[name])})"
    what = f"search from {taken[first][0]:,} to {taken[last][0]:,} objects"
    return [at_most, Row(what, "itself", grown, f"{ratio:.2f}", f"median ≤ {MOST_GROWTH} ×", ratio <= MOST_GROWTH)]


def details(taken: dict[int, tuple[int, Taken]]) -> dict[str, Any]:
    """CPU milliseconds of one search, by number of environments and by query."""
    return {
        f"{size}": {
            "objects": objects,
            "cpu_ms": {
                name: {part: round(took, 2) for part, took in parts.items()} for name, parts in by_query.items()
            },
        }
        for size, (objects, by_query) in taken.items()
    }


def measure(at: Seeded) -> tuple[int, Taken]:
    """The number of objects, and for each kind of query what a search of it takes; the median of some rounds."""
    from provisioning.models import SearchEntry
    from provisioning.services.guide_index import guides_index
    from provisioning.services.search_words import search_words_gather

    guides_index()
    search_words_gather()
    asked = queries(at)
    for rights, words in asked.values():
        _search(rights, words)
    rounds = [{name: _taken(*one) for name, one in asked.items()} for _ in range(ROUNDS)]
    middle = {
        name: {part: median([one[name][part] for one in rounds]) for part in ("process", "database")} for name in asked
    }
    return SearchEntry.objects.count(), middle


def queries(at: Seeded) -> dict[str, tuple[Any, str]]:
    """What people type, as a developer of the largest team, as one of another team and as an administrator."""
    own, system = _rights(at.developer), at.system
    stranger, admin = _rights("team-001-0"), replace(own, is_admin=True)
    wrong = f"{system[:2]}{system[3:]}"
    return {
        "one word": (own, system.partition("-")[0]),
        "a name with dashes": (own, f"{system}-api"),
        "two words": (own, f"{system} dev"),
        "a word being typed": (own, system[:3]),
        "one letter": (own, "e"),
        "a word of many": (own, "staging"),
        "a capability": (own, "postgres"),
        "the number of a change": (own, f"#{at.change}"),
        "a person": (own, at.developer),
        "words of a guide": (own, "keep the encryption key"),
        "a stranger": (stranger, system),
        "an administrator": (admin, system),
        "an administrator, by e-mail": (admin, f"{at.developer}@example.com"),
        "a misspelt name": (own, wrong),
        "a misspelt word of many": (own, "stagng"),
        "a misspelt word of guides": (own, "encyrption"),
        "two misspelt words": (own, f"{wrong} stagng"),
        "words that nothing has together": (own, "postgres encryption passkey"),
        "a word like none": (own, "qqqqzzzz"),
    }


def _rights(username: str) -> Any:
    from django.contrib.auth import get_user_model

    from governance.access import rights_of
    from idp.kernel.actor import Actor

    person = get_user_model().objects.get(username=username)
    return rights_of(Actor(user_id=person.pk, username=person.username, via="portal"))


def _search(rights: Any, words: str) -> Any:
    from portal.reading.search import search

    return search(rights, words)


def _sum(taken: dict[int, tuple[int, Taken]], size: int, name: str) -> float:
    return sum(taken[size][1][name].values())


def _taken(rights: Any, words: str) -> dict[str, float]:
    """Milliseconds of processor for one search, the mean of some."""
    database = _database_clock()
    here, there = time.process_time(), database()
    for _ in range(TIMES):
        _search(rights, words)
    own, other = time.process_time() - here, database() - there
    return {"process": own / TIMES * 1000, "database": other / TIMES * 1000}


def _database_clock() -> Callable[[], float]:
    """Seconds of processor that the connection's own server process has used; none where it runs elsewhere.

    The kernel's own count where it has one: that of processes ticks in hundredths of a second.
    """
    if connection.vendor != "postgresql":
        return lambda: 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        number = cursor.fetchone()[0]
    try:
        server = psutil.Process(number)
        if "postgres" not in server.name():
            return lambda: 0.0
    except psutil.Error:
        return lambda: 0.0
    exact = Path(f"/proc/{number}/schedstat")
    if exact.exists():
        return lambda: int(exact.read_text().split()[0]) / 1e9
    return lambda: sum(server.cpu_times()[:2])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.parse_args(arguments)
    import django

    django.setup()
    from bench.seed import look

    objects, taken = measure(look(0))
    print(f"{objects:,} objects, CPU ms of one search: this process, the database's own, both")
    for name, parts in taken.items():
        own, other = parts["process"], parts["database"]
        print(f"{name:32} {own:6.2f} {other:6.2f} {own + other:6.2f}")
    return 0


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")
    sys.exit(main(sys.argv[1:]))
