"""What of a provider is believed: tokens that are refused, and documents that lead where nothing is called."""

from __future__ import annotations

import jwt
import pytest
from django.core.cache import cache

from governance.domain.oidc import ALGORITHMS
from governance.models import SignInProvider
from governance.services.oidc_calls import SignInRefused, endpoints_of
from governance.services.oidc_sign_in import identity_verified
from idp.kernel import outbound
from tests.oidc_provider import CLIENT, hmac_with_public_key, key_named, providing

NONCE = "of-this-sign-in"


@pytest.fixture(scope="module")
def served():
    with providing() as provider:
        yield provider


@pytest.fixture
def provider(served, settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    served.claims, served.about, served.algorithm, served.key = {}, {}, "RS256", None
    served.keys = [served.public]
    served.asked.clear()
    cache.clear()
    yield served
    cache.clear()


def verified(provider, token: str):
    row = SignInProvider(name="corp", issuer=provider.issuer, client_id=CLIENT)
    return identity_verified(row, endpoints_of(provider.issuer), token, NONCE)


def test_a_token_of_this_sign_in_is_believed(provider):
    assert verified(provider, provider.signed(NONCE))["sub"] == "ada-1"


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        pytest.param({"iss": "https://evil.example"}, "another issuer made it", id="issuer"),
        pytest.param({"iss": None}, "lacks a claim", id="no issuer"),
        pytest.param({"aud": "somebody-else"}, "made for another client", id="audience"),
        pytest.param({"aud": [CLIENT, "other"]}, "several clients", id="several audiences"),
        pytest.param({"aud": [CLIENT, "other"], "azp": "other"}, "another client", id="asked for by another"),
        pytest.param({"azp": "other"}, "another client", id="authorized party"),
        pytest.param({"nonce": "of-yesterday"}, "another sign-in", id="nonce"),
        pytest.param({"nonce": None}, "another sign-in", id="no nonce"),
        pytest.param({"exp": 1_600_000_000}, "it has ended", id="expired"),
        pytest.param({"exp": None}, "lacks a claim", id="for ever"),
        pytest.param({"iat": 32_503_680_000}, "not valid yet", id="from the future"),
        pytest.param({"nbf": 32_503_680_000}, "not valid yet", id="not before"),
        pytest.param({"sub": None}, "lacks a claim", id="nobody"),
        pytest.param({"sub": ""}, "subject", id="an empty subject"),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(provider, claims, words):
    provider.claims = claims
    with pytest.raises(SignInRefused, match=words):
        verified(provider, provider.signed(NONCE))


def test_a_token_of_another_key_is_refused(provider):
    provider.key = key_named("forger")
    with pytest.raises(SignInRefused, match="its signature is wrong"):
        verified(provider, provider.signed(NONCE))


def test_a_token_without_a_signature_is_refused(provider):
    provider.key, provider.algorithm = "", "none"
    with pytest.raises(SignInRefused, match="not signed with a private key"):
        verified(provider, provider.signed(NONCE))


def test_the_public_key_is_no_shared_secret(provider):
    claims = jwt.decode(provider.signed(NONCE), options={"verify_signature": False})
    with pytest.raises(SignInRefused, match="not signed with a private key"):
        verified(provider, hmac_with_public_key(claims))


def test_no_algorithm_with_a_shared_secret_is_believed():
    assert not [one for one in ALGORITHMS if one.startswith("HS") or one == "none"]


@pytest.mark.parametrize(
    "change",
    [{"kid": "two"}, {"kty": "oct", "k": "AQAB"}, {"use": "enc"}, {"alg": "PS256"}, {"n": "no number"}],
    ids=["another name", "a shared secret", "for encryption", "another algorithm", "broken"],
)
def test_a_key_that_does_not_fit_is_not_used(provider, change):
    provider.keys = [provider.public | change]
    with pytest.raises(SignInRefused, match="does not publish"):
        verified(provider, provider.signed(NONCE))


def test_two_keys_of_one_name_are_none(provider):
    provider.keys = [provider.public, provider.public]
    with pytest.raises(SignInRefused, match="does not publish"):
        verified(provider, provider.signed(NONCE))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "x" * 60_000])
def test_what_is_no_token_is_refused(provider, text):
    with pytest.raises(SignInRefused):
        verified(provider, text)


def test_a_key_that_is_new_is_asked_for_once_a_minute(provider):
    provider.keys = []
    for _ in range(3):
        with pytest.raises(SignInRefused, match="does not publish"):
            verified(provider, provider.signed(NONCE))
    assert provider.asked.count("/keys") == 2


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/keys", "http://[::1]/keys", "http://localhost/keys"],
)
def test_a_document_that_leads_inside_is_not_followed(provider, name, url):
    provider.about = {name: url}
    with pytest.raises(outbound.Refused, match="private network"):
        endpoints_of(provider.issuer)
    assert provider.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("token_endpoint", "file:///etc/passwd"),
        ("token_endpoint", "https://[::1/token"),
        ("jwks_uri", None),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("authorization_endpoint", ["https://corp.example"]),
    ],
)
def test_a_document_without_a_usable_address_is_refused(provider, name, url):
    provider.about = {name: url}
    with pytest.raises(SignInRefused, match=f"no usable {name}"):
        endpoints_of(provider.issuer)


def test_an_issuer_that_leads_inside_is_not_asked(provider, settings):
    settings.OUTBOUND_ALLOW = []
    with pytest.raises(outbound.Refused):
        endpoints_of(provider.issuer)
    assert provider.asked == []
