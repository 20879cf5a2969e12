"""Fills ``$text``, ``$json``, ``$yaml``, ``$openapi`` and ``$asyncapi``: what a document says stands in another file.

As in Backstage: a map with exactly one key that begins with ``$`` and a text is a placeholder, anything else is left
alone (a JSON Schema is full of ``$ref``). It happens before the rules are asked. The caller's ``read`` decides which
files may be read at all; ``$openapi`` and ``$asyncapi`` give the file's text as it stands, with its own references.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from governance.domain.backstage.findings import Finding
from governance.domain.backstage.reading import MOST_ENTITY_BYTES, Draft
from idp.kernel.documents import load_yaml
from idp.kernel.errors import InvalidInput

KEYS: Final = ("$text", "$json", "$yaml", "$openapi", "$asyncapi")
MOST: Final = 20
"""Files that one document may take in."""

Read = Callable[[str, str], bytes]
"""What stands at (address or relative path, file that says so); Unreadable says why not."""


class Unreadable(Exception):
    """Its text is a sentence for people."""


class _Wrong(Exception):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path, self.reason = path, reason


def resolve(draft: Draft, read: Read) -> tuple[dict[str, Any], Finding | None]:
    """The document with every placeholder filled, or why one could not be."""
    filler = _Filler(draft.file, read)
    try:
        filled = filler.fill(draft.data, "")
    except _Wrong as error:
        return draft.data, draft.finding("placeholder", error.reason, error.path)
    return filled, None


class _Filler:
    def __init__(self, file: str, read: Read) -> None:
        self._file, self._read, self._count = file, read, 0
        self.read_bytes = 0

    def fill(self, value: Any, path: str) -> Any:
        if isinstance(value, list):
            return [self.fill(item, f"{path}.{number}") for number, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, said), *_ = value.items()
            if key in KEYS and isinstance(said, str):
                return self._filled(key, said, path.lstrip("."))
        if any(key.startswith("$") for key in value):
            return value
        return {key: self.fill(item, f"{path}.{key}") for key, item in value.items()}

    def _filled(self, key: str, said: str, path: str) -> Any:
        self._count += 1
        if self._count > MOST:
            raise _Wrong(path, f"A document takes in at most {MOST} files.")
        try:
            raw = self._read(said, self._file)
            self.read_bytes += len(raw)
            if self.read_bytes > MOST_ENTITY_BYTES:
                raise Unreadable(f"it is larger than {MOST_ENTITY_BYTES:,} bytes, with the files before it")
            text = raw.decode("utf-8").removeprefix("\ufeff")
            return _parsed(key, text)
        except UnicodeDecodeError:
            raise _Wrong(path, f"{key} {said[:120]}: the file is not UTF-8 text.") from None
        except (Unreadable, InvalidInput, ValueError, RecursionError) as error:
            told = error.message if isinstance(error, InvalidInput) else str(error)
            raise _Wrong(path, f"{key} {said[:120]}: {told.rstrip('.')}.") from None


def _parsed(key: str, text: str) -> Any:
    if "\x00" in text:
        raise Unreadable("it holds a character that is no text")
    if key == "$json":
        return json.loads(text, parse_constant=_no_constant)
    if key == "$yaml":
        return load_yaml(text, max_bytes=MOST_ENTITY_BYTES).data
    return text


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
