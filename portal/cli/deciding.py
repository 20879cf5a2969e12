"""``changes``, ``approve``, ``reject`` and what else one says to a change.

A decision is bound to the plan that was read: it is shown first, and its digest goes along.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .asking import (
    HALF_AN_HOUR,
    Timeout,
    Wait,
    change_facts,
    change_told,
    change_wait,
    is_interactive,
)
from .client import Client
from .exits import USAGE, Fault
from .output import Form, Most, Output, data, err, moment, money, more, out, say, table
from .plan_text import approval_words, difference_lines, line, verdict_words
from .session import client_of

Number = Annotated[int, typer.Argument(metavar="CHANGE", min=1, help="Number of the change.")]
Digest = Annotated[
    str,
    typer.Option("--digest", help="The plan_digest that you read elsewhere; then nothing is asked."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Decide on the plan that is shown without asking.")]


def changes(
    ctx: typer.Context,
    number: Annotated[int | None, typer.Argument(metavar="CHANGE", min=1, help="One change, whole.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Those you asked for.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those that wait for your decision.")] = False,
    state: Annotated[str, typer.Option("--state", help="open, or a state such as failed.")] = "",
    system: Annotated[str, typer.Option("--system", help="Only of this system.")] = "",
    team: Annotated[str, typer.Option("--team", help="Only of this team.")] = "",
    limit: Most = 50,
    output: Output = Form.table,
) -> None:
    """List changes, newest first, or show one."""
    client = client_of(ctx)
    if number is not None:
        change = client.get(f"changes/{number}/")
        data(change, output) if output is not Form.table else _change(change)
        return
    rows, is_more = client.rows(
        "changes/",
        most=limit,
        state=state,
        system=system,
        team=team,
        requester=client.get("me")["username"] if mine else "",
        waiting_on="me" if waiting else "",
    )
    if output is not Form.table:
        data(rows, output)
    else:
        table(
            ("CHANGE", "STATE", "ENVIRONMENT", "WHAT", "ASKED BY", "WHEN"),
            [
                (
                    one["id"],
                    one["state"],
                    f"{one['system']}/{one['environment']}",
                    one["title"],
                    one["requester"],
                    moment(one["created_at"]),
                )
                for one in rows
            ],
            none="Nothing waits for you." if waiting else "There are no such changes.",
        )
    more(is_more, rows)


def approve(
    ctx: typer.Context,
    number: Number,
    comment: Annotated[str, typer.Option("--comment", "-m", help="Said to everybody who reads it.")] = "",
    digest: Digest = "",
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Agree to a change: shows what you agree to, asks, and sends the digest of the plan that you read."""
    client = client_of(ctx)
    seen = _read(client, number, "approve", digest=digest, yes=yes)
    client.post(f"changes/{number}/approve/", {"plan_digest": seen} | ({"comment": comment} if comment else {}))
    say(f"You agreed to change {number}.", style="green")
    _after(client, number, output, wait=wait, timeout=timeout)


def reject(
    ctx: typer.Context,
    number: Number,
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why, so that the requester can do better.")],
    digest: Digest = "",
    yes: Yes = False,
    output: Output = Form.table,
) -> None:
    """Refuse a change, with the reason."""
    client = client_of(ctx)
    seen = _read(client, number, "reject", digest=digest, yes=yes)
    client.post(f"changes/{number}/reject/", {"plan_digest": seen, "comment": comment})
    say(f"You rejected change {number}.")
    if output is not Form.table:
        data(client.get(f"changes/{number}/"), output)


def cancel(ctx: typer.Context, number: Number, output: Output = Form.table) -> None:
    """Withdraw a change that has not begun."""
    _say_to(ctx, number, "cancel", output)


def resume(
    ctx: typer.Context,
    number: Number,
    wait: Wait = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Go on with a change whose run failed or was cancelled."""
    client = client_of(ctx)
    client.post(f"changes/{number}/resume/")
    say(f"Change {number} goes on.")
    _after(client, number, output, wait=wait, timeout=timeout)


def wait_for(
    ctx: typer.Context,
    number: Number,
    people: Annotated[bool, typer.Option("--people", help="Wait for the people who must agree too.")] = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Wait until a change is over and tell what its run does. Ends as apply does."""
    change = change_wait(client_of(ctx), number, people=people, timeout=timeout)
    raise typer.Exit(change_told(change, output, waited=True))


def _say_to(ctx: typer.Context, number: int, verb: str, output: Form) -> None:
    client = client_of(ctx)
    client.post(f"changes/{number}/{verb}/")
    change = client.get(f"changes/{number}/")
    say(f"Change {number} is {change['state']}.")
    if output is not Form.table:
        data(change, output)


def _after(client: Client, number: int, output: Form, *, wait: bool, timeout: int) -> None:
    """The change as it is then, waited for if asked to."""
    if wait:
        raise typer.Exit(change_told(change_wait(client, number, people=False, timeout=timeout), output, waited=True))
    if output is not Form.table:
        data(client.get(f"changes/{number}/"), output)


def _read(client: Client, number: int, verb: str, *, digest: str, yes: bool) -> str:
    """The digest of the plan that the person read: named by them, or of what is shown now and agreed to."""
    if digest:
        return digest
    change = client.get(f"changes/{number}/")
    _change(change, on=err())
    if change["stale"]:
        say("The environment moved on since this was planned; it will be planned anew.", style="yellow")
    if not change["may_decide"]:
        raise Fault(change["why_not"] or "You do not decide on this change.", exit_code=3)
    if not yes:
        if not is_interactive():
            raise Fault(
                "There is no terminal to ask in.",
                remedy="Give --digest with the plan_digest that was read, or --yes to decide on what is there now.",
                exit_code=USAGE,
            )
        if not typer.confirm(f"{verb.capitalize()} this?", err=True):
            raise Fault("Nothing was decided.", exit_code=USAGE)
    return str(change["plan_digest"])


def _change(change: dict[str, Any], *, on: Any = None) -> None:
    """A change with what it does, what the rules say and who must agree."""
    console = on or out()
    if on is None:
        change_facts(change)
    else:
        console.print(
            line(f"{change['title']}: {change['system']}/{change['environment']} ({change['stage']})", "bold")
        )
        console.print(line(f"Asked by {change['requester']}: {change['reason'] or 'no reason given'}"))
        before, after = change["monthly_cost_before"], change["monthly_cost_after"]
        if before != after:
            words = f"{money(before, change['currency'])} → {money(after, change['currency'])}"
            console.print(line(f"Cost per month: {words}"))
    for one in difference_lines(change["plan"]):
        console.print(one, soft_wrap=True)
    for verdict in change["verdicts"]:
        if verdict["outcome"] != "passes":
            console.print(line(f"Policy {verdict_words(verdict)}"), soft_wrap=True)
    for one in change["approvals"]:
        console.print(line(f"{one['state'].capitalize()}: {approval_words({**one, 'count': 1})}"), soft_wrap=True)
    for one in change["decisions"]:
        said = f"{moment(one['at'])} {one['username']} {one['verdict']} {one['comment']}".rstrip()
        console.print(line(said), soft_wrap=True)
