"""Which documents are Score workloads, what is said of those that are not, and what deprecated forms become."""

# ruff: noqa: E501 - a Score file in flow style reads better on one line
from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.kernel.errors import InvalidInput
from provisioning.domain.score.check import MAX_BYTES, workloads_of
from tests.provisioning.domain.score.files import WHOLE, translated, workload


def refusal(text: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        workloads_of(text)
    return caught.value


def test_a_whole_file_is_read_with_the_lines_of_its_places():
    api, mailer = workloads_of(WHOLE)
    assert (api.name, mailer.name) == ("shop-api", "mailer")
    assert mailer.problem("containers.main.volumes./data", "x").line == 33
    assert api.problem("resources.db.params", "x").line == 20


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        pytest.param("", "", "Paste", id="empty"),
        pytest.param("- a", "apiVersion", "map that begins with", id="a list"),
        pytest.param("a: 1", "apiVersion", "must be score.dev/v1b1", id="no version"),
        pytest.param("apiVersion: score.sh/v1b1", "apiVersion", "older format", id="older"),
        pytest.param("apiVersion: humanitec.org/v1b1", "apiVersion", "vendor's extension", id="vendor"),
        pytest.param("apiVersion: score.dev/v1b1", "metadata", "is missing", id="no metadata"),
        pytest.param(workload(name="Shop"), "metadata.name", "lower-case", id="name"),
        pytest.param(workload(name="x"), "metadata.name", "2 to 63", id="short name"),
        pytest.param(workload(container="{}"), "containers.main.image", "is missing", id="no image"),
        pytest.param(workload(container='{image: ""}'), "containers.main.image", "must not be empty", id="empty image"),
        pytest.param(workload(more="spec: 1"), "spec", "is not known here", id="root is closed"),
        pytest.param(workload(container="{image: x, ports: 1}"), "containers.main.ports", "not known", id="closed"),
        pytest.param(workload(container="{image: x, variables: {A: 1}}"), "containers.main.variables.A", "quotes", id="n"),
        pytest.param(workload(container="{image: x, variables: {A: yes, B: true}}"), "containers.main.variables.B", "quotes", id="boolean"),
        pytest.param(workload(container='{image: x, variables: {"a=b": x}}'), "containers.main.variables.a=b", "equals", id="key"),
        pytest.param(workload(container="{image: x, files: {/a/b: {}}}"), "containers.main.files./a/b", "exactly one", id="no content"),
        pytest.param(workload(container="{image: x, files: {/a/b: {content: a, source: b}}}"), "containers.main.files./a/b", "exactly one", id="two"),
        pytest.param(workload(container="{image: x, files: {/a/b: {content: a, target: /c}}}"), "containers.main.files./a/b.target", "not known", id="target in a map"),
        pytest.param(workload(container='{image: x, files: {/a/b: {content: a, mode: "888"}}}'), "containers.main.files./a/b.mode", "octal", id="mode"),
        pytest.param(workload(container="{image: x, files: [{content: a}]}"), "containers.main.files", "must be a map", id="a list without targets"),
        pytest.param(workload(container="{image: x, volumes: {/d: {path: a}}}"), "containers.main.volumes./d.source", "missing", id="volume"),
        pytest.param(workload(container="{image: x, livenessProbe: {}}"), "containers.main.livenessProbe", "httpGet or exec", id="probe"),
        pytest.param(workload(container="{image: x, livenessProbe: {httpGet: {path: /}}}"), "containers.main.livenessProbe.httpGet.port", "missing", id="probe port"),
        pytest.param(workload(container="{image: x, before: {side: {ready: later}}}"), "containers.main.before.side.ready", "started", id="before"),
        pytest.param(workload(container='{image: x, resources: {limits: {cpu: "lots"}}}'), "containers.main.resources.limits.cpu", "250m", id="cpu"),
        pytest.param(workload(container='{image: x, resources: {limits: {memory: "0"}}}'), "containers.main.resources.limits.memory", "512Mi", id="memory"),
        pytest.param(workload(more="service: {ports: {www: {port: 0}}}"), "service.ports.www.port", "65535", id="port"),
        pytest.param(workload(more='service: {ports: {www: {port: "${x}"}}}'), "service.ports.www.port", "whole number", id="no placeholder for a port"),
        pytest.param(workload(more="service: {ports: {www: {port: 80, protocol: SCTP}}}"), "service.ports.www.protocol", "TCP", id="protocol"),
        pytest.param(workload(more="resources: {db: {}}"), "resources.db.type", "missing", id="type"),
        pytest.param(workload(more="resources: {db: {type: postgres, id: Main}}"), "resources.db.id", "lower-case", id="id"),
        pytest.param(workload(more="resources: {db: {type: postgres, params: [1]}}"), "resources.db.params", "map", id="params"),
        pytest.param(workload() + "\n---\n" + workload(), "shop-api: metadata.name", "twice", id="the same name twice"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_and_where(text, path, says):
    error = refusal(text)
    found = {one.path: one for one in error.errors}
    assert path in found, error.errors
    assert says in found[path].message
    assert not text or found[path].line is not None


def test_lists_become_maps_and_their_old_forms_are_told():
    text = workload(
        container="{image: x, files: [{target: /a/b.txt, content: [one, 2, true]}],"
        " volumes: [{target: /d, source: x, read_only: true}]}"
    )
    (made,) = workloads_of(text)
    container = made.document["containers"]["main"]
    assert container["files"] == {"/a/b.txt": {"content": "one\n2\ntrue"}}
    assert container["volumes"] == {"/d": {"source": "x", "readOnly": True}}
    assert len(made.notes) == 4


def test_two_entries_for_one_target_are_refused():
    text = workload(container="{image: x, files: [{target: /a/b, content: a}, {target: /a/b, content: b}]}")
    assert refusal(text).errors[0].path == "containers.main.files"


def answer(text: str) -> tuple[list[str], int]:
    """What is said of a text, and of how many resources it becomes."""
    try:
        made = translated(text)
    except InvalidInput as error:
        return [one.message for one in error.errors], 0
    return [one.message for one in made.problems], len(made.resources)


_KEYS = st.sampled_from(
    ["apiVersion", "metadata", "name", "containers", "main", "image", "files", "volumes", "target", "source", "content",
     "variables", "resources", "type", "id", "class", "params", "service", "ports", "www", "port", "livenessProbe",
     "httpGet", "exec", "command", "before", "limits", "cpu", "memory", "mode", "read_only", "annotations", ""]
)  # fmt: skip
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 70_000), st.text(alphabet="a${}.\\/:#\n", max_size=12),
    st.sampled_from(["score.dev/v1b1", "${resources.db.host}", "${metadata.name}", "postgres", "/a/b", ".", "0644"]),
)  # fmt: skip
_DOCUMENTS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=30,
)
_WHOLE = yaml.safe_load(WHOLE.partition("---")[0])


def _with(document, path, value):
    """A copy of the whole file with something else at ``path``."""
    if not path:
        return value
    key, *rest = path
    inside = document.get(key) if isinstance(document, dict) else None
    return {**(document if isinstance(document, dict) else {}), key: _with(inside, rest, value)}


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_KEYS, max_size=4), _DOCUMENTS)
def test_a_mutated_document_is_refused_in_words_or_mapped(path, value):
    document = _with(_WHOLE, path, value)
    started = time.process_time()
    said, made = answer(yaml.safe_dump(document))
    assert time.process_time() - started < 2
    assert made or all(said)
    assert made or said


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: &a [x,x,x,x,x,x,x,x]\n" + "".join(f"b{i}: &b{i} [{', '.join([f'*b{i - 1}' if i else '*a'] * 8)}]\n" for i in range(9)), id="anchors"),
        pytest.param("[" * 5_000, id="nested"),
        pytest.param("x" * (MAX_BYTES + 1), id="too large"),
        pytest.param("apiVersion: !!python/object/apply:os.system [id]", id="tag"),
        pytest.param("\n---\n".join([workload()] * 30), id="many documents"),
        pytest.param(workload(container="{image: x, variables: {" + ", ".join(f'V{i}: "${{resources.db.x}}"' for i in range(4_000)) + "}}"), id="many placeholders"),
        pytest.param(workload(container="{image: x, variables: {" + ", ".join(f"V{i}: {i}" for i in range(5_000)) + "}}"), id="many faults"),
        pytest.param(workload(container='{image: x, variables: {A: "' + "${" * 60_000 + '"}}'), id="never closed"),
        pytest.param(workload(more="resources: {" + ", ".join(f'r{i:03}: {{type: postgres, params: {{storage: "${{resources.r{i + 1:03}.x}}"}}}}' for i in range(500)) + "}"), id="a long chain"),
    ],
)  # fmt: skip
def test_a_hostile_text_is_answered_soon(text):
    started = time.process_time()
    said, made = answer(text)
    assert time.process_time() - started < 2
    assert said or made
