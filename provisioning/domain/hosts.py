"""Host names: which ones objects ask for, and which claims cover one.

Called by what guards ownership of hosts. Pure. A claim is a host, or ``*.example.com`` for every name below it; the
most specific claim decides, so a name may belong to another than the domain around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST: Final = re.compile(rf"(?=.{{1,253}}$)(\*\.{_LABEL}|{_LABEL}\.{_LABEL})(\.{_LABEL})*")
HOST_RULE: Final = "Write a host name such as shop.example.com, or *.shop.example.com for every name below it."


def is_host(text: str) -> bool:
    """Whether ``text`` is a host that can be claimed: lower case, with a dot, at most 253 characters."""
    return HOST.fullmatch(text) is not None


def hosts_in(manifests: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Hosts whose traffic these objects would get, once each: those of Ingresses and of routes of the Gateway API."""
    return tuple(dict.fromkeys(host for one in manifests for host in _hosts_of(one)))


def routes(api_version: str, kind: str) -> bool:
    """Whether objects of this kind may ask for hosts."""
    group = api_version.partition("/")[0]
    if group == "networking.k8s.io":
        return kind == "Ingress"
    return group == "gateway.networking.k8s.io" and kind in ("HTTPRoute", "GRPCRoute", "TLSRoute")


def _hosts_of(manifest: Mapping[str, Any]) -> Iterator[str]:
    if not routes(manifest.get("apiVersion", ""), manifest.get("kind", "")):
        return
    spec = manifest.get("spec") or {}
    for rule in spec.get("rules") or []:
        if isinstance(rule, Mapping) and isinstance(rule.get("host"), str):
            yield rule["host"]
    for entry in spec.get("tls") or []:
        yield from (host for host in entry.get("hosts") or [] if isinstance(host, str))
    yield from (host for host in spec.get("hostnames") or [] if isinstance(host, str))


def covering(host: str) -> list[str]:
    """Claims that would cover ``host``, most specific first.

    ``a.b.example.com`` is covered by itself, ``*.b.example.com``, ``*.example.com`` and ``*.com``; ``*.b.example.com``
    by itself and what is above it.
    """
    parts = host.removeprefix("*.").split(".")
    above = [f"*.{'.'.join(parts[cut:])}" for cut in range(1, len(parts))]
    own = [host] if not host.startswith("*.") else [f"*.{'.'.join(parts)}"]
    return [*own, *above]
