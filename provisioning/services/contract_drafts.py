"""A draft contract from what a project publishes: a CRD, or the schema of a Helm chart's values.

Called by ``manage.py contract draft``, by the API and by the page that publishes. Stores nothing and asks nobody: the
text is read with limits, the draft is made by ``provisioning.domain.contract_draft`` and goes through the checks that
publishing makes, so that what is left to do is known at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from idp.kernel.documents import MAX_BYTES, load_all_yaml
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.contract import parse_contract
from provisioning.domain.contract_checks import check_contract
from provisioning.domain.contract_draft import Decision, Draft, Naming, require_naming
from provisioning.domain.contract_draft_crd import draft_from_crd
from provisioning.domain.contract_draft_values import FLUX, Chart, draft_from_values
from provisioning.domain.custom_kinds import kinds_of
from provisioning.services.definitions import judge_of

CRD: Final = "crd"
VALUES: Final = "values-schema"
ARTIFACTS: Final = (CRD, VALUES)


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """What to draft from, and what the person knows already.

    ``kind`` chooses among several CRDs in one text, ``served`` among the versions of one; ``chart`` and ``release`` are
    for a values schema.
    """

    artifact: str
    text: str | bytes
    naming: Naming = field(default_factory=Naming)
    kind: str = ""
    served: str = ""
    chart: Chart = field(default_factory=Chart)
    release: str = FLUX
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True, slots=True)
class Drafted:
    """``text`` is the contract as YAML. ``problems`` keep it from being published as it stands."""

    text: str
    document: Mapping[str, Any]
    decisions: tuple[Decision, ...]
    problems: tuple[FieldError, ...]

    @property
    def reference(self) -> str:
        metadata = self.document["metadata"]
        return f"{metadata['capability']} {metadata['version']}"


def contract_draft(asked: DraftRequest) -> Drafted:
    """The draft; InvalidInput when the text is not such an artifact, or not one to rely on."""
    require_naming(asked.naming)
    if asked.artifact == CRD:
        draft = draft_from_crd(_definition(asked), asked.naming, served=asked.served)
    elif asked.artifact == VALUES:
        draft = draft_from_values(_values_schema(asked), asked.naming, chart=asked.chart, release=asked.release)
    else:
        raise InvalidInput(
            "The artifact was not understood.", errors=[FieldError("artifact", f"Write {' or '.join(ARTIFACTS)}.")]
        )
    decisions = _must_first(draft.decisions)
    text = yaml.safe_dump(draft.document, sort_keys=False, allow_unicode=True, width=110)
    return Drafted(_head(decisions) + text, draft.document, decisions, tuple(_problems(draft)))


def _head(decisions: tuple[Decision, ...]) -> str:
    """What must be decided, as comments that go with the file."""
    lines = [f"# {one.path}: {one.message}." for one in decisions if one.must]
    return "\n".join(["# To decide before it is published:", *lines, ""]) if lines else ""


def _must_first(found: tuple[Decision, ...]) -> tuple[Decision, ...]:
    return tuple(sorted(found, key=lambda one: not one.must))


def _definition(asked: DraftRequest) -> Any:
    """The one CRD of the text, or the one of the kind that was named."""
    documents = [one.data for one in load_all_yaml(asked.text, max_bytes=asked.max_bytes)]
    found = [one for each in documents for one in _listed(each) if _is_crd(one)]
    kinds = [str(((one.get("spec") or {}).get("names") or {}).get("kind")) for one in found]
    if asked.kind:
        found = [one for one, kind in zip(found, kinds, strict=True) if kind == asked.kind]
    if len(found) == 1:
        return found[0]
    if not kinds:
        raise InvalidInput(
            "There is no CustomResourceDefinition in it.", remedy="Send the CRD as its project ships it."
        )
    message = f"Choose one of {', '.join(sorted(kinds)[:30])}"
    told = f"It has no kind {asked.kind[:60]}." if asked.kind else "It holds several kinds."
    raise InvalidInput(told, errors=[FieldError("kind", message)])


def _listed(document: Any) -> list[Any]:
    """The items of a ``kind: List``, else the document."""
    items = document.get("items") if isinstance(document, Mapping) else None
    return items if isinstance(items, list) else [document]


def _is_crd(document: Any) -> bool:
    return isinstance(document, Mapping) and document.get("kind") == "CustomResourceDefinition"


def _values_schema(asked: DraftRequest) -> Any:
    documents = load_all_yaml(asked.text, max_bytes=asked.max_bytes)
    if len(documents) != 1:
        raise InvalidInput("Send one schema at a time, as the chart's values.schema.json has it.")
    return documents[0].data


def _problems(draft: Draft) -> list[FieldError]:
    """What the publishing checks say, its own definition known."""
    more = {one.key: one for one in kinds_of(draft.definition)} if draft.definition is not None else {}
    try:
        contract = parse_contract(draft.document)
    except InvalidInput as error:
        return list(error.errors) or [FieldError("", error.message)]
    return check_contract(contract, validate_object=judge_of(more, ask_clusters=False))
