"""What is suggested for an input whose contract says ``x-options``: components, images, outputs, or a list of our API.

Read by the page that browsers ask while somebody types. Reads only, within the reader's rights; suggestions are never
more than that, and another value may be typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.http import HttpRequest

from governance.access import Rights, visible
from idp.catalog.models import Component
from portal.forms.environment_draft import Contracts, Draft, DraftResource, offers
from portal.forms.schema_inputs import Drawing, Option
from portal.forms.schema_kinds import SCALARS
from portal.reading.own_api import api_items
from provisioning.domain.form_hints import Source, source_of
from provisioning.domain.schema import Schema, at
from provisioning.models import Environment

MOST: Final = 50
ENVIRONMENTS_READ: Final = 60


def suggestions(request: HttpRequest, draft: Draft, contracts: Contracts, key: str, path: str) -> list[Option]:
    """What may stand at ``path`` (``inputs.mounts.1.claim``) of the resource ``key``. Raises UserFault for an unknown
    capability; anything else that does not fit has no suggestions."""
    one = draft.resource(key)
    if one is None:
        return []
    schema = _schema_at(contracts(one.capability).inputs, path, one.inputs)
    source = source_of(schema)
    if source is None:
        return []
    rights: Rights = request.rights  # type: ignore[attr-defined]
    if source.kind == "components":
        found: Iterable[Option] = _components(rights, draft.system)
    elif source.kind == "images":
        found = _images(rights, draft.system, one)
    elif source.kind == "outputs":
        found = _outputs(draft, contracts, key, schema, source)
    else:
        found = _from_api(request, source)
    typed = _typed(one.inputs, path).lower()
    wanted = [option for option in found if typed in f"{option.value} {option.label}".lower()]
    return wanted[:MOST]


def _schema_at(inputs: Schema, path: str, value: Mapping[str, Any]) -> Schema:
    """The schema of the field at ``path``; of a list or map that of its rows, as they share one list of suggestions."""
    schema = at(inputs, tuple(path.split(".")[1:]), value) or {}
    for keyword in ("items", "additionalProperties"):
        inner = schema.get(keyword)
        if "x-options" not in schema and isinstance(inner, Mapping):
            return inner
    return schema


def _typed(inputs: Mapping[str, Any], path: str) -> str:
    value: Any = inputs
    for step in path.split(".")[1:]:
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def _components(rights: Rights, system: str) -> Iterable[Option]:
    rows = visible(Component.objects.filter(system__slug=system), rights, "system").order_by("slug")
    return [Option(slug, name) for slug, name in rows.values_list("slug", "name")[:MOST]]


def _images(rights: Rights, system: str, one: DraftResource) -> Iterable[Option]:
    """Images that run somewhere the reader may see, those of the same system and component first."""
    rows = visible(Environment.objects.filter(deleted_at=None, desired__isnull=False), rights, "system")
    rows = rows.select_related("system", "desired").order_by("-changed_at", "-pk")
    own = list(rows.filter(system__slug=system)[:ENVIRONMENTS_READ])
    others = list(rows.exclude(system__slug=system)[:ENVIRONMENTS_READ]) if not own else []
    seen: dict[str, tuple[int, str]] = {}
    for environment in (*own, *others):
        for name, resource in environment.desired.document["resources"].items():  # type: ignore[union-attr]
            image = resource["inputs"].get("image")
            if not isinstance(image, str) or "${" in image:
                continue
            far = (resource["capability"] != one.capability.partition("@")[0]) + 2 * (
                bool(one.component) and resource["component"] != one.component
            )
            place = f"{environment.system.slug} / {environment.name}, {name}"
            seen.setdefault(image, (far, place))
    ranked = sorted(seen.items(), key=lambda item: item[1][0])
    return [Option(image, place) for image, (_, place) in ranked]


def _outputs(draft: Draft, contracts: Contracts, key: str, schema: Schema, source: Source) -> Iterable[Option]:
    offered = Drawing("", offers=offers(draft, contracts, without_key=key))
    types = SCALARS if schema.get("type") == "string" else frozenset({str(schema.get("type"))})
    fitting = offered.offers_for(secrets=bool(schema.get("x-secret")), types=types, source=source)
    return [Option(one.expression, one.label) for one in fitting]


def _from_api(request: HttpRequest, source: Source) -> Iterable[Option]:
    found = [
        (str(item.get(source.value, "")), str(item.get("title") or item.get("name") or ""))
        for item in api_items(request, source.path)
    ]
    return [Option(value, "" if words == value else words) for value, words in found if value]
