"""Documents that are too many for one call: how they are cut, and that they apply as one set."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import yaml
from django.core.wsgi import get_wsgi_application

from governance.models import ApprovalRoute
from portal.cli.batches import ONE_CALL, batches_of, files_of, fits_one_call
from portal.cli.client import Client
from portal.cli.exits import Fault
from portal.cli.sending import batches_applied, batches_tried
from tests.personas import Organisation
from tests.portal.api.client import connections_stay, token_for


def text(kind: str, name: str = "a") -> str:
    return f"kind: {kind}\nmetadata: {{name: {name}}}\n"


STREAM = "# all\n" + "---\n".join(
    [
        text("Environment", "one"),
        text("Policy"),
        text("Contract"),
        text("CustomResourceDefinition"),
        text("Environment"),
    ]
)


def kinds(parts: Any) -> list[str]:
    """Of the documents of a batch, as whoever gets its files reads them."""
    return [one["kind"] for file in files_of(parts) for one in yaml.safe_load_all(file["text"]) if one]


def test_it_cuts_in_the_order_in_which_documents_need_each_other() -> None:
    batches = batches_of([("z.yaml", STREAM), ("a.yaml", text("ApprovalRoute"))])
    assert [kinds(one) for one in batches] == [
        ["Contract", "CustomResourceDefinition"],
        ["ApprovalRoute"],
        ["Policy"],
        ["Environment", "Environment"],
    ]


def test_documents_stay_on_their_lines_and_keep_their_text() -> None:
    first = "kind: Policy\nmetadata: {name: a}\nspec: |+\n  kept\n"
    source = "\n---\n".join([first, text("Environment", "b"), text("Policy", "c"), text("Environment", "d")])
    policies, environments = batches_of([("a.yaml", source)])
    for parts in (policies, environments):
        (file,) = files_of(parts)
        told = file["text"].splitlines()
        assert all(not line or line == "---" or line == source.splitlines()[at] for at, line in enumerate(told))
    (of_policies,) = files_of(policies)
    read = [one for one in yaml.safe_load_all(of_policies["text"]) if one]
    assert read == [one for one in yaml.safe_load_all(source) if one["kind"] == "Policy"]


def test_batches_are_as_large_as_they_may_be_and_hold_everything_once() -> None:
    texts = [
        ("all.yaml", "---\n".join(text("Environment", f"e{at}") for at in range(7))),
        ("b.yaml", text("Environment")),
    ]
    found = batches_of(texts, documents=3)
    assert [len(kinds(one)) for one in found] == [3, 3, 2]
    assert [len(kinds(one)) for one in batches_of(texts, letters=len(text("Environment", "e1")) * 2 + 8)] == [
        2,
        2,
        2,
        2,
    ]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("kind: [\n---\nkind: Policy\n", id="broken"),
        pytest.param("%YAML 1.2\n---\nkind: Policy\n", id="directive"),
        pytest.param("kind: Policy\n...\nkind: Policy\n", id="end of a document"),
    ],
)
def test_what_cannot_be_cut_is_sent_as_it_is(source: str) -> None:
    ((part,),) = batches_of([("a.yaml", source)])
    assert files_of([part]) == [{"path": "a.yaml", "text": source}]


@pytest.mark.parametrize(
    ("texts", "fits"),
    [
        pytest.param([("a.yaml", text("Policy"))] * ONE_CALL, True, id="as many files as a call takes"),
        pytest.param([("a.yaml", text("Policy"))] * (ONE_CALL + 1), False, id="one more"),
        pytest.param([("a.yaml", "---\n".join([text("Policy")] * (ONE_CALL + 1)))], False, id="in one file"),
        pytest.param([("a.yaml", "#" * 900_000)], False, id="large"),
    ],
)
def test_it_knows_what_one_call_takes(texts: list[tuple[str, str]], fits: bool) -> None:
    assert fits_one_call(texts) is fits


# --- as one set, against the API ---


def route(name: str, **spec: Any) -> str:
    stages = [{"name": "say", "approvers": [{"from": "team:maintainer", "count": 1}]}]
    head = {"apiVersion": "slipway.dev/v1", "kind": "ApprovalRoute", "metadata": {"name": name}}
    return yaml.safe_dump({**head, "spec": {"title": "A route", "stages": stages, **spec}}, sort_keys=False)


@pytest.fixture
def client(organisation: Organisation) -> Any:
    transport = httpx.WSGITransport(app=get_wsgi_application())
    with connections_stay():
        yield Client("http://testserver", token_for(organisation.admin), transport=transport)


def query(**wanted: Any) -> dict[str, Any]:
    return {"owner": "", "prune": False, "reason": "", **wanted}


def outcomes(answer: dict[str, Any]) -> dict[str, int]:
    found = [one["outcome"] for one in answer["results"]]
    return {one: found.count(one) for one in found}


@pytest.mark.django_db
def test_more_than_a_call_takes_applies_again_to_no_changes_and_prunes_as_one_set(client: Client) -> None:
    many = ONE_CALL + 10
    texts = [(f"{at}.yaml", route(f"route-{at}")) for at in range(many)]
    wish, never = query(owner="all/routes"), lambda pruning: pytest.fail("Nothing was to be pruned.")

    assert outcomes(batches_applied(client, batches_of(texts), wish, agreed=never)) == {"created": many}
    assert outcomes(batches_applied(client, batches_of(texts), query(), agreed=never)) == {"unchanged": many}

    fewer, asked = batches_of([*texts[:3], *texts[5:9]], documents=3), []
    tried, _ = batches_tried(client, fewer, query(owner="all/routes", prune=True))
    assert len(tried["prune"]["items"]) == many - 7

    def agreed(pruning: Any) -> str:
        asked.append(len(pruning["items"]))
        return str(pruning["confirm"])

    done = batches_applied(client, fewer, query(owner="all/routes", prune=True), agreed=agreed)
    assert (asked, outcomes(done)) == ([many - 7], {"unchanged": 7, "deleted": many - 7})
    left = ApprovalRoute.objects.filter(name__startswith="route-", state="active")
    assert {one.name for one in left} == {f"route-{at}" for at in (0, 1, 2, 5, 6, 7, 8)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param(route("route-9", stages="none"), "c.yaml: spec.stages", id="a wrong document"),
        pytest.param(route("route-0"), "written twice, first in 0.yaml, line 1", id="one that is in two batches"),
    ],
)
def test_nothing_of_any_batch_is_applied_where_one_document_is_refused(client: Client, wrong: str, words: str) -> None:
    texts = [*((f"{at}.yaml", route(f"route-{at}")) for at in range(3)), ("c.yaml", wrong)]
    with pytest.raises(Fault, match="1 document is refused, so nothing was applied") as told:
        batches_applied(client, batches_of(texts, documents=2), query(), agreed=lambda pruning: "")
    assert words in "\n".join(told.value.places)
    assert not ApprovalRoute.objects.filter(name__startswith="route-").exists()
