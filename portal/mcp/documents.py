"""What an agent can read by its address: capabilities and environments, as documents.

The tools of the same name answer them, with the same rights; ``server`` keeps each reading as it keeps a call. Nothing
is changed here.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import mcp_types as types
import yaml

from idp.kernel.errors import NotFound
from portal.mcp import reading
from portal.mcp.schemas import gives, takes, text
from portal.mcp.session import Call
from portal.mcp.tools import Tool
from provisioning.models import Capability
from provisioning.selectors.environments import environment_list

MEDIA: Final = "application/yaml"
MOST: Final = 100
_CAPABILITY: Final = re.compile(r"slipway://capabilities/([a-z0-9-]{1,64})(?:@(\d[\w.+-]{0,40}))?")
_ENVIRONMENT: Final = re.compile(r"slipway://environments/([a-z0-9-]{1,40})/([a-z0-9-]{1,40})")
TEMPLATES: Final = [
    types.ResourceTemplate(
        name="capability",
        title="A capability",
        uri_template="slipway://capabilities/{name}",
        description="The inputs (JSON Schema) and outputs of its usual version; {name}@{version} is an exact one.",
        mime_type=MEDIA,
    ),
    types.ResourceTemplate(
        name="environment",
        title="An environment",
        uri_template="slipway://environments/{system}/{name}",
        description="Its resources with states and outputs (never secrets), and the document to edit.",
        mime_type=MEDIA,
    ),
]


def listed(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    """The first of each kind; the templates tell how to read any other."""
    call.rights.require_scope("read")
    capabilities = Capability.objects.order_by("name")[:MOST]
    environments = environment_list(call.rights)[:MOST]
    found = [(f"slipway://capabilities/{one.name}", one.title) for one in capabilities]
    for one in environments:
        place = f"{one.system.slug}/{one.name}"
        found.append((f"slipway://environments/{place}", place))
    return {"items": [{"uri": uri, "name": name} for uri, name in found]}


def read(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    """What the tool of that kind answers; NotFound for what has another address or may not be seen."""
    if found := _CAPABILITY.fullmatch(given["uri"]):
        asked = {"capability": found[1], **({"version": found[2]} if found[2] else {})}
        return reading.get_contract(call, asked)
    if found := _ENVIRONMENT.fullmatch(given["uri"]):
        return reading.get_environment(call, {"system": found[1], "environment": found[2]})
    raise NotFound(
        "There is nothing to read at this address.",
        remedy=f"Read {' or '.join(one.uri_template for one in TEMPLATES)}.",
    )


def as_text(found: dict[str, Any]) -> str:
    """As YAML, with what JSON does not have as the texts that the tools tell."""
    plain = json.loads(json.dumps(found, ensure_ascii=False, default=str))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


LIST: Final = Tool("list_resources", "List what can be read", "", takes(), gives({"items": {"type": "array"}}), listed)
READ: Final = Tool(
    "read_resource", "Read by address", "", takes({"uri": text("Its address.", most=200)}), gives({}), read
)
