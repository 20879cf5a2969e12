"""Passkeys: what a browser is asked, and whether its answer is what was asked for. Everything about WebAuthn is here.

A thin layer over ``fido2``, which verifies signatures. It keeps nothing: the caller keeps the question (``state``)
for minutes, gives it back once, and stores what came of it. A passkey belongs to one address of the installation
(``SLIPWAY_URL``): answers that were given to any other are refused, which is what protects people from look-alikes.
Possession alone is never enough: the device must have verified the person, by a PIN, a finger or a face.
"""

from __future__ import annotations

import ipaddress
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from idp.kernel.errors import UserFault

NAME: Final = "Slipway"
LONGEST_ANSWER: Final = 20_000
LONGEST_CREDENTIAL: Final = 1_023
"""Bytes of a credential's id, as WebAuthn level 2 bounds it."""
HANDLE_BYTES: Final = 32
_MALFORMED = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError),
    *(struct.error, InvalidSignature, UnsupportedAlgorithm, NotImplementedError, RecursionError),
)
"""What parts of the answer that make no sense raise, in ``fido2`` and below."""


class Refused(UserFault):
    """The answer is not one to what was asked here."""

    code = "passkey-refused"
    remedy = "Try again; if it stays, use another way to sign in."


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom passkeys are made: ``host`` is the id, ``origin`` the one address that may ask for them."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A new passkey: its id in base64url, what is kept of it, and its count of signatures."""

    credential: str
    public: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class Known:
    """A passkey that is stored already."""

    credential: str
    public: bytes


def relying_party(address: str) -> RelyingParty | None:
    """Whose passkeys an installation at ``address`` takes; None where browsers have none.

    Browsers know passkeys of names only, and over https only. This very machine is the exception, by its name: what is
    reached as 127.0.0.1 has its passkeys at localhost.
    """
    url = urlsplit(address)
    usual = {"https": 443, "http": 80}.get(url.scheme)
    host, port = (url.hostname or "").lower(), f":{url.port}" if url.port not in (None, usual) else ""
    numeric = _address(host)
    if numeric is not None and numeric.is_loopback:
        host = "localhost"
    elif numeric is not None or not host:
        return None
    if url.scheme != "https" and not (host == "localhost" or host.endswith(".localhost")):
        return None
    return RelyingParty(host, f"{url.scheme}://{host}{port}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def registration(
    party: RelyingParty, *, handle: str, name: str, display_name: str, known: Iterable[Known]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that a browser makes a passkey with, as JSON, and the state to keep until it answers."""
    options, state = _server(party).register_begin(
        PublicKeyCredentialUserEntity(id=websafe_decode(handle), name=name, display_name=display_name or name),
        credentials=_descriptors(known),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(options.public_key), dict(state)


def registered(party: RelyingParty, state: Mapping[str, Any], answer: str) -> Registered:
    """The passkey that a browser made. Refused when the answer is not one to ``state``."""
    given = _parsed(answer)
    try:
        data = _server(party).register_complete(dict(state), RegistrationResponse.from_dict(given))
        credential = data.credential_data
        if credential is None or len(credential.credential_id) > LONGEST_CREDENTIAL:
            raise ValueError("The answer holds no passkey.")
        return Registered(websafe_encode(credential.credential_id), bytes(credential), data.counter)
    except _MALFORMED:
        raise Refused("The passkey could not be read, so it was not added.") from None


def assertion(party: RelyingParty, known: Sequence[Known] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that a browser signs with, as JSON, and the state to keep. ``known`` None: any passkey of here."""
    options, state = _server(party).authenticate_begin(
        credentials=None if known is None else _descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(options.public_key), dict(state)


def credential_of(answer: str) -> tuple[str, str]:
    """Which passkey an answer says it comes from, and for which handle (or nothing). Nothing is verified yet."""
    given = _parsed(answer)
    try:
        read = AuthenticationResponse.from_dict(given)
        handle = read.response.user_handle
        return websafe_encode(read.raw_id), websafe_encode(handle) if handle else ""
    except _MALFORMED:
        raise Refused("The answer of the passkey could not be read.") from None


def asserted(party: RelyingParty, state: Mapping[str, Any], answer: str, *, known: Known, sign_count: int) -> int:
    """The passkey's new count of signatures. Refused unless it signed what ``state`` asks for, here and verified.

    A count that does not grow says that the passkey was copied; one that is always 0 says nothing.
    """
    given = _parsed(answer)
    try:
        read = AuthenticationResponse.from_dict(given)
        _server(party).authenticate_complete(dict(state), [AttestedCredentialData(known.public)], read)
        count = int(read.response.authenticator_data.counter)
    except _MALFORMED:
        raise Refused("The passkey did not fit.") from None
    if (count or sign_count) and count <= sign_count:
        raise Refused(
            "This passkey counts backwards, as a copy does.",
            code="passkey-copied",
            remedy="Sign in another way, remove this passkey and add it anew.",
        )
    return count


def _server(party: RelyingParty) -> Fido2Server:
    entity = PublicKeyCredentialRpEntity(name=NAME, id=party.host)
    return Fido2Server(entity, verify_origin=lambda origin: origin == party.origin)


def _descriptors(known: Iterable[Known]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=websafe_decode(one.credential))
        for one in known
    ]


def _plain(options: Any) -> dict[str, Any]:
    """Options as JSON has them: bytes in base64url, names as the browser wants them."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(options), default=dict))
    return plain


def _parsed(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise Refused("The answer of the passkey is too long.")
    try:
        given = json.loads(answer)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Refused("The browser sent no answer of a passkey.")
    return given
