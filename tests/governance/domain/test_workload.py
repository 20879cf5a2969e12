"""Which pipelines a rule trusts, and which rules may be."""

from __future__ import annotations

import pytest

from governance.domain.workload import TrustRule, fits, rule_errors

GITHUB = "https://token.actions.githubusercontent.com"
RULE = TrustRule(GITHUB, "https://slipway.example", "repo:acme/checkout:ref:refs/heads/*", {"environment": "prod*"})
CLAIMS = {
    "iss": GITHUB,
    "aud": ["https://slipway.example", "other"],
    "sub": "repo:acme/checkout:ref:refs/heads/main",
    "environment": "production",
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({}, "", id="all as it says"),
        pytest.param({"aud": "https://slipway.example"}, "", id="one audience"),
        pytest.param({"iss": "https://evil.example"}, "another issuer", id="another issuer"),
        pytest.param({"aud": "https://slipway.example.evil"}, "audience", id="another audience"),
        pytest.param({"aud": 3}, "audience", id="an audience that is no text"),
        pytest.param({"sub": "repo:acme/checkout-evil:ref:refs/heads/main"}, "subject", id="another repository"),
        pytest.param({"sub": "xrepo:acme/checkout:ref:refs/heads/main"}, "subject", id="something before it"),
        pytest.param({"sub": None}, "subject", id="no subject"),
        pytest.param({"environment": "staging"}, "environment", id="another claim"),
        pytest.param({"environment": ["production"]}, "environment", id="a claim that is a list"),
    ],
)
def test_it_trusts_what_it_says_and_nothing_else(change, said):
    reasons = RULE.reasons(CLAIMS | change)
    assert RULE.trusts(CLAIMS | change) is (not said)
    assert said in "; ".join(reasons)


@pytest.mark.parametrize(
    ("pattern", "value", "right"),
    [
        ("a.c", "abc", False),
        ("a*c", "a\nc", True),
        ("a*", "a", True),
        ("a*c", "a" + "b" * 600 + "c", False),
        ("true", True, True),
        ("7", 7, True),
        ("1", True, False),
        ("main", "main\n", False),
    ],
)
def test_a_star_stands_for_any_letters_and_nothing_else_does(pattern, value, right):
    assert fits(pattern, value) is right


def test_many_stars_are_judged_at_once():
    assert not fits("a*a*a*a*b", "a" * 500)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param({"subject": "*"}, "subject", id="everybody"),
        pytest.param({"subject": "repo:*"}, "subject", id="everybody at GitHub"),
        pytest.param({"subject": "repo:ac*/x"}, "subject", id="owners that begin alike"),
        pytest.param({"subject": "a" * 501}, "subject", id="too long"),
        pytest.param({"subject": "repo:a/b:" + "*a" * 5}, "subject", id="too many stars"),
        pytest.param({"issuer": "http://git.example"}, "issuer", id="an issuer without TLS"),
        pytest.param({"issuer": "https://git.example/"}, "issuer", id="a slash at the end"),
        pytest.param({"issuer": "https://u:p@git.example"}, "issuer", id="a password in it"),
        pytest.param({"issuer": "https://git.example?x"}, "issuer", id="a query in it"),
        pytest.param({"audience": " "}, "audience", id="no audience"),
        pytest.param({"claims": {"a b": "c"}}, "claims", id="a claim that is none"),
        pytest.param({"claims": {"a": ""}}, "claims", id="a claim without a value"),
        pytest.param({"scopes": ("read", "approve")}, "scopes", id="a scope for people"),
        pytest.param({"scopes": ()}, "scopes", id="no scope"),
        pytest.param({"minutes": 16}, "minutes", id="too long a life"),
        pytest.param({"name": "A"}, "name", id="a name that is none"),
    ],
)
def test_a_rule_that_is_too_wide_is_refused_at_its_field(change, path):
    whole = {"name": "ci", "scopes": ("read", "change"), "minutes": 15} | {
        key: one for key, one in change.items() if key in ("name", "scopes", "minutes")
    }
    fields = {"issuer": GITHUB, "audience": "x", "subject": "repo:acme/*", "claims": {}}
    rule = TrustRule(**{**fields, **{key: one for key, one in change.items() if key in fields}})
    assert [one.path for one in rule_errors(whole["name"], rule, scopes=whole["scopes"], minutes=whole["minutes"])] == [
        path
    ]


def test_a_gitlab_rule_names_its_group():
    rule = TrustRule("https://gitlab.com", "x", "project_path:*", {})
    assert [one.path for one in rule_errors("ci", rule, scopes=("read",), minutes=5)] == ["subject"]
    fine = TrustRule("https://gitlab.com", "x", "project_path:acme/checkout:ref_type:branch:ref:main", {})
    assert rule_errors("ci", fine, scopes=("read",), minutes=5) == []
