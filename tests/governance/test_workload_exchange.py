"""The identity of a pipeline against a token of minutes: forged, replayed and foreign ones are refused, and told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.cache import cache
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from governance.access import rights_of
from governance.models import ApiToken, AuditEntry, SpentIdentity
from governance.services import workload_exchange as exchange
from governance.services.tokens import token_authenticate
from governance.services.trust_rules import (
    TrustWish,
    trust_rule_remove,
    trust_rule_save,
    trust_rule_take_back,
)
from governance.services.workload_exchange import workload_exchange
from idp.kernel import clock, outbound
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotSignedIn, RateLimited, Transient
from tests.personas import NOW, person

pytestmark = pytest.mark.django_db
ISSUER = "https://token.actions.example"
AUDIENCE = "https://slipway.example"
KEYS = {"rsa": rsa.generate_private_key(65537, 2048), "other": rsa.generate_private_key(65537, 2048)}
CURVE = ec.generate_private_key(ec.SECP256R1())
WISH = TrustWish(ISSUER, AUDIENCE, "repo:acme/checkout:ref:*", "payments-ci", systems=("checkout",), minutes=10)


class Issuer:
    """What the issuer answers; ``asked`` are the addresses that were called."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.about = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
        self.keys = [self.public("one", RSAAlgorithm, KEYS["rsa"]), self.public("curve", ECAlgorithm, CURVE)]

    @staticmethod
    def public(kid: str, algorithm, key) -> dict:
        return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}

    def call(self, method, url, **more):
        self.asked.append(url)
        body = {f"{ISSUER}/.well-known/openid-configuration": self.about, f"{ISSUER}/keys": {"keys": self.keys}}[url]
        return outbound.Answer(200, {}, json.dumps(body).encode(), url)


@pytest.fixture
def issuer(monkeypatch, organisation):
    cache.clear()
    person("payments-ci", service_of=organisation.payments)
    trust_rule_save(PLATFORM, name="checkout", wish=WISH, now=NOW)
    made = Issuer()
    monkeypatch.setattr(exchange.outbound, "call", made.call)
    yield made
    cache.clear()


def identity(key=None, *, kid: str = "one", alg: str = "RS256", jti: str = "a", **change) -> str:
    now = clock.now()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "repo:acme/checkout:ref:refs/heads/main",
        "jti": jti,
        "iat": now,
        "exp": now + timedelta(minutes=5),
    } | change
    claims = {name: one for name, one in claims.items() if one is not None}
    return jwt.encode(claims, KEYS["rsa"] if key is None else key, algorithm=alg, headers={"kid": kid})


def exchange_of(text: str, address: str = "192.0.2.1"):
    return workload_exchange(text, address=address, now=clock.now())


def test_a_trusted_pipeline_gets_a_token_of_minutes_with_the_accounts_rights(issuer):
    token, plaintext, rule = exchange_of(identity())
    assert rule.name == "checkout"
    assert timedelta(minutes=9) < token.expires_at - clock.now() <= timedelta(minutes=10)
    actor = token_authenticate(plaintext, clock.now())
    assert (actor.username, actor.scopes, actor.systems) == ("payments-ci", {"read", "change"}, {"checkout"})
    assert not rights_of(actor).may_administer()
    with pytest.raises(NotSignedIn):
        token_authenticate(plaintext, clock.now() + timedelta(minutes=11))
    entry = AuditEntry.objects.get(action="token.exchange")
    assert entry.data["subject"] == "repo:acme/checkout:ref:refs/heads/main"
    assert plaintext not in json.dumps(entry.data)


def test_a_curve_signs_as_well(issuer):
    assert exchange_of(identity(CURVE, kid="curve", alg="ES256"))[2].name == "checkout"


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: identity(KEYS["other"]), "signature is wrong", id="signed by another"),
        pytest.param(lambda: identity(kid="nobody"), "no such key", id="a key of nobody"),
        pytest.param(lambda: identity(exp=clock.now() - HOUR), "has ended", id="ended"),
        pytest.param(lambda: identity(nbf=clock.now() + HOUR), "not valid", id="not begun"),
        pytest.param(lambda: identity(iat=clock.now() + HOUR), "not valid", id="from the future"),
        pytest.param(lambda: identity(aud="https://other.example"), "audience", id="another audience"),
        pytest.param(lambda: identity(aud=None), "not valid", id="no audience"),
        pytest.param(lambda: identity(exp=None), "not valid", id="without an end"),
        pytest.param(lambda: identity(sub="repo:evil/checkout:ref:x"), "subject does not match", id="another subject"),
        pytest.param(lambda: identity(iss="https://evil.example"), "No rule trusts its issuer", id="another issuer"),
        pytest.param(lambda: jwt.encode({"iss": ISSUER}, "", algorithm="none"), "not signed with", id="unsigned"),
        pytest.param(lambda: "x.y.z", "not a JSON Web Token", id="no token"),
        pytest.param(lambda: "x" * 16_001, "too long", id="too long"),
        pytest.param(lambda: identity()[:-9] + "AAAAAAAAA", "signature is wrong", id="another signature"),
    ],
)
def test_it_refuses_what_no_rule_trusts_and_tells_the_log(issuer, make, said):
    with pytest.raises(Forbidden, match=said) as caught:
        exchange_of(make())
    assert caught.value.code == "workload-refused"
    assert ApiToken.objects.count() == 0
    assert AuditEntry.objects.filter(action="token.exchange-refused").count() == 1


def test_a_public_key_is_no_shared_secret(issuer):
    """HS256 over the issuer's public key, which anybody can read."""
    public = (
        KEYS["rsa"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "kid": "one", "typ": "JWT"}).encode())
    body = identity().split(".")[1]
    sign = part(hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest())
    with pytest.raises(Forbidden, match="not signed with"):
        exchange_of(f"{head}.{body}.{sign}")


def test_a_key_of_another_kind_is_not_taken(issuer):
    with pytest.raises(Forbidden, match="no such key"):
        exchange_of(identity(CURVE, kid="one", alg="ES256"))


@pytest.mark.parametrize("jti", ["a", None])
def test_each_identity_is_exchanged_once(issuer, jti):
    text = identity(jti=jti)
    exchange_of(text)
    with pytest.raises(Forbidden, match="exchanged before"):
        exchange_of(text)
    assert ApiToken.objects.count() == 1
    assert SpentIdentity.objects.count() == 1


def test_a_new_key_of_the_issuer_is_found_and_asked_for_no_more_than_once_a_minute(issuer):
    exchange_of(identity())
    asked = len(issuer.asked)
    exchange_of(identity(jti="b"))
    assert len(issuer.asked) == asked
    issuer.keys.append(Issuer.public("two", RSAAlgorithm, KEYS["other"]))
    exchange_of(identity(KEYS["other"], kid="two", jti="c"))
    asked = len(issuer.asked)
    for at in range(5):
        with pytest.raises(Forbidden):
            exchange_of(identity(kid=f"nobody-{at}", jti=f"d{at}"))
    assert len(issuer.asked) == asked


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": ISSUER, "jwks_uri": "https://evil.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "https://[::1/keys"},
        {"issuer": "https://evil.example", "jwks_uri": f"{ISSUER}/keys"},
        {"issuer": ISSUER, "jwks_uri": 7},
        {},
    ],
)
def test_keys_come_from_the_issuers_own_host_alone(issuer, about):
    issuer.about = about
    with pytest.raises(Transient):
        exchange_of(identity())
    assert not [one for one in issuer.asked if "evil" in one]


def test_no_address_in_a_token_is_ever_called(issuer):
    with pytest.raises(Forbidden):
        exchange_of(identity(iss="https://169.254.169.254"))
    assert issuer.asked == []


def test_a_rule_that_is_off_or_removed_and_an_account_that_is_off_trust_nobody(issuer):
    exchange_of(identity(jti="1"))
    trust_rule_save(PLATFORM, name="checkout", wish=TrustWish(**vars_of(WISH) | {"active": False}), now=NOW)
    with pytest.raises(Forbidden):
        exchange_of(identity(jti="2"))
    trust_rule_take_back(PLATFORM, name="checkout", now=NOW)
    exchange_of(identity(jti="3"))
    trust_rule_remove(PLATFORM, name="checkout", now=NOW)
    with pytest.raises(Forbidden):
        exchange_of(identity(jti="4"))


def vars_of(wish: TrustWish) -> dict:
    return {name: getattr(wish, name) for name in wish.__dataclass_fields__}


def test_the_longest_subject_counts(issuer):
    narrow = TrustWish(**vars_of(WISH) | {"subject": "repo:acme/checkout:ref:refs/heads/main", "minutes": 3})
    trust_rule_save(PLATFORM, name="main", wish=narrow, now=NOW)
    assert exchange_of(identity())[2].name == "main"


def test_an_address_may_not_try_for_ever(issuer):
    for _ in range(exchange.ATTEMPTS):
        with pytest.raises(Forbidden):
            exchange_of("x.y.z")
    with pytest.raises(RateLimited):
        exchange_of("x.y.z")
    assert exchange_of(identity(), address="192.0.2.2")[2].name == "checkout"


@pytest.mark.parametrize("who", ["developer", "maintainer", "auditor"])
def test_only_admins_make_rules(issuer, organisation, who):
    for act in (
        lambda actor: trust_rule_save(actor, name="x", wish=WISH, now=NOW),
        lambda actor: trust_rule_remove(actor, name="checkout", now=NOW),
        lambda actor: trust_rule_take_back(actor, name="checkout", now=NOW),
    ):
        with pytest.raises(Forbidden):
            act(organisation.actor(who))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"account": "developer"}, "account"),
        ({"systems": ("nowhere",)}, "systems"),
        ({"issuer": "https://127.0.0.1"}, "issuer"),
        ({"scopes": ("admin",)}, "scopes"),
    ],
)
def test_a_rule_that_is_not_right_is_not_kept(issuer, change, path):
    with pytest.raises(InvalidInput) as caught:
        trust_rule_save(PLATFORM, name="checkout", wish=TrustWish(**vars_of(WISH) | change), now=NOW)
    assert caught.value.errors[0].path == path


def test_an_edit_keeps_both_sides_and_an_equal_one_nothing(issuer):
    before = AuditEntry.objects.count()
    trust_rule_save(PLATFORM, name="checkout", wish=WISH, now=NOW)
    assert AuditEntry.objects.count() == before
    with pytest.raises(Conflict):
        trust_rule_take_back(PLATFORM, name="checkout", now=NOW)
    trust_rule_save(PLATFORM, name="checkout", wish=TrustWish(**vars_of(WISH) | {"minutes": 5}), now=NOW)
    data = AuditEntry.objects.latest("sequence").data
    assert (data["before"]["minutes"], data["after"]["minutes"]) == (10, 5)
