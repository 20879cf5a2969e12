"""Backstage software templates (``scaffolder.backstage.io/v1beta3``), generated from contracts.

One for each capability, one for a new environment, one for a promotion. Each asks our API through Backstage's proxy and
then waits for the change; or, with ``proxy`` None, has the action of our own backend module (``deploy/backstage``) do
both. Called by the API. Pure: contracts and stages are arguments.

The steps are Nunjucks text, so nothing of a contract ever goes into a step but the capability's name, which is a slug.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from provisioning.domain.contract import Contract
from provisioning.domain.document_schemas import NAME_PATTERN
from provisioning.domain.form_hints import hint_of

API_VERSION: Final = "scaffolder.backstage.io/v1beta3"
ACTION: Final = "http:backstage:request"
OWN_ACTION: Final = "slipway:change:ask"
ON_BEHALF: Final = "slipway-on-behalf-of"
CHANGES: Final = "changes/"
WAIT_SECONDS: Final = 50
"""What one call waits at most: an answer must come before proxies on the way give up."""

WAITS: Final = 12
"""Calls that wait, one after another, as our own action does: ten minutes in all."""

WIDGETS: Final = {"textarea": "textarea", "code": "textarea", "select": "select", "switch": "checkbox"}
"""Widgets of ours that the scaffolder has as well, by its names."""

LONG_TEXT: Final = 1_000
"""A text that may be longer gets a larger field."""

_KEPT: Final = frozenset(
    """type title description enum const default examples minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
    minLength maxLength pattern minItems maxItems uniqueItems required additionalProperties minProperties maxProperties
    format""".split()  # noqa: SIM905 - words read better than a list
)
_PERSON: Final = "${{ user.ref or '?' }}"
"""Whoever runs it, with the namespace. Never nothing: Backstage leaves a header out that has no value, and the proxy's
token would then ask in its own name."""


def capability_template(contract: Contract, *, proxy: str | None) -> dict[str, Any]:
    """The template that adds a resource of the contract's capability to an environment that is there."""
    major = contract.version.partition(".")[0]
    inputs = form_of(contract.inputs)
    pages = [
        _page("Where", _where(name=True), ("system", "environment", "name")),
        {
            "title": contract.title,
            "required": ["inputs"],
            "properties": {"inputs": {**inputs, "title": f"{contract.title}, {contract.version}"}},
        },
        _page("Why", {"reason": _REASON}, ()),
    ]
    path = "environments/${{ parameters.system }}/${{ parameters.environment }}/resources/"
    body = {
        "name": "${{ parameters.name }}",
        "capability": f"{contract.capability}@{major}",
        "inputs": "${{ parameters.inputs }}",
        "reason": "${{ parameters.reason }}",
    }
    return _template(
        f"slipway-{contract.capability}",
        contract.title,
        contract.summary,
        pages,
        _steps(path, body, proxy),
        owner=contract.owner,
        tags=[contract.category],
    )


def environment_template(stages: Sequence[str], *, proxy: str | None, owner: str) -> dict[str, Any]:
    """The template that makes an environment: empty, or as a copy of another of its system."""
    where = _where(name=False)
    where["environment"] = {**where["environment"], "title": "Name of the new environment"}
    copied = {**_name("Copy of", "staging"), "description": "Left empty, the new environment begins with nothing."}
    pages = [
        _page(
            "What",
            {**where, "stage": _choice("Stage", stages), "from": copied},
            ("system", "environment", "stage"),
        ),
        _page("Why", {"reason": _REASON}, ()),
    ]
    body = {
        "kind": "create",
        "system": "${{ parameters.system }}",
        "environment": "${{ parameters.environment }}",
        "from": "${{ parameters.from }}",
        "spec": {"stage": "${{ parameters.stage }}", "resources": {}},
        "reason": "${{ parameters.reason }}",
    }
    told = "A new environment, empty or with the resources of another one of its system. Data is not copied."
    return _template(
        "slipway-new-environment", "New environment", told, pages, _steps(CHANGES, body, proxy), owner=owner
    )


def promotion_template(*, proxy: str | None, owner: str) -> dict[str, Any]:
    """The template that brings an environment to what runs in another one of its system."""
    pages = [
        _page(
            "What",
            {
                "system": _name("System", "checkout"),
                "from": _name("From", "staging"),
                "environment": _name("To", "production"),
            },
            ("system", "from", "environment"),
        ),
        _page("Why", {"reason": _REASON}, ()),
    ]
    body = {
        "kind": "promote",
        "system": "${{ parameters.system }}",
        "environment": "${{ parameters.environment }}",
        "from": "${{ parameters.from }}",
        "reason": "${{ parameters.reason }}",
    }
    told = "Takes what runs in one environment to the next stage, with the same versions."
    return _template("slipway-promote", "Promote", told, pages, _steps(CHANGES, body, proxy), owner=owner)


def form_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A contract's schema as the scaffolder draws it: standard words stay, our hints become ``ui:`` ones."""
    made = {key: value for key, value in schema.items() if key in _KEPT}
    if unit := hint_of(schema).unit:
        made["title"] = f"{schema.get('title', 'Amount')} ({unit})"
    if labels := schema.get("x-labels"):
        made["enumNames"] = [_label(one, labels) for one in schema.get("enum", [])]
    made |= _hints(schema)
    if isinstance(schema.get("additionalProperties"), Mapping):
        made["additionalProperties"] = form_of(schema["additionalProperties"])
    if isinstance(schema.get("items"), Mapping):
        made["items"] = form_of(schema["items"])
    if properties := schema.get("properties"):
        made["properties"] = {name: form_of(one) for name, one in properties.items()}
        made["ui:order"] = [*sorted(properties, key=lambda name: _place(properties[name])), "*"]
    return made


def _hints(schema: Mapping[str, Any]) -> dict[str, Any]:
    hint, hints = hint_of(schema), dict[str, Any]()
    is_text = schema.get("type") == "string" and "enum" not in schema
    if hint.placeholder:
        hints["ui:placeholder"] = hint.placeholder
    if hint.widget in WIDGETS:
        hints["ui:widget"] = WIDGETS[hint.widget]
    elif is_text and schema.get("maxLength", 0) > LONG_TEXT:
        hints["ui:widget"] = "textarea"
    elif schema.get("type") == "boolean":
        hints["ui:widget"] = "checkbox"
    if message := schema.get("x-message"):
        hints["ui:help"] = f"It {message}."
    if hint.help:
        hints["ui:help"] = hint.help
    return hints


def _label(value: Any, labels: Mapping[str, str]) -> str:
    label = labels.get(str(value))
    return f"{value}: {label}" if label else str(value)


def _place(schema: Mapping[str, Any]) -> tuple[bool, int]:
    """What is seldom needed comes last."""
    hint = hint_of(schema)
    return hint.advanced, 1_000 if hint.order is None else hint.order


def _where(*, name: bool) -> dict[str, Any]:
    fields = {"system": _name("System", "checkout"), "environment": _name("Environment", "staging")}
    return {**fields, "name": _name("Name of the resource", "db")} if name else fields


def _name(title: str, placeholder: str) -> dict[str, Any]:
    return {"type": "string", "title": title, "pattern": NAME_PATTERN, "maxLength": 31, "ui:placeholder": placeholder}


def _choice(title: str, values: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "title": title, "enum": list(values)}


_REASON: Final = {
    "type": "string",
    "title": "Reason",
    "description": "The people who decide read it.",
    "maxLength": 4_000,
    "default": "",
    "ui:widget": "textarea",
}


def _page(title: str, properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {"title": title, **({"required": list(required)} if required else {}), "properties": dict(properties)}


def _steps(path: str, body: Mapping[str, Any], proxy: str | None) -> list[dict[str, Any]]:
    """One call that asks, those that wait until the change is over or waits for people, and one that says how it is.

    A step that is skipped leaves nothing behind: the one after it finds no state and is skipped too, and what is shown
    at the end is read from the last, which always runs.
    """
    if proxy is None:
        return [{"id": "told", "name": "Ask and wait", "action": OWN_ACTION, "input": _own_input(path, body)}]
    root = f"/proxy/{proxy}/api/v1/"
    headers = {"content-type": "application/json", ON_BEHALF: _PERSON}
    asking = {"method": "POST", "path": f"{root}{path}", "headers": headers, "body": dict(body)}
    waits = [_wait(root, number) for number in range(1, WAITS + 1)]
    return [
        {"id": "ask", "name": "Ask for it", "action": ACTION, "input": asking},
        *waits,
        {"id": "told", "name": "Say how it went", "action": ACTION, "input": _look(root, "must=succeed")},
    ]


def _wait(root: str, number: int) -> dict[str, Any]:
    """One call that waits; each but the first only where the one before it saw the change under way."""
    step = {"id": f"wait{number}", "name": "Wait for it", "action": ACTION}
    if number > 1:
        step["name"] = "Wait on"
        step["if"] = f"${{{{ steps.wait{number - 1}.output.body.state in ['approved', 'running'] }}}}"
    return {**step, "input": _look(root, f"wait={WAIT_SECONDS}&must=succeed")}


def _look(root: str, query: str) -> dict[str, Any]:
    """The action looks at the status alone: must=succeed answers any other end with one by which the task fails too."""
    path = f"{root}backstage/changes/${{{{ steps.ask.output.body.id }}}}?{query}"
    return {"method": "GET", "path": path, "headers": {ON_BEHALF: _PERSON}}


def _own_input(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What our own action takes: a change as it is, or the one more resource beside where it goes."""
    if path == CHANGES:
        return dict(body)
    where = {"system": "${{ parameters.system }}", "environment": "${{ parameters.environment }}"}
    resource = {key: value for key, value in body.items() if key != "reason"}
    return {**where, "resource": resource, "reason": body["reason"]}


def _template(
    name: str,
    title: str,
    about: str,
    pages: list[dict[str, Any]],
    steps: list[dict[str, Any]],
    *,
    owner: str,
    tags: Sequence[str] = (),
) -> dict[str, Any]:
    links = {"change": "The change", "run": "What it does", "environment": "The environment"}
    said = "steps.told.output" if steps[-1]["action"] == OWN_ACTION else "steps.told.output.body"
    return {
        "apiVersion": API_VERSION,
        "kind": "Template",
        "metadata": {"name": name, "title": title, "description": about, "tags": sorted({"slipway", *tags})},
        "spec": {
            "owner": f"group:default/{owner}",
            "type": "slipway",
            "parameters": pages,
            "steps": steps,
            "output": {
                "links": [{"title": text, "url": f"${{{{ {said}.links.{key} }}}}"} for key, text in links.items()],
                "text": [{"title": "Outcome", "content": f"${{{{ {said}.message }}}}"}],
            },
        },
    }
