"""The search index: one row for each thing that can be found, written by the database itself.

Triggers on the tables of the things (``search_sql``) keep the rows in the same transaction, whoever writes and however;
so no service knows of the index and none can forget it. Only the vocabulary, from which misspelt words are mended, is
gathered by a sweep (``services.search_words``): its rows are shared by everybody, and nobody should wait for them.
"""

from __future__ import annotations

from django.db import models

from idp.catalog.models import System

LONGEST_TITLE = 200


class SearchEntry(models.Model):
    """``words`` is what is looked through, lower-case and without punctuation; ``key`` is the title in the same form.

    ``system`` decides who may find it, empty for what everybody sees. ``detail`` is a line to show beside the title,
    ``path`` the page of the portal. The database adds what it needs to search (``search_sql``).
    """

    kind = models.CharField(max_length=12)
    object_id = models.BigIntegerField()
    system = models.ForeignKey(System, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=LONGEST_TITLE)
    title = models.CharField(max_length=LONGEST_TITLE)
    key = models.CharField(max_length=LONGEST_TITLE)
    words = models.TextField()
    detail = models.CharField(max_length=400, blank=True)
    path = models.CharField(max_length=300)

    class Meta:
        verbose_name_plural = "search entries"
        constraints = [models.UniqueConstraint(fields=["kind", "object_id"], name="search_entry_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class SearchWord(models.Model):
    """One word that stands in the index, or once stood there."""

    word = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.word


class SearchWordMark(models.Model):
    """The last entry whose words were gathered; one row."""

    entry = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.entry)
