"""A device that makes passkeys, in software: it signs what a browser would sign, and can be told to lie.

Used by the tests of WebAuthn, of its services and of the pages; the walk in a browser uses Chromium's own.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Device:
    """``origin`` is what the browser says of the page; ``flags`` and ``count`` are what the device says of itself."""

    origin: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    handle: str = ""
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any], **lies: Any) -> str:
        """The answer to ``navigator.credentials.create``, as the page posts it."""
        self.handle = options["user"]["id"]
        public = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + public
        data = self._data(options["rp"]["id"], self.flags | ATTESTED) + attested
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        told = self._told("webauthn.create", options["challenge"], lies)
        return self._answer({"clientDataJSON": told, "attestationObject": attestation})

    def sign(self, options: dict[str, Any], **lies: Any) -> str:
        """The answer to ``navigator.credentials.get``; ``lies`` replace fields of what the browser says."""
        data = self._data(options["rpId"], self.flags)
        told = self._told("webauthn.get", options["challenge"], lies)
        signature = self.key.sign(data + hashlib.sha256(told).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"clientDataJSON": told, "authenticatorData": data, "signature": signature}
        return self._answer(parts | {"userHandle": websafe_decode(self.handle)})

    def _data(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _told(self, kind: str, challenge: str, lies: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | lies).encode()

    def _answer(self, parts: dict[str, bytes]) -> str:
        name = websafe_encode(self.credential)
        response = {key: websafe_encode(value) for key, value in parts.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
