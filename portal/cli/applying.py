"""``apply``: a document of one environment as a change, documents of any kinds as one whole.

One environment goes to ``changes/``, so that its denial, its approval and its run are the command's own end. Anything
else goes to ``apply/``, where all of it is tried before any of it is carried out; in batches when it is too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from .asking import (
    ENDS,
    HALF_AN_HOUR,
    People,
    Reason,
    Timeout,
    Wait,
    change_ask,
    change_wait,
    is_interactive,
    told_with_lines,
    wish_of,
    worst,
)
from .batches import LARGEST, batches_of, fits_one_call
from .changing import Files
from .client import Client
from .documents import environments_in, is_one_environment, texts_read
from .exits import DONE, ERROR, USAGE, WAITING, Fault
from .output import Form, Output, data, said_once, say, table
from .sending import batches_applied, batches_tried
from .session import client_of

Texts = Sequence[tuple[str, bytes]]
OUTCOMES: Final[Mapping[str, int]] = {"waiting": WAITING, "refused": ERROR}
"""What became of a document → status; any other is done."""


def apply(
    ctx: typer.Context,
    file: Files,
    reason: Reason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each document.")] = False,
    owner: Annotated[str, typer.Option("--owner", help="Keep them under this label, for --prune.")] = "",
    prune: Annotated[bool, typer.Option("--prune", help="Take away what the owner has beyond these.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Prune without asking.")] = False,
    wait: Wait = False,
    people: People = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Make everything as the documents say. All are tried first; where one is refused, nothing is applied.

    Ends with 0 when it is done or under way, with 3 when it is denied, with 4 when people must agree, with 5 when a
    run failed. The worst of several documents counts.
    """
    client, texts = client_of(ctx), texts_read(file, most=LARGEST)
    if is_one_environment(texts) and not (dry_run or owner or prune):
        raise typer.Exit(_one(client, texts, reason, form=output, wait=wait, people=people, timeout=timeout))
    query: dict[str, Any] = {"owner": owner, "prune": prune, "reason": reason}
    applied = _applied(client, texts, query, dry_run=dry_run, yes=yes)
    changes = _waited(client, applied, people=people, timeout=timeout) if wait and not dry_run else {}
    if output is not Form.table:
        data({**applied, "changes": list(changes.values())} if wait else applied, output)
    else:
        _show(applied, changes)
    raise typer.Exit(_end(applied, changes))


def _one(client: Client, texts: Texts, reason: str, **how: Any) -> int:
    (document,) = environments_in(texts)
    try:
        return change_ask(client, wish_of(client, document, reason), **how)
    except Fault as fault:
        raise (told_with_lines(fault, document) if fault.status else fault) from None


def _applied(client: Client, texts: Texts, query: Mapping[str, Any], *, dry_run: bool, yes: bool) -> dict[str, Any]:
    """All of it, tried or applied, in one call or in as many as it needs."""
    decoded = [(name, _decoded(name, text)) for name, text in texts]
    if not fits_one_call(decoded):
        if not (batches := batches_of(decoded)):
            raise Fault("There is no document in what was named.", exit_code=USAGE)
        if dry_run:
            return batches_tried(client, batches, query)[0]
        return batches_applied(client, batches, query, agreed=lambda pruning: _agreed(pruning, yes=yes))
    if query["prune"] and not dry_run:
        tried = _sent(client, decoded, {**query, "dry_run": True})
        query = {**query, "confirm": _agreed(tried["prune"], yes=yes)}
    return _sent(client, decoded, {**query, "dry_run": dry_run})


def _sent(client: Client, texts: Sequence[tuple[str, str]], query: Mapping[str, Any]) -> dict[str, Any]:
    files = [{"path": name, "text": text} for name, text in texts]
    applied: dict[str, Any] = client.post("apply/", {"files": files}, **query)
    return applied


def _decoded(name: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise Fault(f"{name} is not text in UTF-8.") from None


def _agreed(pruning: Mapping[str, Any], *, yes: bool) -> str:
    """The digest of what would be pruned, once somebody agreed to that very list."""
    pruned = pruning["items"]
    _tell_pruning(pruning)
    if pruned and not yes:
        if not is_interactive():
            raise Fault(
                "Pruning asks first, and there is no terminal to ask in.",
                remedy="Say --yes when you mean it; --dry-run shows the list.",
                exit_code=USAGE,
            )
        if not typer.confirm("Take these away?", err=True):
            raise Fault("Nothing was applied.", exit_code=USAGE)
    return str(pruning["confirm"])


def _waited(client: Client, applied: Mapping[str, Any], *, people: bool, timeout: int) -> dict[int, dict[str, Any]]:
    """What became of each change, one after the other."""
    numbers = [one["change"] for one in applied["results"] if one["change"]]
    return {number: change_wait(client, number, people=people, timeout=timeout) for number in numbers}


def _show(applied: Mapping[str, Any], changes: Mapping[int, Mapping[str, Any]]) -> None:
    rows = []
    for one in applied["results"]:
        after = changes.get(one["change"] or 0)
        at = f"{one['file']}:{one['line']}" if one["line"] else one["file"]
        rows.append((after["state"] if after else one["outcome"], one["kind"], one["name"], one["change"], at))
    table(("OUTCOME", "KIND", "NAME", "CHANGE", "FILE"), rows)
    for one in applied["results"]:
        if one["outcome"] == "refused":
            say(f"{one['name'] or one['file']}:", style="red")
            for line in said_once(f"{one['message']} {one['remedy']}".strip(), one["errors"]):
                say(f"  {line}")
    if applied["dry_run"]:
        if applied["prune"]:
            _tell_pruning(applied["prune"])
        say("Nothing was written.", style="dim")


def _tell_pruning(pruning: Mapping[str, Any]) -> None:
    for one in pruning["items"]:
        say(f"{one['kind']} {one['name']} would be taken away. {one['message']}".rstrip(), style="red")
    for one in pruning.get("staying", ()):
        say(f"{one['kind']} {one['name']} would stay: {one['message']}", style="yellow")


def _end(applied: Mapping[str, Any], changes: Mapping[int, Mapping[str, Any]]) -> int:
    ends = [OUTCOMES.get(one["outcome"], DONE) for one in applied["results"] if one["change"] not in changes]
    if applied["dry_run"]:
        ends = [one for one in ends if one != WAITING]
    return worst([*ends, *(ENDS.get(one["state"], ERROR) for one in changes.values())])
