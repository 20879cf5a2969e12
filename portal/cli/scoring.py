"""``score``: workloads of score.dev/v1b1 become resources of one environment, by the rules of the installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .asking import HALF_AN_HOUR, People, Place, Reason, Timeout, Wait, change_ask, place
from .changing import PLAN_ENDS, Files
from .documents import texts_read
from .exits import ERROR, USAGE, Fault
from .output import Form, Output, data, say, show, table
from .plan_text import plan_show
from .problems import place_of
from .session import client_of

score = typer.Typer(no_args_is_help=True, help="Score files: what they become, and asking for it.")
Stage = Annotated[str, typer.Option("--stage", help="Stage of an environment that is not there yet.")]
Image = Annotated[
    list[str] | None,
    typer.Option("--image", help="What to run where a file says “.”; CONTAINER=IMAGE for one of several."),
]
Expires = Annotated[str, typer.Option("--expires", help="A span such as 14d, for an environment not there yet.")]


@score.command("plan")
def score_plan(
    ctx: typer.Context,
    named: Place,
    file: Files,
    stage: Stage = "",
    image: Image = None,
    expires: Expires = "",
    output: Output = Form.table,
) -> None:
    """Say what each place of the files becomes and what the change would do. Writes nothing."""
    found = client_of(ctx).post("score/plans/", _wish(named, file, stage, image, expires))
    if output is not Form.table:
        data(found, output)
    else:
        _show(found)
    planned = found["planned"]
    raise typer.Exit(ERROR if found["problems"] or not planned else PLAN_ENDS.get(planned["outcome"], ERROR))


@score.command("apply")
def score_apply(
    ctx: typer.Context,
    named: Place,
    file: Files,
    stage: Stage = "",
    image: Image = None,
    expires: Expires = "",
    reason: Reason = "",
    wait: Wait = False,
    people: People = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Ask for what the files make, all or nothing. Ends as apply does."""
    wish = {**_wish(named, file, stage, image, expires), "reason": reason}
    client = client_of(ctx)
    how: dict[str, Any] = {"form": output, "wait": wait, "people": people, "timeout": timeout}
    raise typer.Exit(change_ask(client, wish, path="score/changes/", **how))


def _wish(named: str, files: list[str], stage: str, images: list[str] | None, expires: str) -> dict[str, Any]:
    system, name = place(named)
    wish: dict[str, Any] = {"system": system, "environment": name, "score": _workloads(files)}
    by_container = {}
    for one in images or ():
        container, sign, image = one.partition("=")
        if sign and "/" not in container:
            by_container[container] = image
        else:
            wish["image"] = one
    more = {"stage": stage, "expires": expires, "images": by_container}
    return {**wish, **{key: value for key, value in more.items() if value}}


def _workloads(files: list[str]) -> str:
    """All files as one stream of documents."""
    try:
        return "\n---\n".join(text.decode().strip("\n") for _, text in texts_read(files)) + "\n"
    except UnicodeDecodeError:
        raise Fault("A Score file is not text in UTF-8.", exit_code=USAGE) from None


def _show(found: Mapping[str, Any]) -> None:
    if found["mapped"]:
        table(
            ("WORKLOAD", "IN THE FILE", "ASKS FOR", "BECOMES", "MADE BY"),
            [(one["workload"], one["path"], one["asked"], one["resource"], one["made_by"]) for one in found["mapped"]],
        )
        show("")
    if found["planned"]:
        plan_show(found["planned"])
    for name in found["removed"]:
        say(f"{name} is no longer named by a Score file and goes.", style="yellow")
    for one in found["notes"]:
        say(one)
    for one in found["problems"]:
        say(f"Problem: {place_of(one)}", style="red")
