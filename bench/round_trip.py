"""Whether real catalogs go in, out and in again without a difference: as YAML and as JSON, entity by entity.

``python -m bench.round_trip FOLDER`` takes every catalog file below FOLDER, such as a checkout of a public repository,
as one source, in the migrated database of DATABASE_URL (also an SQLite). Nothing of it stays there: all is rolled back.
A file is of a catalog when one of its documents has a ``kind`` and an ``apiVersion`` of Backstage. The end is 1 when
one entity came back otherwise, and 2 when there was none.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CATALOG = re.compile(rb"^apiVersion:\s*[\"']?(?:scaffolder\.)?backstage\.io/", re.MULTILINE)


def catalog_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Path below ``folder`` and content of each file of a catalog, by name; links are not followed."""
    for path in sorted(folder.rglob("*.y*ml")):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            content = path.read_bytes()
            if CATALOG.search(content):
                yield path.relative_to(folder).as_posix(), content


def round_trip(folder: Path) -> dict[str, Any]:
    """What went in, and by each way the references of entities that came back otherwise."""
    from django.db import transaction

    from governance.models import Entity
    from governance.services.backstage_import import entities_import
    from governance.services.backstage_reading import SourceFile, gather
    from idp.kernel import clock
    from idp.kernel.actor import PLATFORM

    files = [SourceFile(path, content) for path, content in catalog_files(folder)]
    with transaction.atomic():
        where = _source()
        gathered = gather(files, beside=lambda path: _beside(folder, path))
        first = entities_import(PLATFORM, source=where, gathered=gathered, now=clock.now())
        rows = list(Entity.objects.filter(source=where).order_by("file", "ref"))
        back = gather(_written(rows))
        again = entities_import(PLATFORM, source=where, gathered=back, now=clock.now())
        transaction.set_rollback(True)
    differing = {
        "stored": [row.ref for row in rows if row.data != gathered.items[row.ref].data],
        "YAML": [row.ref for row in rows if row.ref not in back.items or row.data != back.items[row.ref].data],
        "JSON": _otherwise_as_json(rows),
        "import again": [*again.created, *again.changed, *map(str, again.orphaned)],
    }
    refused = Counter(one.code for one in first.refused)
    return {"files": len(files), "stored": len(rows), "refused": refused, "differing": differing}


def _written(rows: Sequence[Any]) -> list[Any]:
    """The rows as the files that they came from, of our own writing."""
    from governance.domain.backstage.writing import as_yaml
    from governance.services.backstage_reading import SourceFile

    texts: dict[str, str] = {}
    for row in rows:
        texts[row.file] = f"{texts.get(row.file, '')}---\n{as_yaml(row.data)}"
    return [SourceFile(path, text.encode()) for path, text in texts.items()]


def _otherwise_as_json(rows: Sequence[Any]) -> list[str]:
    from governance.services.backstage_reading import entity_items

    back = entity_items(json.loads(json.dumps([row.data for row in rows])), "bench").items
    return [row.ref for row in rows if row.ref not in back or row.data != back[row.ref].data]


def _beside(folder: Path, path: str) -> bytes:
    """What a placeholder takes in: a file below ``folder`` only."""
    from governance.domain.backstage.placeholders import Unreadable

    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise Unreadable("the source has no such file")
    return file.read_bytes()


def _source() -> Any:
    from governance.models import CatalogSource
    from idp.catalog.models import Team
    from idp.kernel import clock

    team, _ = Team.objects.get_or_create(slug="round-trip", defaults={"name": "Round trip", "created_at": clock.now()})
    return CatalogSource.objects.create(name="round-trip", kind="upload", owner=team, created_at=clock.now())


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.round_trip", description=__doc__)
    parser.add_argument("folder", type=Path, help="A folder with catalog files, at any depth.")
    folder = parser.parse_args(arguments).folder
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")
    django.setup()
    found = round_trip(folder)
    refused = ", ".join(f"{count} {code}" for code, count in found["refused"].most_common()) or "none"
    print(f"{folder.name}: {found['files']} files, {found['stored']} entities stored; refused: {refused}")
    differing = {way: refs for way, refs in found["differing"].items() if refs}
    for way, refs in differing.items():
        print(f"  {way}: {len(refs)} came back otherwise: {', '.join(refs[:10])}")
    if not found["stored"]:
        print("  nothing was stored, so nothing is shown")
        return 2
    print("  not identical" if differing else "  identical")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
