"""Import of a catalog of 10,200 entities: processor time of reading, checking and writing it, and of what comes after.

``python -m bench.imports`` writes into the database of DATABASE_URL, also an SQLite, which is migrated and has nothing
but what this measured before: that is taken away first, with every system. Counted is what this process computes, and
what the connection's own server process of PostgreSQL computes meanwhile; waiting and other work are not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

SYSTEMS, OF = 638, 16
MOST_SECONDS = 15.0


def measure(say: Callable[[str, float, float, float], None]) -> dict[str, int]:
    """Each step by name with seconds of this process, of the database and of the clock; how many entities went in."""
    from bench.search import _database_clock
    from governance.domain.backstage.writing import as_yaml
    from governance.models import Entity
    from governance.services.backstage_import import entities_import
    from governance.services.backstage_reading import SourceFile, gather
    from idp.kernel import clock
    from idp.kernel.actor import PLATFORM
    from tests.governance.backstage_catalogs import large

    where = _source()
    file = large(SYSTEMS, of=OF)

    def step(name: str, act: Callable[[], Any]) -> Any:
        database = _database_clock()
        here, there, started = time.process_time(), database(), time.monotonic()
        found = act()
        say(name, time.process_time() - here, database() - there, time.monotonic() - started)
        return found

    def take(gathered: Any) -> Any:
        return entities_import(PLATFORM, source=where, gathered=gathered, now=clock.now())

    def written() -> bytes:
        rows = Entity.objects.filter(source=where).values_list("data", flat=True)
        return "".join(f"---\n{as_yaml(data)}" for data in rows.iterator(chunk_size=1_000)).encode()

    gathered = step("read and check", lambda: gather([file]))
    first = step("write what is new", lambda: take(gathered))
    step("again, nothing changed", lambda: take(gather([file])))
    text = step("out as YAML", written)
    back = step("in again: read and check", lambda: gather([SourceFile(file.path, text)]))
    last = step("in again: nothing changed", lambda: take(back))
    return {"bytes": len(file.content), "created": len(first.created), "unchanged": last.unchanged}


def _source() -> Any:
    """A new source, whose team owns everything; what was imported before is taken away with all systems."""
    from governance.models import CatalogSource, Entity
    from idp.catalog.models import System, Team
    from idp.kernel import clock

    team, _ = Team.objects.get_or_create(slug="payments", defaults={"name": "Payments", "created_at": clock.now()})
    Entity.objects.all().delete()
    System.objects.all().delete()
    CatalogSource.objects.filter(name="bench").delete()
    return CatalogSource.objects.create(name="bench", kind="upload", owner=team, created_at=clock.now())


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.parse_args(arguments)
    import django

    django.setup()
    spent: dict[str, float] = {}

    def say(name: str, own: float, other: float, waited: float) -> None:
        spent[name] = own + other
        print(f"{name:28} {own:6.2f} s here {other:6.2f} s in the database {waited:7.2f} s by the clock", flush=True)

    found = measure(say)
    took = spent["read and check"] + spent["write what is new"]
    verdict = "ok" if took <= MOST_SECONDS else "over"
    size = f"{found['created']:,} entities, {found['bytes'] / 1e6:.1f} MB"
    print(f"import of {size}: {took:.1f} s of processor, budget {MOST_SECONDS:g} s: {verdict}")
    return 0 if found["unchanged"] == found["created"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
