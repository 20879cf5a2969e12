"""What a newer version may do to those who use the older one: each rule, with an example that was tried."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from idp.kernel.errors import InvalidInput
from provisioning.domain.compatibility import compare, require_compatible
from provisioning.domain.compatibility_examples import accepts
from provisioning.domain.contract import Contract
from tests.provisioning.domain.contracts import app, store

STORAGE = "spec.inputs.properties.storageGiB"
AT_1_3 = ("metadata.version", "1.3.0")


def newer(*changes: tuple[str, Any], version: str = "1.3.0") -> Contract:
    return store(("metadata.version", version), *changes)


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        pytest.param((), "none", id="nothing"),
        pytest.param((("spec.summary", "Keeps things safe."),), "patch", id="words"),
        pytest.param(((f"{STORAGE}.title", "Storage"),), "patch", id="words-of-an-input"),
        pytest.param((("spec.objects.server.manifest.data.mode", "fast"),), "patch", id="objects"),
        pytest.param(((f"{STORAGE}.maximum", 900),), "minor", id="higher-maximum"),
        pytest.param(((f"{STORAGE}.maximum", None),), "minor", id="no-maximum"),
        pytest.param(((f"{STORAGE}.default", 20),), "minor", id="another-default"),
        pytest.param((("spec.inputs.properties.mode", {"type": "string"}),), "minor", id="new-input"),
        pytest.param(
            (
                ("spec.inputs.properties.mode", {"type": "string", "default": "a"}),
                ("spec.inputs.required", ["mode"]),
            ),
            "minor",
            id="new-required-input-with-a-default",
        ),
        pytest.param(((f"{STORAGE}.type", "number"),), "minor", id="whole-number-to-number"),
        pytest.param(
            (("spec.outputs.url", {"type": "string"}), ("spec.publish.url", "http://a")), "minor", id="new-output"
        ),
        pytest.param(
            (
                (
                    "spec.objects.note",
                    {"manifest": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "${resource.name}-n"}}},
                ),
            ),
            "patch",
            id="new-object",
        ),
    ],
)
def test_it_allows_what_takes_nothing_away(changes: tuple[tuple[str, Any], ...], level: str) -> None:
    found = compare(store(), newer(*changes), [{"storageGiB": 30, "label": "x"}])
    assert (found.breaking, found.level, found.allowed) == ((), level, True)


@pytest.mark.parametrize(
    ("changes", "path", "rule", "words"),
    [
        pytest.param(((f"{STORAGE}.maximum", 100),), f"{STORAGE}.maximum", "maximum", "at most 100", id="maximum"),
        pytest.param(((f"{STORAGE}.minimum", 5),), f"{STORAGE}.minimum", "minimum", "at least 5", id="minimum"),
        pytest.param(
            ((f"{STORAGE}.exclusiveMinimum", 1),), f"{STORAGE}.exclusiveMinimum", "exclusiveMinimum", "2", id="above"
        ),
        pytest.param(
            ((f"{STORAGE}.multipleOf", 5),), f"{STORAGE}.multipleOf", "multipleOf", "multiple of 5", id="multiple"
        ),
        pytest.param(
            ((f"{STORAGE}.enum", [10, 20]),), f"{STORAGE}.enum", "enum", "takes only 10, 20", id="choice-of-any"
        ),
        pytest.param(
            (("spec.inputs.properties.label.type", "boolean"), ("spec.inputs.properties.label.default", False),
             ("spec.objects.server.manifest.data.label", "x")),
            "spec.inputs.properties.label.type", "type", "now takes true or false", id="type",
        ),
        pytest.param(
            (("spec.inputs.properties.label.pattern", "^[a-z]*$"),),
            "spec.inputs.properties.label.pattern", "pattern", "must now match", id="pattern",
        ),
        pytest.param(
            (("spec.inputs.properties.label.maxLength", 10),),
            "spec.inputs.properties.label.maxLength", "maxLength", "at most 10 characters", id="length",
        ),
        pytest.param(
            (("spec.inputs.properties.label", None), ("spec.objects.server.manifest.data.label", "x")),
            "spec.inputs.properties.label", "removed", "no longer an input", id="input-removed",
        ),
        pytest.param(
            (("spec.inputs.properties.label.default", None), ("spec.inputs.required", ["label"]),
             ("spec.examples.0.inputs", {"label": "a"})),
            "spec.inputs.required", "required", "now needs “label”", id="default-of-a-required-input-removed",
        ),
        pytest.param(
            (("spec.inputs.properties.zone", {"type": "string"}), ("spec.inputs.required", ["zone"]),
             ("spec.examples.0.inputs", {"zone": "a"})),
            "spec.inputs.required", "required", "now needs “zone”", id="new-required-input",
        ),
        pytest.param(
            (("spec.inputs.x-rules", [{"rule": "inputs.storageGiB < 400", "at": "storageGiB", "say": "is too much"}]),
             (f"{STORAGE}.examples", [450])),
            "spec.inputs.x-rules.0", "x-rules", "is new", id="new-rule",
        ),
    ],
)  # fmt: skip
def test_it_names_path_rule_and_an_example(
    changes: tuple[tuple[str, Any], ...], path: str, rule: str, words: str
) -> None:
    old = store((f"{STORAGE}.examples", [450]))
    new = newer(*changes)
    found = compare(old, new)
    [finding] = [one for one in found.breaking if one.rule == rule]
    assert (finding.path, found.level, found.allowed) == (path, "major", False)
    assert words in finding.message
    if rule == "x-rules":
        return
    assert finding.example is not None
    assert accepts(old, finding.example)
    assert not accepts(new, finding.example)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        pytest.param((("spec.outputs.port", None), ("spec.publish.port", None)), "output-removed", id="removed"),
        pytest.param((("spec.outputs.port.type", "string"), ("spec.publish.port", "1")), "output-type", id="type"),
        pytest.param((("spec.outputs.credentials.secret", None),), "output-secret", id="no-longer-secret"),
        pytest.param(
            (("spec.outputs.address.properties.port", None), ("spec.outputs.address.required", ["name"])),
            "output-removed",
            id="key-removed",
        ),
        pytest.param((("spec.outputs.address.required", ["name"]),), "output-wider", id="key-may-lack"),
    ],
)
def test_it_keeps_outputs(changes: tuple[tuple[str, Any], ...], rule: str) -> None:
    found = compare(store(), newer(*changes))
    assert rule in {one.rule for one in found.breaking}
    assert not found.allowed


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param((("spec.objects.server.manifest.metadata.name", "${resource.name}-2"),), "server", id="renamed"),
        pytest.param((("spec.objects.server.includeWhen", "inputs.storageGiB > 10"),), "server", id="left-out"),
        pytest.param((("spec.objects.server.manifest.kind", "Secret"),), "server", id="another-kind"),
        pytest.param((("spec.objects.server", None), ("spec.publish.phase", "x")), "server", id="removed"),
    ],
)
def test_it_keeps_objects(changes: tuple[tuple[str, Any], ...], path: str) -> None:
    found = compare(store(), newer(*changes))
    lost = [one for one in found.breaking if one.rule == "object-lost"]
    assert [one.path for one in lost] == [f"spec.objects.{path}"]
    assert "would be deleted" in lost[0].message


def test_it_sees_an_object_lost_only_for_what_is_in_use() -> None:
    new = newer(("spec.objects.server.includeWhen", "inputs.storageGiB < 400"))
    assert compare(store(), new).allowed
    found = compare(store(), new, [{"storageGiB": 450, "label": "a"}])
    [finding] = found.breaking
    assert (finding.rule, finding.example) == ("object-lost", {"storageGiB": 450, "label": "a"})


def test_it_tells_of_a_name_that_is_written_otherwise() -> None:
    found = compare(store(), newer(("spec.objects.server.manifest.metadata.name", "${resource.name + ''}")))
    assert [(one.rule, one.breaking) for one in found.findings] == [("name-rewritten", False)]
    assert found.allowed


def test_it_shows_what_takes_more_without_breaking() -> None:
    found = compare(store(), newer(("spec.usage.memoryGiB", 2)), [{"storageGiB": 30, "label": "x"}])
    [notice] = found.findings
    assert (notice.rule, notice.breaking, found.allowed) == ("usage-grows", False, True)
    assert notice.message == "It takes 2 GiB memory instead of 1 for the example “plain”."


def test_it_replays_what_is_in_use() -> None:
    """The rule is kept word for word, and a recorded input that breaks it is named all the same."""
    rules = [{"rule": "inputs.storageGiB < 400", "at": "storageGiB", "say": "is too much"}]
    with_rule = store(("spec.inputs.x-rules", rules))
    found = compare(with_rule, newer(("spec.inputs.x-rules", rules)), [{"storageGiB": 450, "label": "secretless"}])
    assert [(one.rule, one.path) for one in found.breaking] == [("replay", STORAGE)]
    assert found.breaking[0].example == {"storageGiB": 450}


def test_it_lists_some_of_many_and_counts_the_rest() -> None:
    recorded = [{"storageGiB": 100 + number, "label": "x"} for number in range(50)]
    found = compare(store(), newer((f"{STORAGE}.maximum", 50)), recorded)
    replayed = [one for one in found.breaking if one.rule == "replay"]
    assert len(replayed) == 21
    assert replayed[-1].message == "30 more inputs in use are refused."


def test_it_validates_all_and_renders_some_of_very_many() -> None:
    recorded = [{"storageGiB": 1 + number % 500, "label": f"l{number}"} for number in range(1500)]
    found = compare(store(), newer(), recorded)
    assert [(one.rule, one.breaking) for one in found.findings] == [("sampled", False)]
    assert "188 of 1500" in found.findings[0].message
    assert found.allowed
    smaller = compare(store(), newer((f"{STORAGE}.maximum", 499)), recorded)
    assert sum(one.rule == "replay" for one in smaller.breaking) == 3


def test_it_hides_plain_text_where_a_secret_may_stand() -> None:
    found = compare(
        app(), app(("metadata.version", "2.1.0"), ("spec.inputs.properties.env.maxProperties", 1)),
        [{"image": "a", "replicas": 1, "share": 1, "env": {"A": "hunter2", "B": "${resources.db.outputs.x.y}"}}],
    )  # fmt: skip
    assert {one.rule for one in found.breaking} == {"maxProperties", "replay"}
    assert "hunter2" not in repr(found)
    [replayed] = [one for one in found.breaking if one.rule == "replay"]
    assert replayed.example == {"env": {"A": "(hidden)", "B": "${resources.db.outputs.x.y}"}}


def test_a_patch_adds_nothing_to_the_interface() -> None:
    found = compare(store(), newer((f"{STORAGE}.maximum", 900), version="1.2.1"))
    assert [(one.path, one.rule) for one in found.breaking] == [("metadata.version", "version-step")]
    assert "publish it as 1.3.0" in found.breaking[0].message
    assert (found.level, found.step, found.allowed) == ("minor", "patch", False)


@pytest.mark.parametrize("version", ["1.2.0", "1.1.9", "0.9.0"])
def test_what_is_not_newer_cannot_follow(version: str) -> None:
    assert not compare(store(), newer(version=version)).allowed


def test_a_new_major_needs_an_upgrade_mapping() -> None:
    changes = (("spec.inputs.properties.label", None), ("spec.objects.server.manifest.data.label", "x"))
    found = compare(store(), newer(*changes, version="2.0.0"))
    assert not found.allowed
    with pytest.raises(InvalidInput) as caught:
        require_compatible(store(), newer(*changes, version="2.0.0"), found)
    assert [one.path for one in caught.value.errors] == ["spec.upgrade"]
    mapped = newer(*changes, ("spec.upgrade", {"1": {}}), version="2.0.0")
    assert compare(store(), mapped).allowed


def test_the_refusal_names_everything() -> None:
    new = newer((f"{STORAGE}.maximum", 100), ("spec.outputs.port", None), ("spec.publish.port", None))
    with pytest.raises(InvalidInput) as caught:
        require_compatible(store(), new, compare(store(), new))
    assert caught.value.code == "contract-incompatible"
    assert [one.path for one in caught.value.errors] == [f"{STORAGE}.maximum", "spec.outputs.port"]
    assert "(maximum); for example {" in caught.value.errors[0].message


NESTED: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 4},
        "env": {"type": "object", "additionalProperties": {"type": "string", "x-secret": True}, "default": {}},
        "health": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"path": {"type": "string", "default": "/"}, "kind": {"type": "string", "enum": ["a", "b"]}},
        },
    },
}


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        pytest.param("tags.items.maxLength", 3, "maxLength", id="item"),
        pytest.param("tags.items.type", "integer", "type", id="item-type"),
        pytest.param("tags.uniqueItems", True, "uniqueItems", id="unique"),
        pytest.param("tags.minItems", 1, "minItems", id="few-items"),
        pytest.param("env.additionalProperties.x-secret", None, "x-secret", id="secret"),
        pytest.param("env.additionalProperties.minLength", 1, "minLength", id="value"),
        pytest.param("env.propertyNames", {"pattern": "^[A-Z]+$"}, "propertyNames", id="names"),
        pytest.param("env.additionalProperties", False, "removed", id="closed"),
        pytest.param("env.x-immutable", True, "x-immutable", id="immutable"),
        pytest.param("health.properties.kind.enum", ["a"], "enum", id="choice-removed"),
        pytest.param("health.properties.path", None, "removed", id="key-removed"),
        pytest.param("health.required", ["kind"], "required", id="key-required"),
    ],
)
def test_it_looks_inside(path: str, value: Any, rule: str) -> None:
    nested = copy.deepcopy(NESTED)
    old = store(("spec.inputs", copy.deepcopy(NESTED)), ("spec.objects.server.manifest.data", {}), ("spec.usage", {}))
    new = newer(
        ("spec.inputs", nested), ("spec.objects.server.manifest.data", {}), ("spec.usage", {}),
        (f"spec.inputs.properties.{path}", value),
    )  # fmt: skip
    found = compare(old, new)
    [finding] = [one for one in found.breaking if one.rule == rule]
    assert not found.allowed
    if rule not in ("x-secret", "x-immutable"):
        assert finding.example is not None
        assert accepts(old, finding.example)
        assert not accepts(new, finding.example)


def test_what_the_library_cannot_prove_is_breaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second opinion that says “unknown” is enough to refuse."""
    monkeypatch.setattr("provisioning.domain.compatibility_schema._covers", lambda old, new: False)
    found = compare(store(), newer())
    assert {one.rule for one in found.breaking} == {"not-proven"}
    assert not found.allowed


def test_a_large_contract_is_compared_quickly() -> None:
    """Every one of 900 inputs is narrowed at once, as nobody does by accident."""
    properties = {f"p{number}": {"type": "string", "maxLength": 20} for number in range(900)}
    wide = ("spec.inputs", {"type": "object", "additionalProperties": False, "properties": properties})
    narrower = {key: {"type": "string", "maxLength": 10} for key in properties}
    small = ("spec.inputs", {**wide[1], "properties": narrower})
    plain = (("spec.objects.server.manifest.data", {}), ("spec.usage", {}))
    old, new = store(wide, *plain), newer(small, *plain)
    started = time.process_time()
    found = compare(old, new)
    assert len(found.breaking) == 900
    assert compare(old, newer(wide, *plain)).allowed
    assert time.process_time() - started < 10
