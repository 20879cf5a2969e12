"""Drift: where a live object is no longer what its environment's revision says, and who made it so.

Called by the reconciler for every object that a watch tells about, and by pages that explain it. Pure. It compares
only what Slipway applied: what others add beside it is theirs. A difference is drift when another manager took the
field, or it was removed; what the server only writes differently (``0.5`` as ``500m``) still belongs to Slipway and
is none. Autoscalers are meant to change what they change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from idp.kernel.cel_functions import quantity
from provisioning.domain.driver import LABEL_REVISION, Manifest
from provisioning.domain.field_ownership import Owner, Path, item_step, keys_at, owners_of, shown

DriftKind = Literal["changed", "removed", "missing"]
HIDDEN = "(hidden)"
MAX_FIELDS = 50
"""More drifted fields of one object are cut off; the first ones tell the story."""


@dataclass(frozen=True, slots=True)
class Drifted:
    """One field. ``path`` is for people; ``wanted`` and ``live`` are plain data, None where there is none.

    ``missing`` concerns the whole object: then ``path`` is empty. ``manager`` is empty when nobody can be named.
    """

    kind: DriftKind
    path: str
    wanted: Any
    live: Any
    manager: str = ""
    operation: str = ""
    at: datetime | None = None

    def as_data(self) -> dict[str, Any]:
        """Plain data for storing and answering; ``at`` as RFC 3339 text."""
        return {
            "kind": self.kind,
            "path": self.path,
            "wanted": self.wanted,
            "live": self.live,
            "manager": self.manager,
            "operation": self.operation,
            "at": self.at.isoformat().replace("+00:00", "Z") if self.at else None,
        }


def drift_of(wanted: Manifest, live: Manifest | None) -> tuple[Drifted, ...]:
    """Every field of ``wanted`` that ``live`` no longer has as wanted, in the manifest's order; at most MAX_FIELDS.

    ``live`` is the object with its ``managedFields``, None when it is gone. An object that is being deleted has not
    drifted yet. The data of a Secret is never compared.
    """
    if live is None:
        return (Drifted("missing", "", None, None),)
    if live.get("metadata", {}).get("deletionTimestamp"):
        return ()
    owners = owners_of(live)
    found: list[Drifted] = []
    for path, one, other in _differences(_compared(wanted), live, (), owners):
        drifted = _judged(path, one, other, owners)
        if drifted is not None:
            found.append(drifted)
        if len(found) == MAX_FIELDS:
            break
    return tuple(found)


def describe(drifted: Drifted) -> str:
    """One sentence for people."""
    by = f" by {drifted.manager}" if drifted.manager else ""
    if drifted.kind == "missing":
        return "It was deleted."
    if drifted.kind == "removed":
        return f"{drifted.path} was removed{by}."
    return (
        f"{drifted.path} is {_text(drifted.live)}, agreed was {_text(drifted.wanted)}; changed{by or ' by somebody'}."
    )


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _compared(wanted: Manifest) -> dict[str, Any]:
    """The part of a manifest that can drift."""
    kept = {key: value for key, value in wanted.items() if key not in ("apiVersion", "kind", "status")}
    if wanted["kind"] == "Secret":
        kept = {"metadata": kept["metadata"]}
    metadata = {key: value for key, value in kept["metadata"].items() if key in ("labels", "annotations")}
    if "labels" in metadata:
        metadata["labels"] = {key: value for key, value in metadata["labels"].items() if key != LABEL_REVISION}
    return {**kept, "metadata": metadata}


_ABSENT: Any = object()


def _differences(wanted: Any, live: Any, path: Path, owners: Sequence[Owner]) -> Iterator[tuple[Path, Any, Any]]:
    """Pairs of leaves that are not the same, with their path; a missing live one is ``_ABSENT``."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for key, inner in wanted.items():
            yield from _differences(inner, live.get(key, _ABSENT), (*path, f"f:{key}"), owners)
    elif isinstance(wanted, list) and isinstance(live, list):
        yield from _list_differences(wanted, live, path, owners)
    elif live is _ABSENT and isinstance(wanted, Mapping) and wanted:
        for key, inner in wanted.items():
            yield from _differences(inner, _ABSENT, (*path, f"f:{key}"), owners)
    elif not _same(wanted, live, path):
        yield path, wanted, live


def _list_differences(
    wanted: list[Any], live: list[Any], path: Path, owners: Sequence[Owner]
) -> Iterator[tuple[Path, Any, Any]]:
    keys = keys_at(owners, path)
    if keys is None:
        if not _same(wanted, live, path):
            yield path, wanted, live
    elif not keys:
        yield from (((*path, f"v:{_quoted(item)}"), item, _ABSENT) for item in wanted if item not in live)
    else:
        there = {item_step(item, keys): item for item in live if isinstance(item, Mapping)}
        for item in wanted:
            step = item_step(item, keys)
            if step in there:
                yield from _differences(item, there[step], (*path, step), owners)
            else:
                yield (*path, step), item, _ABSENT


def _quoted(item: Any) -> str:
    return f'"{item}"' if isinstance(item, str) else str(item)


def _same(wanted: Any, live: Any, path: Path) -> bool:
    if live is _ABSENT:
        return wanted is None or wanted in ({}, [])
    if wanted == live and isinstance(wanted, bool) == isinstance(live, bool):
        return True
    if _QUANTITY_PARENTS.isdisjoint(path):
        return False
    try:
        return quantity(str(wanted)) == quantity(str(live))
    except ValueError:
        return False


_QUANTITY_PARENTS = frozenset(
    {"f:requests", "f:limits", "f:hard", "f:capacity", "f:sizeLimit", "f:default", "f:defaultRequest", "f:max", "f:min"}
)


def _judged(path: Path, wanted: Any, live: Any, owners: Sequence[Owner]) -> Drifted | None:
    """The difference as drift; None when Slipway still owns the field, or an autoscaler does."""
    holding = [one for one in owners if one.owns(path)]
    if live is not _ABSENT and any(one.is_slipway for one in holding):
        return None
    if any(one.is_autoscaler for one in holding):
        return None
    by = next((one for one in holding if not one.is_slipway), None)
    before, after = (_hidden(path, wanted), None if live is _ABSENT else _hidden(path, live))
    kind: DriftKind = "removed" if live is _ABSENT else "changed"
    if by is None:
        return Drifted(kind, shown(path), before, after)
    return Drifted(kind, shown(path), before, after, by.manager, by.operation, by.at)


_SECRET_WORDS = re.compile(r"passw|secret|token|credential|api_?key|private", re.IGNORECASE)


def _hidden(path: Path, value: Any) -> Any:
    """``value``, or a mark where the name of a setting tells that it may be a secret that somebody typed in."""
    in_variable = path[-1] == "f:value" and len(path) > 1 and path[-2].startswith("k:")
    named = path[-2] if in_variable else path[-1] if path[0] == "f:data" or "f:annotations" in path else ""
    return HIDDEN if _SECRET_WORDS.search(named) and isinstance(value, str) else value
