"""The form of an environment over HTTP: who may, what each order answers, the live plan, and what becomes of it."""

from __future__ import annotations

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from provisioning.models import Change, Environment, KeptDraft
from tests.provisioning.organisation import create

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
NEW = "/environments/new"
CEILING = 12


def draft(**more):
    """A posted form with one database, as the browser sends it."""
    return {
        "system": "checkout",
        "name": "try",
        "stage": "dev",
        "expires": "3d",
        "reason": "Because.",
        "shown_stage": "dev",
        "r": ["db"],
        "r.db.capability": "postgres@1",
        "r.db.name": "db",
        "r.db.inputs.storageGiB": "5",
        "r.db.inputs.size": "small",
        "r.db.inputs.major": "17",
    } | more


def with_service(**more):
    return draft(
        **{
            "r": ["db", "api"],
            "r.api.capability": "web-service@1",
            "r.api.name": "api",
            "r.api.inputs.image": "registry.example/api:1",
            "r.api.inputs.env.key": ["HOST", "PASSWORD"],
            "r.api.inputs.env.value": [
                "${resources.db.outputs.host}",
                "${resources.db.outputs.credentials.password}",
            ],
        }
        | more
    )


def text(answer):
    return answer.content.decode()


def test_it_asks_for_the_system_first(equipped, sign_in):
    answer = sign_in("developer").get(NEW, {"resource": "postgres"})
    assert answer.status_code == 200
    assert "?resource=postgres&amp;system=checkout" in text(answer)
    assert "system=shop" not in text(answer)


def test_it_goes_on_when_there_is_only_one_system(equipped, sign_in):
    answer = sign_in("stranger").get(NEW)
    assert answer.status_code == 302
    assert answer["Location"] == f"{NEW}?system=shop"


@pytest.mark.parametrize(
    ("persona", "system", "status"),
    [
        pytest.param("developer", "checkout", 200, id="developer"),
        pytest.param("admin", "checkout", 200, id="admin"),
        pytest.param("viewer", "checkout", 403, id="viewer"),
        pytest.param("stranger", "checkout", 403, id="developer of another team"),
        pytest.param("stranger", "vault", 404, id="a restricted system of others"),
        pytest.param("developer", "nothing", 404, id="no system"),
    ],
)
def test_it_is_for_those_who_may_ask(equipped, sign_in, persona, system, status):
    client = sign_in(persona)
    assert client.get(NEW, {"system": system}).status_code == status
    assert client.post(NEW, draft(system=system, do="check")).status_code == status
    assert client.post("/environments/plan", draft(system=system)).status_code == status


def test_it_begins_with_what_the_link_says(equipped, sign_in):
    asked = {"system": "checkout", "stage": "prod", "capability": "postgres", "example": "production"}
    page = text(sign_in("developer").get(NEW, asked))
    assert 'value="prod" checked' in page
    assert 'name="r.postgres.inputs.storageGiB" type="text" value="100"' in page


def test_it_begins_with_a_copy(living, sign_in):
    page = text(sign_in("developer").get(NEW, {"system": "checkout", "stage": "staging", "from": "try"}))
    assert 'value="postgres@1"' in page
    assert 'value="registry.example/checkout-api:1.8.3"' in page
    assert 'name="name" value="staging"' in page


def test_it_gives_back_the_form_alone_for_an_edit_of_its_shape(equipped, sign_in):
    answer = sign_in("developer").post(NEW, draft(do="add:route"), **HTMX)
    page = text(answer)
    assert answer.status_code == 200
    assert page.strip().startswith('<form class="stack request-form" id="request"')
    assert "<html" not in page
    assert 'name="r.route.inputs.host"' in page
    assert json.loads(answer["HX-Trigger-After-Settle"]) == {"replan": {}}


def test_it_lets_the_expiry_follow_a_stage_whose_plan_an_edit_overtook(equipped, sign_in):
    edited = draft(do="add:route", stage="prod", shown_stage="dev", name="own", expires="3d")
    page = text(sign_in("developer").post(NEW, edited, **HTMX))
    assert 'name="shown_stage" value="prod"' in page
    assert '<option value="never" selected>' in page
    assert 'name="name" value="own"' in page


def test_it_gives_back_the_whole_page_without_script(equipped, sign_in):
    page = text(sign_in("developer").post(NEW, draft(do="add", add="route")))
    assert "<html" in page
    assert 'name="r.route.inputs.host"' in page
    assert "postgres 1.0.0" in page


def test_it_keeps_what_was_typed_through_every_edit(equipped, sign_in):
    wrong = with_service(**{"r.db.inputs.storageGiB": "lots & <lots>", "do": "row:api:inputs.env"})
    page = text(sign_in("developer").post(NEW, wrong, **HTMX))
    assert 'value="lots &amp; &lt;lots&gt;"' in page
    assert page.count('name="r.api.inputs.env.key"') == 3
    assert 'value="${resources.db.outputs.host}"' in page


def test_it_plans_as_one_types_and_leaves_the_fields_alone(equipped, sign_in):
    answer = sign_in("developer").post("/environments/plan", with_service(), **HTMX)
    page = text(answer)
    assert answer.status_code == 200
    assert 'id="plan"' in page
    assert "Create it" in page
    assert " disabled" not in page
    assert "postgres 1.0.0" in page
    assert '<input class="input' not in page
    assert Change.objects.count() == Environment.objects.count() == 0


def test_it_says_what_is_wrong_at_the_field(equipped, sign_in):
    wrong = with_service(**{"r.db.inputs.storageGiB": "lots", "r.api.inputs.port": "99999"})
    page = text(sign_in("developer").post("/environments/plan", wrong, **HTMX))
    assert 'id="r-db-inputs-storageGiB-error"' in page
    assert "Must be a whole number." in page
    assert "Must be at most 65535." in page
    assert "Fix 2 fields to go on" in page
    assert "disabled" in page
    assert "db and api are left out until they are right." in page


def test_it_does_not_scold_for_what_is_not_written_yet(equipped, sign_in):
    client, empty = sign_in("developer"), with_service(**{"r.api.inputs.image": ""})
    page = text(client.post("/environments/plan", empty, **HTMX))
    assert "Fill 1 field to go on" in page
    assert "Image is required" not in page
    strict = client.post(NEW, empty | {"do": "check"})
    assert "Image is required." in text(strict)


def test_it_lets_name_and_expiry_follow_the_stage(equipped, sign_in):
    moved = draft(name="dev", stage="staging", shown_stage="dev")
    page = text(sign_in("developer").post("/environments/plan", moved, **HTMX))
    assert 'id="where" hx-swap-oob="true"' in page
    assert 'name="name" value="staging"' in page


def test_it_says_who_must_agree(equipped, sign_in):
    page = text(sign_in("developer").post("/environments/plan", draft(stage="prod", expires="never"), **HTMX))
    assert "Ask for it" in page
    assert "A maintainer of payments: maintainer or second_maintainer." in page


def test_it_writes_the_draft_as_yaml_and_as_a_call(equipped, sign_in):
    page = text(sign_in("developer").post("/environments/plan", draft(), **HTMX))
    assert 'id="f-yaml"' in page
    assert "/api/v1/changes/" in page


def test_it_creates_and_leads_to_the_run(equipped, sign_in):
    answer = sign_in("developer").post(NEW, with_service(do="submit"))
    change = Change.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("run", args=[change.runs.get().pk])
    assert (change.environment_name, change.reason, change.via) == ("try", "Because.", "portal")
    assert change.target["resources"]["db"]["inputs"]["storageGiB"] == 5


def test_it_asks_and_leads_to_the_change_where_somebody_must_agree(equipped, sign_in):
    answer = sign_in("developer").post(NEW, draft(stage="prod", expires="never", do="submit"))
    assert answer["Location"] == reverse("change", args=[Change.objects.get(state="pending").pk])


def test_it_stores_nothing_when_fields_are_wrong(equipped, sign_in):
    answer = sign_in("developer").post(NEW, with_service(**{"r.db.inputs.storageGiB": "0", "name": "", "do": "submit"}))
    page = text(answer)
    assert answer.status_code == 422
    assert "Must be at least 1" in page
    assert 'name="strict" value="1"' in page
    assert Change.objects.count() == 0


def test_it_names_an_environment_that_exists(living, sign_in):
    page = text(sign_in("developer").post("/environments/plan", draft(name="try"), **HTMX))
    assert "There is a checkout/try already" in page


def test_it_says_what_the_quota_lacks(equipped, sign_in):
    page = text(
        sign_in("developer").post(
            "/environments/plan", draft(**{"r.db.inputs.size": "large", "r.db.inputs.storageGiB": "500"}), **HTMX
        )
    )
    assert "left of" in page
    more = with_service(**{"r.api.inputs.size": "xlarge", "r.api.inputs.replicas": "50"})
    page = text(sign_in("developer").post("/environments/plan", more, **HTMX))
    assert "too few of 20" in page
    assert "has too little quota left" in page
    assert "disabled" in page


def test_it_takes_pasted_yaml(equipped, sign_in):
    pasted = "stage: dev\nresources:\n  store: {capability: postgres@1, inputs: {storageGiB: 9}}\n"
    page = text(sign_in("developer").post(NEW, {"system": "checkout", "name": "try", "yaml": pasted, "do": "yaml"}))
    assert 'name="r.store.inputs.storageGiB" type="text" value="9"' in page


def test_it_says_where_pasted_yaml_is_broken_and_keeps_it(equipped, sign_in):
    answer = sign_in("developer").post(NEW, {"system": "checkout", "yaml": "stage: dev\nresources: [", "do": "yaml"})
    assert answer.status_code == 422
    assert "resources: [" in text(answer)
    assert "Line " in text(answer)


def edit(environment, **more):
    """The edit form of ``checkout/try`` as it was first shown, with ``more`` typed into it."""
    return {
        "system": "checkout",
        "environment": environment.name,
        "base": environment.desired.number,
        "r": ["db", "api", "shop"],
        "r.db.capability": "postgres@1.0.0",
        "r.db.inputs.storageGiB": "5",
        "r.db.inputs.size": "small",
        "r.db.inputs.major": "17",
        "r.db.inputs.database": "app",
        "r.api.capability": "web-service@1.2.0",
        "r.api.inputs.image": "registry.example/checkout-api:1.8.3",
        "r.api.inputs.replicas": "2",
        "r.api.inputs.env.key": ["DATABASE_HOST", "DATABASE_PASSWORD"],
        "r.api.inputs.env.value": ["${resources.db.outputs.host}", "${resources.db.outputs.credentials.password}"],
        "r.shop.capability": "route@1.0.0",
        "r.shop.inputs.host": "shop.dev.example",
        "r.shop.inputs.to": "${resources.api.outputs.service}",
        "r.shop.inputs.tls": "true",
    } | more


def test_it_shows_an_environment_to_change(living, sign_in):
    page = text(sign_in("developer").get("/environments/checkout/try/edit"))
    assert 'name="base" value="1"' in page
    assert "As it is" in page
    assert 'name="r.db.name"' not in page, "what exists cannot be renamed"
    assert 'value="registry.example/checkout-api:1.8.3"' in page


def test_it_finds_no_difference_in_a_form_that_nobody_touched(living, sign_in):
    page = text(sign_in("developer").post("/environments/plan", edit(living.environment), **HTMX))
    assert "Nothing differs yet" in page


def test_it_shows_the_difference_before_and_after(living, sign_in):
    typed = edit(living.environment, **{"r.api.inputs.replicas": "3"})
    page = text(sign_in("developer").post("/environments/plan", typed, **HTMX))
    assert "<del>" in page
    assert "<ins>" in page
    assert "db and shop do not change." in page
    assert "Change it" in page


def test_it_changes_and_leads_to_the_run(living, sign_in):
    typed = edit(living.environment, **{"r.api.inputs.replicas": "3", "do": "submit"})
    answer = sign_in("developer").post("/environments/checkout/try/edit", typed)
    change = Change.objects.get(kind="update")
    assert answer["Location"] == reverse("run", args=[change.runs.get().pk])
    assert change.target["resources"]["api"]["inputs"]["replicas"] == 3


def test_it_refuses_an_edit_that_began_at_another_revision(living, sign_in):
    typed = edit(living.environment, **{"r.api.inputs.replicas": "3", "base": "7", "do": "submit"})
    answer = sign_in("developer").post("/environments/checkout/try/edit", typed)
    assert answer.status_code == 422
    assert "You started from r7" in text(answer)
    assert not Change.objects.filter(kind="update").exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_does_not_edit_what_is_not_made_yet(waiting, sign_in, method):
    answer = getattr(sign_in("developer"), method)("/environments/checkout/live/edit")
    assert answer.status_code == 409
    assert "waits to be made for the first time" in text(answer)


def test_it_opens_within_the_ceiling_whatever_the_draft_holds(equipped, sign_in, django_assert_max_num_queries):
    client = sign_in("developer")
    client.get(NEW, {"system": "checkout", "resource": ["postgres", "web-service", "route"]})  # contracts are read once
    for number in (1, 6):
        asked = {"system": "checkout", "resource": ["postgres", "web-service", "route"] * number}
        with django_assert_max_num_queries(CEILING):
            assert client.get(NEW, asked).status_code == 200


def test_it_edits_within_the_ceiling(living, sign_in, django_assert_max_num_queries):
    client = sign_in("developer")
    client.get("/environments/checkout/try/edit")
    with django_assert_max_num_queries(CEILING):
        assert client.get("/environments/checkout/try/edit").status_code == 200


def test_it_plans_with_as_many_queries_for_many_resources_as_for_one(equipped, sign_in):
    client = sign_in("developer")
    many = draft(r=[f"db{number}" for number in range(8)])
    for number in range(8):
        many |= {f"r.db{number}.capability": "postgres@1", f"r.db{number}.inputs.storageGiB": "5"}
    client.post("/environments/plan", many, **HTMX)
    asked = []
    for form in (draft(), many):
        with CaptureQueriesContext(connection) as queries:
            assert client.post("/environments/plan", form, **HTMX).status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 20


def test_it_bears_a_second_environment_of_the_same_name_asked_for_at_once(equipped, sign_in):
    create(equipped, "try")
    answer = sign_in("developer").post(NEW, draft(do="submit"))
    assert answer.status_code == 422
    assert "There is a checkout/try already" in text(answer)


def kept(client):
    """The drafts that are offered where a new environment of checkout is begun."""
    page = text(client.get(NEW, {"system": "checkout"}))
    return page, [one.token for one in KeptDraft.objects.order_by("pk")]


def test_it_keeps_what_was_typed_for_a_closed_tab(equipped, sign_in):
    client = sign_in("developer")
    touched = with_service(
        **{"began": "as it was", "draft_token": "0123456789abcdef", "r.db.inputs.storageGiB": "half a l"}
    )
    client.post("/environments/plan", touched, **HTMX)
    page, tokens = kept(client)
    assert tokens == ["0123456789abcdef"]
    assert "You began a draft" in page
    assert "try: db, api" in page
    again = text(client.get(NEW, {"system": "checkout", "draft": tokens[0]}))
    assert 'value="half a l"' in again
    assert 'value="registry.example/api:1"' in again
    assert 'value="0123456789abcdef"' in again
    assert "You began a draft" not in again
    assert "You began a draft" not in text(sign_in("maintainer").get(NEW, {"system": "checkout"}))


def test_it_keeps_nothing_that_nobody_touched_and_nothing_that_was_asked_for(equipped, sign_in):
    client = sign_in("developer")
    opened = client.get(NEW, {"system": "checkout", "resource": "postgres"}).context["desk"]
    posted = {"system": "checkout", "name": "dev", "stage": "dev", "began": opened.began, "draft_token": opened.token}
    client.post("/environments/plan", posted | {"expires": "3d"}, **HTMX)
    assert KeptDraft.objects.count() == 1
    client.post(NEW, draft(do="submit", draft_token=opened.token, began=opened.began))
    assert Change.objects.count() == 1
    assert KeptDraft.objects.count() == 0


def test_it_forgets_a_draft_of_one_s_own_only(equipped, sign_in):
    developer = sign_in("developer")
    developer.post("/environments/plan", draft(began="x", draft_token="0123456789abcdef"), **HTMX)
    sign_in("maintainer").post("/environments/drafts/forget", {"token": "0123456789abcdef"})
    assert KeptDraft.objects.count() == 1
    developer = sign_in("developer")
    assert developer.post("/environments/drafts/forget", {"token": "0123456789abcdef"}, **HTMX).content == b""
    assert KeptDraft.objects.count() == 0


@pytest.mark.parametrize(
    ("do", "selected"),
    [("as:yaml", "t-yaml"), ("as:curl", "t-curl"), ("as:form", "t-form")],
    ids=["yaml", "curl", "form"],
)
def test_it_shows_another_view_without_script(equipped, sign_in, do, selected):
    page = text(sign_in("developer").post(NEW, draft(do=do)))
    assert re.search(f'id="{selected}"[^>]*aria-selected="true"', page)
    assert "storageGiB: 5" in page


def test_it_swaps_the_form_for_yaml_and_tells_what_cannot_be_read(equipped, sign_in):
    client = sign_in("developer")
    written = "stage: dev\nresources:\n  store: {capability: postgres@1, inputs: {storageGiB: 9, colour: red}}\n"
    answer = client.post(NEW, draft(yaml=written, do="yaml"), **HTMX)
    assert answer.content.decode().strip().startswith('<form class="stack request-form"')
    assert 'name="r.store.inputs.storageGiB"' in text(answer)
    assert "colour: red" in text(answer), "what no field can show is kept as YAML"
    broken = client.post(NEW, draft(yaml="stage: [", do="yaml"), **HTMX)
    assert (broken.status_code, broken["HX-Retarget"]) == (422, "#yaml-problem")
    assert "Line " in text(broken)


def test_it_names_the_lines_of_what_is_wrong(equipped, sign_in):
    page = text(sign_in("developer").post("/environments/plan", draft(**{"r.db.inputs.storageGiB": "lots"}), **HTMX))
    assert re.search(r"Line \d+</span> <code>spec.resources.db.inputs.storageGiB</code> Must be a whole number", page)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"from": "api", "path": "/stages/"}, "staging"),
        ({"from": "components"}, "checkout-api"),
        ({"from": "api", "path": "/audit/"}, None),
    ],
    ids=["a list of the api", "components", "a list that nobody may name"],
)
def test_it_suggests_what_the_contract_names(equipped, sign_in, monkeypatch, options, expected):
    schema = {"type": "string", "x-options": options}
    monkeypatch.setattr("portal.reading.suggestions._schema_at", lambda *_: schema)
    page = text(
        sign_in("developer").post("/environments/suggest?at=db&path=inputs.size", draft(**{"r.db.inputs.size": ""}))
    )
    assert (f'value="{expected}"' in page) if expected else "<option" not in page
