"""The search index read: names that begin as typed, words in full text, and misspelt words mended from the vocabulary.

One statement finds (``search_parts``), and is asked once more with other words when nothing has those that were typed.
PostgreSQL takes a millisecond or two to plan it, so the vocabulary (``spelling``) is asked first whether all words are
known at all. Who may not see a system finds nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from governance.access import Rights
from idp.catalog.models import System, User
from provisioning.domain.searching import KINDS, Asked, Entry, asked_for, in_order, mended
from provisioning.models import SearchEntry
from provisioning.selectors.search_parts import FIELDS, Wanted, newest, statement
from provisioning.selectors.spelling import Spelling, spelling

EACH: Final = 8


@dataclass(frozen=True, slots=True)
class Found:
    """``entries`` best first; ``instead`` are the words that were looked for when the typed ones stood nowhere."""

    entries: list[Entry]
    instead: tuple[str, ...] = ()


def search(rights: Rights, typed: str, *, each: int = EACH, kinds: Sequence[str] = KINDS) -> Found:
    """What the person may see and fits all the typed words; nothing for an empty query. At most three queries.

    One more for an administrator who types an address, and on SQLite one for each word that stands nowhere. Raises
    Forbidden for a token without the scope ``read``.
    """
    rights.require_scope("read")
    asked = asked_for(typed)
    if not asked.words:
        return Found([])
    looked = _Search(rights, each, kinds)
    typed_so = [(word,) for word in asked.words]
    spelt = spelling(asked.words) if connection.vendor == "postgresql" else None
    if spelt and spelt.near and spelt.learnt is not None:
        found = looked.newest(asked, typed_so, after=spelt.learnt)
    else:
        found = looked.all(asked, typed_so)
    found += looked.by_mail(typed)
    if found or asked.number is not None:
        return Found(in_order(found, asked, each=each))
    choices = _mended(asked.words, spelt or spelling(asked.words))
    if not choices or choices == typed_so:
        return Found([])
    instead = Asked(words=tuple(words[0] for words in choices))
    found = looked.all(instead, choices)
    return Found(in_order(found, instead, each=each), instead.words if found else ())


@dataclass(frozen=True, slots=True)
class _Search:
    """Choices hold no sign of a query language: they are plain words."""

    rights: Rights
    each: int
    kinds: Sequence[str]

    def all(self, asked: Asked, choices: Sequence[Sequence[str]]) -> list[Entry]:
        return _rows(*statement(self._wanted(asked, choices)))

    def newest(self, asked: Asked, choices: Sequence[Sequence[str]], *, after: int) -> list[Entry]:
        return _rows(*newest(self._wanted(asked, choices), after=after))

    def by_mail(self, typed: str) -> list[Entry]:
        """People whose address begins so, for those who see addresses; nothing, and no query, for what is none."""
        if "@" not in typed or "person" not in self.kinds or not self.rights.may_administer():
            return []
        people = User.objects.filter(email__istartswith=typed.strip()).values("pk")
        rows = SearchEntry.objects.filter(kind="person", object_id__in=people).order_by("key")
        return [Entry(*row) for row in rows.values_list(*FIELDS)[: self.each]]

    def _wanted(self, asked: Asked, choices: Sequence[Sequence[str]]) -> Wanted:
        sees, own = self.rights.sees(), self.rights.sees("system")
        return Wanted(*_seen(sees, own, bool(self.rights.actor.systems)), asked, choices, self.each, self.kinds)


def _rows(text: str, values: Sequence[Any]) -> list[Entry]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return [Entry(*row) for row in cursor.fetchall()]


@lru_cache(maxsize=256)
def _seen(sees: Q, own: Q, bound: bool) -> tuple[str, tuple[Any, ...]]:
    """What may be seen, as SQL written by the ORM once: the parts of a statement differ in what follows."""
    text, given = _visible(sees, own, bound).values_list(*FIELDS).order_by().query.sql_with_params()
    return text, tuple(given)


def _visible(sees: Q, own: Q, bound: bool) -> QuerySet[SearchEntry]:
    """What belongs to no system is everybody's to know; a token bound to systems finds theirs only.

    There is always a condition, so that another can be added to the SQL. Few systems are hidden, so rows are compared
    with those rather than joined with all.
    """
    rows = SearchEntry.objects.filter(kind__isnull=False)
    if bound:
        return rows.filter(own)
    if not sees:
        return rows
    return rows.filter(Q(system=None) | ~Q(system__in=System.objects.exclude(sees).values("pk")))


def _mended(words: Sequence[str], spelt: Spelling) -> list[tuple[str, ...]]:
    """For each word those that were probably meant; nothing when one of them is like none that is known."""
    choices = []
    for word in words:
        known = mended(word, spelt.near[word]) if word in spelt.near else [word]
        if not known:
            return []
        choices.append(tuple(known))
    return choices
