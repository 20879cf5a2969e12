"""Names of the icons in static/icons.svg, so that a name that comes from data can be checked before it is drawn.

The sprite is the source; tests/portal/test_static.py compares the two.
"""

from __future__ import annotations

from typing import Final

FALLBACK: Final = "box"

_NAMES: Final = """
    activity adjustments-horizontal alert-triangle api archive arrow-back-up arrow-left arrow-right arrow-up-right
    arrows-sort bell binary-tree-2 bolt book box brand-docker bucket building calendar calendar-time chart-line
    check chevron-down chevron-left chevron-right chevron-up circle-check clock clock-play cloud code coin copy cpu
    cube database device-desktop dots download external-link eye file-code file-text filter folder gauge git-branch
    git-merge git-pull-request hand-stop heartbeat history home hourglass inbox info-circle key key-off
    layers-linked layout-grid link list list-check lock login logout logs mail menu-2 message-circle moon package
    package-import pencil photo player-play player-stop plug-connected plus puzzle refresh robot rotate-clockwise
    route scale schema search send server-2 settings shield shield-check snowflake stack-2 stack-forward star sun
    table tag target terminal-2 trash user user-circle user-plus users versions wallet world x
"""
ICONS: Final = frozenset(_NAMES.split())

_MARKS: Final = """
    s-asleep s-denied s-drift s-failed s-info s-next s-off s-preview s-ready s-retired s-running s-waiting s-warn
"""
MARKS: Final = frozenset(_MARKS.split())


def known(name: str) -> str:
    """The name itself, or the fallback: a contract may name an icon that this sprite does not have."""
    return name if name in ICONS else FALLBACK
