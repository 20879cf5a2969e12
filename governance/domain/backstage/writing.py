"""Writes entities as YAML that reads back as the very same data, here and in Backstage."""

from __future__ import annotations

import sys
from typing import Any, Final

import yaml

from idp.kernel.documents import load_yaml
from idp.kernel.errors import InvalidInput

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LARGEST: Final = int(sys.float_info.max)
_RESOLVED_DIFFERENTLY: Final = set("0123456789+-.tTfFnN~")
"""Letters with which a text may begin that YAML 1.1, which the writer knows, and 1.2 take for different things."""


class _Writer(_DUMPER):
    """Never writes aliases; quotes each text that a reader of YAML 1.2 would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(writer: Any, value: str) -> Any:
    if value and value[0] in _RESOLVED_DIFFERENTLY and "\n" not in value and not _stays(value):
        return writer.represent_scalar("tag:yaml.org,2002:str", value, style='"')
    style = "|" if "\n" in value and _is_block(value) else None
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _stays(value: str) -> bool:
    try:
        return bool(load_yaml(value).data == value)
    except InvalidInput:
        return False


def _is_block(value: str) -> bool:
    """Whether a block scalar holds it without loss: printable lines that neither begin nor end with blanks."""
    return all(line == line.rstrip() and line.isprintable() for line in value.split("\n")) and value[0] not in " \n"


def with_numbers(value: Any) -> Any:
    """``value`` with whole numbers beyond 64 bits as large numbers with a point: a database gives ``1e20`` back digit
    by digit, which is no number of YAML any more, and ``-0.0`` as ``0.0``.
    """
    if isinstance(value, dict):
        return {key: with_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_numbers(item) for item in value]
    if isinstance(value, float):
        return value or 0.0
    is_large = type(value) is int and not -(2**63) <= value < 2**63 and abs(value) <= _LARGEST
    return float(value) if is_large else value


def _number(writer: Any, value: int) -> Any:
    found = with_numbers(value)
    return writer.represent_float(found) if isinstance(found, float) else writer.represent_int(value)


_Writer.add_representer(str, _text)
_Writer.add_representer(int, _number)


def as_yaml(data: Any) -> str:
    """One document without its marker."""
    return str(yaml.dump(data, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=4096))
