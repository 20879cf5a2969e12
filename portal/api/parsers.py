"""Reads request bodies as strictly as documents: what two readers could understand differently is refused.

JSON: no NaN, no infinity, no repeated key, no text that a database cannot hold, at most 64 levels. YAML: the
kernel's reader, with its own limits. Whether an object is right is asked later, in ``portal.api.bodies``.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from idp.kernel.documents import load_yaml
from idp.kernel.errors import InvalidInput
from portal.api.faults import BadRequest

MAX_DEPTH = 64


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return read_json(stream.read())


class YAMLParser(BaseParser):
    media_type = "application/yaml"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = load_yaml(stream.read()).data
        except InvalidInput as error:
            raise BadRequest(error.message, remedy=error.remedy, errors=error.errors) from None
        _check_values(data)
        return data


def read_json(raw: bytes) -> Any:
    """The value in ``raw``; BadRequest says what is wrong with it, with the line where that is known."""
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_object_without_repeats, parse_constant=_no_such_number
        )
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8. Send JSON encoded as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"The body is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.",
            remedy="Send one JSON value, or YAML as application/yaml.",
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise BadRequest(f"The body is not JSON that Slipway takes: {error}.") from None
    _check_values(value)
    return value


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key “{twice[:80]}” stands twice in one object; keep one of them")
    return found


def _no_such_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON; send a number, or leave the value out")


def _check_values(value: Any) -> None:
    """Refuse depth, infinity and text without a place in a database, without recursion of our own."""
    rest = [(value, 1)]
    while rest:
        item, depth = rest.pop()
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(item, dict):
            rest.extend((inner, depth + 1) for inner in item.values())
            rest.extend((key, depth) for key in item)
        elif isinstance(item, list):
            rest.extend((inner, depth + 1) for inner in item)
        elif isinstance(item, str):
            _check_text(item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise BadRequest("A number in the body is too large to be stored; send a smaller one.")


def _check_text(text: str) -> None:
    if "\x00" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise BadRequest("A text in the body holds a NUL or half a character; send plain Unicode text.")


def _too_deep() -> BadRequest:
    return BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels; no document of Slipway needs that.")
