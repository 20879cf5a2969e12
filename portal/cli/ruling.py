"""``contract`` and ``policy``: checked, published and tried by the installation; files go there as they are written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from .client import Client, part
from .documents import files_named, shown_name, text_of
from .exits import ERROR, Fault
from .following import POLL_SECONDS
from .output import Form, Most, Output, data, more, say, show, table
from .session import client_of

Files = Annotated[list[str], typer.Argument(metavar="FILE…", help="YAML files or folders; - is standard input.")]
TESTED: Final = ("denies", "errors", "asks", "warns", "admits")

contract = typer.Typer(no_args_is_help=True, help="Contracts of capabilities: check and publish them.")
policy = typer.Typer(no_args_is_help=True, help="Policies: run their tests, and try them on what happened.")


@contract.command("check")
def contract_check(ctx: typer.Context, files: Files, output: Output = Form.table) -> None:
    """Say what stands against publishing these contracts. Stores nothing."""
    client = client_of(ctx)
    checks = []
    for file in files_named(files):
        found = client.post_yaml("contract-checks/", text_of(file))
        checks.append({"file": shown_name(file), **found})
        if output is Form.table:
            _checked(checks[-1])
    if output is not Form.table:
        data(checks if len(checks) > 1 else checks[0], output)
    _end(checks, "contract")


@contract.command("publish")
def contract_publish(ctx: typer.Context, files: Files, output: Output = Form.table) -> None:
    """Publish contracts, in the order named; goes on after one that is refused. The same version again is no change."""
    client, published, failed = client_of(ctx), [], 0
    for file in files_named(files):
        text = text_of(file)
        try:
            row = client.post_yaml(f"capabilities/{part(_capability(file, text))}/contracts/", text)
        except Fault as fault:
            if fault.status in (0, 401, 403):
                raise
            failed += 1
            for line in Fault(f"{shown_name(file)}: {fault.message}", remedy=fault.remedy, places=fault.places).lines:
                say(line, style="red")
            continue
        published.append(row)
        if output is Form.table:
            show(f"{row['capability']} {row['version']} is published ({row['state']}).")
    if output is not Form.table:
        data(published, output)
    if failed:
        raise typer.Exit(ERROR)


@policy.command("test")
def policy_test(ctx: typer.Context, files: Files, output: Output = Form.table) -> None:
    """Run the tests that policies bring, and say what stands against enforcing them. Stores nothing."""
    client, checks = client_of(ctx), []
    for file in files_named(files):
        found = client.post_yaml("policy-checks/", _policy_text(client, file))
        checks.append({"file": shown_name(file), "may_be_published": found["may_be_enforced"], **found})
        if output is Form.table:
            _tested(checks[-1])
    if output is not Form.table:
        data([{k: v for k, v in one.items() if k != "may_be_published"} for one in checks], output)
    _end(checks, "policy")


@policy.command("replay")
def policy_replay(
    ctx: typer.Context,
    named: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A file, or the name of a policy there.")],
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How far to look back.")] = 30,
    timeout: Annotated[int, typer.Option("--timeout", min=1, help="Seconds to wait for it at most.")] = 600,
    limit: Most = 50,
    output: Output = Form.table,
) -> None:
    """Say what a policy would have done to the changes that were recorded, as if it had been enforced."""
    client = client_of(ctx)
    asked: dict[str, Any] = {"days": days}
    if named == "-" or Path(named).is_file():
        asked["document"] = _document(named)
    else:
        asked["policy"] = named
    report = _finished(client, client.post("policy-replays/", asked), timeout)
    rows, is_more = client.rows(report["items_url"], most=limit)
    if output is not Form.table:
        data({**report, "items": rows}, output)
        return
    told = ", ".join(f"{count} {one}" for one, count in report["counts"].items() if one in TESTED and count)
    show(f"{report['policy']}: of {report['changes']} changes in {report['days']} days {told or 'none would feel it'}.")
    if rows:
        table(
            ("CHANGE", "OUTCOME", "ENVIRONMENT", "TEAM", "WHAT"),
            [
                (one["change"], one["outcome"], f"{one['system']}/{one['environment']}", one["team"], one["title"])
                for one in rows
            ],
        )
    more(is_more, rows)


def _finished(client: Client, report: dict[str, Any], timeout: int) -> dict[str, Any]:
    """The report once the workers are through with it."""
    told, ends = -1, time.monotonic() + timeout
    while report["state"] in ("queued", "running"):
        if report["changes_done"] != told:
            told = report["changes_done"]
            say(f"{told} of {report['changes']} changes are judged.", style="dim")
        if time.monotonic() > ends:
            raise Fault(f"It goes on after {timeout} seconds.", remedy="Ask the same again later.")
        time.sleep(POLL_SECONDS)
        report = client.get(report["url"])
    if report["state"] == "failed":
        raise Fault(report["error"] or "The replay failed.", remedy="Ask again; it goes on where it was.")
    return report


def _policy_text(client: Client, named: str) -> bytes:
    """A file, else a policy that is stored there, as it is written now."""
    if named == "-" or Path(named).is_file():
        return text_of(named)
    version = client.get(f"policies/{part(named)}/")["version"]
    found = client.get(f"policies/{part(named)}/versions/{version}/")
    return str(found["text"]).encode()


def _checked(check: Mapping[str, Any]) -> None:
    name = f"{check['capability']} {check['version']}".strip()
    for one in check["found"]:
        say(_found(check, one))
    for sentence in check["breaking"]:
        say(f"{check['file']}: {sentence}", style="" if check["allowed"] else "red")
    if not check["allowed"]:
        say(f"{check['file']}: {name} takes that away from those who use {check['before']}; raise the major version.")
    if check["may_be_published"]:
        show(f"{check['file']}: {name} has nothing against it.")


def _tested(check: Mapping[str, Any]) -> None:
    for one in check["found"]:
        say(_found(check, one))
        if one.get("pointer"):
            say(f"  {one['source']}\n  {one['pointer']}")
    for one in check["tests"]:
        word = "holds" if one["holds"] else "FAILS"
        show(f"{check['file']}: {word}: {one['name']}. {one['detail']}".rstrip())
    if check["may_be_enforced"]:
        show(f"{check['file']}: nothing stands against it.")


def _found(check: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """``postgres.yaml:12: spec.publish.host: …``"""
    at = f"{check['file']}:{one['line']}" if one.get("line") else str(check["file"])
    return f"{at}: {one['path']}: {one['message']}" if one["path"] else f"{at}: {one['message']}"


def _end(checks: list[dict[str, Any]], kind: str) -> None:
    failed = sum(not one["may_be_published"] for one in checks)
    if failed:
        say(f"{failed} of {len(checks)} must be mended: {kind}.", style="red")
        raise typer.Exit(ERROR)


def _capability(file: str, text: bytes) -> str:
    """The capability that a contract names, which is part of its address."""
    document = _data(file, text)
    metadata = document.get("metadata")
    name = metadata.get("capability") if isinstance(metadata, dict) else None
    if document.get("kind") != "Contract" or not isinstance(name, str) or not name:
        raise Fault(f"{shown_name(file)} is no contract: it needs kind: Contract and metadata.capability.")
    return name


def _document(file: str) -> dict[str, Any]:
    return _data(file, text_of(file))


def _data(file: str, text: bytes) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Fault(f"{shown_name(file)} is not YAML: {error}") from None
    if not isinstance(found, dict):
        raise Fault(f"{shown_name(file)} is not a document.")
    return found
