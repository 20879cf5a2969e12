"""Addresses of pages by name, remembered: a list of fifty rows names hundreds of them, and they never change.

Called by the tag `url` and by readings that draw many rows. Django's `reverse` stays right where one is named once.
"""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, reverse


def address(name: str, *arguments: object) -> str:
    """What `reverse(name, args=arguments)` says; NoReverseMatch as there. Arguments are told apart by their text."""
    return _remembered(name, tuple(map(str, arguments)), get_script_prefix(), get_urlconf() or settings.ROOT_URLCONF)


@lru_cache(maxsize=8192)
def _remembered(name: str, arguments: tuple[str, ...], prefix: str, urlconf: str) -> str:
    return reverse(name, args=arguments, urlconf=urlconf)
