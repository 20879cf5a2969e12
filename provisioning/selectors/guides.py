"""The guides that come with Slipway: what ``docs/`` holds, read from the disk when it is asked for the first time.

They belong to the code: another version of them is another installation, so a process reads each file once.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings

from idp.kernel.errors import NotFound
from provisioning.domain.guide import Guide, guide_of

FOLDER: Final = Path(settings.BASE_DIR) / "docs"
PICTURES: Final = "pictures"


@cache
def guide_names() -> tuple[str, ...]:
    """Names of all guides, such as ``score`` or ``adr/0003-one-run-at-a-time``, in the order of the alphabet."""
    files = [*FOLDER.glob("*.md"), *FOLDER.glob("adr/*.md")]
    return tuple(sorted(one.relative_to(FOLDER).with_suffix("").as_posix() for one in files))


@cache
def guide_text(name: str) -> str:
    """Raises NotFound for a name that is none of ``guide_names``; no other file is ever opened."""
    if name not in guide_names():
        raise NotFound("There is no such guide.", remedy="The list of guides has all that there are.")
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


@cache
def guides() -> tuple[Guide, ...]:
    return tuple(guide_of(name, guide_text(name)) for name in guide_names())


@cache
def pictures() -> frozenset[str]:
    """Names of the pictures that guides show."""
    return frozenset(one.name for one in (FOLDER / PICTURES).glob("*.png"))


def picture_file(name: str) -> Path:
    """Raises NotFound for what is none of ``pictures``."""
    if name not in pictures():
        raise NotFound("There is no such picture.")
    return FOLDER / PICTURES / name
