"""What people write about how long an environment lives, and the moment it becomes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provisioning.domain.lifetime import expiry

NOW = datetime(2026, 3, 2, 9, 30, 45, tzinfo=UTC)


def asked(value, **stage):
    settings = {"held": None, "has_base": False, "created": NOW, "now": NOW, "default_days": 14, "max_days": 90}
    return expiry(value, **{**settings, **stage})


@pytest.mark.parametrize(
    ("value", "stage", "expected"),
    [
        pytest.param(None, {}, "2026-03-16T09:30:00Z", id="the-stage-decides"),
        pytest.param(None, {"default_days": None, "max_days": None}, None, id="for-ever"),
        pytest.param("12h", {}, "2026-03-02T21:30:00Z", id="hours"),
        pytest.param("2w", {}, "2026-03-16T09:30:00Z", id="weeks"),
        pytest.param("2026-04-01", {}, "2026-04-01T00:00:00Z", id="date"),
        pytest.param("2026-04-01T12:00:00+02:00", {}, "2026-04-01T10:00:00Z", id="moment-with-zone"),
        pytest.param("never", {"max_days": None}, None, id="never"),
        pytest.param(None, {"has_base": True, "held": "2026-03-05T00:00:00Z"}, "2026-03-05T00:00:00Z", id="kept"),
        pytest.param("90d", {}, "2026-05-31T09:30:00Z", id="just-the-longest"),
    ],
)
def test_it_becomes_a_moment(value, stage, expected):
    assert asked(value, **stage) == (expected, [])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param("91d", "longest life is 90 days", id="too-long"),
        pytest.param("never", "longer than 90 days", id="never-where-it-must-end"),
        pytest.param("2020-01-01", "is over", id="past"),
        pytest.param("soon", "Write a span", id="words"),
        pytest.param(7, "Write a span", id="number"),
        pytest.param(["14d"], "Write a span", id="list"),
    ],
)
def test_it_says_what_is_right(value, words):
    _, [problem] = asked(value)
    assert problem.path == "spec.expires"
    assert words in problem.message
