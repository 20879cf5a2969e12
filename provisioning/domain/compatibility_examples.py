"""Example inputs that an older contract accepted and a newer one refuses: made up, tried on both, and only then shown.

Called by ``compatibility``. Starts from the older contract's own examples, which are known to work, and puts one
telling value in its place.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from idp.kernel.errors import InvalidInput
from provisioning.domain.compatibility_schema import EACH, Narrowing, samples
from provisioning.domain.contract import Contract
from provisioning.domain.schema import Schema

HIDDEN = "(hidden)"
_TRIES = 40


def broken_by(narrowing: Narrowing, old: Contract, new: Contract) -> dict[str, Any] | None:
    """Inputs that ``old`` accepts and ``new`` refuses because of ``narrowing``; None when none is found."""
    for number, inputs in enumerate(_candidates(narrowing, old)):
        if number >= _TRIES:
            break
        if accepts(old, inputs) and not accepts(new, inputs):
            return inputs
    return None


def accepts(contract: Contract, inputs: Mapping[str, Any]) -> bool:
    """Whether a person could write ``inputs``."""
    try:
        return not contract.validate_inputs(contract.with_defaults(inputs))
    except InvalidInput:
        return False


def masked(value: Any, schema: Any) -> Any:
    """A copy of ``value`` in which plain text that stands where a secret may stand is not shown."""
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, str):
        return HIDDEN if schema.get("x-secret") and "${" not in value else value
    if isinstance(value, Mapping):
        inside = schema.get("properties") or {}
        return {key: masked(item, inside.get(key, schema.get("additionalProperties"))) for key, item in value.items()}
    return [masked(item, schema.get("items")) for item in value] if isinstance(value, list) else value


def _candidates(narrowing: Narrowing, old: Contract) -> Iterator[dict[str, Any]]:
    for example in old.examples:
        yield dict(example.inputs)
        # What could be left out, left out: shows that something became required.
        for key in example.inputs:
            yield {name: value for name, value in example.inputs.items() if name != key}
        for witness in narrowing.witnesses:
            yield _placed(example.inputs, old.inputs, narrowing.steps, witness)
    yield {}


def _placed(value: Any, schema: Any, steps: tuple[str, ...], witness: Any) -> Any:
    """A copy of ``value`` with ``witness`` at ``steps``; what lies between and is missing is made up."""
    if not steps:
        return witness
    step, *further = steps
    inner: Schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, list) or (value is None and inner.get("type") == "array"):
        items = list(value or [])
        below = _placed(items[0] if items else None, inner.get("items"), tuple(further), witness)
        return [below, *items[1:]]
    made = copy.deepcopy(dict(value)) if isinstance(value, Mapping) else _made(inner)
    key = _free_name(inner) if step == EACH else step
    child = (inner.get("properties") or {}).get(key, inner.get("additionalProperties"))
    made[key] = _placed(made.get(key), child, tuple(further), witness)
    return made


def _made(schema: Schema) -> dict[str, Any]:
    first: Any = next(iter(samples(schema)), None)
    return dict(first) if isinstance(first, Mapping) else {}


def _free_name(schema: Schema) -> str:
    names = schema.get("propertyNames")
    given = samples(names)[0] if isinstance(names, Mapping) else "KEY"
    return str(given) if given not in (schema.get("properties") or {}) else f"{given}2"
