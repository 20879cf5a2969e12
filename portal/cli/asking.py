"""Sends a wish for one environment through the gate and, when asked to, waits for what becomes of it.

Shared by all commands that change something. The wish is a body of ``POST changes/``; nothing is decided here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from .client import Client, part
from .documents import Document
from .exits import DENIED, DONE, ERROR, FAILED, USAGE, WAITING, Fault
from .following import Watch
from .output import Form, clean, data, facts, moment, money, say
from .plan_text import approval_words, counts_words
from .problems import place_of

Wish = Mapping[str, Any]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; the people who decide read it.")]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait until its run is over, and tell what it does.")]
People = Annotated[bool, typer.Option("--people", help="With --wait: wait for the people who must agree too.")]
Timeout = Annotated[int, typer.Option("--timeout", min=1, help="With --wait: seconds to wait at most.")]
Place = Annotated[str, typer.Argument(metavar="SYSTEM/ENV", help="The environment, such as checkout/staging.")]
HALF_AN_HOUR: Final = 1800

ENDS: Final[Mapping[str, int]] = {
    "succeeded": DONE,
    "approved": DONE,
    "running": DONE,
    "pending": WAITING,
    "failed": FAILED,
    "denied": DENIED,
    "rejected": DENIED,
}
"""State of a change → status of the command that asked for it; any other is an error."""


def place(text: str) -> tuple[str, str]:
    """``checkout/staging`` → system and environment."""
    system, slash, name = text.strip().partition("/")
    if not (system and slash and name) or "/" in name:
        raise Fault(f"“{text}” is not SYSTEM/ENV, such as checkout/staging.", exit_code=USAGE)
    return system, name


def environment_path(system: str, name: str) -> str:
    return f"environments/{part(system)}/{part(name)}/"


def environment_or_none(client: Client, system: str, name: str) -> dict[str, Any] | None:
    """The living environment as it is; None when there is none that one may see, or it was deleted."""
    try:
        found: dict[str, Any] = client.get(environment_path(system, name))
    except Fault as fault:
        if fault.code == "not-found":
            return None
        raise
    return None if found["deleted_at"] else found


def wish_of(client: Client, document: Document, reason: str = "") -> dict[str, Any]:
    """What makes the environment as its document says: a create, or an update of the revision that is there now."""
    there = environment_or_none(client, document.system, document.name)
    wish: dict[str, Any] = {
        "kind": "update" if there else "create",
        "system": document.system,
        "environment": document.name,
        "spec": document.data["spec"],
    }
    if reason:
        wish["reason"] = reason
    if there and there["revision"]:
        wish["base"] = there["revision"]
    return wish


def told_with_lines(fault: Fault, document: Document) -> Fault:
    """The same fault with the file, and with the line of each place that is in it."""
    places = []
    for one in fault.places:
        path, _, message = one.partition(": ")
        is_place = path.startswith("spec") and " " not in path
        shown = place_of({"path": path, "message": message}, line=document.line_of(path)) if is_place else one
        places.append(shown)
    return Fault(
        f"{document.file}: {fault.message}",
        remedy=fault.remedy,
        places=places,
        request_id=fault.request_id,
        exit_code=fault.exit_code,
        code=fault.code,
        status=fault.status,
    )


def change_ask(
    client: Client,
    wish: Wish,
    *,
    path: str = "changes/",
    form: Form = Form.table,
    wait: bool = False,
    people: bool = False,
    timeout: int = HALF_AN_HOUR,
) -> int:
    """Ask, tell what came of it, and answer with the status to end with."""
    change = change_submit(client, wish, path)
    if change is None:
        return DONE
    if wait:
        change = change_wait(client, change["id"], people=people, timeout=timeout)
    else:
        change = client.get(f"changes/{change['id']}/")
    return change_told(change, form, waited=wait)


def change_submit(client: Client, wish: Wish, path: str = "changes/") -> dict[str, Any] | None:
    """The change that a POST there makes; None, said in words, when the environment is already as it is asked to be."""
    body = {name: value for name, value in wish.items() if value not in (None, "")}
    try:
        made: dict[str, Any] = client.post(path, body)
    except Fault as fault:
        if fault.code != "nothing-to-change":
            raise
        say(f"{wish['system']}/{wish['environment']} is already so; nothing was asked for.")
        return None
    say(f"Change {made['id']}: {made['title']}")
    return made


def change_wait(client: Client, change_id: int, *, people: bool, timeout: int) -> dict[str, Any]:
    """The change once it is over, or as far as it is when time is up or somebody presses Ctrl-C."""
    watch = Watch(client, lambda text: say(text, style="yellow"), ends=time.monotonic() + timeout)
    try:
        change = watch.change(change_id, event_told, people=people)
    except KeyboardInterrupt:
        raise Fault(f"Stopped watching; the change goes on: slipway wait {change_id}", exit_code=130) from None
    if watch.is_late and change["state"] in ("approved", "running"):
        raise Fault(
            f"Change {change_id} is {change['state']} after {timeout} seconds and goes on.",
            remedy=f"Watch it further: slipway wait {change_id}",
        )
    return change


def change_told(change: Mapping[str, Any], form: Form, *, waited: bool = False) -> int:
    """The change on standard output, and the status that its state means."""
    if form is not Form.table:
        data(change, form)
    else:
        change_facts(change)
    status = ENDS.get(change["state"], ERROR)
    if change["state"] == "pending":
        who = "; ".join(approval_words({**one, "count": 1}) for one in change["approvals"] if one["state"] == "waiting")
        say(f"It waits for {who.rstrip('.') or 'a decision'}. Watch it: slipway wait {change['id']} --people")
    elif change["state"] in ("approved", "running") and not waited:
        say(f"It is being carried out. Watch it: slipway wait {change['id']}")
    elif change["state"] == "failed":
        fault_told(change)
    return status


def change_facts(change: Mapping[str, Any]) -> None:
    plan = change.get("plan") or {}
    before, after = change["monthly_cost_before"], change["monthly_cost_after"]
    cost = money(after, change["currency"])
    facts(
        [
            ("Change", change["id"]),
            ("Title", change["title"]),
            ("State", change["state"]),
            ("Environment", f"{change['system']}/{change['environment']} ({change['stage']})"),
            ("Asked by", f"{change['requester']}, {moment(change['created_at'])}"),
            ("Reason", change["reason"]),
            ("Plan", counts_words(plan)),
            ("Per month", cost if before == after else f"{money(before, change['currency'])} → {cost}"),
            ("Revision", change["revision"]),
            ("Run", change["runs"][0]["id"] if change.get("runs") else None),
            ("Plan digest", change["plan_digest"]),
        ]
    )


def fault_told(change: Mapping[str, Any]) -> None:
    """Why its newest run failed and what to do, on standard error."""
    error = (change["runs"][0].get("error") if change.get("runs") else None) or {}
    say(f"Failed: {error.get('message', 'its run failed')}", style="red")
    if error.get("remedy"):
        say(error["remedy"])
    if change.get("runs"):
        say(f"Read the run: slipway runs logs {change['runs'][0]['id']}")
        say(f"Go on after mending: slipway resume {change['id']}")


def event_told(event: Mapping[str, Any]) -> None:
    """One line of a run as it happens, on standard error."""
    style = {"warning": "yellow", "error": "red"}.get(event.get("level", ""), "")
    say(event_words(event), style=style)


def event_words(event: Mapping[str, Any]) -> str:
    step = f"{event['step']}  " if event.get("step") else ""
    return f"{event['at'][11:19]}  {step}{clean(event['text'])}"


def worst(ends: Iterable[int]) -> int:
    """One status for several: what failed or was refused outweighs what waits."""
    order = (DONE, WAITING, ERROR, DENIED, FAILED)
    return max(ends, key=lambda one: order.index(one) if one in order else len(order), default=DONE)


def is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
