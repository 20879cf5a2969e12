"""Trouble with files in Git: told once, and that it is over."""

from __future__ import annotations

import pytest

from provisioning.domain.git_trouble import Look, trouble_after

FAILED = {"failed": "1"}
REFUSED = {"refused": "c1"}
CASES = {
    "all-is-well": ({}, Look(2, "c1"), {}, ""),
    "it-fails": ({}, Look(2, failed=True), {"failed": "2"}, "failed"),
    "it-fails-on": (FAILED, Look(2, failed=True), FAILED, ""),
    "it-fails-while-documents-are-refused": (REFUSED, Look(2, failed=True), REFUSED | {"failed": "2"}, "failed"),
    "it-may-pass": ({}, Look(2, failed=True, passing=True), {}, ""),
    "it-did-not-pass": ({}, Look(2, failed=True, passing=True, again=True), {"failed": "2"}, "failed"),
    "documents-are-refused": ({}, Look(2, "c1", refused=1), REFUSED, "refused"),
    "the-same-commit-again": (REFUSED, Look(2, "c1", refused=1), REFUSED, ""),
    "another-commit": (REFUSED, Look(2, "c2", refused=1), {"refused": "c2"}, "refused"),
    "nothing-is-refused-any-more": (REFUSED, Look(2, "c2"), {}, "recovered"),
    "it-is-read-again": (FAILED, Look(2, "c1"), {}, "recovered"),
    "it-is-read-again-and-refused-as-before": (FAILED | REFUSED, Look(2, "c1", refused=1), REFUSED, "recovered"),
    "it-is-read-again-and-refused": (FAILED, Look(2, "c1", refused=1), REFUSED, "refused"),
    "all-is-over": (FAILED | REFUSED, Look(2, "c2"), {}, "recovered"),
}


@pytest.mark.parametrize(("told", "look", "after", "said"), CASES.values(), ids=CASES)
def test_it_tells_what_is_news(told: dict[str, str], look: Look, after: dict[str, str], said: str) -> None:
    assert trouble_after(told, look) == (after, said)
