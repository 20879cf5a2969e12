"""What is sent to be published: one contract, and definitions of the custom kinds that its objects are of.

Called by the services that publish and preview. A text may hold both, one YAML document after the other; programs may
send the definitions as ``definitions`` beside ``spec``, or apart. It judges nothing but the definitions themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from idp.kernel.documents import Document, load_all_yaml, load_yaml
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.availability import is_own
from provisioning.domain.custom_kinds import CustomKind, kinds_of
from provisioning.domain.kubernetes_schema import unusable

MOST = 30
"""Definitions beside one contract; no operator ships more of what people ask for."""


@dataclass(frozen=True, slots=True)
class ContractSource:
    """``lines`` are those of the contract; ``kinds`` are what the definitions serve, by key."""

    document: Any
    lines: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, CustomKind] = field(default_factory=dict)


def read_source(
    text: str | bytes | None = None, document: Any = None, definitions: Iterable[Any] = ()
) -> ContractSource:
    """The contract in ``text``, or ``document`` as data. InvalidInput names the definition that cannot be used."""
    contract, found = (Document(document), []) if text is None else _split(text)
    data = contract.data
    if isinstance(data, Mapping) and "definitions" in data:
        sent = data["definitions"]
        if not isinstance(sent, list):
            raise InvalidInput("definitions must be a list of CustomResourceDefinitions.")
        found += [Document(one, _below(contract.lines, f"definitions.{n}")) for n, one in enumerate(sent)]
        data = {key: value for key, value in data.items() if key != "definitions"}
    found += [Document(one) for one in definitions]
    return ContractSource(data, contract.lines, _kinds(found))


def definitions_in(text: str | bytes, *, max_bytes: int) -> list[Any]:
    """The CustomResourceDefinitions of a text, those of a ``kind: List`` included; what else it holds is left out."""
    return [one for document in load_all_yaml(text, max_bytes=max_bytes) for one in _listed(document.data)]


def _split(text: str | bytes) -> tuple[Document, list[Document]]:
    documents = load_all_yaml(text)
    definitions = [one for one in documents if _is_definition(one.data)]
    contracts = [one for one in documents if not _is_definition(one.data)]
    if not definitions:
        return load_yaml(text), []
    if len(contracts) != 1:
        told = "There are only definitions in it" if not contracts else "There are several contracts in it"
        line = contracts[1].line("") if contracts else None
        message = f"{told}; send one contract with its definitions."
        raise InvalidInput(message, errors=[FieldError("", message, line)])
    return contracts[0], definitions


def _kinds(definitions: list[Document]) -> dict[str, CustomKind]:
    if len(definitions) > MOST:
        raise InvalidInput(f"At most {MOST} definitions go with a contract; there are {len(definitions)}.")
    found: dict[str, CustomKind] = {}
    for number, document in enumerate(definitions):
        for kind in _usable(number, document):
            if kind.key in found:
                _refuse(number, document, [FieldError("spec.names.kind", f"{kind.key} is defined twice; keep one")])
            found[kind.key] = kind
    return found


def _usable(number: int, document: Document) -> Iterator[CustomKind]:
    try:
        kinds = kinds_of(document.data)
    except InvalidInput as error:
        _refuse(number, document, error.errors)
    for kind in kinds:
        if is_own(kind.api_version):
            message = f"{kind.key} is Kubernetes' own; only custom kinds are defined beside a contract"
            _refuse(number, document, [FieldError("spec.group", message)])
        if reason := unusable(kind):
            _refuse(number, document, [FieldError("spec.versions", reason)])
        yield kind


def _refuse(number: int, document: Document, errors: Iterable[FieldError]) -> None:
    data = document.data if isinstance(document.data, Mapping) else {}
    metadata = data.get("metadata")
    name = str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""
    told = [
        replace(one, path=f"definitions.{number}.{one.path}", line=one.line or document.line(one.path))
        for one in errors
    ]
    first = f"{told[0].path} {told[0].message}" if told else ""
    raise InvalidInput(f"The definition {name or number + 1} cannot be used: {first}.", errors=told)


def _is_definition(data: Any) -> bool:
    return isinstance(data, Mapping) and data.get("kind") == "CustomResourceDefinition"


def _listed(data: Any) -> list[Any]:
    items = data.get("items") if isinstance(data, Mapping) and data.get("kind") == "List" else None
    return [one for one in (items if isinstance(items, list) else [data]) if _is_definition(one)]


def _below(lines: Mapping[str, int], place: str) -> dict[str, int]:
    inside = {path.removeprefix(f"{place}."): line for path, line in lines.items() if path.startswith(f"{place}.")}
    return inside | ({"": lines[place]} if place in lines else {})
