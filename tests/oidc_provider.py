"""A small OpenID provider on this machine: it signs with a key of its own and lies where a test wants it to.

It speaks HTTP on a free port of 127.0.0.1, which the test lets outgoing calls reach: discovery, keys, the page where
one signs in, tokens for codes (which it gives once, and only for the right PKCE verifier and client secret), userinfo.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT = "slipway-portal"
SECRET = "s3cret/of the+client"


@lru_cache(maxsize=2)
def key_named(name: str) -> rsa.RSAPrivateKey:
    """Made once per process: it takes a while."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Provider:
    """``claims`` are those of the next token, over the usual ones; None leaves one out. ``about`` changes discovery.

    ``sign`` takes (claims) and gives the identity token; ``asked`` are the paths that were called.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: Any = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keys: list[dict[str, Any]] | None = None
    broken: bool = False
    refusal: str = "invalid_client"
    """How it calls a client secret that is not right."""
    clock: float = 0
    """Seconds by which its clock is ahead."""

    @property
    def document(self) -> dict[str, Any]:
        named = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email"],
            "claims_supported": ["sub", "groups"],
        }
        return {name: value for name, value in (named | self.about).items() if value is not None}

    @property
    def public(self) -> dict[str, Any]:
        return json.loads(RSAAlgorithm.to_jwk(key_named("provider").public_key())) | {"kid": "one", "use": "sig"}

    def approve(self, url: str) -> str:
        """Where the browser is sent back to when the person signs in at ``url``."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(12)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        kind, _, given = authorization.partition(" ")
        name, _, secret = base64.b64decode(given or "").decode().partition(":")
        if kind != "Basic" or (unquote(name), unquote(secret)) != (CLIENT, SECRET):
            return 400, {"error": self.refusal}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.signed(asked["nonce"])}

    def signed(self, nonce: str) -> str:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT, "sub": "ada-1", "nonce": nonce, "iat": now, "exp": now + 300}
        claims = {name: value for name, value in (usual | self.claims).items() if value is not None}
        key = key_named("provider") if self.key is None else self.key
        return jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": "one"})


def hmac_with_public_key(claims: dict[str, Any]) -> str:
    """The oldest trick: signed with the published key as if it were a shared secret. The library refuses to."""
    public = key_named("provider").public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    head = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "one"}).encode())
    body = f"{head}.{part(json.dumps(claims).encode())}"
    return f"{body}.{part(hmac.new(pem, body.encode(), hashlib.sha256).digest())}"


@contextmanager
def providing() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            if provider.broken:
                self.send(500, b"", "text/plain")
            elif path == "/authorize":
                there = provider.approve(self.path)
                page = f'<!doctype html><link rel="icon" href="data:,"><a href="{escape(there)}">Go on as Ada</a>'
                self.send(200, page.encode(), "text/html")
            else:
                found = {
                    "/.well-known/openid-configuration": provider.document,
                    "/keys": {"keys": [provider.public] if provider.keys is None else provider.keys},
                    "/userinfo": provider.userinfo,
                }.get(path)
                self.send(404 if found is None else 200, json.dumps(found or {}).encode(), "application/json")

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, found = provider.token(form, self.headers.get("Authorization", ""))
            self.send(status, json.dumps(found).encode(), "application/json")

        def send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + provider.clock)

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what it wants to see."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
