"""Where the boxes of a resource graph stand: a small layered layout after Sugiyama, deterministic and pure.

Columns run from what uses (left) to what is used (right). An edge that spans several columns is given a waypoint in
each, so that it passes between boxes instead of through them. The same input always gives the same picture: ties are
broken by the order in which nodes were given. Called by `portal.drawing.graph` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

SWEEPS: Final = 6


@dataclass(frozen=True, slots=True)
class Waypoint:
    """Where the edge `source -> target` crosses one column that is neither end's."""

    source: str
    target: str
    column: int


Item = str | Waypoint


@dataclass(frozen=True, slots=True)
class Layout:
    """Column of every node, and the centre of every item on the vertical axis, from 0 down, in pixels."""

    columns: Mapping[str, int]
    centres: Mapping[Item, float]
    edges: tuple[tuple[str, str], ...]
    height: float


def layout(
    nodes: Sequence[str],
    edges: Iterable[tuple[str, str]],
    *,
    box: float,
    gap: float,
    lane: float = 14,
) -> Layout:
    """Places nodes. `box` is a node's height, `gap` the least space between two, `lane` the height of a waypoint.

    Edges to unknown nodes, loops, doubles and edges that would close a cycle are left out: the gate refuses cycles,
    and a page about a broken environment must still be drawn.
    """
    kept = _acyclic(nodes, edges)
    columns = _columns(nodes, kept)
    layers, links = _with_waypoints(nodes, kept, columns)
    layers = _ordered(layers, links)
    centres = _centres(layers, links, box=box, gap=gap, lane=lane)
    top = min((centres[item] - _half(item, box, lane) for item in centres), default=0.0)
    centres = {item: at - top for item, at in centres.items()}
    height = max((centres[item] + _half(item, box, lane) for item in centres), default=0.0)
    return Layout(columns, centres, kept, height)


def _half(item: Item, box: float, lane: float) -> float:
    return box / 2 if isinstance(item, str) else lane / 2


def _acyclic(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    known = set(nodes)
    after: dict[str, set[str]] = {node: set() for node in nodes}
    kept = []
    for source, target in dict.fromkeys(edges):
        if source in known and target in known and source != target and not _reaches(after, target, source):
            after[source].add(target)
            kept.append((source, target))
    return tuple(kept)


def _reaches(after: Mapping[str, set[str]], start: str, goal: str) -> bool:
    seen, todo = {start}, [start]
    while todo:
        node = todo.pop()
        if node == goal:
            return True
        fresh = after[node] - seen
        seen |= fresh
        todo.extend(fresh)
    return False


def _columns(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Longest paths from the left and from the right; of the two, the one whose lines are shorter together."""
    early = _pushed(nodes, edges)
    turned = _pushed(nodes, [(target, source) for source, target in edges])
    last = max(turned.values(), default=0)
    late = {node: last - column for node, column in turned.items()}
    return _spread(nodes, edges, min((early, late), key=lambda column: _length(edges, column)))


def _length(edges: Sequence[tuple[str, str]], column: Mapping[str, int]) -> int:
    return sum(column[target] - column[source] for source, target in edges)


def _pushed(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Everything as far left as its users allow; what has no user then moves next to the first thing it uses."""
    column = dict.fromkeys(nodes, 0)
    for _ in nodes:
        moved = False
        for source, target in edges:
            if column[target] <= column[source]:
                column[target], moved = column[source] + 1, True
        if not moved:
            break
    used = {target for _, target in edges}
    for node in nodes:
        targets = [column[target] for source, target in edges if source == node]
        if node not in used and targets:
            column[node] = min(targets) - 1
    return column


def _spread(nodes: Sequence[str], edges: Sequence[tuple[str, str]], column: dict[str, int]) -> dict[str, int]:
    """Nodes without any edge fill the columns row by row instead of piling up in the first."""
    tied = {end for edge in edges for end in edge}
    loose = [node for node in nodes if node not in tied]
    width = max([column[node] + 1 for node in tied], default=min(3, len(loose)) or 1)
    for at, node in enumerate(loose):
        column[node] = at % width
    return column


def _with_waypoints(
    nodes: Sequence[str], edges: Sequence[tuple[str, str]], columns: Mapping[str, int]
) -> tuple[list[list[Item]], list[tuple[Item, Item]]]:
    layers: list[list[Item]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    for node in nodes:
        layers[columns[node]].append(node)
    links: list[tuple[Item, Item]] = []
    for source, target in edges:
        chain: list[Item] = [source]
        for column in range(columns[source] + 1, columns[target]):
            way = Waypoint(source, target, column)
            layers[column].append(way)
            chain.append(way)
        chain.append(target)
        links.extend(pairwise(chain))
    return layers, links


def _ordered(layers: list[list[Item]], links: Sequence[tuple[Item, Item]]) -> list[list[Item]]:
    """Barycentre sweeps, left to right and back; the order with the fewest crossings wins."""
    before, after = _neighbours(links)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, links)
    current = [list(layer) for layer in layers]
    for sweep in range(SWEEPS):
        rightward = sweep % 2 == 0
        order = range(1, len(current)) if rightward else range(len(current) - 2, -1, -1)
        for at in order:
            beside = current[at - 1] if rightward else current[at + 1]
            current[at] = _by_barycentre(current[at], beside, before if rightward else after)
        crossings = _crossings(current, links)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in current], crossings
    return best


def _neighbours(
    links: Sequence[tuple[Item, Item]],
) -> tuple[dict[Item, list[Item]], dict[Item, list[Item]]]:
    before: dict[Item, list[Item]] = {}
    after: dict[Item, list[Item]] = {}
    for source, target in links:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    return before, after


def _by_barycentre(
    layer: Sequence[Item],
    beside: Sequence[Item],
    neighbours: Mapping[Item, Sequence[Item]],
) -> list[Item]:
    place = {item: at for at, item in enumerate(beside)}

    def weight(at: int) -> float:
        near = [place[item] for item in neighbours.get(layer[at], ()) if item in place]
        return sum(near) / len(near) if near else float(at)

    return [layer[at] for at in sorted(range(len(layer)), key=lambda at: (weight(at), at))]


def _crossings(layers: Sequence[Sequence[Item]], links: Sequence[tuple[Item, Item]]) -> int:
    place = {item: (column, row) for column, layer in enumerate(layers) for row, item in enumerate(layer)}
    by_column: dict[int, list[tuple[int, int]]] = {}
    for source, target in links:
        column, row = place[source]
        by_column.setdefault(column, []).append((row, place[target][1]))
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0
        for pairs in by_column.values()
        for at, a in enumerate(pairs)
        for b in pairs[at + 1 :]
    )


def _centres(
    layers: Sequence[Sequence[Item]],
    links: Sequence[tuple[Item, Item]],
    *,
    box: float,
    gap: float,
    lane: float,
) -> dict[Item, float]:
    """Pulls every item towards the mean of its neighbours as far as order and gaps allow."""
    before, after = _neighbours(links)
    centres: dict[Item, float] = {}
    for layer in layers:
        wanted = [row * (box + gap) for row in range(len(layer))]
        centres.update(zip(layer, _apart(wanted, _distances(layer, box, gap, lane)), strict=True))
    for sweep in range(SWEEPS):
        sides = (before, after) if sweep % 2 == 0 else (after, before)
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [_pull(item, centres, sides) for item in layer]
            centres.update(
                zip(
                    layer,
                    _apart(wanted, _distances(layer, box, gap, lane)),
                    strict=True,
                )
            )
    return centres


def _pull(
    item: Item,
    centres: Mapping[Item, float],
    sides: tuple[Mapping[Item, Sequence[Item]], Mapping[Item, Sequence[Item]]],
) -> float:
    near = sides[0].get(item) or sides[1].get(item) or ()
    return sum(centres[other] for other in near) / len(near) if near else centres[item]


def _distances(layer: Sequence[Item], box: float, gap: float, lane: float) -> list[float]:
    return [_half(upper, box, lane) + gap + _half(lower, box, lane) for upper, lower in pairwise(layer)]


def _apart(wanted: Sequence[float], distances: Sequence[float]) -> list[float]:
    """The places nearest to `wanted` (least squares) that keep the order and the distances.

    Pool adjacent violators: what overlaps forms a block, which stands at the mean of what its members wanted.
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, int]] = []
    for at, want in enumerate(wanted):
        total, size = want - offsets[at], 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / size:
            earlier, members = blocks.pop()
            total, size = total + earlier, size + members
        blocks.append((total, size))
    places = [total / size for total, size in blocks for _ in range(size)]
    return [place + offset for place, offset in zip(places, offsets, strict=False)]
