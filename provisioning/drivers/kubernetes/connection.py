"""One connection pool to one API server, through the official client. Used by the Kubernetes driver only.

It never follows a redirect, never retries by itself (the run does, with its own backoff) and gives each call a
limit of time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException

from provisioning.domain.driver import ObjectRef, PermanentError, TemporaryError
from provisioning.drivers.kubernetes.errors import error_of
from provisioning.drivers.kubernetes.kubeconfig import Access

TIMEOUTS = (3.05, 15.0)
"""Seconds to connect and to wait for an answer. 3.05 lets one lost SYN be sent again."""

WHOLE = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
CONNECTIONS = 24
STREAMS = 64


class Connection:
    """Sends one request at a time per thread; may be shared by threads."""

    def __init__(self, access: Access, answer_within: float = TIMEOUTS[1]) -> None:
        self._timeouts = (min(TIMEOUTS[0], answer_within), answer_within)
        configuration = Configuration()
        configuration.host = access.server
        self._server = access.server
        self._client = ApiClient(configuration)
        self._client.user_agent = "slipway"
        self._authorization = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        # A pool of our own: the client's would want the certificates in files that stay, follow redirects and retry.
        self._client.rest_client.pool_manager = _pool(access, CONNECTIONS)
        # Open watches hold a connection each, which must not be one that a call waits for.
        self._streams = _pool(access, STREAMS)

    def request(
        self,
        method: str,
        path: str,
        *,
        ref: ObjectRef | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        accept: str = WHOLE,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """The answer's JSON. Raises TemporaryError or PermanentError for everything else than success."""
        url = f"{self._server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "User-Agent": "slipway", **self._authorization}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            answer = self._client.call_api(method, url, headers, body, _request_timeout=self._timeouts)
            data: bytes = answer.response.data or b""
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            raise _unreachable(error) from None
        if answer.status >= 300:
            raise error_of(answer.status, data, answer.headers, ref)
        return _json(data)

    def stream(self, path: str, *, query: Mapping[str, str], accept: str, silence: float) -> urllib3.BaseHTTPResponse:
        """An open answer of any status, to be read line by line and closed; ``silence`` ends it after so many seconds.

        It must begin as soon as any other answer. Raises TemporaryError or PermanentError when the server cannot be
        reached.
        """
        headers = {"Accept": accept, "User-Agent": "slipway", **self._authorization}
        timeout = urllib3.Timeout(connect=self._timeouts[0], read=self._timeouts[1])
        try:
            answer = self._streams.request(
                "GET",
                f"{self._server}{path}?{urlencode(query)}",
                headers=headers,
                timeout=timeout,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(error) from None
        socket = getattr(answer.connection, "sock", None)  # gone already when the whole answer has been read
        if socket is not None:
            socket.settimeout(silence)
        return answer

    def close(self) -> None:
        self._streams.clear()
        self._client.rest_client.pool_manager.clear()


def _pool(access: Access, size: int) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        maxsize=size,
        retries=False,
        ssl_context=access.ssl_context(),
        server_hostname=access.tls_server_name or None,
        assert_hostname=access.tls_server_name or None,
    )


def _unreachable(error: Exception) -> TemporaryError | PermanentError:
    """A certificate that does not fit stays so; all else may pass."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        message = "The cluster's certificate is not the one that its registration expects."
        return PermanentError(
            "certificate-refused", message, remedy="Check server and certificate-authority-data.", raw=text
        )
    return TemporaryError("unreachable", "The cluster cannot be reached.", delay=5.0, raw=text)


def _json(data: bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(data)
    except ValueError:
        loaded = None
    if not isinstance(loaded, dict):
        message = "What answers at the cluster's address is not a Kubernetes API server."
        raise PermanentError("unexpected-answer", message, raw=data[:500].decode("utf-8", "replace"))
    return loaded
