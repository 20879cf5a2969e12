"""``audit verify``: an export of the audit log is checked here, with nothing but the file and the noted key."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .audit_export import Checked, NoExport, export_check
from .exits import ERROR, USAGE, Fault
from .output import Form, Output, data, say, show

audit = typer.Typer(no_args_is_help=True, help="The audit log: check an export of it offline.")


@audit.callback()
def _audit() -> None:
    """Room for more than one command, so that ``verify`` keeps its name."""


@audit.command("verify")
def audit_verify(
    file: Annotated[Path, typer.Argument(help="What manage.py audit export wrote.")],
    key: Annotated[str, typer.Option("--key", help="The public key as your auditor noted it, in base64.")] = "",
    output: Output = Form.table,
) -> None:
    """Check each entry, their order and the signed head. Asks no installation. Ends with 1 and names what is wrong."""
    found = _checked(file, key)
    if found.signature == "unchecked" and key:
        raise Fault(
            "The signature cannot be checked here: the package cryptography is missing.",
            remedy="Install it: pip install 'slipway-cli[verify]'.",
        )
    if output is not Form.table:
        data({"whole": not found.faults, **asdict(found)}, output)
    for fault in found.faults:
        say(fault, style="red")
    if found.faults:
        raise typer.Exit(ERROR)
    if output is Form.table:
        show(f"{found.count} entries ({found.first} to {found.last}), whole and in order. {_signature(found)}")


def _checked(file: Path, key: str) -> Checked:
    try:
        with file.open(encoding="utf-8") as lines:
            return export_check(lines, key=key)
    except OSError as error:
        raise Fault(f"{file} cannot be read: {error.strerror}.", exit_code=USAGE) from None
    except (NoExport, UnicodeDecodeError) as error:
        raise Fault(f"{file}: {error}") from None
    except (KeyError, TypeError):
        raise Fault(f"{file}: a line is not as an export has it: the file was altered.") from None


def _signature(found: Checked) -> str:
    if found.signature == "good":
        return "The head's signature fits the export's own key." if found.own_key else "The signature fits the key."
    if found.signature == "unchecked":
        return "The signature was not checked: install slipway-cli[verify]."
    return "The head is not signed."
