"""An intent as every face puts it, and as a change keeps it until its target has to be computed anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from idp.kernel.errors import FieldError, InvalidInput

KINDS: Final = (
    "create", "update", "upgrade", "rollback", "promote", "extend", "sleep", "wake", "adopt", "revert", "move",
    "delete",
)  # fmt: skip
MAKES: Final = ("create", "promote")
"""Kinds that may ask for an environment that does not exist yet."""

KEPT: Final = ("capability", "version", "resources", "revision", "source", "until", "patches", "objects", "cluster")
"""Fields that say what a kind asks; ``spec`` is kept for a promotion only, whose inputs it gives."""

LISTS: Final = ("resources", "objects")
"""Fields that are tuples here and lists where they are kept."""


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """An intent, as every face puts it.

    ``spec`` is the ``spec`` of an Environment document (create, update), or the inputs that belong to the environment
    (promote, and create from a ``source``). ``base`` is the number of the revision the requester saw; another one now
    is a Conflict. ``confirm`` is the typed name, for delete and for a move that leaves data behind.

    upgrade: ``capability``, ``version`` (exact) and ``resources``, all of the capability when None.
    rollback: ``revision``, a number of the same environment.
    promote: ``source``, the name of another environment of the system; ``resources``, all when None; ``revision`` of
    the source, the one that runs there when None. create: ``source`` makes a copy of that environment.
    ``not_before`` puts its start off, as an ISO moment; ``train`` is the train that it starts with, which sets it.
    extend: ``until``, a span or a moment. adopt: ``patches``, whole inputs by resource. adopt and revert:
    ``objects``, as ``Deployment/api``, that the decision is about; revert: all that drifted when None.
    ``authors`` are accounts that had a part in asking beside the actor; no face sets it.
    ``glass``: freezes only warn. ``services.glass`` alone sets it, for who may.
    move: ``cluster``, a name; where the stage would put it now, other than where it is, when empty.
    """

    kind: str
    system: str
    environment: str
    spec: Mapping[str, Any] | None = None
    reason: str = ""
    confirm: str = ""
    base: int | None = None
    capability: str = ""
    version: str = ""
    resources: tuple[str, ...] | None = None
    revision: int | None = None
    source: str = ""
    until: str = ""
    patches: Mapping[str, Mapping[str, Any]] | None = None
    not_before: str = ""
    train: int | None = None
    objects: tuple[str, ...] | None = None
    authors: tuple[int, ...] = ()
    glass: bool = False
    cluster: str = ""


def request_checked(request: ChangeRequest) -> ChangeRequest:
    """The request itself; InvalidInput for an unknown kind, with those that there are."""
    if request.kind in KINDS:
        return request
    raise InvalidInput(
        f"“{request.kind}” is not a kind of change.",
        errors=[FieldError("kind", f"Write one of {', '.join(KINDS)}.")],
    )


def intent_of(request: ChangeRequest) -> dict[str, Any]:
    """What a change keeps of the request, as JSON; empty where its target says all. A copy keeps its ``source``."""
    if request.kind in ("update", "delete"):
        return {}
    intent = {name: getattr(request, name) for name in KEPT if getattr(request, name)}
    for name in LISTS:
        if name in intent:
            intent[name] = list(intent[name])
    return intent | ({"spec": request.spec} if request.kind == "promote" and request.spec else {})


def request_again(
    intent: Mapping[str, Any], *, kind: str, system: str, environment: str, reason: str = ""
) -> ChangeRequest:
    """The request that ``intent_of`` kept."""
    known = {one.name for one in fields(ChangeRequest)}
    bare = ChangeRequest(kind, system, environment, reason=reason)
    kept = {name: value for name, value in intent.items() if name in known}
    for name in LISTS:
        if name in kept:
            kept[name] = tuple(kept[name])
    return replace(bare, **kept)
