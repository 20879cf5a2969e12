"""``runs``: what a run does and did. Its events are the result here, so they go to standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .asking import HALF_AN_HOUR, Place, environment_path, event_words, place
from .client import Client
from .exits import DONE, ERROR, FAILED, USAGE, Fault
from .following import OVER, Pages, Watch
from .output import Form, Most, Output, data, facts, moment, more, say, show, table
from .session import client_of

runs = typer.Typer(no_args_is_help=True, help="Runs: what they do, what failed, and their events.")
Which = Annotated[str, typer.Argument(metavar="RUN", help="Number of a run, or SYSTEM/ENV for its newest.")]


@runs.command("list")
def runs_list(ctx: typer.Context, named: Place, limit: Most = 20, output: Output = Form.table) -> None:
    """The runs of an environment, newest first."""
    rows, is_more = client_of(ctx).rows(f"{environment_path(*place(named))}runs/", most=limit)
    if output is not Form.table:
        data(rows, output)
    else:
        table(
            ("RUN", "STATE", "KIND", "CHANGE", "REVISION", "BEGAN", "ENDED"),
            [
                (
                    one["id"],
                    one["state"],
                    one["kind"],
                    one["change"],
                    one["revision"],
                    moment(one["started_at"]),
                    moment(one["finished_at"]),
                )
                for one in rows
            ],
        )
    more(is_more, rows)


@runs.command("show")
def runs_show(ctx: typer.Context, run: Which, output: Output = Form.table) -> None:
    """A run with its steps. Ends with 5 when it failed."""
    client = client_of(ctx)
    found = client.get(f"runs/{_number(client, run)}/")
    if output is not Form.table:
        data(found, output)
    else:
        _run(found)
    raise typer.Exit(FAILED if found["state"] == "failed" else DONE)


@runs.command("logs")
def runs_logs(
    ctx: typer.Context,
    run: Which,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it is over.")] = False,
    timeout: Annotated[int, typer.Option("--timeout", min=1, help="With --follow: seconds at most.")] = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """The events of a run, oldest first; -o json prints one object a line. Ends with 5 when the run failed."""
    client = client_of(ctx)
    number = _number(client, run)

    def tell(event: Mapping[str, Any]) -> None:
        show(event_words(event) if output is Form.table else json.dumps(event, ensure_ascii=False))
        sys.stdout.flush()

    if not follow:
        for event in Pages(client, f"runs/{number}/events/").after(0):
            tell(event)
        state = client.get(f"runs/{number}/")["state"]
    else:
        watch = Watch(client, lambda text: say(text, style="yellow"), ends=time.monotonic() + timeout)
        state = watch.run(number, tell)
        if state is None:
            raise Fault(f"Run {number} goes on after {timeout} seconds.", remedy=f"slipway runs logs {number} --follow")
    if state in OVER:
        say(f"Run {number} {state}.", style={"succeeded": "green", "failed": "red"}.get(state, ""))
    raise typer.Exit({"failed": FAILED, "cancelled": ERROR}.get(state, DONE))


def _number(client: Client, run: str) -> int:
    if run.isdigit():
        return int(run)
    if "/" not in run:
        raise Fault(f"“{run}” is neither the number of a run nor SYSTEM/ENV.", exit_code=USAGE)
    rows, _ = client.rows(f"{environment_path(*place(run))}runs/", most=1)
    if not rows:
        raise Fault(f"{run} has no run yet.")
    return int(rows[0]["id"])


def _run(found: Mapping[str, Any]) -> None:
    facts(
        [
            ("Run", found["id"]),
            ("State", found["state"]),
            ("Environment", f"{found['system']}/{found['environment']}"),
            ("Change", found["change"]),
            ("Revision", found["revision"]),
            ("Took", f"{found['elapsed_seconds']:.0f} s"),
        ]
    )
    show("")
    table(
        ("STEP", "STATE", "WHAT", "TRIES", "SAYS"),
        [(one["key"], one["state"], one["title"], one["attempt"], one["message"]) for one in found["steps"]],
    )
    error = found["error"] or {}
    if error.get("message"):
        say(f"Failed: {error['message']}", style="red")
    if error.get("remedy"):
        say(error["remedy"])
