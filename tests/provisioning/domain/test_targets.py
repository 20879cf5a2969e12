"""What each kind makes of a document: the spec that is asked for, and what keeps it from being carried out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.kernel.errors import NotFound
from provisioning.domain import targets
from provisioning.domain.contract import Contract
from provisioning.domain.revision import resolve
from provisioning.domain.version import parse_version
from tests.provisioning.domain.contracts import store

VERSIONS = ("1.0.0", "1.1.0", "2.0.0")


@lru_cache
def contract(capability: str, version: str) -> Contract:
    if capability != "store" or version not in VERSIONS:
        raise NotFound(f"{capability} has no version {version}.")
    upgrade = ("spec.upgrade", {"1": {"storageGiB": "${inputs.storageGiB * 2}"}})
    return store(("metadata.version", version), *([upgrade] if version == "2.0.0" else []))


def by_constraint(capability: str, constraint: str) -> Contract:
    return contract(capability, constraint)


def document(power: str = "awake", expires: str | None = None, **versions: str) -> dict[str, Any]:
    """An environment with a store of each version; inputs with their defaults."""
    resources = {
        name: {"capability": f"store@{version}", "inputs": {"storageGiB": 10}} for name, version in versions.items()
    }
    spec = {"stage": "dev", "resources": resources}
    return dict(resolve(spec, contracts=by_constraint, power=power, expires=expires).require().document)


def upgraded(base: dict[str, Any], version: str, names: tuple[str, ...] | None = None) -> targets.Target:
    return targets.upgraded(base, "store", version, names, contracts=contract)


def versions_of(target: targets.Target) -> dict[str, str]:
    return {name: one["capability"] for name, one in target.spec["resources"].items()}


@pytest.mark.parametrize(
    ("base", "version", "names", "wanted"),
    [
        pytest.param({"a": "1.0.0", "b": "1.1.0"}, "1.1.0", None, {"a": "1.1.0", "b": "1.1.0"}, id="all-older"),
        pytest.param({"a": "1.0.0", "b": "1.0.0"}, "1.1.0", ("a",), {"a": "1.1.0", "b": "1.0.0"}, id="one-of-two"),
        pytest.param({"a": "1.0.0", "b": "2.0.0"}, "1.1.0", None, {"a": "1.1.0", "b": "2.0.0"}, id="newer-ones-stay"),
        pytest.param({"a": "1.1.0"}, "1.1.0", ("a",), {"a": "1.1.0"}, id="there-already"),
    ],
)
def test_it_moves_what_is_named_to_the_version(base, version, names, wanted):
    target = upgraded(document(**base), version, names)
    assert target.problems == ()
    assert versions_of(target) == {name: f"store@{one}" for name, one in wanted.items()}


def test_it_keeps_inputs_within_a_major_and_maps_those_of_an_older_one():
    base = document(a="1.0.0")
    assert upgraded(base, "1.1.0").spec["resources"]["a"]["inputs"] == base["resources"]["a"]["inputs"]
    assert upgraded(base, "2.0.0").spec["resources"]["a"]["inputs"]["storageGiB"] == 20


def test_it_names_the_place_of_an_input_that_does_not_map():
    base = document(a="1.0.0")
    base["resources"]["a"]["inputs"]["storageGiB"] = 9000
    (problem,) = upgraded(base, "2.0.0").problems
    assert problem.path == "spec.resources.a.inputs.storageGiB"


@pytest.mark.parametrize("names", [None, ("a",)])
def test_it_goes_back_by_rolling_back_only(names):
    (problem,) = upgraded(document(a="2.0.0"), "1.1.0", names).problems
    assert "roll back" in problem.message


ONE = st.sampled_from(VERSIONS)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), ONE, min_size=1), ONE, st.sampled_from(targets.POWERS))
def test_it_never_moves_anything_back_and_touches_nothing_else(running, version, power):
    base = document(power, "2030-01-01T00:00:00Z", **running)
    target = upgraded(base, version)
    assert target.power == power
    assert target.expires is None
    for name, had in running.items():
        after = target.spec["resources"][name]["capability"].removeprefix("store@")
        assert parse_version(after) == max(parse_version(had), parse_version(version)) or target.problems


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), ONE, min_size=1), st.sampled_from(targets.POWERS))
def test_a_document_written_out_resolves_to_itself(running, power):
    base = document(power, "2030-01-01T00:00:00Z", **running)
    made = resolve(targets.spec_of(base), contracts=by_constraint, power=power, expires=base["expires"], base=base)
    assert made.problems == ()
    assert made.document == base


@settings(deadline=None)
@given(st.sampled_from(targets.POWERS), st.sampled_from(targets.POWERS))
def test_power_changes_nothing_but_power(before, after):
    base = document(before, a="1.0.0")
    target = targets.powered(base, after)
    assert target.power == after
    assert target.spec == targets.spec_of(base)
    assert bool(target.problems) == (before == after)


def test_it_rolls_back_what_runs_and_keeps_power_and_life():
    older, base = document(a="1.0.0"), document("asleep", "2030-01-01T00:00:00Z", a="1.1.0", b="1.0.0")
    target = targets.rolled_back(base, older, 3, lambda capability, version: "stable")
    assert versions_of(target) == {"a": "store@1.0.0"}
    assert (target.power, target.expires) == ("asleep", None)


@pytest.mark.parametrize(
    ("now_at", "state", "refused"),
    [
        ("1.1.0", "defective", True),
        ("1.1.0", "retired", True),
        ("1.1.0", "deprecated", False),
        ("1.0.0", "defective", False),
    ],
)
def test_it_does_not_roll_back_onto_a_version_that_is_no_longer_good(now_at, state, refused):
    target = targets.rolled_back(document(a=now_at), document(a="1.0.0"), 3, lambda capability, version: state)
    assert [one.path for one in target.problems] == (["spec.resources.a.capability"] if refused else [])


def test_it_copies_an_environment_awake_and_says_what_is_not_copied():
    given_too = {"stage": "dev", "resources": {"a": {"inputs": {"storageGiB": 30}}, "x": {"inputs": {}}}}
    target = targets.cloned(document("asleep", a="1.0.0"), "old", given_too)
    assert target.power == "awake"
    assert target.spec["resources"]["a"]["inputs"]["storageGiB"] == 30
    assert [one.path for one in target.problems] == ["spec.resources.x"]
    assert "not copied" in target.notes[0]


def test_it_adopts_whole_inputs_of_what_there_is():
    target = targets.adopted(document(a="1.0.0"), {"a": {"storageGiB": 11}, "x": {}})
    assert target.spec["resources"]["a"]["inputs"] == {"storageGiB": 11}
    assert [one.path for one in target.problems] == ["patches.x"]
