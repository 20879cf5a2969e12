"""Codes of an app against the vectors of RFC 4226 and RFC 6238, drift, replay, and what people type."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from governance.domain import second_factor as domain

SEEDS = {
    "sha1": b"12345678901234567890",
    "sha256": b"12345678901234567890123456789012",
    "sha512": b"1234567890123456789012345678901234567890123456789012345678901234",
}
RFC_6238 = [
    (59, "94287082", "sha1"),
    (59, "46119246", "sha256"),
    (59, "90693936", "sha512"),
    (1111111109, "07081804", "sha1"),
    (1111111109, "68084774", "sha256"),
    (1111111109, "25091201", "sha512"),
    (1111111111, "14050471", "sha1"),
    (1111111111, "67062674", "sha256"),
    (1111111111, "99943326", "sha512"),
    (1234567890, "89005924", "sha1"),
    (1234567890, "91819424", "sha256"),
    (1234567890, "93441116", "sha512"),
    (2000000000, "69279037", "sha1"),
    (2000000000, "90698825", "sha256"),
    (2000000000, "38618901", "sha512"),
    (20000000000, "65353130", "sha1"),
    (20000000000, "77737706", "sha256"),
    (20000000000, "47863826", "sha512"),
]
RFC_4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]


@pytest.mark.parametrize(("seconds", "code", "algorithm"), RFC_6238, ids=[f"{a} at {s}" for s, _, a in RFC_6238])
def test_it_makes_the_codes_of_rfc_6238(seconds, code, algorithm):
    seed = SEEDS[algorithm]
    assert domain.code_at(seed, domain.step_of(seconds), digits=8, algorithm=algorithm) == code


@pytest.mark.parametrize(("count", "code"), list(enumerate(RFC_4226)), ids=[f"count {n}" for n in range(len(RFC_4226))])
def test_it_makes_the_codes_of_rfc_4226(count, code):
    assert domain.code_at(SEEDS["sha1"], count) == code


SEED, NOW = SEEDS["sha1"], 1_700_000_010
HERE = domain.step_of(NOW)
TRIES = {
    "of this step": (0, -1, HERE),
    "of the step before": (-1, -1, HERE - 1),
    "of the next step": (1, -1, HERE + 1),
    "two steps late": (-2, -1, None),
    "two steps early": (2, -1, None),
    "used already": (0, HERE, None),
    "older than one that was used": (-1, HERE, None),
    "newer than one that was used": (1, HERE, HERE + 1),
}


@pytest.mark.parametrize(("off", "used", "step"), TRIES.values(), ids=TRIES.keys())
def test_it_accepts_a_code_once_and_a_step_off(off, used, step):
    assert domain.step_matching(SEED, domain.code_at(SEED, HERE + off), seconds=NOW, used=used) == step


TYPED = {
    "as shown": ("123456", "123456"),
    "in two groups": (" 123 456 ", "123456"),
    "too short": ("12345", ""),
    "too long": ("1234567", ""),
    "letters": ("12345a", ""),
    "digits of another script": ("١٢٣٤٥٦", ""),
    "superscripts": ("¹²³⁴⁵⁶", ""),
    "nothing": ("", ""),
    "very long": ("1" * 100_000, ""),
}


@pytest.mark.parametrize(("typed", "code"), TYPED.values(), ids=TYPED.keys())
def test_it_reads_a_code_as_people_type_it(typed, code):
    assert domain.code_typed(typed) == code
    if not code:
        assert domain.step_matching(SEED, typed, seconds=NOW, used=-1) is None


RECOVERY = {
    "as shown": ("abcd-efgh-jkmn-pqrs", "abcdefghjkmnpqrs"),
    "capitals and spaces": (" ABCD EFGH jkmn pqrs ", "abcdefghjkmnpqrs"),
    "without dashes": ("abcdefghjkmnpqrs", "abcdefghjkmnpqrs"),
    "a letter that no code has": ("abcd-efgh-jkmn-pqr1", ""),
    "too short": ("abcd-efgh", ""),
    "a code of an app": ("123456", ""),
}


@pytest.mark.parametrize(("typed", "code"), RECOVERY.values(), ids=RECOVERY.keys())
def test_it_reads_a_recovery_code_as_people_type_it(typed, code):
    assert domain.recovery_typed(typed) == code


def test_recovery_codes_are_ten_and_all_different():
    codes = domain.new_recovery_codes()
    assert len(codes) == len(set(codes)) == 10
    assert all(domain.recovery_shown(domain.recovery_typed(code)) == code for code in codes)
    assert len({domain.recovery_hash(code) for code in codes}) == 10


def test_apps_read_the_address():
    seed = domain.new_seed()
    url = urlsplit(domain.app_address(seed, person="ada lovelace", issuer="Slipway idp.example"))
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc, url.path) == ("otpauth", "totp", "/Slipway%20idp.example:ada%20lovelace")
    assert base64.b32decode(asked.pop("secret")) == seed
    assert asked == {"issuer": "Slipway idp.example", "algorithm": "SHA1", "digits": "6", "period": "30"}
    assert domain.seed_of(domain.key_of(seed)) == seed
    assert domain.key_shown(seed).replace(" ", "") == domain.key_of(seed)


WORDS = {
    "nothing": (domain.Factors(), "None yet", False, 0),
    "codes alone": (domain.Factors(recovery_codes=3), "None yet", False, 0),
    "an app": (domain.Factors(app=True), "Authenticator app", True, 1),
    "a passkey": (domain.Factors(passkeys=1), "1 passkey", True, 1),
    "both": (domain.Factors(app=True, passkeys=2), "Authenticator app, 2 passkeys", True, 3),
}


@pytest.mark.parametrize(("factors", "words", "has_one", "count"), WORDS.values(), ids=WORDS.keys())
def test_it_says_what_somebody_has(factors, words, has_one, count):
    assert (factors.words(), factors.any, factors.count) == (words, has_one, count)


ASKED = {
    "nobody, a person": ("nobody", False, False),
    "nobody, an admin": ("nobody", True, False),
    "admins, a person": ("admins", False, False),
    "admins, an admin": ("admins", True, True),
    "everybody, a person": ("everybody", False, True),
    "everybody, an admin": ("everybody", True, True),
}


@pytest.mark.parametrize(("rule", "is_admin", "asked"), ASKED.values(), ids=ASKED.keys())
def test_it_says_of_whom_one_is_required(rule, is_admin, asked):
    assert domain.is_required(rule, is_admin=is_admin) is asked
