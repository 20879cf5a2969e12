"""``plan``, ``diff`` and what changes one environment: each is a wish for the one gate."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from .asking import (
    HALF_AN_HOUR,
    People,
    Place,
    Reason,
    Timeout,
    Wait,
    change_ask,
    environment_path,
    is_interactive,
    place,
    told_with_lines,
    wish_of,
    worst,
)
from .client import Client
from .documents import Document, environments_in, texts_read
from .exits import DENIED, DONE, ERROR, USAGE, Fault
from .output import Form, Output, PlanForm, data, out, say, show
from .plan_markdown import plans_markdown
from .plan_text import counts_words, difference_lines, plan_show
from .session import client_of

Files = Annotated[
    list[str], typer.Option("--file", "-f", help="A file, a folder, or - for standard input. May be given again.")
]
PLAN_ENDS: Final = {"starts": DONE, "waits": DONE, "nothing": DONE, "denied": DENIED, "invalid": ERROR}
"""Outcome of a plan → status of the command."""


def plan(
    ctx: typer.Context,
    file: Files,
    output: Annotated[
        PlanForm | None,
        typer.Option("--output", "-o", help="In a pipeline (CI is set, no terminal) markdown, else table."),
    ] = None,
    objects: Annotated[bool, typer.Option("--objects", help="Show the Kubernetes objects too.")] = False,
    cluster: Annotated[bool, typer.Option("--cluster", help="Ask the cluster what it says to each object.")] = False,
) -> None:
    """Say what the documents would change, cost and need. Writes nothing.

    Ends with 3 when it would be denied and with 1 when it cannot be asked for as it stands.
    """
    client, form = client_of(ctx), output or _usual_form()
    plans = [_planned(client, one, objects=objects, cluster=cluster) for one in environments_in(texts_read(file))]
    if form is PlanForm.markdown:
        sys.stdout.write(plans_markdown(plans))
    elif form is not PlanForm.table:
        data(plans if len(plans) > 1 else plans[0], form)
    else:
        for number, one in enumerate(plans):
            show("") if number else None
            plan_show(one)
    raise typer.Exit(worst(PLAN_ENDS.get(one["outcome"], ERROR) for one in plans))


def diff(
    ctx: typer.Context,
    named: Annotated[str, typer.Argument(metavar="[SYSTEM/ENV]", help="The environment to compare.")] = "",
    other: Annotated[
        str,
        typer.Argument(metavar="[OTHER]", help="A revision of it (7), or another of its system (prod)."),
    ] = "",
    file: Annotated[list[str] | None, typer.Option("--file", "-f", help="Compare with this file.")] = None,
    output: Output = Form.table,
) -> None:
    """Show what differs: between a file and its environment, two revisions, or two environments of a system."""
    client = client_of(ctx)
    if bool(file) == bool(named):
        raise Fault(
            "Name either a file (-f) or an environment.",
            remedy="slipway diff -f staging.yaml, slipway diff checkout/staging 7, slipway diff checkout/staging prod",
            exit_code=USAGE,
        )
    if file:
        plans = [_planned(client, one) for one in environments_in(texts_read(file))]
        found = [one["plan"] or {} for one in plans]
        if any(one["plan"] is None for one in plans):
            raise Fault("There is no difference to show: a document is not right.", remedy="slipway plan says why.")
    else:
        found = [_compared(client, named, other)]
    if output is not Form.table:
        data(found if len(found) > 1 else found[0], output)
        return
    for one in found:
        for line in difference_lines(one):
            out().print(line, soft_wrap=True)
        say(f"{counts_words(one) or 'No difference'}.", style="dim")


def promote(
    ctx: typer.Context,
    named: Annotated[str, typer.Argument(metavar="SYSTEM/FROM", help="What to promote, such as checkout/staging.")],
    to: Annotated[str, typer.Option("--to", help="The environment to promote to; made when there is none.")],
    resource: Annotated[
        list[str] | None, typer.Option("--resource", help="Only this resource. May be given again.")
    ] = None,
    revision: Annotated[int | None, typer.Option("--revision", min=1, help="That revision, not the one now.")] = None,
    not_before: Annotated[str, typer.Option("--not-before", help="Moment from which it may start.")] = "",
    reason: Reason = "",
    wait: Wait = False,
    people: People = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Bring what runs in one environment, exactly as it is, to the next."""
    system, source = place(named)
    wish = {
        "kind": "promote",
        "system": system,
        "environment": to.removeprefix(f"{system}/"),
        "from": source,
        "resources": resource or None,
        "revision": revision,
        "not_before": not_before,
        "reason": reason,
    }
    raise typer.Exit(change_ask(client_of(ctx), wish, form=output, wait=wait, people=people, timeout=timeout))


def rollback(
    ctx: typer.Context,
    named: Place,
    to: Annotated[int, typer.Option("--to", min=1, help="The revision to go back to.")],
    reason: Reason = "",
    wait: Wait = False,
    people: People = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Go back to the resources of an earlier revision."""
    wish = _wish("rollback", named, revision=to, reason=reason)
    raise typer.Exit(change_ask(client_of(ctx), wish, form=output, wait=wait, people=people, timeout=timeout))


def _power(kind: str, words: str) -> Callable[..., None]:
    """A command that asks for a change of ``kind`` and of nothing else; ``words`` is its help."""

    def command(
        ctx: typer.Context,
        named: Place,
        reason: Reason = "",
        wait: Wait = False,
        people: People = False,
        timeout: Timeout = HALF_AN_HOUR,
        output: Output = Form.table,
    ) -> None:
        wish = _wish(kind, named, reason=reason)
        raise typer.Exit(change_ask(client_of(ctx), wish, form=output, wait=wait, people=people, timeout=timeout))

    command.__name__, command.__doc__ = kind, words
    return command


sleep = _power("sleep", "Let an environment sleep: it keeps its data and costs less.")
wake = _power("wake", "Wake a sleeping environment.")


def extend(
    ctx: typer.Context,
    named: Place,
    until: Annotated[str, typer.Argument(help="A span such as 14d, or a date.")],
    reason: Reason = "",
    wait: Wait = False,
    people: People = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Let an environment live longer."""
    wish = _wish("extend", named, until=until, reason=reason)
    raise typer.Exit(change_ask(client_of(ctx), wish, form=output, wait=wait, people=people, timeout=timeout))


def delete(
    ctx: typer.Context,
    named: Place,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for the name.")] = False,
    reason: Reason = "",
    wait: Wait = False,
    people: People = False,
    timeout: Timeout = HALF_AN_HOUR,
    output: Output = Form.table,
) -> None:
    """Delete an environment with everything in it. Asks for its name."""
    client = client_of(ctx)
    system, name = place(named)
    if not yes:
        _confirm(client, system, name)
        reason = reason or typer.prompt("Why should it go", err=True, default="", show_default=False).strip()
    wish = _wish("delete", named, confirm=name, reason=reason)
    raise typer.Exit(change_ask(client, wish, form=output, wait=wait, people=people, timeout=timeout))


def _confirm(client: Client, system: str, name: str) -> None:
    """Names what would be lost and asks for the name."""
    found = client.get(environment_path(system, name))
    if not is_interactive():
        raise Fault(
            "Deleting asks for the name, and there is no terminal to ask in.",
            remedy="Say --yes when you mean it.",
            exit_code=USAGE,
        )
    lost = ", ".join(f"{one['name']} ({one['capability']})" for one in found["resources"])
    say(f"{system}/{name} goes, with {lost or 'no resources'}. Data in it is lost.", style="red")
    if typer.prompt(f"Type {name} to delete it", err=True).strip() != name:
        raise Fault("That is another name; nothing was asked for.", exit_code=USAGE)


def _wish(kind: str, named: str, **fields: Any) -> dict[str, Any]:
    system, name = place(named)
    return {"kind": kind, "system": system, "environment": name, **fields}


def _planned(client: Client, document: Document, *, objects: bool = False, cluster: bool = False) -> dict[str, Any]:
    try:
        planned: dict[str, Any] = client.post("plans/", wish_of(client, document), objects=objects, cluster=cluster)
    except Fault as fault:
        raise told_with_lines(fault, document) from None
    for one in planned["problems"]:
        if one["path"].startswith("spec"):
            one["line"] = document.line_of(one["path"])
            one["file"] = document.file
    return planned


def _compared(client: Client, named: str, other: str) -> dict[str, Any]:
    """The named environment as it is wanted now against the other one: from ``other`` when it is an older revision."""
    system, name = place(named)
    there = client.get(environment_path(system, name))
    if other.isdigit():
        found: dict[str, Any] = client.get(f"{environment_path(system, name)}revisions/{other}/compare/")
        return found
    if not there["revision"]:
        raise Fault(f"{named} has no revision to compare yet.")
    if not other:
        base = max(1, there["revision"] - 1)
        return dict(client.get(f"{environment_path(system, name)}revisions/{base}/compare/"))
    wanted, _, number = other.removeprefix(f"{system}/").partition(":")
    number = number or str(client.get(environment_path(system, wanted))["revision"])
    path = f"{environment_path(system, name)}revisions/{there['revision']}/compare/"
    return dict(client.get(path, with_=f"{wanted}:{number}"))


def _usual_form() -> PlanForm:
    in_pipeline = bool(os.environ.get("CI")) and not sys.stdout.isatty()
    return PlanForm.markdown if in_pipeline else PlanForm.table
