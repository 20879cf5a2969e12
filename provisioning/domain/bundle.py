"""Files of documents as one set: what each document is, what is wrong before anything is asked, and in which order.

Called by ``services.applying`` and by Git sync. A definition of a custom kind goes with the contracts of its file, as
it does when a contract is published. What a document says inside its ``spec`` is for the service of its kind to judge.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from idp.kernel.canonical import digest
from idp.kernel.documents import Document, load_all_yaml
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.document_schemas import API_VERSION, CAPABILITY_PATTERN, NAME_PATTERN

KINDS: Final = ("Contract", "ApprovalRoute", "Policy", "Environment")
"""In the order in which they are applied: each may name what comes before it."""

MOST_FILES: Final = 200
MOST_DOCUMENTS: Final = 200
"""All are answered for in one request: 200 environments that are new take a core some ten seconds."""
MOST_BYTES: Final = 4_000_000
SOURCE_DOCUMENTS: Final = 5_000
SOURCE_BYTES: Final = 20_000_000
_OWNER: Final = re.compile(r"[a-z0-9]([a-z0-9._/-]{0,78}[a-z0-9])?")
_DEFINITION: Final = "CustomResourceDefinition"
_METADATA: Final = {
    "Contract": ("capability", "version"),
    "ApprovalRoute": ("name",),
    "Policy": ("name",),
    "Environment": ("system", "name"),
}
_PATTERNS: Final = {
    ("Contract", "capability"): (CAPABILITY_PATTERN, "Write 2 to 39 lower-case letters, digits and dashes."),
    ("Environment", "name"): (NAME_PATTERN, "Write 1 to 31 lower-case letters, digits and dashes."),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One document. ``name`` is unique among its kind, such as ``checkout/staging`` or ``postgres 1.2.0``."""

    file: str
    kind: str
    name: str
    document: Document = field(repr=False)
    definitions: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document.data
        return found

    @property
    def line(self) -> int | None:
        return self.document.line("")

    @property
    def digest(self) -> str:
        return digest(self.data)

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name

    def placed(self, errors: Iterable[FieldError]) -> tuple[FieldError, ...]:
        """The errors with the lines on which they stand."""
        return tuple(replace(one, line=one.line or self.document.line(one.path)) for one in errors)


@dataclass(frozen=True, slots=True)
class Fault:
    """A document, or a whole file, that cannot be applied whatever is there already."""

    file: str
    kind: str
    name: str
    errors: tuple[FieldError, ...]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """``entries`` in the order in which they are applied; ``faults`` in that of the files."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[Fault, ...] = ()


def read_bundle(files: Iterable[tuple[str, str | bytes]]) -> Bundle:
    """The documents of files, given as path and text. Two of one name are one too many, wherever they stand.

    Raises InvalidInput when there is more than may be applied at once, or nothing.
    """
    given = list(files)
    _require_size(given)
    found = [one for path, text in given for one in _of_text(path, text)]
    entries = [one for one in found if isinstance(one, Entry)]
    faults = [one for one in found if isinstance(one, Fault)]
    kept, twice = _once(entries)
    if not kept and not faults and not twice:
        raise InvalidInput("There is no document in it.", code="nothing-to-apply")
    if len(kept) > MOST_DOCUMENTS:
        raise InvalidInput(
            f"These are {len(kept)} documents; at most {MOST_DOCUMENTS} are applied at once.",
            code="too-many-documents",
            remedy="Send them in several calls, contracts and policies first; slipway apply does so by itself.",
        )
    return _bundle(kept, [*faults, *twice])


def read_followed(
    files: Iterable[tuple[str, bytes]], *, documents: int = SOURCE_DOCUMENTS, size: int = SOURCE_BYTES
) -> Bundle:
    """The documents of a followed repository, each of which is applied alone; there may be none.

    A file that goes beyond ``documents``, or ``size`` in bytes, of all together is a fault, and those beside it that
    fit are read all the same.
    """
    entries: list[Entry] = []
    faults: list[Fault] = []
    left = size
    for path, text in files:
        if len(text) > left:
            faults.append(_beyond(path, f"{size:,} bytes"))
            continue
        found = list(_of_text(path, text))
        held = [one for one in found if isinstance(one, Entry)]
        if len(entries) + len(held) > documents:
            faults.append(_beyond(path, f"{documents:,} documents"))
            continue
        left -= len(text)
        entries += held
        faults += [one for one in found if isinstance(one, Fault)]
    kept, twice = _once(entries)
    return _bundle(kept, [*faults, *twice])


def owner_problem(owner: str) -> str:
    """What is right where ``owner`` is no label of an owner; empty when it is, or when there is none."""
    if not owner or _OWNER.fullmatch(owner):
        return ""
    return "Write up to 80 lower-case letters, digits, dots, dashes and slashes, such as payments/infra."


def _require_size(files: list[tuple[str, str | bytes]]) -> None:
    if len(files) > MOST_FILES:
        raise InvalidInput(f"These are {len(files)} files; at most {MOST_FILES} are applied at once.")
    size = sum(len(text) for _, text in files)
    if size > MOST_BYTES:
        raise InvalidInput(f"These are {size:,} bytes; at most {MOST_BYTES:,} are applied at once.", code="too-large")


def _bundle(entries: list[Entry], faults: list[Fault]) -> Bundle:
    return Bundle(tuple(sorted(entries, key=lambda one: KINDS.index(one.kind))), tuple(faults))


def _beyond(path: str, most: str) -> Fault:
    told = f"With this file the source has more than {most}, so the file is left out. Split the source into several."
    return Fault(path, "", "", (FieldError("", told),))


def _of_text(path: str, text: str | bytes) -> Iterator[Entry | Fault]:
    try:
        documents = load_all_yaml(text)
    except InvalidInput as error:
        yield Fault(path, "", "", tuple(error.errors), error.errors[0].line if error.errors else None)
        return
    yield from _of_file(path, documents)


def _of_file(path: str, documents: list[Document]) -> Iterator[Entry | Fault]:
    definitions = tuple(one.data for one in documents if _kind(one) == _DEFINITION)
    written = [one for one in documents if _kind(one) != _DEFINITION]
    if definitions and not any(_kind(one) == "Contract" for one in written):
        told = "A definition of a custom kind is kept with a contract; put it into the file of that contract."
        yield Fault(path, _DEFINITION, "", (FieldError("kind", told),))
    for one in written:
        errors = _header_errors(one)
        kind, name = _kind(one), _named(one)
        if errors:
            placed = tuple(replace(error, line=one.line(error.path)) for error in errors)
            yield Fault(path, kind, name, placed, one.line(""))
        else:
            yield Entry(path, kind, name, one, definitions if kind == "Contract" else ())


def _once(entries: list[Entry]) -> tuple[list[Entry], list[Fault]]:
    """The first of each name, and a fault for each further one that says where the first stands."""
    first: dict[tuple[str, str], Entry] = {}
    faults = []
    for one in entries:
        known = first.setdefault(one.key, one)
        if known is not one:
            where = f"{known.file}, line {known.line}"
            error = FieldError("metadata", f"It is written twice, first in {where}; keep one.", one.line)
            faults.append(Fault(one.file, one.kind, one.name, (error,), one.line))
    return list(first.values()), faults


def _header_errors(document: Document) -> list[FieldError]:
    data = document.data
    if not isinstance(data, Mapping):
        return [FieldError("", "A document is a map with apiVersion, kind, metadata and spec.")]
    kind = _kind(document)
    if kind not in KINDS:
        return [FieldError("kind", f"Write one of {', '.join(KINDS)}.")]
    errors = []
    if data.get("apiVersion") != API_VERSION:
        errors.append(FieldError("apiVersion", f"Write {API_VERSION}."))
    if not isinstance(data.get("spec"), Mapping):
        errors.append(FieldError("spec", "Add it; it says what is wanted."))
    unknown = sorted(set(data) - {"apiVersion", "kind", "metadata", "spec"})
    errors += [FieldError(name, "Remove it; a document has apiVersion, kind, metadata and spec.") for name in unknown]
    return errors + _metadata_errors(kind, data.get("metadata"))


def _metadata_errors(kind: str, metadata: Any) -> list[FieldError]:
    names = _METADATA[kind]
    if not isinstance(metadata, Mapping):
        return [FieldError("metadata", f"Add it, with {' and '.join(names)}.")]
    errors = []
    for name in names:
        value = metadata.get(name)
        pattern, told = _PATTERNS.get((kind, name), (r"^\S.{0,62}$", "Write a name."))
        if not isinstance(value, str) or "\n" in value or not re.search(pattern, value):
            errors.append(FieldError(f"metadata.{name}", told))
    extra = sorted(set(metadata) - set(names))
    known = " and ".join(names)
    return errors + [FieldError(f"metadata.{name}", f"Remove it; there {_are(names)} {known}.") for name in extra]


def _are(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"


def _kind(document: Document) -> str:
    kind = document.data.get("kind") if isinstance(document.data, Mapping) else None
    return kind[:60] if isinstance(kind, str) else ""


def _named(document: Document) -> str:
    """The name as far as there is one, for telling it apart."""
    kind = _kind(document)
    metadata = document.data.get("metadata") if isinstance(document.data, Mapping) else None
    if not isinstance(metadata, Mapping) or kind not in _METADATA:
        return ""
    parts = [str(metadata.get(name, ""))[:80] for name in _METADATA[kind]]
    return (" " if kind == "Contract" else "/").join(parts)
