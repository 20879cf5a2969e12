"""What a hostile or broken name server answers, for tests of outgoing calls.

Only ``idp.kernel.outbound`` is told so: the resolver of the process stays as it is, because other threads of the same
worker (the node of the control plane, live servers) look up names meanwhile.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from idp.kernel import outbound


def asks(monkeypatch: pytest.MonkeyPatch, getaddrinfo: Callable[..., list[Any]]) -> None:
    """Let outgoing calls ask ``getaddrinfo`` instead of the resolver."""
    monkeypatch.setattr(outbound, "socket", SimpleNamespace(**{**vars(socket), "getaddrinfo": getaddrinfo}))


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Make every name lead to these addresses."""

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    asks(monkeypatch, getaddrinfo)
