"""Which version a constraint leads to where an admin chose a default."""

from __future__ import annotations

import pytest

from provisioning.domain.version import choose

OFFERED = [
    ("1.0.0", "stable"),
    ("1.1.0", "stable"),
    ("1.1.4", "stable"),
    ("1.2.0", "stable"),
    ("1.3.0", "deprecated"),
    ("2.0.0", "stable"),
    ("2.1.0", "stable"),
    ("3.0.0", "deprecated"),
]


@pytest.mark.parametrize(
    ("constraint", "defaults", "keep", "chosen"),
    [
        pytest.param("1", {"1.1.0"}, None, "1.1.0", id="the-default-of-its-major"),
        pytest.param("1", {"2.0.0"}, None, "1.2.0", id="another-major's-says-nothing"),
        pytest.param("1.1", {"1.1.0"}, None, "1.1.0", id="where-it-fits-the-minor"),
        pytest.param("1.2", {"1.1.0"}, None, "1.2.0", id="not-where-it-does-not-fit"),
        pytest.param("1.0.0", {"1.1.0"}, None, "1.0.0", id="exact-is-exact"),
        pytest.param("", {"1.1.0", "2.0.0"}, None, "2.0.0", id="the-default-of-the-newest-major"),
        pytest.param("1", {"1.3.0"}, None, "1.2.0", id="not-one-that-is-not-stable"),
        pytest.param("3", {"3.0.0"}, None, "3.0.0", id="deprecated-when-nothing-else"),
        pytest.param("1", {"1.1.0"}, "1.2.0", "1.2.0", id="nobody-is-moved-back"),
        pytest.param("1", {"1.1.0"}, "1.0.0", "1.1.0", id="older-ones-move-up-to-it"),
        pytest.param("1", {"1.1.0"}, "1.3.0", "1.1.0", id="what-is-deprecated-moves-to-it"),
    ],
)
def test_it_leads_to_the_default(constraint: str, defaults: set[str], keep: str | None, chosen: str) -> None:
    assert choose(constraint, OFFERED, keep=keep, defaults=defaults) == chosen
