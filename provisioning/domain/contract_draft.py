"""A contract to begin with: made from what a project publishes about itself, with what a person must decide.

Called by ``contract_draft_crd`` and ``contract_draft_values``, and through them by the service behind
``manage.py contract draft``, the API and the page. A draft is a proposal: it never claims what it cannot know (what a
resource costs, who answers for it), it lists that as a decision instead. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.contract_draft_samples import sample
from provisioning.domain.document_schemas import API_VERSION, CAPABILITY_PATTERN
from provisioning.domain.schema import Schema

FIRST_VERSION: Final = "1.0.0"
OBJECT: Final = "main"
"""The id of a draft's one object."""
_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_LONGEST_SUMMARY: Final = 200


@dataclass(frozen=True, slots=True)
class Decision:
    """What the artifact does not say. ``path`` is in the draft; ``must``: it means nothing good as it stands.

    ``rule`` is stable and may be matched by programs; ``message`` says what to decide, for people.
    """

    path: str
    rule: str
    message: str
    must: bool = False


@dataclass(frozen=True, slots=True)
class Naming:
    """What the person said about the capability already; empty where the artifact's own name will do."""

    capability: str = ""
    version: str = FIRST_VERSION
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """``document`` is a contract as it is written. ``definition`` is the CRD of its object, None without one."""

    document: dict[str, Any]
    decisions: tuple[Decision, ...]
    definition: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a kind of artifact gives to a draft. ``manifest`` lacks its name, ``ready_when`` may be empty."""

    called: str
    summary: str
    category: str
    icon: str
    inputs: dict[str, Any]
    manifest: dict[str, Any]
    ready_when: str = ""
    outputs: Mapping[str, Schema] = field(default_factory=dict)
    publish: Mapping[str, Any] = field(default_factory=dict)


def assembled(parts: Parts, naming: Naming, found: Iterable[Decision]) -> Draft:
    """The contract of ``parts``, with the decisions that every draft needs after those that were ``found``."""
    example, unsure = sample(parts.inputs)
    decisions = [*found, *(_unsure(path) for path in unsure), *_always(naming)]
    document = {
        "apiVersion": API_VERSION,
        "kind": "Contract",
        "metadata": {"capability": naming.capability or slug_of(parts.called), "version": naming.version},
        "spec": _spec(parts, naming, example),
    }
    return Draft(document, tuple(dict.fromkeys(decisions)))


def _spec(parts: Parts, naming: Naming, example: Any) -> dict[str, Any]:
    metadata = {"name": "${resource.name}"}
    manifest = {key: parts.manifest[key] for key in ("apiVersion", "kind")} | {"metadata": metadata}
    manifest |= {key: value for key, value in parts.manifest.items() if key not in manifest}
    made: dict[str, Any] = {OBJECT: {"manifest": manifest}}
    if parts.ready_when:
        made[OBJECT] = {"readyWhen": parts.ready_when, "manifest": manifest}
    return {
        "title": title_of(parts.called)[:80],
        "summary": parts.summary,
        "owner": naming.owner or "platform",
        "category": parts.category,
        "icon": parts.icon,
        "state": "preview",
        "requires": {"apis": [{key: parts.manifest[key] for key in ("apiVersion", "kind")}]},
        "inputs": parts.inputs,
        "outputs": {"name": {"type": "string", "title": "Name"}, **parts.outputs},
        "objects": made,
        "publish": {"name": "${resource.name}", **parts.publish},
        "usage": {"cpu": 0, "memoryGiB": 0, "storageGiB": 0},
        "examples": [{"name": "small", "title": "The least that it takes", "inputs": example}],
    }


def _always(naming: Naming) -> Iterable[Decision]:
    yield Decision(
        "spec.usage",
        "usage",
        "Say what one of it takes, from its inputs: plans, quotas and prices count nothing as it stands",
        must=True,
    )
    if not naming.owner:
        yield Decision("spec.owner", "owner", "Name the team that answers for it", must=True)
    yield Decision("spec.summary", "summary", "Say in one sentence what teams get, in their words")
    yield Decision("spec.state", "state", "It begins as a preview, for teams that opt in; make it stable when it is")


def _unsure(path: str) -> Decision:
    where = "spec.examples.0.inputs" + (f".{path}" if path else "")
    return Decision(where, "example", "Write a value that works; nothing says what one looks like", must=True)


def require_naming(naming: Naming) -> None:
    """InvalidInput when the name that was given cannot be a capability's."""
    if naming.capability and not re.search(CAPABILITY_PATTERN, naming.capability):
        message = "must be 2 to 39 lower-case letters, digits and dashes, and begin with a letter"
        raise InvalidInput(
            f"“{naming.capability[:60]}” cannot be a capability's name.", errors=[FieldError("capability", message)]
        )


def slug_of(name: str) -> str:
    """``HTTPRoute`` as ``http-route``, at most 39 characters."""
    made = "-".join(word.lower() for word in _WORD.findall(name))[:39].strip("-")
    return made if re.search(CAPABILITY_PATTERN, made) else f"my-{made}"[:39].strip("-")


def title_of(name: str) -> str:
    """``secretName`` as ``Secret name``, ``HTTPRoute`` as ``HTTP route``."""
    words = [one if len(one) > 1 and one.isupper() else one.lower() for one in _WORD.findall(name)]
    text = " ".join(words) or name
    return text[:1].upper() + text[1:]


def first_sentence(text: str, most: int = _LONGEST_SUMMARY) -> str:
    """The first sentence of what a project says of itself, in one line, cut where it is long."""
    line = " ".join(text.split("\n\n", 1)[0].split())
    sentence = re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0]
    return sentence if len(sentence) <= most else sentence[: most - 1].rstrip() + "…"
