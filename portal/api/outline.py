"""Turns the OpenAPI document into what the reference page prints: areas, operations, fields as rows. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]
MAX_DEPTH = 3


def outline_of(document: Node) -> dict[str, Any]:
    """``{"title", "version", "paragraphs", "areas": [{"name", "id", "about", "operations": […]}], "shapes": […]}``."""
    schemas = document["components"]["schemas"]
    operations = [
        _operation(path, method, operation, schemas)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    areas = [
        {
            "name": tag["name"],
            "id": tag["name"].lower(),
            "about": tag["description"],
            "operations": [one for one in operations if one["area"] == tag["name"]],
        }
        for tag in document["tags"]
    ]
    return {
        "title": document["info"]["title"],
        "version": document["info"]["version"],
        "paragraphs": [_plain(part) for part in document["info"]["description"].strip().split("\n\n")],
        "areas": areas,
        "shapes": [_shape(name, schema, schemas) for name, schema in schemas.items()],
    }


def _operation(path: str, method: str, operation: Node, schemas: Node) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = [
        {"status": status, "about": _about(answer), "shape": _shape_named(answer)}
        for status, answer in operation["responses"].items()
        if not status.startswith(("4", "5"))
    ]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "area": operation["tags"][0],
        "summary": operation["summary"],
        "about": _plain(operation.get("description", "")),
        "scope": operation.get("x-token-scope", ""),
        "parameters": [
            {
                "name": one["name"],
                "place": one["in"],
                "required": one["required"],
                "type": type_of(one["schema"]),
                "about": one.get("description", one["schema"].get("description", "")),
            }
            for one in operation.get("parameters", ())
        ],
        "body": _name(body.get("schema", {})),
        "fields": list(_fields(body.get("schema", {}), schemas)),
        "examples": [
            json.dumps(example["value"], indent=2, ensure_ascii=False) for example in body.get("examples", {}).values()
        ],
        "answers": answers,
        "problems": [status for status in operation["responses"] if status.startswith(("4", "5"))],
    }


def _shape(name: str, schema: Node, schemas: Node) -> dict[str, Any]:
    return {"name": name, "about": schema.get("description", ""), "fields": list(_fields(schema, schemas))}


def _fields(schema: Node, schemas: Node, prefix: str = "", depth: int = 0) -> Iterator[dict[str, Any]]:
    """Rows of an object's members, inline objects opened, named shapes left closed but at the top."""
    node = schemas[_name(schema)] if "$ref" in schema else schema
    for part in node.get("allOf", ()):
        yield from _fields(part, schemas, prefix, depth)
    required = node.get("required", ())
    for name, member in node.get("properties", {}).items():
        yield {
            "name": prefix + name,
            "type": type_of(member),
            "shape": _inner_name(member),
            "required": name in required,
            "about": member.get("description", ""),
        }
        inner = member.get("items", member)
        if "properties" in inner and depth < MAX_DEPTH:
            mark = "[]." if "items" in member else "."
            yield from _fields(inner, schemas, f"{prefix}{name}{mark}", depth + 1)


def type_of(schema: Node) -> str:
    """A few words for a schema: ``text``, ``whole number, 1 to 200``, ``one of: dev, prod``, ``list of Change``."""
    if "$ref" in schema:
        return _name(schema)
    if "oneOf" in schema:
        return " or ".join(type_of(one) for one in schema["oneOf"])
    if "enum" in schema:
        return "one of: " + ", ".join("null" if one is None else str(one) for one in schema["enum"])
    kind = schema.get("type", "any value")
    names = [kind] if isinstance(kind, str) else kind
    words = " or ".join(_WORDS.get(name, name) for name in names)
    if "array" in names and "items" in schema:
        return words.replace("list", f"list of {type_of(schema['items'])}")
    return words + _range(schema) + (f" ({schema['format']})" if "format" in schema else "")


_WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}


def _range(schema: Node) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None and most is None:
        return ""
    if most is None:
        return f", at least {least}"
    return f", at most {most}" if least is None else f", {least} to {most}"


def _name(schema: Node) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _inner_name(schema: Node) -> str:
    for part in (schema, schema.get("items", {}), *schema.get("oneOf", ())):
        if "$ref" in part:
            return _name(part)
    return ""


def _shape_named(answer: Node) -> str:
    return next((_name(media.get("schema", {})) for media in answer.get("content", {}).values()), "")


def _about(answer: Node) -> str:
    return str(answer.get("description", ""))


def _plain(text: str) -> list[dict[str, str]]:
    """Markdown's bold and code as pieces: ``[{"kind": "bold" | "code" | "text", "text"}]``."""
    pieces: list[dict[str, str]] = []
    for number, part in enumerate(text.replace("\n", " ").split("**")):
        for turn, inner in enumerate(part.split("`")):
            kind = "bold" if number % 2 else "code" if turn % 2 else "text"
            if inner:
                pieces.append({"kind": kind, "text": inner})
    return pieces
