"""The vocabulary of the search index, gathered apart from what people do, so that nobody waits for a shared row."""

from __future__ import annotations

from typing import Final

from django.db.models import Max

from provisioning.domain.searching import learnt_words
from provisioning.models import SearchEntry, SearchWord, SearchWordMark
from provisioning.selectors.spelling import entries_are_settled

SLICE: Final = 2_000


def search_words_gather(*, slices: int = 50) -> int:
    """Learn the words of entries that came since the last time; how many words are new.

    The mark moves on only to where nothing can come in behind it, so that what stands below it has been learnt: search
    relies on that. Two at once learn the same and lose nothing. Words are kept when their last entry goes: they are
    offered only when something that the person may see holds them.
    """
    mark, _ = SearchWordMark.objects.get_or_create(pk=1)
    last = SearchEntry.objects.aggregate(last=Max("id"))["last"] or 0
    if last == mark.entry:
        return 0
    settled = entries_are_settled()
    after = 0 if last < mark.entry else mark.entry
    new = 0
    for _ in range(slices):
        rows = list(SearchEntry.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "words")[:SLICE])
        if not rows:
            break
        after = rows[-1][0]
        new += _learn({word for _, words in rows for word in learnt_words(words)})
    if settled:
        SearchWordMark.objects.filter(pk=1).update(entry=min(after, last))
    return new


def _learn(words: set[str]) -> int:
    known = set(SearchWord.objects.filter(word__in=words).values_list("word", flat=True))
    fresh = sorted(words - known)
    SearchWord.objects.bulk_create([SearchWord(word=word) for word in fresh], ignore_conflicts=True, batch_size=500)
    return len(fresh)
