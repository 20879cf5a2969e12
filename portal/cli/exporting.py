"""``export``: everything that one may see as files that apply again to no changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from .exits import Fault
from .output import Form, Output, data, say, show
from .session import client_of


def export(
    ctx: typer.Context,
    system: Annotated[str, typer.Option("--system", help="Only environments of this system.")] = "",
    environment: Annotated[str, typer.Option("--environment", help="Only environments of this name.")] = "",
    to: Annotated[str, typer.Option("--to", help="Write files into this folder instead of one stream.")] = "",
    output: Output = Form.table,
) -> None:
    """Everything that you may see as documents: contracts, approval routes, policies, environments.

    Applied where they come from they change nothing. With --to, files of the same names are written over and others
    stay.
    """
    chosen = {"system": system, "environment": environment}
    found = client_of(ctx).get("export/", **{name: one for name, one in chosen.items() if one})
    if output is not Form.table:
        data(found, output)
    elif to:
        _write(Path(to), found["files"])
    else:
        for number, one in enumerate(found["files"]):
            show(f"{'---' + chr(10) if number else ''}# {one['path']}\n{one['text'].rstrip()}")
    if not found["files"]:
        say("There is nothing that you may see under these names.", style="dim")


def _write(folder: Path, files: Sequence[Mapping[str, Any]]) -> None:
    """Nothing is written outside of the folder, whatever an installation answers."""
    for one in files:
        path = PurePosixPath(one["path"])
        if path.is_absolute() or ".." in path.parts:
            raise Fault(f"The installation names a file outside of the folder: {one['path']}.")
    try:
        for one in files:
            at = folder.joinpath(*PurePosixPath(one["path"]).parts)
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_text(one["text"], encoding="utf-8")
    except OSError as error:
        raise Fault(f"{error.filename or folder} cannot be written: {error.strerror}.") from None
    say(f"{len(files)} {'file is' if len(files) == 1 else 'files are'} in {folder}.")
