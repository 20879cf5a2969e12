"""Catalogs over the API: in by sources and imports, out as a stream and as pages, without loss and within rights."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client

from governance.domain.backstage.outgoing import is_echo
from governance.domain.backstage.refs import ref_of
from governance.domain.backstage.rules import faults_of
from governance.models import CatalogImport, CatalogSource, Entity
from governance.services.backstage_import import entities_import
from governance.services.backstage_reading import SourceFile, gather
from governance.services.backstage_runs import import_carry_out
from idp.catalog.models import System
from idp.kernel.documents import load_all_yaml
from provisioning.models import Borrowing, Environment, Resource, ResourceGrant, Run
from tests.governance.backstage_catalogs import API, COMPONENT, GROUP, SYSTEM, file, source
from tests.personas import NOW
from tests.provisioning.organisation import carry_out, create

pytestmark = pytest.mark.django_db
SHOP = "---\n".join(
    [
        SYSTEM.format(name="Web.Shop", owner="payments"),
        COMPONENT.format(name="Cart", owner="payments", system="web.shop", needs="resource:db"),
        API.format(name="cart-api", owner="payments", system="web.shop"),
        GROUP.format(name="payments", title="Payments"),
        "apiVersion: acme.example/v1\nkind: AiResource\nmetadata: {name: model}\nspec: {on: no, at: '12:30'}\n",
    ]
)
OUT = "backstage/catalog-info.yaml"


def stream(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200
    text = b"".join(response.streaming_content)
    return [one.data for one in load_all_yaml(text)]


def refs(found: list[dict[str, Any]]) -> set[str]:
    return {str(ref_of(data)) for data in found}


def put(organisation: Any, text: str, name: str = "backstage") -> None:
    where = CatalogSource.objects.filter(name=name).first() or source(name)
    entities_import(organisation.actor("admin"), source=where, gathered=gather([file(text)]), now=NOW)


def test_an_upload_is_looked_at_imported_and_reported(api):
    admin = api("admin")
    assert admin.post("backstage/sources/", {"name": "ours", "kind": "upload", "owner": "payments"}).status_code == 201
    body = {"source": "ours", "preview": True, "files": [{"path": "a.yaml", "text": f"{SHOP}---\nkind: [\n"}]}
    asked = admin.post("backstage/imports/", body)
    assert (asked.status_code, asked.json()["state"]) == (202, "queued")

    import_carry_out(asked.json()["id"], now=NOW)
    looked = admin.get(asked["Location"].removeprefix("/api/v1/")).json()
    assert (looked["counts"]["created"], looked["refused"][0]["code"]) == (5, "broken-yaml")
    applied = admin.post(f"backstage/imports/{looked['id']}/apply/")
    assert applied.status_code == 202
    import_carry_out(applied.json()["id"], now=NOW)

    assert System.objects.filter(slug="web-shop").exists()
    assert [one["state"] for one in admin.get("backstage/imports/?source=ours").json()["items"]] == ["done", "done"]


def test_a_source_is_edited_with_its_etag_and_its_secret_is_never_shown(api):
    admin = api("admin")
    body = {"name": "git", "kind": "git", "url": "https://git.example/a.git", "secret": "s3cret-token"}
    made = admin.post("backstage/sources/", body)
    assert made.json()["has_secret"] is True
    assert "s3cret" not in made.content.decode()
    assert admin.post("backstage/sources/", body).status_code == 409
    assert admin.patch("backstage/sources/git/", {"every": 30}).status_code == 428
    edited = admin.patch("backstage/sources/git/", {"every": 30}, if_match=made["ETag"])
    assert edited.json()["every"] == 30
    assert admin.post("backstage/sources/git/take-back/").json()["every"] == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a", "http://169.254.169.254/", "file:///etc/passwd", "http://[::1]/"]
)
def test_addresses_that_lead_inside_are_refused(api, url):
    refused = api("admin").post("backstage/sources/", {"name": "x", "kind": "url", "url": url})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "url"


def test_a_push_counts_only_when_it_is_signed_and_once(api):
    admin = api("admin")
    admin.post("backstage/sources/", {"name": "git", "kind": "git", "url": "https://git.example/a.git"})
    secret = admin.post("backstage/sources/git/hook-secret/").json()["secret"]
    body, client = json.dumps({"ref": "refs/heads/main"}).encode(), Client()

    def push(signature: str) -> int:
        at = "/api/v1/backstage/sources/git/push/"
        sent = {"X-Hub-Signature-256": signature}
        return client.post(at, body, content_type="application/json", headers=sent).status_code

    good = f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"
    assert [push("sha256=00"), push("")] == [403, 403]
    assert not CatalogImport.objects.exists()
    assert push(good) == 202
    CatalogImport.objects.update(state="done")
    assert push(good) == 202
    assert CatalogImport.objects.count() == 1


def test_what_was_imported_goes_out_as_it_came(api, organisation):
    put(organisation, SHOP)
    before = {str(ref_of(one.data)): one.data for one in load_all_yaml(SHOP)}

    found = stream(api("viewer").get(OUT))

    after = {str(ref_of(data)): data for data in found}
    assert {ref: after[ref] for ref in before} == before
    assert [ref for ref in after if ref.endswith("/web-shop")] == []
    assert all(faults_of(data) == [] for data in found)


def test_ours_goes_out_with_owners_links_and_selectors(api, organisation):
    carry_out(Run.objects.get(change=create(organisation)))

    found = {str(ref_of(data)): data for data in stream(api("viewer").get(OUT))}

    system, group = found["system:default/checkout"], found["group:default/payments"]
    assert system["spec"]["owner"] == "group:default/payments"
    assert "user:default/developer" in group["spec"]["members"]
    resource = found["resource:default/checkout.try.api"]
    notes = resource["metadata"]["annotations"]
    assert notes["backstage.io/kubernetes-label-selector"] == (
        "slipway.dev/system=checkout,slipway.dev/environment=try,slipway.dev/resource=api"
    )
    assert resource["metadata"]["links"][0]["url"].endswith("/environments/checkout/try/")
    assert resource["spec"] == {
        "type": "web-service",
        "owner": "group:default/payments",
        "system": "system:default/checkout",
    }
    assert all(faults_of(data) == [] for data in found.values())


def test_what_is_borrowed_depends_on_what_is_lent_for_who_may_see_it(api, organisation):
    for name in ("try", "other"):
        create(organisation, name)
    lender, taker = (Environment.objects.get(name=name) for name in ("try", "other"))
    lent = {"to_system": taker.system, "given_at": NOW}
    grant = ResourceGrant.objects.create(environment=lender, resource="db", **lent)
    Borrowing.objects.create(environment=taker, name="db", grant=grant, since=NOW)
    Resource.objects.filter(environment=taker, name="db").update(borrowed=True)

    found = {str(ref_of(data)): data["spec"] for data in stream(api("stranger").get(OUT))}

    needs = {
        ref: spec["dependsOn"] for ref, spec in found.items() if ref.startswith("resource:") and "dependsOn" in spec
    }
    assert needs == {"resource:default/checkout.other.db": ["resource:default/checkout.try.db"]}
    Environment.objects.filter(pk=lender.pk).update(system=System.objects.get(slug="vault"))
    assert "vault" not in json.dumps(stream(api("stranger").get(OUT)))


def test_a_restricted_system_goes_to_those_who_see_it(api, organisation):
    assert "system:default/vault" in refs(stream(api("viewer").get(OUT)))
    assert "system:default/vault" not in refs(stream(api("stranger").get(OUT)))
    put(organisation, SYSTEM.format(name="vault", owner="payments"))
    assert "system:default/vault" in refs(stream(api("viewer").get(OUT)))
    stranger = stream(api("stranger").get(OUT))
    assert "vault" not in json.dumps(stranger)


def test_it_is_narrowed_by_kind_and_system(api, organisation):
    put(organisation, SHOP)

    assert {data["kind"] for data in stream(api("viewer").get(f"{OUT}?kind=component"))} == {"Component"}
    assert refs(stream(api("viewer").get(f"{OUT}?system=web-shop"))) == {
        "system:default/web.shop",
        "component:default/cart",
        "api:default/cart-api",
    }


def test_it_answers_304_until_something_changes(api, organisation):
    first = api("viewer").get(OUT)
    tag = first["ETag"]
    assert api("viewer").get(OUT, If_None_Match=tag).status_code == 304
    assert api("stranger").get(OUT, If_None_Match=tag).status_code == 200

    put(organisation, SHOP)
    changed = api("viewer").get(OUT, If_None_Match=tag)
    assert changed.status_code == 200
    Entity.objects.filter(name="Cart").update(orphaned_at=NOW)
    assert api("viewer").get(OUT, If_None_Match=changed["ETag"]).status_code == 200


def test_a_backstage_does_not_get_back_what_it_gave(api, organisation):
    put(organisation, SYSTEM.format(name="Theirs", owner="payments"), "running")
    put(organisation, SYSTEM.format(name="By.Hand", owner="payments"), "by-hand")
    CatalogSource.objects.filter(name="running").update(kind="backstage")
    found = api("viewer")
    assert {"system:default/theirs", "system:default/by.hand"} <= refs(stream(found.get(OUT)))
    narrowed = refs(stream(found.get(f"{OUT}?imported=elsewhere")))
    assert "system:default/theirs" not in narrowed
    assert {"system:default/by.hand", "component:default/checkout-api"} <= narrowed
    assert found.get(f"{OUT}?imported=nothing").status_code == 400
    assert found.get(f"{OUT}?imported=elsewhere")["ETag"] != found.get(OUT)["ETag"]


def test_ours_says_where_it_comes_from(api, organisation, settings):
    made = [one for one in stream(api("viewer").get(OUT)) if one["kind"] in ("Component", "System", "Group", "User")]
    assert made
    assert {one["metadata"]["annotations"]["slipway.dev/from"] for one in made} == {settings.BASE_URL}
    assert all(is_echo(one, settings.BASE_URL) for one in made)


def test_pages_hold_each_entity_once(api, organisation):
    put(organisation, SHOP)
    whole = [str(ref_of(data)) for data in stream(api("viewer").get(OUT))]
    found, url = [], "backstage/entities?limit=3"
    while url:
        page = api("viewer").get(url).json()
        assert len(page["items"]) <= 3
        found += [str(ref_of(data)) for data in page["items"]]
        url = (page["next"] or "").removeprefix("/api/v1/")

    assert found == whole
    assert api("viewer").get("backstage/entities?cursor=x.1").status_code == 400


def test_an_orphan_goes_out_marked_and_comes_in_unmarked(api, organisation):
    put(organisation, SHOP)
    before = Entity.objects.get(name="Cart").data
    put(organisation, SHOP.replace("name: Cart", "name: Cart2"))

    found = {str(ref_of(data)): data for data in stream(api("viewer").get(OUT))}
    cart = found["component:default/cart"]
    assert cart["metadata"]["annotations"]["backstage.io/orphan"] == "true"
    again = gather([SourceFile("a", json.dumps(cart).encode())]).items["component:default/cart"]
    assert again.data == before


def test_in_out_and_in_again_is_unchanged(api, organisation):
    put(organisation, SHOP)
    where = CatalogSource.objects.get(name="backstage")
    before = dict(Entity.objects.values_list("ref", "digest"))
    text = b"".join(api("admin").get(OUT).streaming_content)
    ours = {ref: item for ref, item in gather([SourceFile("catalog-info.yaml", text)]).items.items() if ref in before}

    gathered = gather([SourceFile("catalog-info.yaml", text)])
    gathered.items = ours
    outcome = entities_import(organisation.actor("admin"), source=where, gathered=gathered, now=NOW)

    assert outcome.counts["unchanged"] == len(before)
    assert dict(Entity.objects.values_list("ref", "digest")) == before
