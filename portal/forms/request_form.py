"""What the form of an environment shows: each resource of a draft with its fields, errors, and a line when closed.

Called by the pages that make and edit environments, for the whole form and for the swaps that follow each plan. Pure;
contracts are handed in by a function, and what is wrong by the gate's problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from idp.kernel.errors import FieldError, UserFault
from portal.forms.environment_draft import Contracts, Draft, DraftResource, errors_at, offers
from portal.forms.schema_form import fields
from portal.forms.schema_inputs import Drawing, Input, Option, Row, every, html_id, own_slots


@dataclass(frozen=True, slots=True)
class ResourceForm:
    """One resource as it is drawn. ``to_fix`` counts what is wrong, ``to_fill`` what is only not given yet."""

    key: str
    name: str
    capability: str
    contract: str
    icon: str
    kept: bool
    inputs: tuple[Input, ...] = ()
    components: tuple[Option, ...] = ()
    error: str = ""
    name_error: str = ""
    component_error: str = ""
    versions: tuple[Option, ...] = ()
    summary: str = ""
    to_fix: int = 0
    to_fill: int = 0
    open: bool = False
    focus: bool = False
    origin: str = ""

    @property
    def id(self) -> str:
        return f"r-{self.key}"

    @property
    def name_id(self) -> str:
        return f"r-{self.key}-name"

    @property
    def component_id(self) -> str:
        return f"r-{self.key}-component"

    @property
    def usual(self) -> tuple[Input, ...]:
        return tuple(one for one in self.inputs if not one.folded)

    @property
    def advanced(self) -> tuple[Input, ...]:
        """What is folded away: seldom needed, and nothing is wrong with it."""
        return tuple(one for one in self.inputs if one.folded)

    @property
    def invalid(self) -> bool:
        return bool(self.to_fix)

    @property
    def to_fix_words(self) -> str:
        return f"{self.to_fix} field to fix" if self.to_fix == 1 else f"{self.to_fix} fields to fix"

    @property
    def to_fill_words(self) -> str:
        return f"{self.to_fill} field to fill" if self.to_fill == 1 else f"{self.to_fill} fields to fill"

    @property
    def slots(self) -> tuple[tuple[str, str], ...]:
        """Every place where an error can stand, as (id without its ending, message)."""
        own = [(self.id, self.error), (self.component_id, self.component_error)]
        if not self.kept:
            own.append((self.name_id, self.name_error))
        for one in every(self.inputs):
            own += own_slots(one)
        return tuple(own)

    @property
    def version_id(self) -> str:
        return f"r-{self.key}-version"


@dataclass(frozen=True, slots=True)
class Shown:
    """What surrounds the fields. ``strict``: somebody asked, so what is missing is an error too."""

    problems: Iterable[FieldError] = ()
    strict: bool = False
    components: Sequence[tuple[str, str]] = ()
    takes: Mapping[str, str] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    focus: str = ""
    versions: Callable[[str], Sequence[tuple[str, str]]] = field(default=lambda capability: ())
    """From ``web-service@1`` to the other ways to say which version, as (``web-service@1.0.0``, words)."""


def resource_forms(draft: Draft, contracts: Contracts, shown: Shown) -> tuple[ResourceForm, ...]:
    """All resources in the order of the draft. ``shown.takes`` says by name what a resource takes."""
    problems = (*draft.problems(), *shown.problems)
    errors = errors_at(draft, problems)
    return tuple(_resource_form(draft, one, contracts, errors.get(one.key, {}), shown) for one in draft.resources)


def draft_errors(draft: Draft, problems: Iterable[FieldError]) -> dict[str, str]:
    """The errors of the draft's own fields by name: name, stage, expires, base, resources."""
    return {path: sentence(message) for path, message in errors_at(draft, problems).get("", {}).items()}


def _resource_form(
    draft: Draft, one: DraftResource, contracts: Contracts, errors: Mapping[str, str], shown: Shown
) -> ResourceForm:
    bare = ResourceForm(
        key=one.key,
        name=one.name,
        capability=one.capability,
        contract=one.capability,
        icon="box",
        kept=one.kept,
        components=_components(one.component, shown.components),
        versions=_versions(one.capability, shown.versions(one.capability)),
        name_error=sentence(errors.get("name", "")),
        component_error=sentence(errors.get("component", "")),
        open=one.key in shown.open or one.key == shown.focus.partition(":")[0],
        focus=one.key == shown.focus,
    )
    if one.origin:
        return _borrowed_form(bare, one, errors)
    try:
        contract = contracts(one.capability)
    except UserFault as fault:
        kept = fields({}, one.inputs, Drawing(f"r.{one.key}"))
        return replace(bare, error=sentence(errors.get("capability", fault.message)), inputs=kept, to_fix=1, open=True)
    said = {path: sentence(message) for path, message in errors.items()}
    drawing = Drawing(f"r.{one.key}", said, offers(draft, contracts, without_key=one.key))
    inputs = tuple(_judged(part, shown.strict) for part in fields(contract.inputs, one.inputs, drawing))
    inputs = _focused(inputs, shown.focus.removeprefix(f"{one.key}:") if ":" in shown.focus else "")
    drawn = replace(bare, contract=f"{contract.capability} {contract.version}", icon=contract.icon, inputs=inputs)
    drawn = replace(drawn, error=_remaining(drawn, said))
    to_fix = sum(bool(message) for _, message in drawn.slots)
    to_fill = 0 if shown.strict else sum(part.missing for part in every(inputs))
    summary = " · ".join(part for part in (_gist(contract.inputs, one.inputs), shown.takes.get(one.name, "")) if part)
    return replace(drawn, to_fix=to_fix, to_fill=to_fill, summary=summary, open=drawn.open or to_fix + to_fill > 0)


def _borrowed_form(bare: ResourceForm, one: DraftResource, errors: Mapping[str, str]) -> ResourceForm:
    """Of what another environment lends there is nothing to fill in."""
    drawn = replace(bare, origin=one.origin, versions=(), icon="layers-linked", summary=f"Lent by {one.origin}")
    drawn = replace(drawn, error=_remaining(drawn, {path: sentence(message) for path, message in errors.items()}))
    to_fix = sum(bool(message) for _, message in drawn.slots)
    return replace(drawn, to_fix=to_fix, open=drawn.open or to_fix > 0)


def _judged(one: Input, strict: bool) -> Input:
    """What is missing is called an error only when somebody asked; then in words that name the field."""
    inner = tuple(_judged(part, strict) for part in one.inputs)
    rows = tuple(replace(row, inputs=tuple(_judged(part, strict) for part in row.inputs)) for row in one.rows)
    if not one.missing:
        return replace(one, inputs=inner, rows=rows)
    return replace(one, inputs=inner, rows=rows, error=f"{one.label} is required." if strict else "")


def _focused(inputs: tuple[Input, ...], place: str) -> tuple[Input, ...]:
    """The list or map at ``place`` with focus on one part of one of its rows (``inputs.env:2:value``), or on the
    button that adds one (``…:rest``)."""
    path, *where = place.split(":")
    if not path:
        return inputs
    return tuple(_with_focus(one, path, where) for one in inputs)


def _with_focus(one: Input, path: str, where: list[str]) -> Input:
    if one.path != path:
        rows = tuple(replace(row, inputs=_focused(row.inputs, ":".join([path, *where]))) for row in one.rows)
        return replace(one, inputs=_focused(one.inputs, ":".join([path, *where])), rows=rows)
    if len(where) != 2 or not (one.rows or one.entries):
        return replace(one, focus=True)
    at, part = int(where[0]), where[1]
    entries = tuple(replace(entry, focus=number == at) for number, entry in enumerate(one.entries))
    return replace(one, entries=entries, rows=tuple(_row_focus(row, part) if row.at == at else row for row in one.rows))


def _row_focus(row: Row, part: str) -> Row:
    """A button at the end of the way cannot be pressed any more, so its neighbour takes the focus."""
    if part in ("up", "down"):
        stuck = row.first if part == "up" else row.last
        return replace(row, focus={"up": "down", "down": "up"}[part] if stuck else part)
    first = next((number for number, inner in enumerate(row.inputs) if inner.kind != "hidden"), None)
    if first is None:
        return replace(row, focus=part)
    inner = tuple(replace(one, focus=True) if number == first else one for number, one in enumerate(row.inputs))
    return replace(row, inputs=inner)


def _versions(chosen: str, known: Sequence[tuple[str, str]]) -> tuple[Option, ...]:
    options = [Option(value, words, value == chosen) for value, words in known]
    if options and all(not option.selected for option in options):
        options.insert(0, Option(chosen, chosen.partition("@")[2] or "The newest", selected=True))
    return tuple(options) if len(options) > 1 else ()


def _components(chosen: str, known: Sequence[tuple[str, str]]) -> tuple[Option, ...]:
    if not known and not chosen:
        return ()
    options = [Option("", "None", not chosen), *(Option(slug, name, slug == chosen) for slug, name in known)]
    if chosen and all(slug != chosen for slug, _ in known):
        options.append(Option(chosen, chosen, selected=True))
    return tuple(options)


def _remaining(drawn: ResourceForm, said: Mapping[str, str]) -> str:
    """The first error that no field has a place for (an input that the contract does not know, say)."""
    every_input = list(every(drawn.inputs))
    placed = {"name", "component", *(one.path for one in every_input)}
    placed |= {f"{one.path}.{entry.key}" for one in every_input for entry in one.entries}
    placed |= {f"{one.path}.{row.at}" for one in every_input for row in one.rows}
    whole = tuple(f"{one.path}." for one in every_input if one.kind in ("lines", "checks", "data"))
    whole += tuple(f"{one.path}.{row.at}." for one in every_input for row in one.rows if row.data)
    rest = {one.path.removesuffix(".~rest") for one in every_input if one.path.endswith(".~rest") and one.error}
    left = (path for path in said if path not in placed and not path.startswith(whole or ("\0",)))
    return next((_with_path(path, said[path]) for path in left if path.rpartition(".")[0] not in rest), "")


def _with_path(path: str, message: str) -> str:
    name = path.removeprefix("inputs.")
    return f"{name}: {message[:1].lower()}{message[1:]}" if name and name != "inputs" else message


def _gist(schema: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """What tells one resource from another of its kind: its first required text, without registry and folders."""
    required = schema.get("required", ())
    for name in required:
        value = inputs.get(name)
        if isinstance(value, str) and value and "${" not in value:
            return value.rsplit("/", 1)[-1]
    return ""


def sentence(message: str) -> str:
    """A problem's words as a sentence: problems begin in lower case because a path may stand before them."""
    if not message:
        return ""
    return message[:1].upper() + message[1:] + ("" if message[-1] in ".?!" else ".")


def slot_id(name: str) -> str:
    """The id of a field of the draft itself; its error stands at ``<id>-error``."""
    return f"f-{html_id(name)}"
