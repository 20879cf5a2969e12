"""A promoted set: what travels, what stays, and whether the mix has proven itself where it comes from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.kernel.errors import NotFound
from provisioning.domain.contract import Contract
from provisioning.domain.promotion import Seen, promoted, untested
from provisioning.domain.revision import resolve
from tests.provisioning.domain.contracts import store

INPUTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "image": {"type": "string"},
        "from": {"type": "string"},
        "storageGiB": {"type": "integer", "minimum": 1, "maximum": 500, "default": 10, "x-scope": "environment"},
        "limits": {
            "type": "object",
            "properties": {
                "burst": {"type": "integer"},
                "rate": {"type": "integer", "x-scope": "environment"},
            },
        },
    },
}


@lru_cache
def contract(capability: str, version: str) -> Contract:
    if version not in ("1.0.0", "1.1.0"):
        raise NotFound(f"{capability} has no version {version}.")
    data = ("spec.objects.server.manifest.data", {})
    examples = ("spec.examples", [{"name": "plain", "title": "Plain", "inputs": {}}])
    return store(("metadata.version", version), ("spec.inputs", INPUTS), data, ("spec.usage", {}), examples)


def document(**resources: Any) -> dict[str, Any]:
    """An environment; each resource is its inputs, with ``version`` among them where it is not 1.0.0."""
    written = {}
    for name, given_inputs in resources.items():
        inputs = dict(given_inputs)
        written[name] = {"capability": f"store@{inputs.pop('version', '1.0.0')}", "inputs": inputs}
    spec = {"stage": "dev", "resources": written}
    return dict(resolve(spec, contracts=contract).document)


def promote(base: Any, source: Any, names: Any = None, spec: Any = None) -> Any:
    return promoted(base, source, "staging", stage="prod", resources=names, spec=spec or {}, contracts=contract)


def inputs_of(target: Any) -> dict[str, Any]:
    return {name: one["inputs"] for name, one in target.spec["resources"].items()}


def test_it_takes_what_travels_and_leaves_what_belongs_to_the_environment():
    source = document(a={"image": "new", "storageGiB": 5, "limits": {"burst": 9, "rate": 1}, "version": "1.1.0"})
    base = document(a={"image": "old", "storageGiB": 50, "limits": {"burst": 2, "rate": 7}})
    target = promote(base, source)
    assert target.problems == ()
    assert target.spec["resources"]["a"]["capability"] == "store@1.1.0"
    assert inputs_of(target)["a"] == {"image": "new", "storageGiB": 50, "limits": {"burst": 9, "rate": 7}}


def test_a_new_resource_begins_with_the_defaults_of_its_environment():
    target = promote(document(), document(a={"image": "new", "storageGiB": 5}))
    assert inputs_of(target)["a"] == {"image": "new"}


def test_it_takes_inputs_of_the_environment_and_refuses_to_change_what_travels():
    given_too = {"resources": {"a": {"inputs": {"storageGiB": 80, "image": "untested"}}, "x": {}}}
    target = promote(None, document(a={"image": "new"}), spec=given_too)
    assert inputs_of(target)["a"] == {"image": "new", "storageGiB": 80}
    assert [one.path for one in target.problems] == ["spec.resources.a.inputs.image", "spec.resources.x"]


@pytest.mark.parametrize(
    ("names", "left"),
    [
        pytest.param(None, {"a", "b"}, id="all-removes-what-the-source-lacks"),
        pytest.param(("a",), {"a", "own"}, id="a-part-leaves-the-rest"),
    ],
)
def test_it_promotes_all_or_a_part(names, left):
    target = promote(document(own={"image": "o"}), document(a={"image": "n"}, b={"image": "n"}), names)
    assert set(target.spec["resources"]) == left


def test_a_part_needs_what_it_reads_from():
    source = document(a={"from": "${resources.b.outputs.host}"}, b={"image": "n"})
    (problem,) = promote(document(), source, ("a",)).problems
    assert (problem.path, "choose it too" in problem.message) == ("resources", True)
    assert promote(document(b={"image": "o"}), source, ("a",)).problems == ()
    assert promote(document(), source, ("a", "b")).problems == ()


@pytest.mark.parametrize("names", [(), ("x",)])
def test_it_names_what_can_be_chosen(names):
    (problem,) = promote(document(), document(a={"image": "n"}), names).problems
    assert problem.path == "resources"


OLD, NEW = {"image": "old"}, {"image": "new"}


@pytest.mark.parametrize(
    ("target", "names", "seen", "why"),
    [
        pytest.param({"a": NEW}, ("a",), [({"a": NEW}, 60)], "", id="long-enough"),
        pytest.param({"a": NEW}, ("a",), [({"a": NEW}, 12)], "for 12 minutes; 60 minutes", id="too-short"),
        pytest.param({"a": NEW}, ("a",), [], "not been Ready", id="never-ready"),
        pytest.param({"a": NEW}, ("a",), [({"a": OLD}, 900)], "has not run Ready", id="another-image"),
        pytest.param({"a": OLD}, ("a",), [({"a": NEW}, 5), ({"a": OLD}, 90)], "", id="an-earlier-set"),
        pytest.param(
            {"a": NEW, "b": OLD}, ("a",), [({"a": NEW, "b": NEW}, 90)], "together with b", id="a-mix-never-seen"
        ),
        pytest.param(
            {"a": NEW, "b": OLD}, ("a",), [({"a": NEW, "b": NEW}, 90), ({"a": NEW, "b": OLD}, 61)], "", id="a-mix-seen"
        ),
        pytest.param({"a": NEW, "own": OLD}, ("a",), [({"a": NEW}, 90)], "", id="what-only-the-target-has"),
        pytest.param(
            {"a": {**NEW, "storageGiB": 80}}, ("a",), [({"a": {**NEW, "storageGiB": 5}}, 90)], "",
            id="inputs-of-the-environment-do-not-count",
        ),
        pytest.param(
            {"a": NEW}, ("a",), [({"a": {**NEW, "version": "1.1.0"}}, 90)], "has not run",
            id="another-version",
        ),
    ],
)  # fmt: skip
def test_it_says_whether_a_mix_has_proven_itself(target, names, seen, why):
    ran = [Seen(number, document(**one), minutes) for number, (one, minutes) in enumerate(reversed(seen), 1)]
    told = untested(document(**target), names, ran[::-1], source="staging", soak=60, contracts=contract)
    assert why in told
    assert bool(why) == bool(told)


RESOURCES = st.dictionaries(
    st.sampled_from("abcd"),
    st.fixed_dictionaries(
        {"image": st.sampled_from(["1", "2"]), "storageGiB": st.integers(1, 9)},
        optional={"version": st.sampled_from(["1.0.0", "1.1.0"])},
    ),
    min_size=1,
)


@settings(deadline=None)
@given(RESOURCES, RESOURCES)
def test_a_promotion_of_all_that_has_run_is_always_tested(base, source):
    ran = document(**source)
    target = promote(document(**base), ran)
    made = resolve(target.spec, contracts=contract).document
    assert target.problems == ()
    seen = [Seen(1, ran, 60)]
    assert untested(made, tuple(ran["resources"]), seen, source="staging", soak=60, contracts=contract) == ""
    again = promote(made, ran)
    assert resolve(again.spec, contracts=contract).document == made
