"""Who may sign in without a provider, whatever the rule says: never nobody."""

from __future__ import annotations

import pytest

from governance.domain.local_sign_in import LocalRule, is_open, rule_problem

OPEN = {
    "everybody, a developer": (LocalRule(), "dev", False, False, True),
    "admins, a developer": (LocalRule("admins"), "dev", False, False, False),
    "admins, an admin": (LocalRule("admins"), "root", True, False, True),
    "keepers, one of them": (LocalRule("keepers", ("root",)), "root", True, True, True),
    "keepers, another admin": (LocalRule("keepers", ("root",)), "other", True, True, False),
    "keepers, none is left": (LocalRule("keepers", ("root",)), "other", True, False, True),
    "keepers, named and no admin any more": (LocalRule("keepers", ("root",)), "root", False, False, False),
}


@pytest.mark.parametrize(("rule", "username", "is_admin", "left", "expected"), OPEN.values(), ids=OPEN.keys())
def test_it_opens_and_closes(rule, username, is_admin, left, expected):
    assert is_open(rule, username=username, is_admin=is_admin, keepers_left=left) is expected


WRONG = {
    "an unknown word": (LocalRule("nobody"), "Choose everybody"),
    "keepers without one": (LocalRule("keepers"), "Choose 1 to 10"),
    "too many keepers": (LocalRule("keepers", tuple(f"a{one}" for one in range(11))), "Choose 1 to 10"),
    "a keeper who is none": (LocalRule("keepers", ("dev", "root")), "dev is no platform admin"),
    "names that mean nothing": (LocalRule("admins", ("root",)), "Only keepers are named"),
    "everybody": (LocalRule(), ""),
    "admins": (LocalRule("admins"), ""),
    "keepers": (LocalRule("keepers", ("root",)), ""),
}


@pytest.mark.parametrize(("rule", "told"), WRONG.values(), ids=WRONG.keys())
def test_it_says_what_is_wrong_with_a_rule(rule, told):
    found = rule_problem(rule, able=frozenset({"root", "other"}))
    assert found.startswith(told)
    assert bool(found) == bool(told)
