"""Which pipelines are trusted: patterns of subjects and claims, and what a rule may say. Pure.

Called by ``services.trust_rules``, ``services.workload_exchange`` and the page that edits rules. ``*`` stands for any
letters. A pattern must begin with letters of its own, so that no rule trusts everybody who can sign at an issuer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from idp.kernel.errors import FieldError

ALGORITHMS: Final = ("RS256", "ES256")
SCOPES: Final = ("read", "change")
"""All that a pipeline may do: people decide and administer."""

MOST_MINUTES: Final = 15
MOST_STARS: Final = 4
MOST_CLAIMS: Final = 10
LEAST_OWN: Final = 6
LONGEST: Final = 500
_NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?")
_CLAIM: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}")
_ISSUER: Final = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?")


@dataclass(frozen=True, slots=True)
class TrustRule:
    """What a token must say to be trusted: who signed it, for whom, about which subject, with which claims."""

    issuer: str
    audience: str
    subject: str
    claims: Mapping[str, str] = field(default_factory=dict)

    def trusts(self, claims: Mapping[str, Any]) -> bool:
        """Whether verified ``claims`` are those of a pipeline that this rule is about."""
        return not self.reasons(claims)

    def reasons(self, claims: Mapping[str, Any]) -> list[str]:
        """In words, what in ``claims`` is not as the rule says; empty when it trusts them."""
        found = []
        if claims.get("iss") != self.issuer:
            found.append("another issuer signed it")
        if self.audience not in audiences(claims):
            found.append(f"it is not made for the audience “{self.audience}”")
        if not fits(self.subject, claims.get("sub")):
            found.append(f"its subject does not match “{self.subject}”")
        for name, pattern in self.claims.items():
            if not fits(pattern, claims.get(name)):
                found.append(f"its claim “{name}” does not match “{pattern}”")
        return found


def fits(pattern: str, value: Any) -> bool:
    """Whether a claim is as ``pattern`` says; a claim that is neither text, number nor truth never is."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST:
        return False
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value, re.DOTALL) is not None


def audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """For whom a token is made; it may name one or several."""
    found = claims.get("aud")
    listed = found if isinstance(found, list) else [found]
    return tuple(one for one in listed if isinstance(one, str))


def rule_errors(name: str, rule: TrustRule, *, scopes: Iterable[str], minutes: int) -> list[FieldError]:
    """What is right at each place where a rule is not."""
    errors = []
    if not _NAME.fullmatch(name):
        errors.append(FieldError("name", "Write 1 to 50 lower-case letters, digits and dashes."))
    if not _ISSUER.fullmatch(rule.issuer) or len(rule.issuer) > 300:
        told = "Write it as tokens name it, such as https://token.actions.githubusercontent.com, without a slash."
        errors.append(FieldError("issuer", told))
    if not 0 < len(rule.audience.strip()) <= 200:
        errors.append(
            FieldError("audience", "Write what pipelines ask their token for, such as this portal's address.")
        )
    if told := _subject_problem(rule):
        errors.append(FieldError("subject", told))
    errors += _claims_errors(rule.claims)
    wanted = set(scopes)
    if not wanted or wanted - set(SCOPES):
        errors.append(FieldError("scopes", f"Choose {' and '.join(SCOPES)}; people alone decide and administer."))
    if not 1 <= minutes <= MOST_MINUTES:
        errors.append(FieldError("minutes", f"A token lasts 1 to {MOST_MINUTES} minutes."))
    return errors


def _subject_problem(rule: TrustRule) -> str:
    own = rule.subject.partition("*")[0]
    if not 0 < len(rule.subject) <= LONGEST or rule.subject.count("*") > MOST_STARS:
        return f"Write at most {LONGEST} letters with at most {MOST_STARS} stars."
    if "githubusercontent.com" in rule.issuer and not re.match(r"repo:[^*/:]+/", rule.subject):
        return "Begin with repo:<owner>/, or everybody at GitHub would be trusted."
    if rule.subject.startswith("project_path:") and not re.match(r"project_path:[^*/:]+/", rule.subject):
        return "Begin with project_path:<group>/, or everybody there would be trusted."
    if len(own) < LEAST_OWN:
        return f"Begin with at least {LEAST_OWN} letters before the first star, such as repo:acme/."
    return ""


def _claims_errors(claims: Mapping[str, str]) -> list[FieldError]:
    if len(claims) > MOST_CLAIMS:
        return [FieldError("claims", f"List at most {MOST_CLAIMS} claims.")]
    told = "Write a name and a value on each line, such as environment=production; * stands for any letters."
    wrong = any(
        not _CLAIM.fullmatch(name) or not 0 < len(value) <= LONGEST or value.count("*") > MOST_STARS
        for name, value in claims.items()
    )
    return [FieldError("claims", told)] if wrong else []
