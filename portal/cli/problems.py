"""Turns what an installation answers when it says no into a ``Fault`` in words. Pure but for reading the response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from .exits import DENIED, ERROR, Fault

DENIALS: Final = frozenset({"denied-by-policy", "over-quota", "over-budget", "frozen"})
LISTS: Final = {
    "environments": "slipway env list",
    "systems": "slipway systems",
    "capabilities": "slipway capabilities",
    "changes": "slipway changes",
    "runs": "slipway runs list SYSTEM/ENV",
    "git": "slipway sync list",
}
NOTHING_HERE: Final = "There is nothing at this address."


def fault_of(response: httpx.Response, *, url: str) -> Fault:
    """The fault that an answer of 3xx, 4xx or 5xx means; ``url`` is the installation."""
    if response.is_redirect:
        return Fault(
            f"{url} leads to {response.headers.get('location', 'another address')}.",
            remedy="Use that address: slipway login --url ADDRESS. A token is never sent along a redirect.",
            status=response.status_code,
        )
    problem = problem_in(response)
    if problem is None:
        return no_slipway(url, response.status_code)
    detail = str(problem.get("detail", "")) or "The request was refused."
    code, status = str(problem.get("code", "")), response.status_code
    remedy = str(problem.get("remedy", ""))
    if status == 401:
        remedy = "Sign in again: slipway login. In a pipeline, renew SLIPWAY_TOKEN."
    if status == 404 and detail == NOTHING_HERE:
        detail = f"{url} does not know what this command asks for ({response.request.url.path})."
        remedy = "The installation is older than this slipway, or the address is wrong. Update the installation."
    remedy = remedy or _remedy(response.request.url.path, status, problem)
    if problem.get("change"):
        remedy = f"{remedy} The denied change is kept: {problem['change']}".strip()
    return Fault(
        detail,
        remedy=remedy,
        places=[place_of(one) for one in problem.get("errors", ()) if isinstance(one, Mapping)],
        request_id=str(problem.get("request_id", "")),
        exit_code=DENIED if status in (401, 403) or code in DENIALS else ERROR,
        code=code,
        status=status,
    )


def _remedy(path: str, status: int, problem: Mapping[str, Any]) -> str:
    """What this command line can do about it, where the installation does not say."""
    if any(isinstance(one, Mapping) and one.get("path") == "reason" for one in problem.get("errors", ())):
        return "Say it with -m."
    area = path.rpartition("/api/v1/")[2].partition("/")[0]
    return f"{LISTS[area]} lists those that you may see." if status == 404 and area in LISTS else ""


def place_of(error: Mapping[str, Any], *, line: int | None = None) -> str:
    """One entry of ``errors`` in a line: ``spec.stage (line 7): Use one of dev, prod.``"""
    found = error.get("line") or line
    path = str(error.get("path", ""))
    where = f"{path} (line {found})" if path and found else path or (f"line {found}" if found else "")
    return f"{where}: {error.get('message', '')}" if where else str(error.get("message", ""))


def problem_in(response: httpx.Response) -> Mapping[str, Any] | None:
    """The problem document of an answer, None when it has none."""
    if "application/problem+json" not in response.headers.get("content-type", ""):
        return None
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, Mapping) else None


def no_slipway(url: str, status: int) -> Fault:
    return Fault(
        f"{url} answers ({status}), but not as Slipway does.",
        remedy="Check the address: it is the one of the portal, such as https://slipway.example.",
        status=status,
    )


def unreachable(url: str, error: httpx.TransportError) -> Fault:
    """Why nothing came back, as far as the network says."""
    why = str(error).strip()
    if isinstance(error, httpx.TimeoutException):
        why = "it took too long"
    if "CERTIFICATE" in why.upper():
        return Fault(
            f"The certificate of {url} is not trusted: {why}.",
            remedy="Name the authority that signed it in SSL_CERT_FILE.",
        )
    return Fault(
        f"{url} cannot be reached: {why or type(error).__name__}.",
        remedy="Check the address, the network and the proxy (HTTPS_PROXY, NO_PROXY), then try again.",
    )
