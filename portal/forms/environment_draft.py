"""The draft of an environment as it travels between browser and server: posted fields, URL, YAML, and back.

Called by the pages that make and edit environments. It translates only: what is right is said by the gate
(`change_plan`), and `FieldError` paths from there are brought back to the fields. It never touches the database;
contracts are handed in by a function.

Names of posted fields are fixed: ``r`` once for each resource with its key, then ``r.<key>.capability``,
``r.<key>.name``, ``r.<key>.component`` and ``r.<key>.inputs.<path>``, or ``r.<key>.from`` for what another environment
lends. A new resource may be renamed: its key stays until the form is drawn again, and references to the key follow to
the new name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from idp.kernel.errors import FieldError, UserFault
from portal.forms.schema_inputs import Output
from portal.forms.schema_values import Posted, asked_for, defaults, values

MOST_RESOURCES: Final = 40
RESOURCE_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")
ORIGIN: Final = ("system", "environment", "resource")
REFERENCE: Final = re.compile(r"(?<![\w.])resources\.([A-Za-z0-9_-]+)(?=\.)")


class ContractLike(Protocol):
    """What a form needs to know of a contract."""

    @property
    def capability(self) -> str: ...
    @property
    def version(self) -> Any: ...
    @property
    def title(self) -> str: ...
    @property
    def icon(self) -> str: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def outputs(self) -> Mapping[str, Any]: ...


Contracts = Callable[[str], ContractLike]
"""From ``postgres@1`` to its contract; raises a UserFault for one that does not exist."""


@dataclass(frozen=True, slots=True)
class DraftResource:
    """One resource of the draft. ``kept``: it exists already, so that another name would be another resource.

    ``origin``: ``system/environment/resource`` that lends it; then it has no inputs, and may name no capability.
    """

    key: str
    name: str
    capability: str
    component: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    kept: bool = False
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person has written so far. ``base`` is the revision that an edit began with; None makes a new one."""

    system: str
    name: str = ""
    stage: str = ""
    expires: str = ""
    reason: str = ""
    base: int | None = None
    resources: tuple[DraftResource, ...] = ()

    def resource(self, key: str) -> DraftResource | None:
        return next((one for one in self.resources if one.key == key), None)

    @property
    def names(self) -> dict[str, str]:
        """From key to the name in the spec. A name that two want goes to the first; the other keeps its key."""
        taken: dict[str, str] = {}
        for one in self.resources:
            wanted = one.name or one.key
            taken[one.key] = wanted if wanted not in taken.values() else one.key
        return taken

    def spec(self) -> dict[str, Any]:
        """The ``spec`` of the environment document that this draft asks for."""
        names = self.names
        spec: dict[str, Any] = {"stage": self.stage}
        if self.expires:
            spec["expires"] = self.expires
        spec["resources"] = {names[one.key]: _resource_spec(one, names) for one in self.resources}
        return spec

    def document(self) -> dict[str, Any]:
        """The whole environment document, as the API and a file take it."""
        return {
            "apiVersion": "slipway.dev/v1",
            "kind": "Environment",
            "metadata": {"system": self.system, "name": self.name},
            "spec": self.spec(),
        }

    def of(self, name: str, stage: str) -> Draft:
        """The draft for an environment that exists: its name and stage are not for the browser to say."""
        return replace(self, name=name, stage=stage)

    def problems(self) -> tuple[FieldError, ...]:
        """What the spec cannot show: two resources that want the same name."""
        seen: set[str] = set()
        found = []
        for one in self.resources:
            if one.name in seen:
                message = f"“{one.name}” is taken by the resource above. Give this one another name."
                found.append(FieldError(f"spec.resources.{one.key}.name", message))
            seen.add(one.name)
        return tuple(found)


def _resource_spec(one: DraftResource, names: Mapping[str, str]) -> dict[str, Any]:
    spec: dict[str, Any] = {"capability": one.capability} if one.capability or not one.origin else {}
    if one.component:
        spec["component"] = one.component
    if one.origin:
        return {**spec, "from": dict(zip(ORIGIN, one.origin.split("/"), strict=False))}
    spec["inputs"] = asked_for(_follow(dict(one.inputs), names))
    return spec


def _follow(value: Any, names: Mapping[str, str]) -> Any:
    """``value`` with references to renamed resources changed to their new names."""
    if isinstance(value, str) and "${" in value:
        return REFERENCE.sub(lambda found: f"resources.{names.get(found[1], found[1])}", value)
    if isinstance(value, Mapping):
        return {key: _follow(part, names) for key, part in value.items()}
    return [_follow(part, names) for part in value] if isinstance(value, list) else value


def settled(draft: Draft) -> Draft:
    """The draft with each key equal to its name, as it is drawn anew."""
    names = draft.names
    return replace(
        draft,
        resources=tuple(
            replace(one, key=_key(names[one.key]), name=one.name, inputs=_follow(dict(one.inputs), names))
            for one in draft.resources
        ),
    )


def _key(name: str) -> str:
    """A key that fits into the name of a field, also for a name that is not allowed."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)[:40] or "resource"


# --- reading --------------------------------------------------------------------------------------------------------


def from_post(posted: Posted, contracts: Contracts, *, system: str, kept: frozenset[str] = frozenset()) -> Draft:
    """The draft that a form posted. Unknown capabilities keep their place with no inputs, and the gate says so."""
    keys = dict.fromkeys(key for key in map(str, posted.getlist("r")) if KEY.match(key))
    return Draft(
        system=system,
        name=_word(posted, "name"),
        stage=_word(posted, "stage"),
        expires=_word(posted, "expires"),
        reason=str(posted.get("reason") or "").replace("\r\n", "\n").strip(),
        base=_number(posted.get("base")),
        resources=tuple(_posted_resource(posted, key, contracts, kept) for key in list(keys)[:MOST_RESOURCES]),
    )


def _posted_resource(posted: Posted, key: str, contracts: Contracts, kept: frozenset[str]) -> DraftResource:
    capability, origin = _word(posted, f"r.{key}.capability"), _word(posted, f"r.{key}.from")[:200]
    drawn = _word(posted, f"r.{key}.drawn") or capability  # another version may have been chosen since
    try:
        schema = contracts(drawn).inputs
    except UserFault:
        schema = {}
    inputs = {} if origin else values(schema, posted, f"r.{key}.inputs")
    return DraftResource(
        key=key,
        name=key if key in kept else _word(posted, f"r.{key}.name") or key,
        capability=capability,
        component=_word(posted, f"r.{key}.component"),
        inputs=inputs,
        kept=key in kept,
        origin=origin,
    )


def _word(posted: Posted, name: str) -> str:
    return str(posted.get(name) or "").strip()


def _number(text: Any) -> int | None:
    return int(str(text)) if re.fullmatch("[0-9]{1,9}", str(text or "")) else None


def from_document(
    document: Mapping[str, Any], *, system: str, base: int | None = None, kept: frozenset[str] = frozenset()
) -> Draft:
    """The draft of an environment document, whole or only what somebody has written so far. Raises nothing."""
    spec = _mapping(document.get("spec"))
    metadata = _mapping(document.get("metadata"))
    resources = _mapping(spec.get("resources"))
    return Draft(
        system=system,
        name=str(metadata.get("name") or ""),
        stage=str(spec.get("stage") or ""),
        expires=str(spec.get("expires") or ""),
        base=base,
        resources=tuple(
            _written_resource(str(name), _mapping(part), str(name) in kept)
            for name, part in list(resources.items())[:MOST_RESOURCES]
        ),
    )


def _written_resource(name: str, part: Mapping[str, Any], kept: bool) -> DraftResource:
    return DraftResource(
        key=_key(name),
        name=name,
        capability=str(part.get("capability") or ""),
        component=str(part.get("component") or ""),
        inputs=dict(_mapping(part.get("inputs"))),
        kept=kept,
        origin=_origin(part),
    )


def _origin(part: Mapping[str, Any]) -> str:
    written = part.get("from")
    return "/".join(str(written.get(key, "")) for key in ORIGIN) if isinstance(written, Mapping) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


# --- editing --------------------------------------------------------------------------------------------------------


def added(draft: Draft, contract: ContractLike, inputs: Mapping[str, Any] | None = None) -> Draft:
    """The draft with one more resource of ``contract``, named after it, with ``inputs`` or the schema's defaults."""
    if len(draft.resources) >= MOST_RESOURCES:
        return draft
    taken = {one.key for one in draft.resources} | {one.name for one in draft.resources}
    name = _free_name(contract.capability[:28], taken)
    given = defaults(contract.inputs) if inputs is None else dict(inputs)
    constraint = f"{contract.capability}@{major(contract)}"
    return replace(draft, resources=(*draft.resources, DraftResource(name, name, constraint, inputs=given)))


def major(contract: ContractLike) -> str:
    return str(contract.version).split(".", 1)[0]


def _free_name(wanted: str, taken: Iterable[str]) -> str:
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, MOST_RESOURCES + 2)))
    return next(name for name in names if name not in taken)


def without(draft: Draft, key: str) -> Draft:
    return replace(draft, resources=tuple(one for one in draft.resources if one.key != key))


# --- what resources offer each other, and where problems belong -----------------------------------------------------


def offers(draft: Draft, contracts: Contracts, *, without_key: str) -> tuple[Output, ...]:
    """The outputs of all other resources, as references to their names."""
    names = draft.names
    found: list[Output] = []
    for one in draft.resources:
        if one.key == without_key:
            continue
        try:
            contract = contracts(one.capability)
        except UserFault:
            continue
        found += _outputs(names[one.key], contract)
    return tuple(found)


def _outputs(name: str, contract: ContractLike) -> Iterable[Output]:
    """Each output, and the keys inside it; of a secret only the keys, as it cannot be handed on whole."""
    for key, schema in contract.outputs.items():
        secret = bool(schema.get("secret"))
        keys = _mapping(schema.get("properties"))
        if not (secret and keys):
            kind = str(schema.get("type", "string"))
            yield Output(
                f"${{resources.{name}.outputs.{key}}}", f"{name}.{key}", kind, secret, schema, contract.capability, key
            )
        for part, about in keys.items():
            kind = str(about.get("type", "string"))
            expression = f"${{resources.{name}.outputs.{key}.{part}}}"
            yield Output(expression, f"{name}.{key}.{part}", kind, secret, about, contract.capability, key)


def errors_at(draft: Draft, problems: Iterable[FieldError]) -> dict[str, dict[str, str]]:
    """Problems by place: ``""`` for the draft's own fields by their names, else by resource key and path in it.

    The first message at a path wins, because it is the one to mend first.
    """
    keys = {name: key for key, name in draft.names.items()}
    found: dict[str, dict[str, str]] = {}
    for problem in problems:
        parts = problem.path.split(".")
        if parts[:2] == ["spec", "resources"] and len(parts) > 2 and (keys.get(parts[2]) or draft.resource(parts[2])):
            key = keys.get(parts[2], parts[2])
            path = _in_the_form(draft.resource(key), parts[3:])
        else:
            key, path = "", parts[-1]
        found.setdefault(key, {}).setdefault(path, problem.message)
    return found


def _in_the_form(one: DraftResource | None, steps: list[str]) -> str:
    """The path of a problem with rows counted as the form does, which has rows that are still empty."""
    value: Any = one.inputs if one and steps[:1] == ["inputs"] else None
    placed = steps[:1]
    for step in steps[1:]:
        if isinstance(value, list) and step.isdecimal() and len(step) < 6:
            filled = [at for at, item in enumerate(value) if item is not None]
            at = filled[int(step)] if int(step) < len(filled) else int(step)
            value = value[at] if at < len(value) else None
            placed.append(str(at))
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
            placed.append(step)
    return ".".join(placed)
