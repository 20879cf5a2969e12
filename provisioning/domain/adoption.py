"""From a drifted field back to the input that would explain it: what "adopt" writes into the desired state.

Called by the service that adopts drift. A contract renders objects from inputs by expressions, which cannot be turned
around; so each input that might be meant is tried, rendered again and kept only when the object then is as it lives,
and when nothing else of that object would become otherwise than it lives.
Pure; who renders is an argument.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.kernel.cel_functions import quantity
from idp.kernel.errors import UserFault
from provisioning.domain.drift import HIDDEN, Drifted, drift_of
from provisioning.domain.driver import Manifest

Rendering = Callable[[Mapping[str, Any]], Sequence[Manifest]]
"""Inputs as written to the objects that they make; raises a UserFault when the contract refuses them."""
MAX_TRIES = 200
"""Renderings for one field; inputs beyond are not tried."""

InputPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Adoption:
    """``inputs`` explain the fields of ``adopted``; ``left`` cannot be said with this contract's inputs."""

    inputs: Mapping[str, Any]
    adopted: tuple[tuple[str, Any, Any], ...]
    """Path of an input, its value before and after."""
    left: tuple[Drifted, ...]

    @property
    def explains_all(self) -> bool:
        return not self.left


def adoption(
    inputs: Mapping[str, Any], live: Manifest, drifted: Sequence[Drifted], *, index: int, rendering: Rendering
) -> Adoption:
    """The inputs with which object ``index`` of ``rendering`` would be as ``live`` is.

    Every input is tried for every field; the one that agrees with the value before is tried first. Fields that are
    hidden, missing or removed are left: no value can be read for them.
    """
    present: dict[str, Any] = copy.deepcopy(dict(inputs))
    adopted: list[tuple[str, Any, Any]] = []
    left: list[Drifted] = []
    for one in drifted:
        if one.kind != "changed" or one.live == HIDDEN:
            left.append(one)
            continue
        if _agrees(present, live, one, index, rendering):
            continue
        found = _explaining(present, live, one, index, rendering)
        if found is None:
            left.append(one)
            continue
        path, value = found
        adopted.append((input_path(path), _at(present, path), value))
        present = _with(present, path, value)
    return Adoption(present, tuple(adopted), tuple(left))


def input_path(path: InputPath) -> str:
    """``mounts[1].path`` for people and for errors."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _explaining(
    inputs: Mapping[str, Any], live: Manifest, one: Drifted, index: int, rendering: Rendering
) -> tuple[InputPath, Any] | None:
    leaves = [path for path in _leaves(inputs) if not _is_reference(_at(inputs, path))]
    alike = [path for path in leaves if str(_at(inputs, path)) == str(one.wanted)]
    others = [path for path in leaves if path not in alike]
    made = _rendered(inputs, index, rendering)
    tries = 0
    for path in (*alike, *others):
        for value in _values(_at(inputs, path), one):
            tries += 1
            if tries > MAX_TRIES:
                return None
            tried = _with(inputs, path, value)
            if not _agrees(tried, live, one, index, rendering):
                continue
            if _follows(made, _rendered(tried, index, rendering), live):
                return path, value
    return None


def _values(before: Any, one: Drifted) -> Iterator[Any]:
    """What the input would have to be, by the type it has now."""
    if isinstance(before, bool):
        if before != one.live:
            yield not before
    elif type(before) is type(one.live) and before != one.live:
        yield one.live
    elif isinstance(before, str) and isinstance(one.live, (int, float)) and not isinstance(one.live, bool):
        yield str(one.live)
    elif isinstance(before, (int, float)) and isinstance(one.live, str):
        yield from _numbers(before, one)
    elif isinstance(before, float) and isinstance(one.live, int):
        yield float(one.live)
    if isinstance(before, str) and isinstance(one.live, str) and isinstance(one.wanted, str):
        yield from _inside(before, one.wanted, one.live)


def _numbers(before: float, one: Drifted) -> Iterator[Any]:
    """An input of 2 that was rendered as ``2Gi``, read back from ``3Gi`` or from ``3072Mi``."""
    try:
        wanted, lives = quantity(str(one.wanted)), quantity(str(one.live))
    except ValueError:
        return
    if not wanted:
        return
    scaled = before * lives / wanted
    yield int(scaled) if isinstance(before, int) and scaled == int(scaled) else scaled


def _inside(before: str, wanted: str, live: str) -> Iterator[str]:
    """An input that is a part of the rendered text: what stands around it stays."""
    start = wanted.find(before) if before else -1
    if start < 0 or before == wanted:
        return
    head, tail = wanted[:start], wanted[start + len(before) :]
    if live.startswith(head) and live.endswith(tail) and len(live) > len(head) + len(tail):
        yield live[len(head) : len(live) - len(tail)]


def _agrees(inputs: Mapping[str, Any], live: Manifest, one: Drifted, index: int, rendering: Rendering) -> bool:
    """Whether with ``inputs`` the field is no longer drift."""
    made = _rendered(inputs, index, rendering)
    return made is not None and all(other.path != one.path for other in drift_of(made, live))


def _rendered(inputs: Mapping[str, Any], index: int, rendering: Rendering) -> Manifest | None:
    """The object; None when the contract refuses the inputs, or makes fewer objects of them."""
    try:
        made = rendering(inputs)
    except UserFault:
        return None
    return made[index] if index < len(made) else None


def _follows(before: Any, after: Any, live: Any) -> bool:
    """Whether everything in which ``after`` differs from ``before`` is as it lives: nothing else may come along."""
    if before == after and type(before) is type(after):
        return True
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        lives = live if isinstance(live, Mapping) else {}
        return all(_follows(before.get(key), after.get(key), lives.get(key)) for key in {*before, *after})
    lists = isinstance(before, list) and isinstance(after, list) and isinstance(live, list)
    if lists and len(before) == len(after) == len(live):
        return all(_follows(*three) for three in zip(before, after, live, strict=True))
    return _alike(after, live)


def _alike(one: Any, other: Any) -> bool:
    if one == other and isinstance(one, bool) == isinstance(other, bool):
        return True
    try:
        return quantity(str(one)) == quantity(str(other))
    except ValueError:
        return False


def _leaves(value: Any, path: InputPath = ()) -> Iterator[InputPath]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _leaves(inner, (*path, place))
    elif path:
        yield path


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def _at(value: Any, path: InputPath) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(inputs: Mapping[str, Any], path: InputPath, value: Any) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(dict(inputs))
    node: Any = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed
