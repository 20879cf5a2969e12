"""``systems``, ``capabilities`` and ``env``: what there is. Nothing here changes anything."""

from __future__ import annotations

import sys
import webbrowser
from typing import Annotated, Any

import typer

from .asking import Place, environment_path, place
from .client import part
from .output import Form, Most, Output, data, facts, moment, money, more, say, show, table
from .session import client_of, session_of

Team = Annotated[str, typer.Option("--team", help="Only of this team.")]


def systems(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="SYSTEM", help="One system with its environments.")] = "",
    team: Team = "",
    query: Annotated[str, typer.Option("--query", "-q", help="Part of a name.")] = "",
    limit: Most = 200,
    output: Output = Form.table,
) -> None:
    """The systems you may see, or one of them."""
    client = client_of(ctx)
    if name:
        _system(ctx, name, output)
        return
    rows, is_more = client.rows("systems/", most=limit, team=team, q=query)
    if output is not Form.table:
        data(rows, output)
    else:
        table(("SYSTEM", "NAME", "TEAM", ""), [(one["slug"], one["name"], one["team"], _seen_by(one)) for one in rows])
    more(is_more, rows)


def _system(ctx: typer.Context, name: str, output: Form) -> None:
    client = client_of(ctx)
    system = client.get(f"systems/{part(name)}/")
    rows, _ = client.rows("environments/", most=200, system=name)
    if output is not Form.table:
        data({**system, "environments": rows}, output)
        return
    facts(
        [
            ("System", system["slug"]),
            ("Name", system["name"]),
            ("Team", system["team"]),
            ("About", system["description"]),
            ("Seen by", "its team only" if system["restricted"] else ""),
        ]
    )
    show("")
    _environments(rows)


def capabilities(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CAPABILITY", help="One capability with its versions.")] = "",
    category: Annotated[str, typer.Option("--category", help="Only this category.")] = "",
    limit: Most = 200,
    output: Output = Form.table,
) -> None:
    """What there is to have, or one capability with its versions."""
    client = client_of(ctx)
    if name:
        found = client.get(f"capabilities/{part(name)}/")
        if output is not Form.table:
            data(found, output)
        else:
            _capability(found)
        return
    rows, is_more = client.rows("capabilities/", most=limit, category=category)
    if output is not Form.table:
        data(rows, output)
    else:
        table(
            ("CAPABILITY", "CATEGORY", "OWNER", "WHAT IT IS"),
            [(one["name"], one["category"], one["owner"], one["summary"]) for one in rows],
        )
    more(is_more, rows)


def _capability(found: dict[str, Any]) -> None:
    used = {one["version"]: one["resources"] for one in found["usage"]}
    chosen = {one["version"] for one in found["defaults"]}
    facts(
        [
            ("Capability", found["name"]),
            ("Title", found["title"]),
            ("Owner", found["owner"]),
            ("About", found["summary"]),
        ]
    )
    show("")
    table(
        ("VERSION", "STATE", "USED BY", "DEFAULT", "PUBLISHED", "ENDS"),
        [
            (
                one["version"],
                one["state"],
                used.get(one["version"], 0),
                "default" if one["version"] in chosen else "",
                moment(one["published_at"]),
                moment(one["sunset"]),
            )
            for one in found["contracts"]
        ],
    )


env = typer.Typer(no_args_is_help=True, help="Environments: list, show, open in the browser.")


@env.command("list")
def env_list(
    ctx: typer.Context,
    system: Annotated[str, typer.Option("--system", help="Only of this system.")] = "",
    stage: Annotated[str, typer.Option("--stage", help="Only of this stage.")] = "",
    state: Annotated[str, typer.Option("--state", help="Only in this state, such as ready or failed.")] = "",
    team: Team = "",
    query: Annotated[str, typer.Option("--query", "-q", help="Part of a name.")] = "",
    limit: Most = 100,
    output: Output = Form.table,
) -> None:
    """The environments you may see, last changed first."""
    client = client_of(ctx)
    rows, is_more = client.rows(
        "environments/", most=limit, system=system, stage=stage, state=state, team=team, q=query
    )
    if output is not Form.table:
        data(rows, output)
    else:
        _environments(rows)
    more(is_more, rows)


@env.command("show")
def env_show(
    ctx: typer.Context,
    named: Place,
    output: Output = Form.table,
    document: Annotated[
        bool, typer.Option("--document", help="The document that apply takes, as YAML or -o json.")
    ] = False,
) -> None:
    """One environment: its state, its resources, what they cost. With --document the file that makes it so."""
    system, name = place(named)
    found = client_of(ctx).get(environment_path(system, name))
    if document:
        data(found["document"], "json" if output is Form.json else "yaml")
    elif output is not Form.table:
        data(found, output)
    else:
        _environment(found)


@env.command("open")
def env_open(ctx: typer.Context, named: Place) -> None:
    """Open its page in the browser; where there is no terminal, only print the address."""
    system, name = place(named)
    client_of(ctx).get(environment_path(system, name))
    page = f"{session_of(ctx).chosen.url}/environments/{part(system)}/{part(name)}/"
    show(page)
    if sys.stdout.isatty():
        webbrowser.open(page)


def _environments(rows: list[dict[str, Any]]) -> None:
    table(
        ("ENVIRONMENT", "STAGE", "STATE", "REVISION", "TEAM", "PER MONTH", "EXPIRES", "CHANGED"),
        [
            (
                f"{one['system']}/{one['name']}",
                one["stage"],
                one["state"],
                one["revision"],
                one["team"],
                money(one["monthly_cost"], one["currency"]),
                moment(one["expires_at"]),
                moment(one["changed_at"]),
            )
            for one in rows
        ],
    )


def _environment(found: dict[str, Any]) -> None:
    facts(
        [
            ("Environment", f"{found['system']}/{found['name']}"),
            ("Stage", found["stage"]),
            ("State", found["state"]),
            ("Revision", _revisions(found)),
            ("Cluster", f"{found['cluster']}, {found['namespace']}{' (a sandbox)' if found['sandbox'] else ''}"),
            ("Per month", money(found["monthly_cost"], found["currency"])),
            ("Expires", moment(found["expires_at"])),
            ("Drifted", found["drifted"] or None),
        ]
    )
    show("")
    table(
        ("RESOURCE", "CAPABILITY", "STATE", "COMPONENT", "PER MONTH", "SAYS"),
        [
            (
                one["name"],
                f"{one['capability']} {one['contract']}",
                one["state"],
                one["component"],
                money(one["monthly_cost"], found["currency"]),
                one["message"],
            )
            for one in found["resources"]
        ],
    )
    for one in found["resources"]:
        if one["contract_state"] in ("deprecated", "defective"):
            say(f"{one['name']}: {one['capability']} {one['contract']} is {one['contract_state']}; plan an upgrade.")


def _revisions(found: dict[str, Any]) -> str:
    wanted, seen = found["revision"], found["observed_revision"]
    return str(wanted or "") if wanted == seen else f"{wanted} wanted, {seen or 'none'} seen"


def _seen_by(system: dict[str, Any]) -> str:
    return "restricted" if system["restricted"] else ""
