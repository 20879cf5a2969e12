"""``sync``: files in Git as the installation follows them: how each source stands, what differs, and a look now.

What a source may do and who keeps it is decided by the installation; nothing is read from Git here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from .applying import OUTCOMES
from .asking import worst
from .exits import DONE, WAITING, Fault
from .output import Form, Output, data, facts, moment, said_once, say, show, table
from .reports import OVER, finished
from .session import client_of

sync = typer.Typer(no_args_is_help=True, help="Files in Git: how sources stand, what differs, a look now.")
Source = Annotated[str, typer.Argument(help="Name of the source.")]


@sync.command("list")
def sync_list(ctx: typer.Context, output: Output = Form.table) -> None:
    """Sources that you may see: how each stands, and the commit it is at."""
    items = client_of(ctx).get("git/sources/")["items"]
    if output is not Form.table:
        data(items, output)
        return
    headers = ("SOURCE", "TEAM", "STATE", "DOCUMENTS", "REFUSED", "COMMIT", "SYNCED")
    table(headers, [_row(one) for one in items], none="No repository is followed that you may see.")
    for one in items:
        if problem := _problem(one):
            say(f"{one['name']}: {problem}", style="red")


@sync.command("show")
def sync_show(
    ctx: typer.Context,
    source: Source,
    patch: Annotated[bool, typer.Option("--patch", help="Print what differs as a patch for the files in Git.")] = False,
    output: Output = Form.table,
) -> None:
    """One source: each document, and where Slipway and Git differ."""
    client = client_of(ctx)
    at = f"git/sources/{source}/"
    found, documents = client.get(at), client.get(f"{at}documents/")["items"]
    if patch or output is not Form.table:
        documents = [client.get(f"{at}documents/{one['id']}/") if _differs(one) else one for one in documents]
    if output is not Form.table:
        data({**found, "document_list": documents}, output)
    elif patch:
        _show_patches(documents)
    else:
        _show_source(found, documents)


@sync.command("run")
def sync_run(
    ctx: typer.Context,
    source: Source,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would become of each document.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Ask for it and do not wait for the report.")] = False,
    timeout: Annotated[int, typer.Option("--timeout", min=1, help="Seconds to wait at most.")] = 600,
    output: Output = Form.table,
) -> None:
    """Look at Git now, and tell what became of each document. Also puts back what was edited elsewhere.

    Ends with 1 when it failed or a document is refused, with 4 when one waits for approval.
    """
    client = client_of(ctx)
    report = client.post(f"git/sources/{source}/syncs/", {"preview": True} if preview else {})
    if not no_wait:
        report = finished(client, report, what="Sync", timeout=timeout, remedy=_later(report))
    if output is not Form.table:
        data(report, output)
    else:
        _show_report(report)
    if report["state"] == "failed":
        raise Fault(report["message"] or "The sync failed.")
    ends = [OUTCOMES.get(one["outcome"], DONE) for one in report.get("report", ())]
    raise typer.Exit(worst([one for one in ends if not (preview and one == WAITING)]))


def _row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    last = one["last"] or {}
    commit = one["head"].get("id", "")[:8]
    return (
        one["name"],
        one["team"],
        one["state"],
        one["documents"],
        one["refused"] or "",
        commit,
        moment(last.get("asked_at")),
    )


def _problem(one: Mapping[str, Any]) -> str:
    """What a person should look at; empty when nothing is wrong."""
    if one["host_key_met"]:
        return "The Git server shows another host key than before. Compare the keys in the portal."
    last = one["last"]
    return str(last["message"]) if last and last["state"] == "failed" else ""


def _differs(one: Mapping[str, Any]) -> bool:
    return bool(one["state"] == "differs" and one["kind"] == "Environment")


def _show_source(found: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> None:
    head = found["head"]
    commit = f"{head['id'][:8]} {head['subject']}, by {head['author']}" if head.get("id") else ""
    facts(
        [
            ("Source", found["name"]),
            ("Team", found["team"]),
            ("Repository", found["url"]),
            ("Branch", found["branch"]),
            ("Files", found["pattern"]),
            ("State", found["state"]),
            ("Commit", commit),
            ("Synced", moment((found["last"] or {}).get("asked_at"))),
            ("Next look", moment(found["due_at"]) if found["active"] else ""),
        ]
    )
    show("")
    rows = [(one["state"], one["name"] or one["kind"], _place(one), one["change"]) for one in documents]
    table(("STATE", "DOCUMENT", "FILE", "CHANGE"), rows, none="No document is followed yet.")
    if problem := _problem(found):
        say(problem, style="red")
    for one in documents:
        if one["message"] and one["state"] != "in-sync":
            say(f"{_place(one)}: {one['message']}")
    if any(_differs(one) for one in documents):
        say(f"Read what differs: slipway sync show {found['name']} --patch", style="dim")
    if not found["active"]:
        say("It is stopped: commits are not applied. A maintainer starts it in the portal, after a preview.")


def _show_patches(documents: Sequence[Mapping[str, Any]]) -> None:
    differing = [one for one in documents if _differs(one)]
    for one in differing:
        if one["difference"]:
            show(one["difference"].rstrip("\n"))
        else:
            say(f"{_place(one)}: {one['message']} There is no patch for it that you may read.")
    if not differing:
        say("No document differs from Slipway.", style="dim")


def _show_report(report: Mapping[str, Any]) -> None:
    commit = report["commit"]
    facts(
        [
            ("Sync", report["id"]),
            ("Source", report["source"]),
            ("State", report["state"]),
            ("Commit", f"{commit['id'][:8]} {commit['subject']}" if commit.get("id") else ""),
        ]
    )
    lines = report.get("report", ())
    if lines:
        show("")
        table(
            ("OUTCOME", "KIND", "NAME", "CHANGE", "FILE"),
            [(one["outcome"], one["kind"], one["name"], one["change"], _place(one)) for one in lines],
        )
    for one in lines:
        for line in said_once(one["message"], one["errors"]):
            say(f"{_place(one)}: {line}", style="red" if one["outcome"] == "refused" else "")
    if report["message"] and report["state"] != "failed":
        say(report["message"])
    if report["state"] not in OVER:
        say(f"It is under way. {_later(report)}", style="dim")
    if report["mode"] == "preview" and report["state"] == "done":
        say("Nothing was written.", style="dim")


def _later(report: Mapping[str, Any]) -> str:
    """Where to read what came of a look that is not waited for."""
    if report["mode"] == "preview":
        return "Read the preview in the portal, under Files in Git."
    return f"Read what came of it: slipway sync show {report['source']}"


def _place(one: Mapping[str, Any]) -> str:
    return f"{one['file']}:{one['line']}" if one["line"] else str(one["file"])
