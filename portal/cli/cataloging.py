"""``catalog``: Backstage's catalog files are handed to a source of the installation, which imports them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from .documents import MOST_BYTES, files_named, text_of
from .exits import Fault
from .output import Form, Output, data, facts, say
from .reports import finished
from .session import client_of

MOST_FILE_BYTES: Final = 20 * MOST_BYTES

catalog = typer.Typer(no_args_is_help=True, help="Backstage's catalog: import its files.")


@catalog.callback()
def _catalog() -> None:
    """Room for more than one command, so that ``import`` keeps its name."""


@catalog.command("import")
def catalog_import(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="Name of the source, as an admin made it.")],
    file: Annotated[
        list[str] | None, typer.Option("--file", "-f", help="Files or folders of a source that is uploaded.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would become of each.")] = False,
    timeout: Annotated[int, typer.Option("--timeout", min=1, help="Seconds to wait at most.")] = 600,
    output: Output = Form.table,
) -> None:
    """Import a source and tell what became of its documents. A document that is refused keeps no other out.

    Ends with 1 when the import itself failed; what was refused is told by file, line and reason.
    """
    client = client_of(ctx)
    wish: dict[str, Any] = {"source": source, "preview": preview}
    if file:
        wish["files"] = [{"path": name, "text": _text(name)} for name in files_named(file)]
    asked = client.post("backstage/imports/", wish)
    remedy = f"Read it in the portal: /backstage/imports/{asked['id']}/"
    report = finished(client, asked, what="Import", timeout=timeout, remedy=remedy)
    if output is not Form.table:
        data(report, output)
    else:
        _show(report)
    if report["state"] == "failed":
        raise Fault(report["message"] or "The import failed.")


def _text(name: str) -> str:
    try:
        return text_of(name, most=MOST_FILE_BYTES).decode()
    except UnicodeDecodeError:
        raise Fault(f"{name} is not text in UTF-8.") from None


def _show(report: Mapping[str, Any]) -> None:
    facts(
        [
            ("Import", report["id"]),
            ("Source", report["source"]),
            ("State", report["state"]),
            *((name.capitalize(), count) for name, count in report["counts"].items()),
        ]
    )
    for finding in (*report.get("refused", ()), *report.get("noted", ())):
        say(_words(finding))
    if report["message"] and report["state"] != "failed":
        say(report["message"])


def _words(finding: Mapping[str, Any]) -> str:
    at = f"{finding['file']}:{finding['line']}" if finding.get("line") else str(finding["file"])
    place = f"{finding['path']}: " if finding.get("path") else ""
    return f"{at}: {place}{finding['reason']}"
