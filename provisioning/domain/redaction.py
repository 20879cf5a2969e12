"""Takes what looks like a secret out of text that a program wrote, before a person is shown it.

Called for container logs and for what a cluster tells of failures. Pure. It errs on the side of hiding: a log line that
lost a harmless word still says what failed, a password on a page cannot be taken back. It knows forms, not values, so
it promises to lessen, never to find everything; who may read logs is therefore decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HIDDEN: Final = "[hidden]"

_WORDS: Final = (
    r"(?:(?:(?<![a-z])(?:pass|passcode|pwd|private[_-]?key|encryption[_-]?key|signing[_-]?key|salt|otp|pin|dsn|cookie"
    r"|auth(?:orization|entication)?|session(?:[_-]?id)?))"
    r"|password|passwd|passphrase|secret|token|credentials?|api[_-]?key|access[_-]?key|connection[_-]?string)"
)
"""The first part would hide compasses and spinners if it were looked for inside of words; the second is long enough."""
_NAME: Final = rf"[\w.\-]{{0,60}}?{_WORDS}(?![a-z])[\w.\-]{{0,40}}"
_BLOCK: Final = r"-----BEGIN (?P<what>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----"


@dataclass(frozen=True, slots=True)
class Redacted:
    """``text`` with ``hidden`` places taken out."""

    text: str
    hidden: int


@dataclass(frozen=True, slots=True)
class _Form:
    """What one form of secret looks like, and what is left of a match: the parts that say what it was."""

    pattern: re.Pattern[str]
    left: str | Callable[[re.Match[str]], str]


def _form(pattern: str, left: str | Callable[[re.Match[str]], str] = HIDDEN, flags: int = 0) -> _Form:
    return _Form(re.compile(pattern, flags), left)


# A key that was cut off by the log's limit is hidden to the end of the text.
_FORMS: Final[tuple[_Form, ...]] = (
    _form(rf"{_BLOCK}[\s\S]*?(?:-----END (?P=what)-----|\Z)", f"{HIDDEN[:-1]} private key]"),
    _form(
        r"\b(?P<scheme>[a-z][a-z0-9+.\-]{1,30})://(?P<user>[^\s/:@\"'<>]{0,200}):(?P<secret>[^\s/\"'<>]{1,500})@",
        rf"\g<scheme>://\g<user>:{HIDDEN}@",
        re.IGNORECASE,
    ),
    _form(r"\beyJ[\w\-]{5,2000}\.[\w\-]{5,8000}(?:\.[\w\-]{0,2000}){0,3}"),
    _form(r"\b(?P<how>bearer|basic|digest|negotiate)\s+(?P<secret>[\w\-.~+/]{6,8000}=*)", rf"\g<how> {HIDDEN}", re.I),
    _form(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"),
    _form(r"\bAIza[\w\-]{30,50}"),
    _form(r"\bya29\.[\w\-.]{20,2000}"),
    _form(r"\bgh[oprsu]_[A-Za-z0-9]{20,255}|\bgithub_pat_\w{20,255}|\bglpat-[\w\-]{16,64}"),
    _form(r"\bxox[abeoprs]-[\w\-]{8,250}|\bxapp-[\w\-]{8,250}"),
    _form(r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,250}|\bsk-[\w\-]{20,250}|\bwhsec_[\w+/=]{16,250}"),
    _form(r"\bhvs\.[\w\-]{20,500}|\bs\.[A-Za-z0-9]{24}\b|\bnpm_[A-Za-z0-9]{30,60}|\bpypi-[\w\-]{30,500}"),
    _form(r"\bslw_[A-Za-z0-9]{4,40}_[\w\-]{10,200}"),
    _form(r"\bSG\.[\w\-]{16,40}\.[\w\-]{16,80}|\bdop_v1_[a-f0-9]{40,80}|\bage-secret-key-1[a-z0-9]{40,80}", flags=re.I),
    # "password": "x", password='x', --api-key=x, DB_PASSWORD: x. A reference to a secret's place is not its value.
    _form(
        rf"(?P<name>[\"']?(?<![\w.]){_NAME}[\"']?\s{{0,3}}[:=]\s{{0,3}})"
        rf"(?P<quote>[\"'])(?!{re.escape(HIDDEN)})(?:(?!(?P=quote))[^\\\n]|\\.){{1,4000}}(?:(?P=quote)|$)",
        rf"\g<name>\g<quote>{HIDDEN}\g<quote>",
        re.IGNORECASE | re.MULTILINE,
    ),
    _form(
        rf"(?P<name>[\"']?(?<![\w.]){_NAME}[\"']?\s{{0,3}}[:=]\s{{0,3}})"
        rf"(?P<secret>(?!{re.escape(HIDDEN)})(?!(?:bearer|basic|digest|negotiate)\s)[^\s\"',;&)}}\]]{{1,4000}})",
        rf"\g<name>{HIDDEN}",
        re.IGNORECASE,
    ),
    _form(
        rf"(?P<name>(?<!\S)--?{_NAME}\s)(?P<secret>(?!-)(?!{re.escape(HIDDEN)})\S{{1,4000}})",
        rf"\g<name>{HIDDEN}",
        re.IGNORECASE,
    ),
    _form(
        rf"(?P<name>\bidentified by\s+)'(?!{re.escape(HIDDEN)})[^']{{1,500}}'", rf"\g<name>'{HIDDEN}'", re.IGNORECASE
    ),
)


def redact(text: str) -> Redacted:
    """``text`` without what looks like a secret. Lines stay lines; time grows with the length of the text."""
    hidden = 0
    for form in _FORMS:
        text, found = form.pattern.subn(form.left, text)
        hidden += found
    return Redacted(text, hidden)


def plain(text: str) -> str:
    """``text`` without characters that move a terminal's cursor, colour it, or hide what stands beside them."""
    return _UNPRINTED.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UNPRINTED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
