"""What the form of an environment shows: each resource of a draft with its fields, errors, and a line when closed.

Called by the pages that make and edit environments, for the whole form and for the swaps that follow each plan. Pure;
contracts are handed in by a function, and what is wrong by the gate's problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from idp.kernel.errors import FieldError, UserFault
from portal.forms.environment_draft import Contracts, Draft, DraftResource, errors_at, offers
from portal.forms.schema_form import Drawing, Input, Option, every, fields, html_id


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
    summary: str = ""
    to_fix: int = 0
    to_fill: int = 0
    open: bool = False
    focus: bool = False

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
        return tuple(one for one in self.inputs if not self._folded(one))

    @property
    def advanced(self) -> tuple[Input, ...]:
        """What is folded away: seldom needed, and nothing is wrong with it."""
        return tuple(one for one in self.inputs if self._folded(one))

    @staticmethod
    def _folded(one: Input) -> bool:
        return one.advanced and not any(part.error for part in every([one]))

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
            own.append((one.id, one.error))
            own += [(entry.id, entry.error) for entry in one.entries]
        return tuple(own)


@dataclass(frozen=True, slots=True)
class Shown:
    """What surrounds the fields. ``strict``: somebody asked, so what is missing is an error too."""

    problems: Iterable[FieldError] = ()
    strict: bool = False
    components: Sequence[tuple[str, str]] = ()
    takes: Mapping[str, str] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    focus: str = ""


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
        name_error=sentence(errors.get("name", "")),
        component_error=sentence(errors.get("component", "")),
        open=one.key in shown.open or one.key == shown.focus.partition(":")[0],
        focus=one.key == shown.focus,
    )
    try:
        contract = contracts(one.capability)
    except UserFault as fault:
        return replace(bare, error=sentence(errors.get("capability", fault.message)), to_fix=1, open=True)
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


def _judged(one: Input, strict: bool) -> Input:
    """What is missing is called an error only when somebody asked; then in words that name the field."""
    inner = tuple(_judged(part, strict) for part in one.inputs)
    if not one.missing:
        return replace(one, inputs=inner)
    return replace(one, inputs=inner, error=f"{one.label} is required." if strict else "")


def _focused(inputs: tuple[Input, ...], place: str) -> tuple[Input, ...]:
    """The map at ``place`` with focus on its newest row, or on the button that adds one (``…:rest``)."""
    path, _, rest = place.partition(":")
    return tuple(_with_focus(one, bool(rest)) if path and one.path == path else one for one in inputs)


def _with_focus(one: Input, on_button: bool) -> Input:
    if on_button or not one.entries:
        return replace(one, focus=True)
    return replace(one, entries=(*one.entries[:-1], replace(one.entries[-1], focus=True)))


def _components(chosen: str, known: Sequence[tuple[str, str]]) -> tuple[Option, ...]:
    if not known and not chosen:
        return ()
    options = [Option("", "None", not chosen), *(Option(slug, name, slug == chosen) for slug, name in known)]
    if chosen and all(slug != chosen for slug, _ in known):
        options.append(Option(chosen, chosen, selected=True))
    return tuple(options)


def _remaining(drawn: ResourceForm, said: Mapping[str, str]) -> str:
    """The first error that no field has a place for (an input that the contract does not know, say)."""
    placed = {"name", "component", *(one.path for one in every(drawn.inputs))}
    placed |= {f"{one.path}.{entry.key}" for one in every(drawn.inputs) for entry in one.entries}
    inside = tuple(f"{one.path}." for one in every(drawn.inputs) if one.kind in ("list", "data"))
    left = (path for path in said if path not in placed and not path.startswith(inside or ("\0",)))
    return next((_with_path(path, said[path]) for path in left), "")


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
