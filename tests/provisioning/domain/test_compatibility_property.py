"""No version that is judged compatible refuses what its predecessor accepted: tried on generated pairs of schemas."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.kernel.errors import InvalidInput
from provisioning.domain.compatibility import compare
from provisioning.domain.compatibility_examples import accepts
from provisioning.domain.compatibility_schema import narrowings, not_proven
from provisioning.domain.contract import Contract
from tests.provisioning.domain.contracts import store
from tests.provisioning.domain.schema_pairs import later, objects, roots

PAIRS = 1200
seen: Counter[str] = Counter()


def contract(version: str, inputs: dict[str, Any]) -> Contract:
    return store(
        ("metadata.version", version),
        ("spec.inputs", inputs),
        ("spec.objects.server.manifest.data", {}),
        ("spec.usage", {}),
    )


@settings(max_examples=PAIRS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def judge_a_pair(data: st.DataObject) -> None:
    before = data.draw(roots())
    after = data.draw(later(before))
    try:
        old, new = contract("1.0.0", before), contract("1.1.0", after)
    except InvalidInput:  # a default that does not fit, for example; nobody could publish it
        seen["unusable"] += 1
        return
    seen["pairs"] += 1
    if narrowings(old.inputs, new.inputs) or not_proven(old.inputs, new.inputs):
        seen["breaking"] += 1
        return
    seen["compatible"] += before != after
    for _ in range(6):
        inputs = data.draw(objects(before))
        if accepts(old, inputs):
            seen["accepted"] += 1
            assert accepts(new, inputs), (before, after, inputs)
            assert accepts(new, old.with_defaults(inputs)), (before, after, inputs)


def test_it_never_calls_compatible_what_refuses_an_accepted_input() -> None:
    seen.clear()
    judge_a_pair()
    assert seen["pairs"] >= 1000, seen
    # Otherwise it would prove nothing: enough pairs are judged compatible although they differ, and enough are tried.
    assert seen["compatible"] >= 100, seen
    assert seen["accepted"] >= 500, seen
    assert seen["breaking"] >= 100, seen


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_example_that_it_shows_was_accepted_and_is_refused(data: st.DataObject) -> None:
    before = data.draw(roots())
    after = data.draw(later(before))
    try:
        old, new = contract("1.0.0", before), contract("1.1.0", after)
    except InvalidInput:
        return
    for finding in compare(old, new).findings:
        if finding.example is not None and finding.rule not in ("replay", "object-lost", "not-rendered"):
            assert accepts(old, finding.example), finding
            assert not accepts(new, finding.example), finding
