"""What is hidden in text that people are shown, and what must stay, so that it still explains something."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.domain.redaction import HIDDEN, plain, redact

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

HIDES = {
    "an assignment": ("password=hunter2 user=shop", "password=[hidden] user=shop"),
    "an environment variable": ("DB_PASSWORD=hunter2", "DB_PASSWORD=[hidden]"),
    "yaml": ("  apiKey: hunter2", "  apiKey: [hidden]"),
    "json": ('{"user": "shop", "client_secret": "hun\\"ter2"}', '{"user": "shop", "client_secret": "[hidden]"}'),
    "a python dict": ("{'token': 'hunter2'}", "{'token': '[hidden]'}"),
    "a value with spaces": ('passphrase: "hunter 2, really"', 'passphrase: "[hidden]"'),
    "an option": ("run --api-key=hunter2 -v", "run --api-key=[hidden] -v"),
    "an option and its word": ("run --password hunter2 -v", "run --password [hidden] -v"),
    "a query": ("GET /x?access_token=hunter2&page=2", "GET /x?access_token=[hidden]&page=2"),
    "a URL": ("postgres://shop:hunter2@db:5432/shop", "postgres://shop:[hidden]@db:5432/shop"),
    "a URL without a user": ("redis://:hunter2@cache:6379", "redis://:[hidden]@cache:6379"),
    "a password with @": ("amqp://shop:hunt@er2@mq/", "amqp://shop:[hidden]@mq/"),
    "a bearer": ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer [hidden]"),
    "a basic": ("authorization: basic aHVudGVyMg==", "authorization: basic [hidden]"),
    "a JWT": (f"got {JWT} from client", "got [hidden] from client"),
    "a private key": (f"loaded\n{KEY}\ndone", "loaded\n[hidden private key]\ndone"),
    "a private key that is cut": (KEY[:50], "[hidden private key]"),
    "an AWS key": ("id AKIAIOSFODNN7EXAMPLE", "id [hidden]"),
    "an AWS secret": ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = [hidden]"),
    "a Google key": ("key AIzaSyA1234567890abcdefghijklmnopqrstuv", "key [hidden]"),
    "a GitHub token": ("clone with ghp_0123456789abcdefghij0123456789", "clone with [hidden]"),
    "a GitLab token": ("glpat-abcdefghij0123456789", "[hidden]"),
    "a Slack token": ("xoxb-123456789-abcdefghij", "[hidden]"),
    "a Stripe key": ("sk_live_abcdefgh12345678", "[hidden]"),
    "our own token": ("slw_ab12cd34_0123456789abcdef0123", "[hidden]"),
    "a cookie": ("Set-Cookie: sid=hunter2; Path=/", "Set-Cookie: [hidden]; Path=/"),
    "SQL": ("ALTER USER shop IDENTIFIED BY 'hunter2'", "ALTER USER shop IDENTIFIED BY '[hidden]'"),
    "a quote that is cut": ('password="hunter2 and mo', 'password="[hidden]"'),
    "a camel's hump": (
        '{"dbPassword": "hunter2", "accessToken":"hunter2"}',
        '{"dbPassword": "[hidden]", "accessToken":"[hidden]"}',
    ),
    "upper case": ("PASSWORD: hunter2", "PASSWORD: [hidden]"),
}
KEEPS = {
    "plain words": "listening on :8080, 3 workers",
    "a word that says what is wrong": "password authentication failed for user shop",
    "a missing setting": "the variable DATABASE_PASSWORD is not set",
    "a URL without a password": "GET https://registry.example:5000/v2/shop/manifests/1.4.2 404",
    "a mail address": "mail to ops@example.com",
    "a stack trace": 'File "/app/shop/main.py", line 12, in <module>',
    "a digest": "pulled sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "words that contain such a word": "compass=north bypassed=3 spinner=on authority=shop",
    "a time": "2026-11-22T17:00:00Z level=info",
}


@pytest.mark.parametrize(("text", "left"), HIDES.values(), ids=HIDES)
def test_it_hides(text: str, left: str) -> None:
    told = redact(text)
    assert told.text == left
    assert told.hidden >= 1


@pytest.mark.parametrize("text", KEEPS.values(), ids=KEEPS)
def test_it_keeps(text: str) -> None:
    assert redact(text).text == text


@pytest.mark.parametrize("text", [text for text, _ in HIDES.values()], ids=HIDES)
def test_it_is_the_same_twice(text: str) -> None:
    once = redact(text).text
    assert redact(once).text == once


@given(
    name=st.sampled_from(["password", "DB_PASSWORD", "api-key", "client_secret", "x-auth-token"]),
    secret=st.text("abcdefghijklmnopqrstuvwxyzABCDEFG0123456789+/_.~!", min_size=8, max_size=40),
    before=st.text(max_size=30),
)
def test_it_hides_whatever_is_assigned(name: str, secret: str, before: str) -> None:
    told = redact(f"{before}\n{name}={secret}\nready")
    assert f"{name}={HIDDEN}\nready" in told.text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "password" * 25_000,
        "a:" * 100_000,
        "://" * 60_000,
        "eyJ" * 60_000,
        "-----BEGIN " * 18_000,
        '="' * 90_000,
    ],
    ids=["letters", "words", "colons", "urls", "jwts", "keys", "quotes"],
)
def test_it_does_not_grow_slower_than_the_text(text: str) -> None:
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 6.0


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31merror\x1b[0m", "error"),
        ("10%\r20%\r\ndone", "10%\n20%\ndone"),
        ("a\x00b\x07c\td", "abc\td"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("\x1b]0;title\x07text", "text"),
    ],
    ids=["colours", "returns", "controls", "direction", "title"],
)
def test_it_shows_plain_text(text: str, left: str) -> None:
    assert plain(text) == left
