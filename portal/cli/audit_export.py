"""Checks an export of the audit log without the installation it came from, as ``deploy/audit/verify_export.py`` does.

Each entry's hash is the SHA-256 of its canonical JSON without ``hash``; each names the hash before it; the last line is
the head, signed with Ed25519 where the installation has a key. Pure but for the package ``cryptography``, which is
optional: without it the signature is not checked, and the result says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

FORMAT: Final = "slipway-audit/1"
Signature = Literal["good", "bad", "unsigned", "unchecked"]


class NoExport(Exception):
    """The lines are not an export, or were cut inside one."""


@dataclass(slots=True)
class Checked:
    """``faults`` are sentences, none when the export is whole.

    ``own_key`` says that the key was the export's own, which proves only that the file is whole.
    """

    first: int = 0
    last: int = 0
    count: int = 0
    faults: list[str] = field(default_factory=list)
    signature: Signature = "unsigned"
    own_key: bool = True


def export_check(lines: Iterable[str], *, key: str = "") -> Checked:
    """Every fault of an export. ``key`` is the public key in base64 as an auditor noted it."""
    read = _read(lines)
    start: Any = next(read, {})
    if not isinstance(start, dict) or start.get("format") != FORMAT:
        raise NoExport(f"This is not an export of the audit log ({FORMAT}).")
    found = Checked(first=start["first"])
    expected, before, head = start["first"], start["previous_hash"], None
    for entry in read:
        if "head" in entry:
            head = entry
            break
        found.count += 1
        found.faults += _entry_faults(entry, expected, before)
        expected, before = entry["sequence"] + 1, entry["hash"]
    found.last = expected - 1
    if head is None:
        found.faults.append("The head is missing: the end was cut off.")
        return found
    if (head["head"]["sequence"], head["head"]["hash"]) != (found.last, before):
        found.faults.append(f"Entry {found.last}: is not the last one that the head names.")
    if next(read, None) is not None:
        found.faults.append("Something follows the head.")
    _sign(found, head, key)
    return found


def canonical(value: Any) -> Any:
    """Keys sorted, whole floats as integers."""
    if isinstance(value, dict):
        return {name: canonical(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [canonical(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def text_of(value: Any) -> bytes:
    return json.dumps(canonical(value), ensure_ascii=False, separators=(",", ":")).encode()


def _read(lines: Iterable[str]) -> Iterator[Any]:
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except ValueError:
            raise NoExport(f"Line {number} is not JSON: the file was cut or altered.") from None


def _entry_faults(entry: dict[str, Any], expected: int, before: str) -> Iterator[str]:
    number = entry["sequence"]
    if number != expected:
        yield f"Entry {expected}: removed, inserted or moved (entry {number} stands there)."
    body = {name: value for name, value in entry.items() if name != "hash"}
    if hashlib.sha256(text_of(body)).hexdigest() != entry["hash"]:
        yield f"Entry {number}: altered."
    if entry["previous_hash"] != before:
        yield f"Entry {number}: does not follow the entry before it."


def _sign(found: Checked, head: dict[str, Any], key: str) -> None:
    """Sets what is known of the head's signature; a key that was named must fit."""
    found.own_key = not key
    if not head.get("signature"):
        if key:
            found.faults.append("The head is not signed: set SLIPWAY_AUDIT_SIGNING_KEY and export again.")
        return
    verified = _verified(text_of(head["head"]), head["signature"], key or head.get("public_key", ""))
    found.signature = "unchecked" if verified is None else "good" if verified else "bad"
    if verified is False:
        found.faults.append("The signature of the head does not fit the key.")


def _verified(message: bytes, signature: str, key: str) -> bool | None:
    """None when the package ``cryptography`` is not there."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return None
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, ValueError):
        return False
    return True
