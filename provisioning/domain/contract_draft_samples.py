"""Values that fit a schema, for the example of a draft: what must be there, and no more.

Called by ``contract_draft``. A pattern is met by trying what such fields usually hold; where nothing fits, the place is
named, so that a person writes a value. Deterministic and pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from provisioning.domain.schema import Schema, validate

_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2027-01-01T00:00:00Z",
    "date": "2027-01-01",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com",
    "uri-reference": "https://example.com",
    "duration": "1h",
    "cidr": "192.0.2.0/24",
}
_TRIED: Final = (
    "example", "Example", "example.com", "1Gi", "1", "10m", "1h", "1h0m0s", "a", "https://example.com", "/example", "/",
    "example/example", "example:1", "registry.example/app:1.0.0", "*/5 * * * *", "0 0 * * * *", "1.0.0", "v1", "100%",
    "someone@example.com", "192.0.2.1", "192.0.2.0/24", "s3://example/path", "EXAMPLE", "example_name", "16", "512MB",
    "2027-01-01T00:00:00Z", "http", "tcp",
)  # fmt: skip


def sample(schema: Schema) -> tuple[Any, tuple[str, ...]]:
    """A value for ``schema`` with all that is required, and the dotted places where nothing fitting was found."""
    unsure: list[str] = []
    return _value(schema, "", unsure), tuple(unsure)


def _value(schema: Schema, path: str, unsure: list[str]) -> Any:
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, path, unsure)
    if kind == "array":
        wanted = range(schema.get("minItems", 0))
        return [_value(schema.get("items") or {}, _joined(path, index), unsure) for index in wanted]
    found = next((one for one in _scalars(schema, kind) if not validate(one, schema)), None)
    if found is None:
        unsure.append(path)
        return "example" if kind in ("string", None) else next(_scalars(schema, kind), None)
    return found


def _object(schema: Schema, path: str, unsure: list[str]) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    made = {
        name: _value(properties.get(name, {}), _joined(path, name), unsure) for name in schema.get("required") or ()
    }
    if len(made) < schema.get("minProperties", 0):
        unsure.append(path)
    return made


def _scalars(schema: Schema, kind: Any) -> Iterator[Any]:
    if kind == "boolean":
        yield False
    elif kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 1))
        most = schema.get("maximum", schema.get("exclusiveMaximum", least))
        step = schema.get("multipleOf", 1)
        yield from (1, least, least + 1, most, most - 1, step, step * (least // step + 1) if step else least)
    elif kind == "string":
        yield from _texts(schema)
    else:
        yield from ("example", 1, False, {}, [])


def _texts(schema: Schema) -> Iterator[str]:
    yield from schema.get("examples") or ()
    if (fitting := _FORMATS.get(str(schema.get("format")))) is not None:
        yield fitting
    yield from _TRIED
    if (least := schema.get("minLength", 0)) <= 200:
        yield "example-" * (least // 8) + "example-"[: least % 8 or 8]


def _joined(path: str, step: object) -> str:
    return f"{path}.{step}" if path else str(step)
