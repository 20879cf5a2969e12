"""Applies batches as one set: all are tried before the first is carried out, and pruning knows the names of all.

Called by ``applying`` where documents are too many for one call. The installation judges each batch together with what
is new or other among the contracts, approval routes and policies that come before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .batches import LAST, ONE_CALL, Batch, Part, files_of
from .client import Client
from .exits import Fault
from .output import say
from .problems import place_of

Answer = dict[str, Any]
Results = list[dict[str, Any]]
KINDS: Final = ("Contract", "ApprovalRoute", "Policy", "Environment")
MOST_PLACES: Final = 50


def batches_tried(client: Client, batches: Sequence[Batch], query: Mapping[str, Any]) -> tuple[Answer, list[Results]]:
    """What applying all of them would do, as one answer, and by batch."""
    found: list[Results] = []
    changing: list[Part] = []
    pruning = None
    for number, batch in enumerate(batches, 1):
        say(f"Trying batch {number} of {len(batches)}.", style="dim")
        last, rank = number == len(batches), batch[0].rank
        needed = [one for one in changing if one.rank < rank or rank == 0]
        _require_room(needed, batch)
        before = {_place(one) for results in found for one in results}
        sent = {"files": files_of([*needed, *batch]), **({"keep": _names(found)} if last and query["prune"] else {})}
        answer = client.post("apply/", sent, **{**query, "prune": last and query["prune"], "dry_run": True})
        found.append([one for one in answer["results"] if _place(one) not in before])
        pruning = answer["prune"]
        if rank < LAST:
            files = {one["file"] for one in found[-1] if one["outcome"] not in ("unchanged", "refused")}
            changing += [one for one in batch if one.file in files]
    _refuse_twice(found)
    return _merged(found, pruning, dry_run=True), found


def batches_applied(
    client: Client, batches: Sequence[Batch], query: Mapping[str, Any], *, agreed: Callable[[Mapping[str, Any]], str]
) -> Answer:
    """Apply all, or nothing where the installation refuses one of them; ``agreed`` confirms what is pruned."""
    answer, tried = batches_tried(client, batches, query)
    _require_right(answer["results"])
    query = {**query, "confirm": agreed(answer["prune"])} if query["prune"] else query
    found: list[Results] = []
    pruning, applied = None, 0
    for number, (batch, results) in enumerate(zip(batches, tried, strict=True), 1):
        prunes = bool(query["prune"]) and number == len(batches)
        if not prunes and not query["owner"] and all(one["outcome"] == "unchanged" for one in results):
            found.append(results)
            continue
        say(f"Applying batch {number} of {len(batches)}.", style="dim")
        sent = {"files": files_of(batch), **({"keep": _names(tried[:-1])} if prunes else {})}
        try:
            answer = client.post("apply/", sent, **{**query, "prune": prunes, "confirm": prunes and query["confirm"]})
        except Fault as fault:
            raise _told_with(fault, applied) from None
        applied += len(answer["results"])
        found.append(answer["results"])
        pruning = answer["prune"]
    return _merged(found, pruning, dry_run=False)


def _merged(found: Sequence[Results], pruning: Mapping[str, Any] | None, *, dry_run: bool) -> Answer:
    results = [one for each in found for one in each]
    return {"dry_run": dry_run, "applied": not dry_run, "results": results, "prune": pruning}


def _place(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return one["file"], one["line"], one["kind"], one["name"]


def _names(found: Sequence[Results]) -> list[dict[str, str]]:
    """Of what other batches hold, as far as it has a name."""
    names = {(one["kind"], one["name"]): None for each in found for one in each if one["name"] and one["kind"] in KINDS}
    return [{"kind": kind, "name": name} for kind, name in names]


def _require_room(needed: Sequence[Part], batch: Batch) -> None:
    if not needed or sum(one.documents for one in (*needed, *batch)) <= ONE_CALL:
        return
    raise Fault(
        f"{sum(one.documents for one in needed)} contracts, approval routes and policies are new or differ, which are "
        "too many to try together with what needs them. Nothing was applied.",
        remedy="Apply them first, each kind on its own, then all of it.",
    )


def _refuse_twice(found: Sequence[Results]) -> None:
    """The installation sees what is written twice in a batch; here what is in two."""
    first: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in (one for each in found for one in each if one["name"]):
        known = first.setdefault((one["kind"], one["name"]), one)
        if known is not one and one["outcome"] != "refused":
            told = f"It is written twice, first in {known['file']}, line {known['line']}; keep one."
            one |= {"outcome": "refused", "message": told, "remedy": "", "errors": []}


def _require_right(results: Results) -> None:
    refused = [one for one in results if one["outcome"] == "refused"]
    if not refused:
        return
    number = len(refused)
    raise Fault(
        f"{'1 document is' if number == 1 else f'{number} documents are'} refused, so nothing was applied.",
        remedy="Mend what is listed and apply again; --dry-run shows what becomes of each document.",
        places=[place for one in refused for place in _places(one)][:MOST_PLACES],
        code="apply-refused",
    )


def _places(one: Mapping[str, Any]) -> list[str]:
    errors = one["errors"] or [{"path": "", "message": one["message"]}]
    return [
        place_of(
            {**error, "path": f"{one['file']}: {error['path']}" if error["path"] else one["file"]}, line=one["line"]
        )
        for error in errors
    ]


def _told_with(fault: Fault, applied: int) -> Fault:
    """The fault of a batch, with what the batches before it did."""
    if applied:
        fault.remedy = (
            f"The batches before this one are applied, with {applied} documents. Apply all of it again; what is "
            "applied already stays as it is."
        )
    return fault
