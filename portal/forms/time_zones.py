"""The choice of a time zone, for every form that has one: some six hundred names, made into HTML once per process."""

from __future__ import annotations

from functools import cache

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from idp.kernel.time_zones import places


@cache
def time_zone_options() -> SafeString:
    """The options of a list of suggestions: a field's ``suggested``."""
    return format_html_join("", '<option value="{}"></option>', ((name,) for name in places()))
