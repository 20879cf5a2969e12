"""PATCH of SCIM (RFC 7644, 3.5.2): operations carried out on a document. Pure.

Takes what the RFC says and what directories send in its place: operations in any case, paths as keys of a value, a
member list beside the path ``members``, an element that is replaced before it was there. What an operation says about
attributes that are not kept is left out without a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from governance.domain.scim_filter import Filter, equalities, fits, read_filter, read_path
from governance.domain.scim_schema import (
    OF_THE_SERVER,
    Attribute,
    Document,
    Resource,
    attribute_at,
    complete,
    one_primary,
    single_of,
    unrepeated,
    value_of,
)
from idp.kernel.errors import InvalidInput

PATCH_URN: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST: Final = 1_000
OPS: Final = ("add", "replace", "remove")
_TARGET: Final = re.compile(r"(?P<path>[^\[\]]+)\[(?P<filter>.*)\](?:\.(?P<sub>[A-Za-z$][A-Za-z0-9$_-]*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """What a path points to: an attribute, a part of it, or the elements that fit a filter."""

    attribute: Attribute
    sub: str = ""
    chosen: Filter | None = None


def patched(resource: Resource, document: Document, sent: Mapping[str, Any]) -> Document:
    """``document`` after the operations of ``sent``, in order; ``document`` itself stays as it is.

    InvalidInput, whose code is SCIM's own word for the fault, for the first operation that cannot be.
    """
    result = deepcopy(document)
    for operation in _operations(sent):
        _carry_out(resource, result, operation)
    return complete(resource, result)


def _operations(sent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    operations = next((value for key, value in sent.items() if key.lower() == "operations"), None)
    if not isinstance(operations, list) or not operations:
        raise InvalidInput("A PATCH has a list of Operations with at least one.", code="invalidSyntax")
    if len(operations) > MOST:
        raise InvalidInput(f"A PATCH has at most {MOST} operations.", code="invalidSyntax")
    if not all(isinstance(one, Mapping) for one in operations):
        raise InvalidInput("Each operation is an object with op, path and value.", code="invalidSyntax")
    return [{key.lower(): value for key, value in one.items()} for one in operations]


def _carry_out(resource: Resource, document: Document, operation: Mapping[str, Any]) -> None:
    op = operation.get("op")
    op = op.lower() if isinstance(op, str) else ""
    if op not in OPS:
        raise InvalidInput(f"An operation is one of {', '.join(OPS)}.", code="invalidSyntax")
    path = operation.get("path")
    if path is None or path == "":
        _without_path(resource, document, op, operation.get("value"))
        return
    if not isinstance(path, str):
        raise _no_path(path)
    target = _target(resource, path)
    if target is None:
        return
    if not target.attribute.writable:
        raise InvalidInput(f"{target.attribute.name} is only read.", code="mutability")
    if op != "remove" and "value" not in operation:
        raise InvalidInput(f"The operation {op} at {path[:80]} has no value.", code="invalidValue")
    _at(document, target, op, operation.get("value"))


def _without_path(resource: Resource, document: Document, op: str, value: Any) -> None:
    """The value is an object whose keys are attributes, or paths as some directories write them."""
    if op == "remove":
        raise InvalidInput("The operation remove needs a path.", code="noTarget")
    if not isinstance(value, Mapping):
        raise InvalidInput(f"Without a path the value of {op} is an object of attributes.", code="invalidValue")
    for key, inner in value.items():
        if key.lower() == resource.urn.lower() and isinstance(inner, Mapping):
            _without_path(resource, document, op, inner)
            continue
        if key.lower() in OF_THE_SERVER or (key.lower().startswith("urn:") and read_path(key) is None):
            continue
        target = _target(resource, key)
        if target is not None and target.attribute.writable:
            _at(document, target, op, inner)


def _target(resource: Resource, written: str) -> Target | None:
    """None for an attribute that is not kept. InvalidInput (``invalidPath``) for what is no path at all."""
    found = _TARGET.fullmatch(written.strip())
    path = read_path(found["path"] if found else written.strip())
    if path is None or len(written) > 1_000:
        raise _no_path(written)
    if not path.urn and path.name in OF_THE_SERVER:
        raise InvalidInput(f"{path.name} is the server's own.", code="mutability")
    sub = (found["sub"] or "").lower() if found else path.sub
    chosen = read_filter(found["filter"]) if found else None
    attribute = attribute_at(resource, path)
    if attribute is None or (sub and attribute.kind == "complex" and attribute.part(sub) is None):
        return None
    if ((sub or chosen) and attribute.kind != "complex") or (chosen is not None and not attribute.several):
        raise _no_path(written)
    return Target(attribute, sub, chosen)


def _at(document: Document, target: Target, op: str, value: Any) -> None:
    if target.attribute.several:
        _at_elements(document, target, op, value)
    elif op == "remove" or value is None:
        _drop(document, target)
    elif target.sub:
        part = target.attribute.part(target.sub)
        assert part is not None
        document.setdefault(target.attribute.name, {})[part.name] = single_of(part, value)
    elif target.attribute.kind == "complex":
        document[target.attribute.name] = document.get(target.attribute.name, {}) | value_of(target.attribute, value)
    else:
        document[target.attribute.name] = value_of(target.attribute, value)


def _drop(document: Document, target: Target) -> None:
    name = target.attribute.name
    if not target.sub:
        if target.attribute.required:
            raise InvalidInput(f"{name} is required and cannot be removed.", code="mutability")
        document.pop(name, None)
        return
    part = target.attribute.part(target.sub)
    rest = {key: value for key, value in document.get(name, {}).items() if part is None or key != part.name}
    if rest:
        document[name] = rest
    else:
        document.pop(name, None)


def _at_elements(document: Document, target: Target, op: str, value: Any) -> None:
    attribute = target.attribute
    elements: list[Document] = document.get(attribute.name, [])
    if target.chosen is not None or target.sub:
        elements = _edited(target, elements, op, value)
    elif op == "add":
        added = value_of(attribute, value) if value is not None else []
        elements = _joined(elements, added)
    elif op == "replace":
        elements = value_of(attribute, value) if value is not None else []
    elif value in (None, [], ""):
        elements = []
    else:
        gone = {one["value"].casefold() for one in value_of(attribute, value)}
        elements = [one for one in elements if one["value"].casefold() not in gone]
    value_of(attribute, elements[: attribute.most + 1])  # the limit holds for what comes of it
    if elements:
        document[attribute.name] = elements
    else:
        document.pop(attribute.name, None)


def _joined(elements: list[Document], added: list[Document]) -> list[Document]:
    """A new primary element takes the place of the old one."""
    if any(one.get("primary") is True for one in added):
        elements = [one | {"primary": False} if one.get("primary") is True else one for one in elements]
    return one_primary(unrepeated([*elements, *added]))


def _edited(target: Target, elements: list[Document], op: str, value: Any) -> list[Document]:
    """Elements that the filter chooses, or all of them, edited or taken away; one is made where none is chosen."""
    hits = [target.chosen is None or fits(target.chosen, one) for one in elements]
    if op == "remove" or value is None:
        if not target.sub:
            return [one for one, hit in zip(elements, hits, strict=True) if not hit]
        return _kept([_less(one, target) if hit else one for one, hit in zip(elements, hits, strict=True)])
    edit = _edit(target, value)
    if any(hits):
        if edit.get("primary") is True:
            elements = [one | {"primary": False} if one.get("primary") is True else one for one in elements]
        edited = [one | edit if hit else one for one, hit in zip(elements, hits, strict=True)]
        return unrepeated(value_of(target.attribute, edited))
    return _joined(elements, value_of(target.attribute, [_made(target) | edit]))


def _edit(target: Target, value: Any) -> Document:
    """The parts of an element that change."""
    if target.sub:
        part = target.attribute.part(target.sub)
        assert part is not None
        return {part.name: single_of(part, value)} if part.writable else {}
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        raise InvalidInput(f"An element of {target.attribute.name} is an object.", code="invalidValue")
    found = ((target.attribute.part(key), inner) for key, inner in value.items())
    return {part.name: single_of(part, inner) for part, inner in found if part is not None and part.writable}


def _made(target: Target) -> Document:
    """A new element that fits the filter; InvalidInput (``noTarget``) when the filter does not say which."""
    said = equalities(target.chosen) if target.chosen is not None else {}
    if said is None or target.chosen is None:
        raise InvalidInput(f"No element of {target.attribute.name} fits the path.", code="noTarget")
    found = ((target.attribute.part(name), value) for name, value in said.items())
    return {part.name: single_of(part, value) for part, value in found if part is not None and part.writable}


def _less(element: Document, target: Target) -> Document:
    part = target.attribute.part(target.sub)
    return {key: value for key, value in element.items() if part is None or key != part.name}


def _kept(elements: list[Document]) -> list[Document]:
    """An element without its value says nothing."""
    return [one for one in elements if one.get("value")]


def _no_path(written: object) -> InvalidInput:
    return InvalidInput(f"“{str(written)[:80]}” is no path of an attribute.", code="invalidPath")
