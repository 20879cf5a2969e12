"""What a serving process does before its first request: load all addresses and templates, and settle its memory.

Called by deploy/gunicorn.py in every process that serves, and by the measurements of ``bench``. Python looks through
all objects of a process from time to time, which takes a tenth of a second with ours and hits whatever request comes
along; what is loaded once and stays is taken out of that search. Must not ask the database: it may be away by then.
"""

from __future__ import annotations

import gc
from pathlib import Path

from django.template import engines
from django.template.loader import get_template
from django.urls import get_resolver


def warm_up() -> None:
    """Once, before threads that make objects of their own are started."""
    get_resolver().reverse_dict  # noqa: B018 - reading it imports all pages and the whole API
    for name in _template_names():
        get_template(name)
    gc.collect()
    gc.freeze()


def _template_names() -> list[str]:
    """Of our own pages; Django keeps a compiled template unless DEBUG is on."""
    folders = (Path(folder) for engine in engines.all() for folder in engine.dirs)
    return sorted(path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*.html"))
