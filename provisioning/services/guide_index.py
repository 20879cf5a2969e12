"""Guides in the index of search. Called by the sweep that gathers words, so that newer ones are found soon."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from provisioning.domain.guide import Found, found_of
from provisioning.domain.searching import plain_words
from provisioning.models import SearchEntry
from provisioning.models.search import LONGEST_TITLE
from provisioning.selectors.guides import guides

KIND: Final = "doc"


def guides_index() -> int:
    """Make the entries of guides those of the files; how many had to be written. One query when nothing differs.

    An entry's number is a digest of its content: what is there under its number is right, and what has another goes.
    Two at once write the same.
    """
    wanted = {one.number: one for one in found_of(guides())}
    here = set(SearchEntry.objects.filter(kind=KIND).values_list("object_id", flat=True))
    if here == wanted.keys():
        return 0
    fresh = [_entry(one) for number, one in wanted.items() if number not in here]
    with transaction.atomic():
        SearchEntry.objects.filter(kind=KIND, object_id__in=here - wanted.keys()).delete()
        SearchEntry.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def _entry(found: Found) -> SearchEntry:
    name, _, _ = found.name.partition("#")
    title = found.title[:LONGEST_TITLE]
    return SearchEntry(
        kind=KIND,
        object_id=found.number,
        name=found.name[:LONGEST_TITLE],
        title=title,
        key=plain_words(title),
        words=found.words,
        detail=found.line,
        path=f"/docs/{name}/" + (f"#{found.anchor}" if found.anchor else ""),
    )
