"""A contract before it is published, as its page shows it: findings by line, the form it makes, objects, differences.

Read by the page on which admins publish. Judges nothing by itself: the service says what stands against the draft.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from idp.kernel import clock
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, SlipwayError, UserFault
from portal.forms.schema_form import fields
from portal.forms.schema_inputs import Drawing, Input
from portal.reading.capability_cost import ANYWHERE
from portal.reading.version_history import Changed, told
from provisioning.domain.contract import Contract, nearest_line
from provisioning.domain.contract_checks import sample_inputs
from provisioning.domain.contract_source import read_source
from provisioning.domain.render import render
from provisioning.services.contract_drafts import Drafted
from provisioning.services.contract_preview import Preview, contract_preview

START: Final = """apiVersion: slipway.dev/v1
kind: Contract
metadata: {capability: my-capability, version: 1.0.0}
spec:
  title: What people read
  summary: What it is good for, in one sentence.
  owner: platform
  category: compute
  icon: box
  inputs:
    type: object
    additionalProperties: false
    properties:
      size: {type: integer, minimum: 1, maximum: 10, default: 1, title: Size}
  outputs:
    name: {type: string}
  objects:
    settings:
      manifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: "${resource.name}"}
        data: {size: "${string(inputs.size)}"}
  publish:
    name: "${resource.name}"
  usage: {cpu: 0}
  examples:
    - {name: small, inputs: {size: 1}}
"""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that stands against it, or that one should know. ``line`` is in the text that was sent."""

    path: str
    message: str
    line: int | None = None
    breaking: bool = True


@dataclass(frozen=True, slots=True)
class Objects:
    """What one example becomes, as YAML."""

    id: str
    name: str
    count: int
    yaml: str


@dataclass(frozen=True, slots=True)
class Draft:
    """``refused``: it cannot be published as it is. Without a contract there are findings only.

    ``is_sound``: it passes its own checks, so that it can be rendered, whatever stands against publishing it.
    """

    refused: bool
    is_sound: bool = False
    found: tuple[Found, ...] = ()
    reference: str = ""
    before: str = ""
    level: str = ""
    changes: tuple[Changed, ...] = ()
    form: tuple[Input, ...] = ()
    objects: tuple[Objects, ...] = ()
    moved: int = 0
    stuck: tuple[Found, ...] = ()


def draft_of(actor: Actor, text: str, *, capability: str = "") -> Draft:
    """The draft in ``text``, of ``capability`` where one is given. Raises Forbidden; every other fault is shown."""
    try:
        preview = contract_preview(actor, text=text, now=clock.now())
    except UserFault as error:
        if error.code == "forbidden":
            raise
        return Draft(refused=True, found=tuple(_found(error.errors)) or (Found("", error.message),))
    contract = preview.contract
    found = tuple(_found(preview.problems))
    if capability and contract.capability != capability:
        found = (Found("metadata.capability", f"Write {capability}: this page publishes its versions."), *found)
    if found:
        return Draft(refused=True, found=found, reference=contract.reference, form=_form(contract))
    return _sound(preview, _lines(text))


def _sound(preview: Preview, lines: Mapping[str, int]) -> Draft:
    """A draft that passes its own checks, beside the version that it follows."""
    contract, compatibility = preview.contract, preview.compatibility
    compared = compatibility.findings if compatibility else ()
    stuck = [
        Found(f"{one.resource} · {problem.path}", problem.message) for one in preview.mapped for problem in one.problems
    ]
    return Draft(
        refused=compatibility is not None and not compatibility.allowed,
        is_sound=True,
        found=tuple(
            Found(one.path, f"{one.sentence}.", nearest_line(lines, one.path), one.breaking) for one in compared
        ),
        reference=contract.reference,
        before=preview.before.version if preview.before else "",
        level=compatibility.level if compatibility else "",
        changes=told(preview.differences),
        form=_form(contract),
        objects=tuple(_objects(contract)),
        moved=len(preview.mapped),
        stuck=tuple(stuck),
    )


def refusal(error: SlipwayError, text: str) -> tuple[Found, ...]:
    """Why publishing was refused."""
    lines = _lines(text)
    named = [
        Found(one.path, one.message, one.line or nearest_line(lines, one.path), breaking=True) for one in error.errors
    ]
    return tuple(named) or (Found("", f"{error.message} {error.remedy}".strip()),)


@dataclass(frozen=True, slots=True)
class Decided:
    """Something that the artifact does not say, with the line of the draft that it is about."""

    path: str
    message: str
    must: bool
    line: int | None = None


def decisions(made: Drafted) -> list[Decided]:
    """What a person must decide in a draft, those without which it means nothing first."""
    lines = _lines(made.text)
    return [Decided(one.path, one.message, one.must, nearest_line(lines, one.path)) for one in made.decisions]


def as_text(document: Mapping[str, Any]) -> str:
    """A published document as text to go on from."""
    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=110)


def _lines(text: str) -> Mapping[str, int]:
    try:
        return read_source(text).lines
    except SlipwayError:
        return {}


def _found(errors: Iterable[FieldError]) -> list[Found]:
    return [Found(one.path, one.message, one.line) for one in errors]


def _form(contract: Contract) -> tuple[Input, ...]:
    """The fields with their defaults, as somebody who asks for it sees them first."""
    return fields(contract.inputs, contract.with_defaults({}), Drawing("preview"))


def _objects(contract: Contract) -> Iterable[Objects]:
    place = ANYWHERE.of("example", contract)
    for number, example in enumerate(contract.examples, 1):
        made = render(contract, sample_inputs(contract, example.inputs), place)
        text = yaml.safe_dump_all([dict(one.manifest) for one in made], sort_keys=False, allow_unicode=True, width=110)
        yield Objects(f"objects-{number}-yaml", example.title or example.name, len(made), text)
