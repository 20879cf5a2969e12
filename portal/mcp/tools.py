"""What an agent can call: one table. There is no tool to approve, reject, comment or administer, and none is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from jsonschema import Draft202012Validator

from idp.kernel.errors import FieldError
from portal.mcp import asking, reading, schemas
from portal.mcp.schemas import Schema, gives, takes
from portal.mcp.session import Call

Run = Callable[[Call, dict[str, Any]], dict[str, Any]]
MOST_ERRORS: Final = 10
OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "starts": "It would start at once.",
        "waits": "It would wait for people.",
        "denied": "It would be denied.",
        "invalid": "It cannot be asked for like this.",
        "nothing": "It would change nothing.",
    }
)


@dataclass(frozen=True, slots=True)
class Tool:
    """``takes`` and ``gives`` are JSON Schemas. ``changes``: it may lead to a change, named by ``change_id``."""

    name: str
    title: str
    about: str
    takes: Schema
    gives: Schema
    run: Run
    reads: bool = True
    destroys: bool = False
    changes: bool = False

    def tells(self, found: Mapping[str, Any]) -> str:
        """What came of a call, in a few words, for its session."""
        if self.changes:
            return f"Change #{found['change_id']} is {found['state']}."
        if "outcome" in found:
            return found["refusal"] or OUTCOMES[found["outcome"]]
        return f"{len(found['items'])} found." if isinstance(found.get("items"), list) else ""


_TOOLS: Final = (
    Tool(
        "list_systems",
        "List systems",
        "The systems that you may see, by name, with their teams.",
        takes(more={"query": schemas.QUERY, **schemas.PAGED}),
        schemas.PAGE,
        reading.list_systems,
    ),
    Tool(
        "get_system",
        "Read a system",
        "One system with its components and environments.",
        takes({"system": schemas.SYSTEM}),
        gives({"name": {"type": "string"}, "environments": {"type": "array"}}),
        reading.get_system,
    ),
    Tool(
        "list_environments",
        "List environments",
        "Living environments, last changed first, with state, revision, cost and expiry.",
        takes(
            more={
                "system": schemas.SYSTEM,
                "stage": schemas.STAGE,
                "state": schemas.ENVIRONMENT_STATE,
                "query": schemas.QUERY,
                **schemas.PAGED,
            }
        ),
        schemas.PAGE,
        reading.list_environments,
    ),
    Tool(
        "get_environment",
        "Read an environment",
        "One environment: its resources with states, messages and outputs (never secrets), and the document to edit "
        "for an update.",
        takes({"system": schemas.SYSTEM, "environment": schemas.ENVIRONMENT}),
        gives({"system": {"type": "string"}, "name": {"type": "string"}, "document": {"type": ["object", "null"]}}),
        reading.get_environment,
    ),
    Tool(
        "list_capabilities",
        "List capabilities",
        "What environments can be made of, such as web-service and postgres.",
        takes(more=schemas.PAGED),
        schemas.PAGE,
        reading.list_capabilities,
    ),
    Tool(
        "get_contract",
        "Read a contract",
        "The inputs (JSON Schema) and outputs of one version of a capability, and which versions there are.",
        takes(
            {"capability": schemas.text("Name of the capability.", most=64)},
            {"version": schemas.text("Exact version; the usual one where it is left out.", most=64)},
        ),
        gives({"capability": {"type": "string"}, "version": {"type": "string"}, "inputs": {"type": "object"}}),
        reading.get_contract,
    ),
    Tool(
        "list_changes",
        "List changes",
        "Changes, newest first. “mine” leaves those that you asked for yourself.",
        takes(
            more={
                "state": schemas.CHANGE_STATE,
                "system": schemas.SYSTEM,
                "query": schemas.QUERY,
                "mine": {"type": "boolean"},
                **schemas.PAGED,
            }
        ),
        schemas.PAGE,
        reading.list_changes,
    ),
    Tool(
        "get_change",
        "Read a change",
        "One change: what it does, what rules say, who must sign or agree, what people wrote, and its runs.",
        takes({"change": schemas.NUMBER}),
        gives({"id": {"type": "integer"}, "state": {"type": "string"}, "approvals": {"type": "array"}}),
        reading.get_change,
    ),
    Tool(
        "get_run",
        "Read a run",
        "How a change is carried out, step by step; where it failed why, in plain words, and what to do.",
        takes({"run": schemas.NUMBER}),
        gives({"id": {"type": "integer"}, "state": {"type": "string"}, "steps": {"type": "array"}}),
        reading.get_run,
    ),
    Tool(
        "search",
        "Search",
        "Systems, components, environments, resources, capabilities, changes, runs, policies, teams and guides.",
        takes(
            {"query": schemas.text("What to look for.", most=100)},
            {
                "kind": schemas.text(
                    "Only things of this kind.", one_of=tuple(k for k in reading.KINDS if k != "person")
                )
            },
        ),
        gives({"items": {"type": "array"}, "instead": {"type": "string"}}),
        reading.search,
    ),
    Tool(
        "plan",
        "Plan a change",
        "What a change would do: resources, cost, rules, quota, who must sign and agree, and whether it fits your cap. "
        "It changes nothing. Its plan_digest can be submitted for 15 minutes.",
        schemas.PLAN,
        schemas.PLANNED,
        asking.plan,
    ),
    Tool(
        "submit_change",
        "Ask for a change",
        "Ask for exactly what “plan” showed. It starts, or waits for people to sign and agree; tell them its url.",
        schemas.SUBMIT,
        schemas.SUBMITTED,
        asking.submit_change,
        reads=False,
        destroys=True,
        changes=True,
    ),
)
TOOLS: Final[Mapping[str, Tool]] = MappingProxyType({tool.name: tool for tool in _TOOLS})


def argument_errors(tool: Tool, arguments: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with the arguments of a call, by path."""
    found = Draft202012Validator(tool.takes).iter_errors(arguments)
    errors = sorted(found, key=lambda error: [str(part) for part in error.absolute_path])
    return [
        FieldError(".".join(str(part) for part in error.absolute_path), f"{error.message[:200]}.")
        for error in errors[:MOST_ERRORS]
    ]
