"""What one request of an agent is about: who calls, in which session, and with which program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance.access import Rights, rights_of
from provisioning.models import AgentSession
from provisioning.services.agents import AgentCaller

CLIENT_INFO: Final = "io.modelcontextprotocol/clientInfo"


@dataclass(frozen=True, slots=True)
class Call:
    """Given along with an exchange, to whatever answers it."""

    caller: AgentCaller
    session: AgentSession
    request_id: str = ""

    @property
    def rights(self) -> Rights:
        """The owner's, narrowed, as they are now. One query."""
        return rights_of(self.caller.actor)


def begins(message: Mapping[str, Any]) -> bool:
    """Whether a client says hello, in the versions of the protocol that do."""
    return message.get("method") == "initialize"


def client_of(message: Mapping[str, Any], agent: str) -> str:
    """Name and version of the program that calls: what it says of itself, else what its HTTP library says."""
    params = message.get("params")
    if not isinstance(params, dict):
        return agent[:120]
    meta = params.get("_meta")
    info = params.get("clientInfo") if begins(message) else meta.get(CLIENT_INFO) if isinstance(meta, dict) else None
    if not isinstance(info, dict) or not isinstance(info.get("name"), str):
        return agent[:120]
    return f"{info['name'][:80]} {str(info.get('version', ''))[:30]}".strip()
