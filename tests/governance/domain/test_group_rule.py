"""What groups make of roles, beside those that were given by hand."""

from __future__ import annotations

import pytest

from governance.domain.group_rule import Mark, Rule, rule_errors, settled, source_name, wanted

RULES = [
    Rule("oidc:corp", "devs", "payments", "developer"),
    Rule("oidc:corp", "leads", "payments", "maintainer"),
    Rule("oidc:corp", "all", "storefront", "viewer"),
    Rule("scim", "devs", "storefront", "developer"),
]


@pytest.mark.parametrize(
    ("source", "groups", "roles"),
    [
        pytest.param("oidc:corp", {"devs"}, {"payments": "developer"}, id="one"),
        pytest.param("oidc:corp", {"devs", "leads"}, {"payments": "maintainer"}, id="the highest counts"),
        pytest.param("oidc:corp", {"all", "devs"}, {"payments": "developer", "storefront": "viewer"}, id="two teams"),
        pytest.param("scim", {"devs", "leads"}, {"storefront": "developer"}, id="rules of the source alone"),
        pytest.param("oidc:corp", {"Devs", "dev", "devs "}, {}, id="exactly as it is spelt"),
        pytest.param("oidc:corp", set(), {}, id="no groups"),
    ],
)
def test_groups_give_roles(source, groups, roles):
    assert wanted(RULES, source, groups) == roles


BY_RULE = Mark("", {"scim": "developer"}, "developer")


@pytest.mark.parametrize(
    ("held", "mark", "gives", "role", "after"),
    [
        pytest.param("", None, "", "", None, id="nothing to nobody"),
        pytest.param("viewer", None, "", "viewer", None, id="by hand and no rule"),
        pytest.param("", None, "developer", "developer", BY_RULE, id="given"),
        pytest.param("developer", BY_RULE, "developer", "developer", BY_RULE, id="given still"),
        pytest.param("developer", BY_RULE, "", "", None, id="taken away again"),
        pytest.param(
            "developer",
            BY_RULE,
            "maintainer",
            "maintainer",
            Mark("", {"scim": "maintainer"}, "maintainer"),
            id="raised",
        ),
        pytest.param("developer", BY_RULE, "viewer", "viewer", Mark("", {"scim": "viewer"}, "viewer"), id="lowered"),
        pytest.param(
            "maintainer",
            None,
            "viewer",
            "maintainer",
            Mark("maintainer", {"scim": "viewer"}, "maintainer"),
            id="by hand is never lowered",
        ),
        pytest.param(
            "viewer",
            None,
            "developer",
            "developer",
            Mark("viewer", {"scim": "developer"}, "developer"),
            id="by hand is raised",
        ),
        pytest.param(
            "developer",
            Mark("viewer", {"scim": "developer"}, "developer"),
            "",
            "viewer",
            None,
            id="and has the one by hand again",
        ),
        pytest.param("maintainer", BY_RULE, "", "maintainer", None, id="set by hand since stays"),
        pytest.param("", BY_RULE, "developer", "developer", BY_RULE, id="taken away by hand comes back with the group"),
        pytest.param("", BY_RULE, "", "", None, id="taken away by hand and by the group"),
        pytest.param(
            "developer",
            Mark("", {"scim": "developer", "oidc:corp": "viewer"}, "developer"),
            "",
            "viewer",
            Mark("", {"oidc:corp": "viewer"}, "viewer"),
            id="another source gives still",
        ),
    ],
)
def test_a_role_settles(held, mark, gives, role, after):
    assert settled(held, mark, "scim", gives) == (role, after)


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        pytest.param(Rule("scim", "devs", "payments", "viewer"), [], id="right"),
        pytest.param(Rule("oidc:corp", "/a/b, c", "payments", "viewer"), [], id="a path with spaces"),
        pytest.param(Rule("ldap", "devs", "payments", "viewer"), ["source"], id="source"),
        pytest.param(Rule("oidc:", "devs", "payments", "viewer"), ["source"], id="provider"),
        pytest.param(Rule("scim", "", "payments", "viewer"), ["group"], id="no group"),
        pytest.param(Rule("scim", " devs", "payments", "viewer"), ["group"], id="space around"),
        pytest.param(Rule("scim", "d" * 121, "payments", "viewer"), ["group"], id="too long"),
        pytest.param(Rule("scim", "devs", "payments", "owner"), ["role"], id="role"),
    ],
)
def test_a_rule_is_checked(rule, wrong):
    assert [error.path for error in rule_errors(rule)] == wrong


def test_a_key_names_all_but_the_role():
    rule = Rule("oidc:corp", "/org/devs", "payments")
    assert Rule.named(rule.key) == rule


@pytest.mark.parametrize(("source", "name"), [("oidc:corp", "corp"), ("scim", "SCIM")])
def test_a_source_is_called_as_people_call_it(source: str, name: str) -> None:
    assert source_name(source) == name
