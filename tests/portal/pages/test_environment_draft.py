"""A draft comes from posted fields, a link or YAML, is edited by single orders, and becomes the spec asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import QueryDict

from idp.kernel.errors import FieldError, InvalidInput, NotFound
from portal.forms.draft_edits import edited, pasted
from portal.forms.environment_draft import Draft, DraftResource, errors_at, from_document, from_post, offers, settled
from portal.forms.kept_draft import from_kept, to_kept
from portal.forms.request_form import Shown, draft_errors, resource_forms
from portal.reading.request_page import Surroundings, expiry_options, with_defaults

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class StandIn:
    """As much of a contract as a form needs."""

    capability: str
    version: str = "1.2.0"
    title: str = "A thing"
    icon: str = "box"
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


DATABASE = StandIn(
    "postgres",
    inputs={"type": "object", "properties": {"storageGiB": {"type": "integer", "default": 10, "maximum": 500}}},
    outputs={
        "host": {"type": "string"},
        "credentials": {"type": "object", "secret": True, "properties": {"password": {"type": "string"}}},
    },
)
SERVICE = StandIn(
    "web-service",
    inputs={
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": {"type": "string", "title": "Image"},
            "env": {"type": "object", "additionalProperties": {"type": "string", "x-secret": True}, "default": {}},
        },
    },
)


def contracts(reference: str) -> StandIn:
    known = {one.capability: one for one in (DATABASE, SERVICE)}
    name = reference.partition("@")[0]
    if name not in known:
        raise NotFound(f"There is no capability “{name}”.")
    return known[name]


def posted(**fields: Any) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in fields.items():
        query.setlist(name.replace("__", "."), value if isinstance(value, list) else [value])
    return query


def two() -> Draft:
    return Draft(
        system="checkout",
        name="try",
        stage="dev",
        resources=(
            DraftResource("db", "db", "postgres@1", inputs={"storageGiB": 5}),
            DraftResource("api", "api", "web-service@1", inputs={"env": {"HOST": "${resources.db.outputs.host}"}}),
        ),
    )


def test_it_reads_a_posted_form():
    query = posted(name=" try ", stage="dev", expires="3d", reason="Load\r\ntest", base="4", r=["db", "api"])
    query.update(
        {
            "r.db.capability": "postgres@1",
            "r.db.name": "database",
            "r.db.inputs.storageGiB": "many",
            "r.api.capability": "web-service@1",
            "r.api.component": "checkout-api",
            "r.api.inputs.image": "a:1",
        }
    )
    draft = from_post(query, contracts, system="checkout")
    assert (draft.name, draft.stage, draft.expires, draft.reason, draft.base) == ("try", "dev", "3d", "Load\ntest", 4)
    assert draft.spec() == {
        "stage": "dev",
        "expires": "3d",
        "resources": {
            "database": {"capability": "postgres@1", "inputs": {"storageGiB": "many"}},
            "api": {"capability": "web-service@1", "component": "checkout-api", "inputs": {"image": "a:1"}},
        },
    }


def test_it_keeps_a_resource_whose_capability_is_unknown():
    query = posted(name="try", stage="dev", r="x")
    query["r.x.capability"] = "mainframe@1"
    draft = from_post(query, contracts, system="checkout")
    assert draft.spec()["resources"] == {"x": {"capability": "mainframe@1", "inputs": {}}}
    shown = resource_forms(draft, contracts, Shown())[0]
    assert "mainframe" in shown.error
    assert shown.to_fix == 1


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(["db", "db", "db"], id="a key given again"),
        pytest.param(["db", "../etc", "a.b", ""], id="keys that are none"),
        pytest.param(["db", *[f"r{number}" for number in range(500)]], id="more than anybody draws"),
    ],
)
def test_it_bears_hostile_keys(keys):
    query = posted(name="try", stage="dev", r=keys)
    query["r.db.capability"] = "postgres@1"
    draft = from_post(query, contracts, system="checkout")
    assert draft.resources[0].key == "db"
    assert len(draft.resources) <= 40
    assert len({one.key for one in draft.resources}) == len(draft.resources)


def test_it_follows_a_renamed_resource_in_all_references():
    draft = two()
    renamed = replace(draft, resources=(replace(draft.resources[0], name="database"), draft.resources[1]))
    env = renamed.spec()["resources"]["api"]["inputs"]["env"]
    assert env == {"HOST": "${resources.database.outputs.host}"}
    assert [one.key for one in settled(renamed).resources] == ["database", "api"]
    assert settled(renamed).spec() == renamed.spec()


def test_it_says_when_two_resources_want_one_name_and_keeps_both():
    draft = two()
    twice = replace(draft, resources=(draft.resources[0], replace(draft.resources[1], name="db")))
    assert set(twice.spec()["resources"]) == {"db", "api"}
    forms = resource_forms(twice, contracts, Shown(problems=twice.problems()))
    assert "taken" in forms[1].name_error
    assert not forms[0].name_error


def test_it_leaves_the_name_of_what_exists():
    query = posted(name="try", stage="dev", r="db")
    query.update({"r.db.capability": "postgres@1", "r.db.name": "other"})
    draft = from_post(query, contracts, system="checkout", kept=frozenset({"db"}))
    assert list(draft.spec()["resources"]) == ["db"]


@pytest.mark.parametrize(
    ("do", "keys", "looks_at"),
    [
        pytest.param("add:postgres", ["db", "api", "postgres"], "postgres", id="add"),
        pytest.param("add:mainframe", ["db", "api"], "", id="add what is unknown"),
        pytest.param("remove:db", ["api"], "", id="remove"),
        pytest.param("remove:nothing", ["db", "api"], "", id="remove what is not there"),
        pytest.param("row:api:inputs.env", ["db", "api"], "api:inputs.env:1:value", id="a row more"),
        pytest.param("drop:api:inputs.env:0", ["db", "api"], "api:inputs.env:rest", id="a row less"),
        pytest.param("drop:api:inputs.env:x", ["db", "api"], "", id="a row that is no number"),
        pytest.param("explode", ["db", "api"], "", id="an order that is none"),
        pytest.param("row", ["db", "api"], "", id="an order without its words"),
    ],
)
def test_it_edits_by_single_orders(do, keys, looks_at):
    draft, focus = edited(two(), do, contracts)
    assert ([one.key for one in draft.resources], focus) == (keys, looks_at)


def test_it_adds_a_row_that_asks_for_nothing_until_it_is_filled():
    draft, _ = edited(two(), "row:api:inputs.env", contracts)
    assert draft.resource("api").inputs["env"] == {"HOST": "${resources.db.outputs.host}", "": ""}
    assert "" not in draft.spec()["resources"]["api"]["inputs"]["env"]
    shorter, _ = edited(draft, "drop:api:inputs.env:0", contracts)
    assert shorter.resource("api").inputs["env"] == {"": ""}


def test_it_begins_a_new_resource_with_defaults_and_a_free_name():
    draft, _ = edited(two(), "add:postgres", contracts)
    draft, _ = edited(draft, "add:postgres", contracts)
    assert [one.name for one in draft.resources] == ["db", "api", "postgres", "postgres-2"]
    assert draft.resources[-1].inputs == {"storageGiB": 10}
    assert draft.resources[-1].capability == "postgres@1"


def test_it_offers_the_outputs_of_the_others_and_only_keys_of_secrets():
    found = offers(two(), contracts, without_key="api")
    assert [(one.expression, one.secret) for one in found] == [
        ("${resources.db.outputs.host}", False),
        ("${resources.db.outputs.credentials.password}", True),
    ]
    assert offers(two(), contracts, without_key="db") == ()


@pytest.mark.parametrize(
    ("path", "place"),
    [
        pytest.param("metadata.name", ("", "name"), id="name"),
        pytest.param("spec.stage", ("", "stage"), id="stage"),
        pytest.param("base", ("", "base"), id="base"),
        pytest.param("spec.resources.db.inputs.storageGiB", ("db", "inputs.storageGiB"), id="input"),
        pytest.param("spec.resources.api.inputs.env.A.B", ("api", "inputs.env.A.B"), id="key with a dot"),
        pytest.param("spec.resources.nobody.inputs.x", ("", "x"), id="a resource that is not in the draft"),
    ],
)
def test_it_brings_problems_to_their_place(path, place):
    key, inside = place
    assert errors_at(two(), [FieldError(path, "wrong"), FieldError(path, "also wrong")]) == {key: {inside: "wrong"}}


def test_it_calls_what_is_missing_an_error_only_when_asked():
    problem = FieldError("spec.resources.api.inputs.image", "is required: Image")
    calm = resource_forms(two(), contracts, Shown(problems=[problem]))[1]
    strict = resource_forms(two(), contracts, Shown(problems=[problem], strict=True))[1]
    assert (calm.to_fix, calm.to_fill, calm.inputs[0].error) == (0, 1, "")
    assert (strict.to_fix, strict.to_fill, strict.inputs[0].error) == (1, 0, "Image is required.")
    assert strict.open


def test_it_shows_an_error_that_has_no_field_of_its_own_above_them():
    problem = FieldError("spec.resources.db.inputs.colour", "is not known here")
    shown = resource_forms(two(), contracts, Shown(problems=[problem]))[0]
    assert shown.error == "colour: is not known here."
    assert draft_errors(two(), [FieldError("spec.expires", "is over")]) == {"expires": "Is over."}


PASTED = """
apiVersion: slipway.dev/v1
kind: Environment
metadata: {system: other, name: pasted}
spec:
  stage: staging
  resources:
    db: {capability: postgres@1, inputs: {storageGiB: 7}}
"""


def test_it_takes_pasted_yaml_and_keeps_the_system():
    draft = pasted(PASTED, two())
    assert (draft.system, draft.name, draft.stage) == ("checkout", "pasted", "staging")
    assert draft.spec()["resources"] == {"db": {"capability": "postgres@1", "inputs": {"storageGiB": 7}}}
    alone = pasted("stage: prod\nresources: {}\n", two())
    assert (alone.name, alone.stage, alone.resources) == ("try", "prod", ())


def test_it_does_not_let_yaml_rename_what_exists():
    draft = pasted(PASTED, replace(two(), base=3))
    assert (draft.name, draft.stage, draft.base) == ("try", "dev", 3)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[1, 2]", id="a list"),
        pytest.param("kind: Policy\nspec: {}", id="another kind"),
        pytest.param("a: [", id="broken"),
        pytest.param("a: &a [*a]", id="alias of itself"),
        pytest.param("a: 1\na: 2", id="a key twice"),
    ],
)
def test_it_refuses_text_that_is_no_environment(text):
    with pytest.raises(InvalidInput):
        pasted(text, two())


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="nothing"),
        pytest.param(
            {"spec": {"resources": {"db": None, "x": 3, "My DB!": {"inputs": []}}}}, id="no maps where maps belong"
        ),
    ],
)
def test_it_bears_documents_of_any_shape(document):
    draft = from_document(document, system="checkout")
    assert isinstance(draft.spec()["resources"], dict)
    assert all(form.error for form in resource_forms(draft, contracts, Shown()))


def stage(name: str = "dev", **fields: Any) -> SimpleNamespace:
    given = {"default_days": 7, "max_days": 14, "production": False, "promotes_from": None, "order": 1, "title": name}
    return SimpleNamespace(name=name, **(given | fields))


@pytest.mark.parametrize(
    ("at", "chosen", "editing", "values", "selected"),
    [
        pytest.param(stage(), "", False, ["1d", "3d", "7d", "14d"], "7d", id="the stage's own choice"),
        pytest.param(stage(), "3d", False, ["1d", "3d", "7d", "14d"], "3d", id="chosen"),
        pytest.param(stage(max_days=10), "", False, ["1d", "3d", "7d", "10d"], "7d", id="the longest is among them"),
        pytest.param(stage(), "2w", False, ["1d", "3d", "7d", "14d", "2w"], "2w", id="written by hand"),
        pytest.param(stage(), "", True, ["", "1d", "3d", "7d", "14d"], "", id="an edit leaves it"),
        pytest.param(
            stage(default_days=None, max_days=None), "", False,
            ["1d", "3d", "7d", "14d", "30d", "90d", "180d", "never"], "never", id="for ever",
        ),
    ],
)  # fmt: skip
def test_it_offers_how_long_it_may_live(at, chosen, editing, values, selected):
    options = expiry_options(at, chosen, now=NOW, editing=editing)
    assert [one.value for one in options] == values
    assert [one.value for one in options if one.selected] == [selected]


@pytest.mark.parametrize(
    ("name", "expires", "after"),
    [
        pytest.param("dev", "7d", ("staging", ""), id="the old stage's name follows"),
        pytest.param("", "", ("staging", ""), id="no name yet"),
        pytest.param("mine", "3d", ("mine", ""), id="a chosen name stays"),
    ],
)
def test_it_lets_name_and_expiry_follow_the_stage(name, expires, after):
    around = Surroundings(
        system=SimpleNamespace(slug="checkout"), stages=[stage(), stage("staging", order=2)], taken={}, components=()
    )
    draft = Draft(system="checkout", name=name, stage="staging", expires=expires)
    moved = with_defaults(draft, around, "dev")
    assert (moved.name, moved.expires) == after
    assert with_defaults(draft, around, "staging") == draft


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"from": {"system": "a", "environment": "b", "resource": "c"}}, id="alone"),
        pytest.param(
            {
                "capability": "postgres@1.0.0",
                "component": "x",
                "from": {"system": "a", "environment": "b", "resource": "c"},
            },
            id="as-exported",
        ),
    ],
)
def test_it_keeps_where_a_resource_comes_from(entry: dict[str, Any]) -> None:
    draft = from_document({"spec": {"stage": "dev", "resources": {"orders": entry}}}, system="shop")
    assert draft.spec()["resources"] == {"orders": entry}
    kept = from_kept(to_kept(draft), system="shop")
    assert kept.spec() == draft.spec()
    fields = {"r": "orders", "r__orders__from": "a/b/c", "r__orders__component": entry.get("component", "")}
    again = from_post(posted(**fields, r__orders__capability=entry.get("capability", "")), contracts, system="shop")
    assert again.spec()["resources"] == {"orders": entry}
