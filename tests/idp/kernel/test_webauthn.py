"""Which answers of a passkey are believed: to what was asked, here, by a device that verified its person."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from fido2.utils import websafe_decode, websafe_encode

from idp.kernel import webauthn
from tests.passkeys import PRESENT, VERIFIED, Device

HANDLE = websafe_encode(b"h" * 32)
PARTY = webauthn.RelyingParty("idp.example", "https://idp.example")

ADDRESSES = {
    "a name": ("https://idp.example", ("idp.example", "https://idp.example")),
    "a name with a port": ("https://IDP.example:8443/", ("idp.example", "https://idp.example:8443")),
    "a name with its usual port": ("https://idp.example:443", ("idp.example", "https://idp.example")),
    "this machine by number": ("http://127.0.0.1:8000", ("localhost", "http://localhost:8000")),
    "this machine by its other number": ("http://[::1]:8000", ("localhost", "http://localhost:8000")),
    "this machine by name": ("http://localhost:8000", ("localhost", "http://localhost:8000")),
    "a name without https": ("http://idp.example", None),
    "a number": ("https://192.0.2.7", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("address", "party"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_it_knows_whose_passkeys_an_address_has(address, party):
    assert webauthn.relying_party(address) == (party and webauthn.RelyingParty(*party))


def asked():
    options, state = webauthn.registration(PARTY, handle=HANDLE, name="ada", display_name="", known=[])
    return options, json.loads(json.dumps(state))


def enrolled(device: Device) -> webauthn.Registered:
    options, state = asked()
    return webauthn.registered(PARTY, state, device.make(options))


def test_a_passkey_is_made_and_signs_in():
    device = Device(PARTY.origin)
    made = enrolled(device)
    known = webauthn.Known(made.credential, made.public)
    options, state = webauthn.assertion(PARTY, [known])
    answer = device.sign(options)
    assert webauthn.credential_of(answer) == (made.credential, HANDLE)
    assert webauthn.asserted(PARTY, json.loads(json.dumps(state)), answer, known=known, sign_count=0) == 0


LIES = {
    "given to another site": ({}, {"origin": "https://idp.example.evil.test"}),
    "given to a page of another port": ({}, {"origin": "https://idp.example:444"}),
    "given without https": ({}, {"origin": "http://idp.example"}),
    "given to a host below": ({}, {"origin": "https://evil.idp.example"}),
    "to another question": ({}, {"challenge": websafe_encode(b"x" * 32)}),
    "of another kind": ({}, {"type": "webauthn.other"}),
    "without the person": ({"flags": VERIFIED}, {}),
    "without having verified the person": ({"flags": PRESENT}, {}),
}


@pytest.mark.parametrize(("device", "said"), LIES.values(), ids=LIES.keys())
def test_it_refuses_an_answer(device, said):
    options, state = asked()
    with pytest.raises(webauthn.Refused):
        webauthn.registered(PARTY, state, Device(PARTY.origin, **device).make(options, **said))
    honest = Device(PARTY.origin)
    made = enrolled(honest)
    known = webauthn.Known(made.credential, made.public)
    for name, value in device.items():
        setattr(honest, name, value)
    options, state = webauthn.assertion(PARTY, [known])
    with pytest.raises(webauthn.Refused):
        webauthn.asserted(PARTY, state, honest.sign(options, **said), known=known, sign_count=0)


def test_it_refuses_an_answer_for_another_host():
    device = Device(PARTY.origin)
    options, state = asked()
    with pytest.raises(webauthn.Refused):
        webauthn.registered(PARTY, state, device.make(deepcopy(options) | {"rp": {"id": "evil.test"}}))


def test_it_refuses_the_signature_of_another_key():
    device = Device(PARTY.origin)
    made = enrolled(device)
    forger = Device(PARTY.origin, credential=device.credential, handle=device.handle)
    known = webauthn.Known(made.credential, made.public)
    options, state = webauthn.assertion(PARTY, [known])
    with pytest.raises(webauthn.Refused):
        webauthn.asserted(PARTY, state, forger.sign(options), known=known, sign_count=0)


COUNTS = {"grows": (5, 6, True), "stays": (5, 5, False), "falls": (5, 1, False), "falls to nothing": (5, 0, False)}


@pytest.mark.parametrize(("before", "says", "believed"), COUNTS.values(), ids=COUNTS.keys())
def test_a_copy_counts_backwards(before, says, believed):
    device = Device(PARTY.origin)
    made = enrolled(device)
    known = webauthn.Known(made.credential, made.public)
    options, state = webauthn.assertion(PARTY, [known])
    device.count = says
    answer = device.sign(options)
    if believed:
        assert webauthn.asserted(PARTY, state, answer, known=known, sign_count=before) == says
        return
    with pytest.raises(webauthn.Refused) as refused:
        webauthn.asserted(PARTY, state, answer, known=known, sign_count=before)
    assert refused.value.code == "passkey-copied"


NONSENSE = [
    "",
    "null",
    "[]",
    "{}",
    "[" * 5000,
    '{"id": 1, "rawId": [], "response": 3}',
    '{"id": "a", "rawId": "a", "type": "public-key", "response": {}}',
    json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "e30"}}),
    json.dumps({"id": "é", "rawId": "é", "type": "x", "response": {"clientDataJSON": "%%", "attestationObject": "oA"}}),
    "x" * 30_000,
]


@pytest.mark.parametrize("answer", NONSENSE, ids=range(len(NONSENSE)))
def test_it_refuses_nonsense_in_words(answer):
    _, state = asked()
    known = webauthn.Known("YQ", b"\0" * 90)
    for read in (
        lambda: webauthn.registered(PARTY, state, answer),
        lambda: webauthn.credential_of(answer),
        lambda: webauthn.asserted(PARTY, state, answer, known=known, sign_count=0),
    ):
        with pytest.raises(webauthn.Refused):
            read()


def test_it_survives_an_answer_cut_and_bent_anywhere():
    device = Device(PARTY.origin)
    options, state = asked()
    whole = json.loads(device.make(options))
    data = websafe_decode(whole["response"]["attestationObject"])
    for at in range(0, len(data), 3):
        for bent in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            answer = deepcopy(whole)
            answer["response"]["attestationObject"] = websafe_encode(bent)
            try:
                webauthn.registered(PARTY, state, json.dumps(answer))
            except webauthn.Refused:
                continue
