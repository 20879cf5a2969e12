"""Filters of SCIM: the RFC's own examples, what is refused, and 10,000 mutated ones."""

from __future__ import annotations

import random
from typing import Any

import pytest

from governance.domain.scim_filter import (
    Both,
    Compare,
    Either,
    Not,
    Path,
    Present,
    Within,
    equalities,
    fits,
    read_filter,
    read_path,
)
from idp.kernel.errors import InvalidInput

RFC = [
    'userName eq "bjensen"',
    'name.familyName co "O\'Malley"',
    'userName sw "J"',
    'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
    "title pr",
    'meta.lastModified gt "2011-05-13T04:42:34Z"',
    'meta.lastModified ge "2011-05-13T04:42:34Z"',
    'title pr and userType eq "Employee"',
    'title pr or userType eq "Intern"',
    'schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"',
    'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
    'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")',
    'userType eq "Employee" and (emails.type eq "work")',
    'userType eq "Employee" and emails[type eq "work" and value co "@example.com"]',
    'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]',
]
NAME = Path("username")


@pytest.mark.parametrize("text", RFC)
def test_it_reads_every_example_of_the_rfc(text: str) -> None:
    assert read_filter(text)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param('USERNAME EQ "a"', Compare(NAME, "eq", "a"), id="case-of-words-does-not-count"),
        pytest.param('userName eq"a"', Compare(NAME, "eq", "a"), id="no-space-before-a-text"),
        pytest.param(r'userName eq "a\"b\u00e9"', Compare(NAME, "eq", 'a"bé'), id="escapes"),
        pytest.param('userName eq "and"', Compare(NAME, "eq", "and"), id="a-text-is-no-word"),
        pytest.param("active eq true", Compare(Path("active"), "eq", True), id="truth"),
        pytest.param("active eq False", Compare(Path("active"), "eq", False), id="truth-in-any-case"),
        pytest.param("a gt -1.5e2", Compare(Path("a"), "gt", -150), id="number"),
        pytest.param("externalId eq null", Compare(Path("externalid"), "eq", None), id="null"),
        pytest.param("not (title pr)", Not(Present(Path("title"))), id="not"),
        pytest.param(
            "a pr or b pr and c pr",
            Either(Present(Path("a")), Both(Present(Path("b")), Present(Path("c")))),
            id="and-binds-more",
        ),
        pytest.param(
            'emails[type eq "work"]', Within(Path("emails"), Compare(Path("type"), "eq", "work")), id="elements"
        ),
        pytest.param(
            'urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "B"',
            Compare(Path("name", "givenname", "urn:ietf:params:scim:schemas:core:2.0:user"), "eq", "B"),
            id="urn",
        ),
    ],
)
def test_it_reads(text: str, tree: Any) -> None:
    assert read_filter(text) == tree


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "ends where", id="empty"),
        pytest.param("userName", "ends where", id="no-comparison"),
        pytest.param("userName eq", "ends where a value", id="no-value"),
        pytest.param("userName is 'a'", "cannot be read", id="single-quotes"),
        pytest.param('userName like "a"', "no comparison", id="unknown-comparison"),
        pytest.param("userName eq bjensen", "no value", id="text-without-quotes"),
        pytest.param('userName eq "a', "cannot be read", id="open-text"),
        pytest.param('(userName eq "a"', "missing", id="open-parenthesis"),
        pytest.param('userName eq "a")', "expected", id="closed-twice"),
        pytest.param('emails[type eq "a"', "missing", id="open-bracket"),
        pytest.param('not userName eq "a"', "missing", id="not-without-parentheses"),
        pytest.param('"a" eq userName', "no name", id="turned-round"),
        pytest.param('a eq "b" c eq "d"', "expected", id="nothing-between"),
        pytest.param(r'a eq "\ud800"', "half a character", id="half-a-character"),
        pytest.param('a eq "\\u0000"', "NUL", id="nul"),
        pytest.param("a eq 1e999", "too large", id="infinite"),
        pytest.param("(" * 50 + "a pr" + ")" * 50, "deeper", id="deep"),
        pytest.param('a eq "' + "x" * 3000 + '"', "longer", id="long"),
        pytest.param(" and ".join(["a pr"] * 100), "more than", id="many-words"),
    ],
)
def test_it_refuses(text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_filter(text)
    assert refused.value.code == "invalidFilter"
    assert told in refused.value.message


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ('type eq "Work"', True),
        ('type ne "work"', False),
        ('value co "EXAMPLE"', True),
        ('value sw "bj" and value ew ".com"', True),
        ("primary eq true", True),
        ('primary eq "True"', True),
        ("primary eq false", False),
        ("display pr", False),
        ('not (type eq "home")', True),
        ('display eq "x"', False),
        ('value gt "a" and value lt "c"', True),
        ("value gt 1", False),
        ('sub[type eq "x"]', False),
    ],
)
def test_it_holds_a_filter_against_an_element(text: str, fit: bool) -> None:
    element = {"value": "bjensen@example.com", "type": "work", "primary": True}
    assert fits(read_filter(text), element) is fit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('type eq "work"', {"type": "work"}),
        ('type eq "work" and primary eq true', {"type": "work", "primary": True}),
        ('type eq "work" or type eq "home"', None),
        ('value co "x"', None),
    ],
)
def test_it_knows_what_a_new_element_would_hold(text: str, said: Any) -> None:
    assert equalities(read_filter(text)) == said


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("name.givenName", Path("name", "givenname")),
        ("$ref", Path("$ref")),
        ("urn:a:b:2.0:User:userName", Path("username", "", "urn:a:b:2.0:user")),
        ("a.b.c", None),
        ("", None),
        ("a b", None),
        ("1a", None),
    ],
)
def test_it_reads_a_path(text: str, path: Path | None) -> None:
    assert read_path(text) == path


def test_it_answers_five_thousand_mutated_filters_with_a_tree_or_a_sentence() -> None:
    dice, words = random.Random(7644), set()
    letters = '()[]".\\ :$andortrue0-1eqpr\x00é\ud800'
    for _ in range(5_000):
        text = list(dice.choice(RFC))
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(text) + 1)
            text[place : place + dice.randint(0, 3)] = dice.choice(letters) * dice.randint(0, 3)
        try:
            fits(read_filter("".join(text)), {"value": "a", "type": "work", "primary": True})
        except InvalidInput as refused:
            words.add(refused.code)
    assert words == {"invalidFilter"}
