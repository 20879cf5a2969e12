"""The resource graph: boxes that are links, with name, kind and state in words, and lines from user to used.

`layering` says where things stand; this draws them. Classes only, no inline style; colours come from the stylesheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from portal.drawing.icons import known
from portal.drawing.layering import Layout, Waypoint, layout
from portal.drawing.states import State, state_of
from portal.drawing.svg import short, text

HEIGHT: Final = 68
GAP_X: Final = 48
GAP_Y: Final = 16
NARROWEST: Final = 152
WIDEST: Final = 232
INSET: Final = 36  # text starts right of the icon
PORT: Final = 14  # distance between two lines that end at the same box
TIP: Final = 6
# Mean advance of the two fonts at the sizes of the stylesheet (13 px Inter 500, 11 px JetBrains Mono), measured.
TITLE_CHARACTER: Final = 7.3
KIND_CHARACTER: Final = 6.65


@dataclass(frozen=True, slots=True)
class Node:
    """One resource. `kind` is its second line ("postgres 1.2.0"), `word` replaces the state's own word."""

    id: str
    title: str
    kind: str = ""
    icon: str = "box"
    state: str = "unknown"
    href: str = ""
    state_kind: str = "resource"
    word: str = ""

    @property
    def look(self) -> State:
        return state_of(self.state, self.state_kind)


def node_of(given: Node | Mapping[str, Any]) -> Node:
    """A node from what a view hands over: a Node already, or a mapping with its fields."""
    return given if isinstance(given, Node) else Node(**given)


def graph(nodes: Iterable[Node], edges: Iterable[tuple[str, str]], label: str, *, sprite: str) -> str:
    """The SVG. `sprite` is the URL of icons.svg; edges go from who uses to who is used, by node id."""
    known_nodes = {node.id: node for node in nodes}
    width = _width(known_nodes.values())
    placed = layout(list(known_nodes), edges, box=HEIGHT, gap=GAP_Y)
    columns = max(placed.columns.values(), default=-1) + 1
    total = columns * (width + GAP_X) - GAP_X + 2 if columns else 2
    size = f'width="{short(total)}" height="{short(placed.height + 2)}"'
    view = f"-1 -1 {short(total)} {short(placed.height + 2)}"
    inside = "".join([*_edges(placed, width), *(_box(node, placed, width, sprite) for node in known_nodes.values())])
    return f'<svg {size} viewBox="{view}" role="group" aria-label="{text(label)}">{inside}</svg>'


def _width(nodes: Iterable[Node]) -> int:
    longest = max(
        (max(len(node.title) * TITLE_CHARACTER, len(node.kind) * KIND_CHARACTER) for node in nodes),
        default=0.0,
    )
    return int(min(max(longest + INSET + 12, NARROWEST), WIDEST))


def _left(column: int, width: int) -> float:
    return column * (width + GAP_X)


def _box(node: Node, placed: Layout, width: int, sprite: str) -> str:
    x = _left(placed.columns[node.id], width)
    y = placed.centres[node.id] - HEIGHT / 2
    look = node.look
    word = node.word or look.word
    tone = "" if look.tone == "off" else f" {look.tone}"
    turning = " turning" if look.mark == "s-running" else ""
    link = f' href="{text(node.href)}"' if node.href else ""
    room = width - INSET - 8
    parts = [
        f'<a class="node{tone}"{link}>',
        f'<rect x="{short(x)}" y="{short(y)}" width="{width}" height="{HEIGHT}" rx="8"/>',
        _use(sprite, known(node.icon), "icon", x + 12, y + 11, 16),
        _text("title", x + INSET, y + 23, node.title, room, TITLE_CHARACTER),
        _text("kind", x + INSET, y + 38, node.kind, room, KIND_CHARACTER),
        _use(sprite, look.mark, f"state-mark{turning}", x + INSET, y + 45.5, 12),
        _text("word", x + INSET + 17, y + 56, word, room - 17, TITLE_CHARACTER),
        "</a>",
    ]
    # Blanks between the texts, so that the link is read as "db postgres 1.2.0 Ready".
    return " ".join(parts)


def _use(sprite: str, symbol: str, cls: str, x: float, y: float, size: int) -> str:
    place = f'x="{short(x)}" y="{short(y)}" width="{size}" height="{size}"'
    return f'<svg class="{cls}" {place} aria-hidden="true"><use href="{text(sprite)}#{symbol}"/></svg>'


def _text(cls: str, x: float, y: float, content: str, room: float, character: float) -> str:
    """SVG text does not wrap: what is too long ends in an ellipsis and is whole on hover."""
    most = int(room / character)
    place = f'class="{cls}" x="{short(x)}" y="{short(y)}"'
    if len(content) <= most:
        return f"<text {place}>{text(content)}</text>"
    return f"<text {place}>{text(content[: most - 1].rstrip())}…<title>{text(content)}</title></text>"


def _edges(placed: Layout, width: int) -> list[str]:
    leaves, arrives = _ports(placed)
    return [_edge(edge, placed, width, leaves[edge], arrives[edge]) for edge in placed.edges]


Edge = tuple[str, str]


def _ports(placed: Layout) -> tuple[dict[Edge, float], dict[Edge, float]]:
    """Where each line leaves and enters: spread around the middle of the box, in the order of the other ends."""
    leaves: dict[Edge, float] = {}
    arrives: dict[Edge, float] = {}
    for node in placed.columns:
        out = sorted(
            (edge for edge in placed.edges if edge[0] == node),
            key=lambda edge: _next(edge, placed),
        )
        into = sorted(
            (edge for edge in placed.edges if edge[1] == node),
            key=lambda edge: _last(edge, placed),
        )
        leaves |= _fan(out, placed.centres[node])
        arrives |= _fan(into, placed.centres[node])
    return leaves, arrives


def _next(edge: Edge, placed: Layout) -> float:
    way = Waypoint(*edge, placed.columns[edge[0]] + 1)
    return placed.centres.get(way, placed.centres[edge[1]])


def _last(edge: Edge, placed: Layout) -> float:
    way = Waypoint(*edge, placed.columns[edge[1]] - 1)
    return placed.centres.get(way, placed.centres[edge[0]])


def _fan(edges: Sequence[Edge], centre: float) -> dict[Edge, float]:
    step = min(PORT, (HEIGHT - 16) / max(len(edges), 1))
    return {edge: centre + (at - (len(edges) - 1) / 2) * step for at, edge in enumerate(edges)}


def _edge(edge: Edge, placed: Layout, width: int, leave: float, arrive: float) -> str:
    source, target = (placed.columns[end] for end in edge)
    x, y = _left(source, width) + width, leave
    path = [f"M{short(x)} {short(y)}"]
    for column in range(source + 1, target):
        lane = placed.centres[Waypoint(*edge, column)]
        path.append(_curve(x, y, _left(column, width), lane))
        x, y = _left(column, width) + width, lane
        path.append(f"H{short(x)}")
    end = _left(target, width)
    path.append(_curve(x, y, end - TIP, arrive))
    tip = f"M{short(end)} {short(arrive)}l-7 -3.5v7z"
    return f'<path class="edge" d="{"".join(path)}"/><path class="tip" d="{tip}"/>'


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = short((x + to_x) / 2)
    return f"C{middle} {short(y)} {middle} {short(to_y)} {short(to_x)} {short(to_y)}"
