"""Puts the commands together and turns a ``Fault`` into what a person reads and a status. Called as ``slipway``."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from . import __version__, applying, changing, deciding, exporting, reading, signing_in
from .auditing import audit
from .cataloging import catalog
from .exits import Fault
from .output import say, show
from .ruling import contract, policy
from .running import runs
from .scoring import score
from .session import Session
from .syncing import sync


class Commands(TyperGroup):
    """The commands in the order of the manual; tells a Fault on standard error and ends with its status."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Fault as fault:
            for number, line in enumerate(fault.lines):
                say(line, style="bold red" if number == 0 else "")
            raise typer.Exit(fault.exit_code) from None


app = typer.Typer(
    cls=Commands,
    name="slipway",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Slipway from the command line: ask for environments, watch them, decide on changes.",
    epilog="Ends with 0 done, 1 error, 2 usage, 3 denied, 4 waiting for approval, 5 failed run.",
)


def _version(wanted: bool) -> None:
    if wanted:
        show(f"slipway {__version__}")
        raise typer.Exit()


@app.callback()
def main(
    ctx: typer.Context,
    context: Annotated[str, typer.Option("--context", "-c", help="The context to use (SLIPWAY_CONTEXT).")] = "",
    url: Annotated[str, typer.Option("--url", help="The installation to use (SLIPWAY_URL).")] = "",
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    ctx.obj = Session(context, url)


app.command()(signing_in.login)
app.command()(signing_in.logout)
app.command()(signing_in.whoami)
app.add_typer(signing_in.contexts, name="contexts")
app.command()(reading.systems)
app.command()(reading.capabilities)
app.add_typer(reading.env, name="env")
app.command()(changing.plan)
app.command()(applying.apply)
app.command()(exporting.export)
app.command()(changing.diff)
app.command()(changing.promote)
app.command()(changing.rollback)
app.command()(changing.sleep)
app.command()(changing.wake)
app.command()(changing.extend)
app.command()(changing.delete)
app.command()(deciding.changes)
app.command()(deciding.approve)
app.command()(deciding.reject)
app.command()(deciding.cancel)
app.command()(deciding.resume)
app.command("wait")(deciding.wait_for)
app.add_typer(runs, name="runs")
app.add_typer(contract, name="contract")
app.add_typer(policy, name="policy")
app.add_typer(score, name="score")
app.add_typer(sync, name="sync")
app.add_typer(catalog, name="catalog")
app.add_typer(audit, name="audit")


def run() -> None:
    """The console command ``slipway``."""
    try:
        app(prog_name="slipway")
    except BrokenPipeError:
        # Whoever read the result has enough of it; Python would complain while it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
