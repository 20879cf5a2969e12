"""Values of rules: what their texts stand for, and how a value fits the input that it goes into. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from provisioning.domain.contract import Contract
from provisioning.domain.score.container import GIB, bytes_of
from provisioning.domain.score.placeholders import Placeholder, Reference, as_text, filled, parse

MISSING: Any = object()
"""What was not given."""

BROKEN: Any = object()
"""The value of what has a problem of its own already, so that nothing that reads it is told too."""

Look = Callable[[Placeholder], Any]
"""What a placeholder of a rule stands for; ``MISSING`` for what was not given."""


def inside(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        value = value.get(step, MISSING) if isinstance(value, Mapping) else MISSING
    return MISSING if value is None else value


def evaluated(text: str, look: Look) -> Any:
    """A rule's text. One whole placeholder keeps its type; in a longer text one that is missing makes all missing."""
    parts = parse(text)
    if len(parts) == 1 and isinstance(parts[0], Placeholder):
        return look(parts[0])
    values = [look(part) for part in parts if isinstance(part, Placeholder)]
    if any(value is MISSING for value in values):
        return MISSING
    if any(value is BROKEN for value in values):
        return BROKEN
    return filled(text, look)


def fitting(value: Any, schema: Mapping[str, Any], name: str) -> Any:
    """``value`` as its input takes it: ``"20"`` is 20 for a whole number, and ``10Gi`` is 10 for whole GiB."""
    wanted = schema.get("type")
    if wanted in ("integer", "number") and isinstance(value, str):
        if name.endswith("GiB") and (size := bytes_of(value)) is not None and not value.strip().isdigit():
            return math.ceil(size / GIB)
        return int(value) if value.strip().isdigit() and len(value) < 16 else value
    if wanted == "boolean" and value in ("true", "false"):
        return value == "true"
    if wanted == "string" and isinstance(value, (int, float)):
        return as_text(value)
    return value


def set_at(target: dict[str, Any], steps: Sequence[str], value: Any) -> None:
    *above, last = steps
    for step in above:
        target = target.setdefault(step, {})
    target[last] = value


def metadata_at(metadata: Mapping[str, Any], steps: Sequence[str], shown: str) -> Any:
    """What the metadata of a workload says at ``steps``; ValueError when there is nothing."""
    value: Any = metadata
    if not steps:
        raise ValueError(f"has “${{{shown}}}”, which must name a key of the metadata")
    for step in steps:
        if not isinstance(value, Mapping) or step not in value:
            raise ValueError(f"has “${{{shown}}}”, and the metadata has no such key")
        value = value[step]
    return value


def outputs_of(name: str, contract: Contract) -> Callable[[Sequence[str]], Any]:
    """The outputs of resource ``name``, as references."""

    def outputs(steps: Sequence[str]) -> Any:
        return Reference(f"resources.{name}.outputs.{'.'.join(steps)}", contract.is_secret(steps[0]))

    return outputs
