"""Plain data as YAML that reads back as the same data, and YAML that somebody may still be typing.

Called by forms, which show as YAML what no field can, and by the views of a whole draft. Pure.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from idp.kernel.documents import load_yaml
from idp.kernel.errors import InvalidInput


def as_yaml(value: Any) -> str:
    """``value`` as YAML. Where the writer would leave a text bare that our reader takes for a number, as JSON."""
    text = str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=96)).removesuffix("...\n")
    return text if _reads_as(text, value) else json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _reads_as(text: str, value: Any) -> bool:
    try:
        read = load_yaml(text).data
    except InvalidInput:
        return False
    return bool(read == value) and json.dumps(read, default=str) == json.dumps(value, default=str)


def typed_yaml(text: str) -> Any:
    """What ``text`` says; the text itself while it is not YAML, so that it can be mended."""
    try:
        return load_yaml(text).data
    except InvalidInput:
        return text


def as_typed(value: Any) -> str:
    """``value`` as it stands in a YAML editor; the opposite of ``typed_yaml``."""
    if value is None:
        return ""
    if isinstance(value, str) and value.strip() and typed_yaml(value) == value:
        return value  # an empty text is written as '', because an empty editor means that nothing is asked for
    return as_yaml(value).rstrip("\n")


def why_not(value: Any) -> str:
    """Why a text that was typed as YAML is none; ``""`` when it is, or is no text."""
    if not isinstance(value, str) or not value.strip():
        return ""
    try:
        load_yaml(value)
    except InvalidInput as error:
        return error.message
    return ""
