"""What one field of a contract's form is, for templates: plain data, made by ``schema_form``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.forms.schema_kinds import Schema
from provisioning.domain.form_hints import Source
from provisioning.domain.schema import fits


@dataclass(frozen=True, slots=True)
class Output:
    """Something another resource of the draft offers. ``type`` is a JSON type, ``schema`` all that is known of it.

    ``capability`` and ``output`` say whose it is, as ``x-options`` may ask for some only.
    """

    expression: str
    label: str
    type: str
    secret: bool = False
    schema: Schema = field(default_factory=dict)
    capability: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a map: a key and its value, with the error that belongs to this key."""

    key: str
    value: str
    id: str
    error: str = ""
    focus: bool = False
    long: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list: ``value`` of a plain one, ``inputs`` of an object, ``data`` (YAML) of what is neither.

    ``marker`` tells the server that the row is there; ``title`` names it for those who cannot see where it stands.
    """

    at: int
    name: str
    id: str
    marker: str
    title: str
    value: str = ""
    error: str = ""
    inputs: tuple[Input, ...] = ()
    data: bool = False
    options: tuple[Option, ...] = ()
    first: bool = False
    last: bool = False
    long: bool = False
    focus: str = ""
    """``value``, ``up``, ``down`` or ``remove``: what of the row takes the focus."""


@dataclass(frozen=True, slots=True)
class Input:
    """One field to draw. ``path`` is relative to the resource (``inputs.env``); ``name`` and ``id`` are for HTML.

    ``kind``: those of ``schema_kinds.kind_of``, and hidden. ``missing``: the contract wants a value and there is none,
    which is not worth red ink before somebody asks. ``advanced``: folded away, because most never need it.
    ``decides``: other fields come and go with its value. ``blank``: that it is empty is meant.
    """

    kind: str
    path: str
    name: str
    id: str
    label: str
    value: str = ""
    checked: bool = False
    hint: str = ""
    help: str = ""
    error: str = ""
    unit: str = ""
    required: bool = False
    placeholder: str = ""
    mono: bool = False
    missing: bool = False
    advanced: bool = False
    wide: bool = False
    focus: bool = False
    decides: bool = False
    blank: bool = False
    options: tuple[Option, ...] = ()
    entries: tuple[Entry, ...] = ()
    rows: tuple[Row, ...] = ()
    inputs: tuple[Input, ...] = ()
    suggestions: tuple[Output, ...] = ()
    source: Source | None = None
    item: str = ""
    """What one row of a list is called, for the button that adds one."""

    @property
    def described_by(self) -> str:
        """Ids of the hint and of the place where an error appears, for ``aria-describedby``."""
        return f"{self.id}-hint {self.id}-error" if self.hint else f"{self.id}-error"

    @property
    def usual(self) -> tuple[Input, ...]:
        return tuple(one for one in self.inputs if not one.folded)

    @property
    def more(self) -> tuple[Input, ...]:
        """What is folded away inside it: seldom needed, and nothing is wrong with it."""
        return tuple(one for one in self.inputs if one.folded)

    @property
    def folded(self) -> bool:
        return self.advanced and not any(True for one in every([self]) for _, error in own_slots(one) if error)


def every(inputs: Iterable[Input]) -> Iterable[Input]:
    """All fields, those inside groups and rows too."""
    for one in inputs:
        yield one
        yield from every(one.inputs)
        for row in one.rows:
            yield from every(row.inputs)


def own_slots(one: Input) -> Iterable[tuple[str, str]]:
    """The places of one field where an error can stand, as (id without its ending, message)."""
    if one.kind == "hidden":
        return
    yield one.id, one.error
    for entry in one.entries:
        yield entry.id, entry.error
    for row in one.rows:
        yield row.id, row.error


def html_id(name: str) -> str:
    """An id from a field's name; dots would need escaping in selectors."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What every field of one resource needs: where names begin, what is wrong, what others offer."""

    prefix: str
    errors: Mapping[str, str] = field(default_factory=dict)
    offers: Sequence[Output] = ()

    def offers_for(
        self, *, secrets: bool, types: frozenset[str] | None = None, source: Source | None = None
    ) -> tuple[Output, ...]:
        """Outputs of these types; where suggestions come from elsewhere, none."""
        if source is not None and source.kind != "outputs":
            return ()
        return tuple(
            offer
            for offer in self.offers
            if (secrets or not offer.secret) and (types is None or offer.type in types) and _asked(offer, source)
        )

    def objects_for(self, schema: Schema) -> tuple[Output, ...]:
        """Outputs that are objects and fit ``schema``."""
        found = self.offers_for(secrets=bool(schema.get("x-secret")), types=frozenset({"object"}))
        return tuple(offer for offer in found if fits(offer.schema, schema) is None)

    def inside(self, path: str) -> str:
        """The first error somewhere inside ``path``."""
        return next((text for at, text in self.errors.items() if at.startswith(f"{path}.")), "")


def _asked(offer: Output, source: Source | None) -> bool:
    if source is None:
        return True
    return source.capability in ("", offer.capability) and source.output in ("", offer.output)


def reference_label(expression: str) -> str:
    """``${resources.api.outputs.service}`` as ``api.service``; anything else as it is."""
    found = re.fullmatch(r"\$\{\s*resources\.([\w-]+)\.outputs\.([\w.-]+)\s*\}", expression)
    return f"{found[1]}.{found[2]}" if found else expression


def item_at(value: Any, place: int) -> Any:
    return value[place] if isinstance(value, list) and 0 <= place < len(value) else None
