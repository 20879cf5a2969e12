#!/usr/bin/env python3
"""Checks an export of Slipway's audit log without Slipway: python3 verify_export.py FILE [--key BASE64]

Needs Python 3.11 and nothing else; with the package ``cryptography`` it checks the signature of the head as well.
A line is JSON: first how the export begins, then the entries in order, last the head. Every entry's hash is the
SHA-256 of its canonical JSON (keys sorted, no white space, UTF-8, whole floats as integers) without ``hash``; every
entry names the hash before it. ``--key`` is the public key as your auditor noted it; without it the export's own
is taken, which proves only that the file is whole. Ends with status 1 and names every entry that is not as written.
"""

import base64
import hashlib
import json
import sys

FORMAT = "slipway-audit/1"


def canonical(value):
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def text(value):
    return json.dumps(canonical(value), ensure_ascii=False, separators=(",", ":")).encode()


def lines(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except ValueError:
                sys.exit(f"Line {number} is not JSON: the file was cut or altered.")


def check(path, key):
    read = lines(path)
    start = next(read, {})
    if start.get("format") != FORMAT:
        sys.exit(f"This is not an export of the audit log ({FORMAT}).")
    faults, count, head = [], 0, None
    expected, before = start["first"], start["previous_hash"]
    for line in read:
        if "head" in line:
            head = line
            break
        count += 1
        stored = line.pop("hash")
        if line["sequence"] != expected:
            faults.append(f"Entry {expected}: removed, inserted or moved (entry {line['sequence']} stands there).")
        if hashlib.sha256(text(line)).hexdigest() != stored:
            faults.append(f"Entry {line['sequence']}: altered.")
        if line["previous_hash"] != before:
            faults.append(f"Entry {line['sequence']}: does not follow the entry before it.")
        expected, before = line["sequence"] + 1, stored
    if head is None:
        faults.append("The head is missing: the end was cut off.")
    else:
        if (head["head"]["sequence"], head["head"]["hash"]) != (expected - 1, before):
            faults.append(f"Entry {expected - 1}: is not the last one that the head names.")
        faults += [] if next(read, None) is None else ["Something follows the head."]
        faults += signature_faults(head, key)
    return count, faults


def signature_faults(head, key):
    if not head.get("signature"):
        return ["The head is not signed: set SLIPWAY_AUDIT_SIGNING_KEY and export again."] if key else []
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        sys.stderr.write("The signature was not checked: install the package cryptography.\n")
        return []
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key or head["public_key"]))
    try:
        public.verify(base64.b64decode(head["signature"]), text(head["head"]))
    except InvalidSignature:
        return ["The signature of the head does not fit the key."]
    return []


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4) or (len(sys.argv) == 4 and sys.argv[2] != "--key"):
        sys.exit(__doc__)
    number, found = check(sys.argv[1], sys.argv[3] if len(sys.argv) == 4 else "")
    for fault in found:
        sys.stderr.write(f"{fault}\n")
    if found:
        sys.exit(1)
    sys.stdout.write(f"{number} entries, whole and in order.\n")
