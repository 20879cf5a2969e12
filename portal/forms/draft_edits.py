"""Edits of a draft that change its shape: add and remove resources and rows, begin from a link, take pasted YAML.

Called by the pages that make and edit environments. Pure but for the contracts that are handed in; wrong orders from
a browser change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from idp.kernel.documents import load_yaml
from idp.kernel.errors import InvalidInput, UserFault
from portal.forms.environment_draft import (
    Contracts,
    Draft,
    added,
    from_document,
    settled,
    without,
)
from portal.forms.row_edits import with_row, with_row_moved, without_row
from portal.forms.schema_values import Posted

if TYPE_CHECKING:
    from portal.reading.request_page import Surroundings


def edited(draft: Draft, do: str, contracts: Contracts, *, chosen: str = "") -> tuple[Draft, str]:
    """The draft after the order of one button, and where to look next: ``db``, or ``db:inputs.env:2:value`` for what
    of a row takes the focus, or ``db:inputs.env:rest`` when a row went; "" for nowhere.

    ``do`` is ``add:<capability>``, ``remove:<key>``, ``refresh``, ``row:<key>:<path>`` for a new row, or ``drop``,
    ``up`` or ``down`` with ``:<key>:<path>:<place>``. ``chosen`` is the capability for a bare ``add``, from the select
    that stands in for the picker without script.
    """
    verb, *words = do.split(":")
    if verb == "add":
        return _with_capability(settled(draft), (words or [chosen])[0] or chosen, contracts)
    if verb == "remove" and words:
        return settled(without(draft, words[0])), ""
    if verb == "row" and len(words) == 2:
        return _with_new_row(draft, words[0], words[1], contracts)
    if verb in _ROW_EDITS and len(words) == 3 and words[2].isdecimal() and len(words[2]) < 6:
        return _ROW_EDITS[verb](draft, words[0], words[1], int(words[2]))
    return (settled(draft), "") if verb == "refresh" else (draft, "")


def _with_new_row(draft: Draft, key: str, path: str, contracts: Contracts) -> tuple[Draft, str]:
    one = draft.resource(key)
    try:
        schema = contracts(one.capability).inputs if one else {}
    except UserFault:
        return draft, ""
    longer, place = with_row(draft, key, path, schema)
    return settled(longer), f"{_renamed(draft, key)}:{path}:{place}:value"


def _dropped(draft: Draft, key: str, path: str, place: int) -> tuple[Draft, str]:
    return settled(without_row(draft, key, path, place)), f"{_renamed(draft, key)}:{path}:rest"


def _moved_up(draft: Draft, key: str, path: str, place: int) -> tuple[Draft, str]:
    moved = settled(with_row_moved(draft, key, path, place, -1))
    return moved, f"{_renamed(draft, key)}:{path}:{max(place - 1, 0)}:up"


def _moved_down(draft: Draft, key: str, path: str, place: int) -> tuple[Draft, str]:
    moved = settled(with_row_moved(draft, key, path, place, 1))
    return moved, f"{_renamed(draft, key)}:{path}:{place + 1}:down"


_ROW_EDITS = {"drop": _dropped, "up": _moved_up, "down": _moved_down}


def _renamed(draft: Draft, key: str) -> str:
    """The key that the resource has once the draft is settled."""
    place = next((at for at, one in enumerate(draft.resources) if one.key == key), None)
    return key if place is None else settled(draft).resources[place].key


def _with_capability(
    draft: Draft, reference: str, contracts: Contracts, inputs: Mapping[str, Any] | None = None
) -> tuple[Draft, str]:
    try:
        contract = contracts(reference)
    except UserFault:
        return draft, ""
    longer = added(draft, contract, inputs)
    return longer, longer.resources[-1].key if len(longer.resources) > len(draft.resources) else ""


def first_draft(asked: Posted, around: Surroundings, contracts: Contracts, copied: Mapping[str, Any] | None) -> Draft:
    """The draft of a page that was just opened.

    The URL may name ``stage``, ``name``, several ``resource`` (or ``capability``, with ``example`` for its inputs).
    ``copied`` is the document of an environment to begin from; its versions are loosened to their majors.
    """
    wanted = str(asked.get("stage") or "")
    stage = next((one.name for one in around.stages if one.name == wanted), "")
    stage = stage or next((one.name for one in around.stages), "")
    draft = Draft(
        system=around.system.slug,
        name=str(asked.get("name") or "") or around.free_name(stage),
        stage=stage,
        reason=str(asked.get("reason") or ""),
    )
    if copied is not None:
        source = from_document(copied, system=draft.system)
        draft = replace(
            draft, resources=tuple(replace(one, capability=_loose(one.capability)) for one in source.resources)
        )
    example = str(asked.get("example") or "")
    for reference in (*asked.getlist("resource"), *asked.getlist("capability")):
        draft, _ = _with_capability(draft, str(reference), contracts, _example(contracts, str(reference), example))
    return draft


def _example(contracts: Contracts, reference: str, name: str) -> Mapping[str, Any] | None:
    if not name:
        return None
    try:
        contract: Any = contracts(reference)
    except UserFault:
        return None
    found = next((one for one in contract.examples if one.name == name), None)
    return None if found is None else {**contract.with_defaults(found.inputs)}


def _loose(reference: str) -> str:
    capability, _, version = reference.partition("@")
    return f"{capability}@{version.split('.', 1)[0]}" if version else capability


def pasted(text: str, draft: Draft, *, kept: frozenset[str] = frozenset()) -> Draft:
    """The draft that a pasted Environment document, or only its ``spec``, describes. InvalidInput with the line.

    System, base and reason stay those of the form, and so do name and stage where the text has none.
    """
    data = load_yaml(text).data
    if not isinstance(data, Mapping):
        raise InvalidInput(
            "This is not an environment.", remedy="Begin with “apiVersion: slipway.dev/v1”, or with “stage:”."
        )
    if data.get("kind", "Environment") != "Environment":
        raise InvalidInput(f"This is a {data['kind']}, not an Environment.", remedy="Paste an Environment document.")
    document = data if "spec" in data else {"spec": data}
    read = from_document(document, system=draft.system, base=draft.base, kept=kept)
    return replace(
        read,
        name=draft.name if draft.base is not None else read.name or draft.name,
        stage=draft.stage if draft.base is not None else read.stage or draft.stage,
        reason=draft.reason,
    )
