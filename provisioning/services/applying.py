"""Applying documents of any kind, many at once: all are tried before the first is carried out.

Called by the API, a page, and Git sync. Each document goes the way of its kind with the caller's own rights: an
environment through the gate as a change, the others through their services. Trying writes nothing that stays; where a
contract is needed by an environment of the same files, it is published within a transaction that is taken back.
Applying the same files again writes nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal

from django.db import transaction

from governance.access import rights_of
from idp.kernel.actor import Actor
from idp.kernel.canonical import digest
from idp.kernel.errors import Conflict, FieldError, InvalidInput, SlipwayError, UserFault
from provisioning.domain.bundle import Bundle, Entry, owner_problem
from provisioning.selectors.applied import owned_elsewhere
from provisioning.services.applying_kinds import (
    Judged,
    document_apply,
    document_judge,
    document_prune,
    document_prune_judge,
    document_stands,
)

Outcome = Literal["created", "changed", "unchanged", "waiting", "refused", "deleted"]
MOST_REASON: Final = 4000


@dataclass(frozen=True, slots=True)
class Result:
    """What came, or would come, of one document. ``change`` is the id of the change that does it, if it is one."""

    file: str
    kind: str
    name: str
    outcome: Outcome
    message: str = ""
    remedy: str = ""
    errors: tuple[FieldError, ...] = ()
    line: int | None = None
    change: int | None = None


@dataclass(frozen=True, slots=True)
class Pruning:
    """What left the files of an owner; ``digest`` stands for this very list, and must come back to confirm it.

    ``names`` are those of ``going``, which say what would become of each and what is lost with it. Those ``staying``
    would be refused, and say why; they keep nothing else waiting.
    """

    names: tuple[tuple[str, str], ...]
    digest: str
    going: tuple[Result, ...] = ()
    staying: tuple[Result, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """``carried_out`` is False for a try, and where something was refused so that nothing was begun."""

    results: tuple[Result, ...]
    pruning: Pruning | None = None
    carried_out: bool = False

    @property
    def refused(self) -> tuple[Result, ...]:
        return tuple(one for one in self.results if one.outcome == "refused")

    def errors(self) -> list[FieldError]:
        """Everything that is wrong, each at ``file: path``."""
        return [
            FieldError(f"{one.file}: {error.path}" if error.path else one.file, error.message, error.line or one.line)
            for one in self.refused
            for error in (one.errors or (FieldError("", one.message, one.line),))
        ]


@dataclass(frozen=True, slots=True)
class Wish:
    """How to apply. ``owner`` is the label under which the documents are kept; ``prune`` takes away what it has beyond
    them, ``confirm`` being the digest of that list as it was shown. ``keep`` are kinds and names that belong to the
    same set and come in other calls."""

    owner: str = ""
    prune: bool = False
    confirm: str = ""
    reason: str = ""
    keep: frozenset[tuple[str, str]] = frozenset()


PLAIN: Final = Wish()


def documents_try(actor: Actor, bundle: Bundle, wish: Wish = PLAIN, *, now: datetime) -> Applied:
    """What applying would do; writes nothing that stays."""
    _require(wish)
    return Applied(_tried(actor, bundle, wish, now=now), _pruning(actor, bundle, wish, now=now))


def documents_apply(actor: Actor, bundle: Bundle, wish: Wish = PLAIN, *, now: datetime) -> Applied:
    """Apply all of it, or nothing where one of them is refused; the answer says which.

    A document that is refused in spite of the try, because somebody was faster, stands alone: the others go on.
    Conflict when what is to be pruned is not what was confirmed.
    """
    tried = documents_try(actor, bundle, wish, now=now)
    if tried.refused:
        return tried
    _require_confirmed(tried.pruning, wish)
    results = [
        one if one.outcome == "unchanged" and not wish.owner else _applied(actor, entry, wish, now=now)
        for one, entry in zip(tried.results, bundle.entries, strict=True)
    ]
    results += [
        _pruned(actor, kind, name, wish, now=now) for kind, name in (tried.pruning.names if tried.pruning else ())
    ]
    return Applied(tuple(results), tried.pruning, carried_out=True)


def _require(wish: Wish) -> None:
    errors = []
    if problem := owner_problem(wish.owner):
        errors.append(FieldError("owner", problem))
    if wish.prune and not wish.owner:
        errors.append(FieldError("owner", "Name the owner whose documents these are; only theirs are pruned."))
    if len(wish.reason) > MOST_REASON:
        errors.append(FieldError("reason", f"Write at most {MOST_REASON} characters."))
    if errors:
        raise InvalidInput("This cannot be applied as it was asked for.", errors=errors)


def _require_confirmed(pruning: Pruning | None, wish: Wish) -> None:
    if pruning is None or not pruning.names or wish.confirm == pruning.digest:
        return
    told = "; ".join(f"{kind} {name}" for kind, name in pruning.names[:10])
    more = f" and {len(pruning.names) - 10} more" if len(pruning.names) > 10 else ""
    raise Conflict(
        f"This would take away {told}{more}.",
        code="prune-unconfirmed",
        remedy=f"If that is right, send confirm={pruning.digest} as well. Nothing was applied.",
    )


def _tried(actor: Actor, bundle: Bundle, wish: Wish, *, now: datetime) -> tuple[Result, ...]:
    faults = [
        Result(one.file, one.kind, one.name, "refused", _first(one.errors), errors=one.errors, line=one.line)
        for one in bundle.faults
    ]
    judge = document_judge(actor, bundle.entries, now=now)
    stays = all(one.kind == "Environment" for one in bundle.entries)
    with nullcontext() if stays else transaction.atomic():
        found = [result_of(entry, partial(_judged, actor, judge, entry)) for entry in bundle.entries]
        if not stays:
            transaction.set_rollback(True)
    return (*found, *faults) if not faults else (*faults, *found)


def _judged(actor: Actor, judge: Callable[[Entry], Judged], entry: Entry) -> Judged:
    return document_stands(actor, entry) or judge(entry)


def _applied(actor: Actor, entry: Entry, wish: Wish, *, now: datetime) -> Result:
    reason = wish.reason or f"Applied from {entry.file}."
    apply = partial(document_apply, actor, owner=wish.owner, reason=reason, now=now)
    return result_of(entry, partial(_judged, actor, apply, entry))


def _pruned(actor: Actor, kind: str, name: str, wish: Wish, *, now: datetime) -> Result:
    reason = wish.reason or f"It is no longer among the files of {wish.owner}."
    return _prune_result(kind, name, lambda: document_prune(actor, kind, name, reason=reason, now=now))


def _prune_result(kind: str, name: str, act: Callable[[], Judged]) -> Result:
    try:
        judged = act()
    except UserFault as error:
        errors = tuple(error.errors)
        return Result("", kind, name, "refused", error.message, error.remedy, errors, change=error.change_id)
    return Result("", kind, name, judged.outcome, judged.message, judged.remedy, judged.errors, change=judged.change)


def result_of(entry: Entry, act: Callable[[], Judged]) -> Result:
    """What ``act``, which tries or applies ``entry``, leads to; what a person can mend is a refusal."""
    try:
        judged = act()
    except SlipwayError as error:
        if not isinstance(error, UserFault):
            raise
        return _refused(entry, error)
    return Result(
        entry.file,
        entry.kind,
        entry.name,
        judged.outcome,
        judged.message,
        judged.remedy,
        entry.placed(judged.errors),
        entry.line,
        judged.change,
    )


def _refused(entry: Entry, error: UserFault) -> Result:
    errors = entry.placed(error.errors)
    return Result(
        entry.file, entry.kind, entry.name, "refused", error.message, error.remedy, errors, entry.line, error.change_id
    )


def _first(errors: Iterable[FieldError]) -> str:
    return next((one.message for one in errors), "It cannot be read.")


def _pruning(actor: Actor, bundle: Bundle, wish: Wish, *, now: datetime) -> Pruning | None:
    if not wish.prune:
        return None
    written = {one.key for one in bundle.entries} | {(one.kind, one.name) for one in bundle.faults} | wish.keep
    names = [one for one in owned_elsewhere(rights_of(actor), wish.owner) if one not in written]
    tried = [_prune_result(*one, partial(document_prune_judge, actor, *one, now=now)) for one in names]
    going = tuple(one for one in tried if one.outcome != "refused")
    staying = tuple(one for one in tried if one.outcome == "refused")
    listed = tuple((one.kind, one.name) for one in going)
    return Pruning(listed, digest([wish.owner, [list(one) for one in listed]]), going, staying)
