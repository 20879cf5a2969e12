"""The pages of catalogs: a source is looked at and saved, files are uploaded, looked at and imported, entities read."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import CatalogImport, CatalogSource, Entity
from governance.services.backstage_import import entities_import
from governance.services.backstage_reading import gather
from governance.services.backstage_runs import import_carry_out
from idp.catalog.models import System
from tests.governance.backstage_catalogs import GROUP, SYSTEM, file, large, source
from tests.personas import NOW

pytestmark = pytest.mark.django_db
CEILING = 12
SHOP = SYSTEM.format(name="Web.Shop", owner="payments")
FORM = {"name": "git", "kind": "git", "url": "https://git.example/a.git", "groups": "create", "users": "link"}
FORM |= {"loose": "keep", "every": "60", "owner": "payments", "secret": "s3cret-token"}


def looked_at(page: str) -> str:
    return page.partition('name="looked_at" value="')[2].partition('"')[0]


def test_a_source_is_looked_at_before_it_is_saved(organisation, sign_in):
    admin, at = sign_in("admin"), reverse("backstage-new")
    looked = admin.post(at, {**FORM, "do": "look"})
    text = looked.content.decode()
    assert "becomes a team with a first quota" in text
    assert "imported by schedule" in text
    assert not CatalogSource.objects.exists()

    unlooked = admin.post(at, {**FORM, "do": "save", "looked_at": "other"})
    assert (unlooked.status_code, CatalogSource.objects.count()) == (200, 0)
    saved = admin.post(at, {**FORM, "do": "save", "looked_at": looked_at(text)})

    assert saved["Location"] == reverse("backstage-source", args=["git"])
    shown = admin.get(saved["Location"]).content.decode()
    assert "Kept encrypted" in shown
    assert "s3cret" not in shown


def test_an_address_that_leads_inside_is_said_at_its_field(organisation, sign_in):
    admin, given = sign_in("admin"), FORM | {"kind": "url", "url": "http://127.0.0.1/x", "secret": ""}
    text = admin.post(reverse("backstage-new"), {**given, "do": "look"}).content.decode()

    refused = admin.post(reverse("backstage-new"), {**given, "do": "save", "looked_at": looked_at(text)})

    assert refused.status_code == 422
    assert not CatalogSource.objects.exists()


def test_fields_that_the_chosen_kind_has_not_count_for_nothing(organisation, sign_in):
    admin, at = sign_in("admin"), reverse("backstage-new")
    given = FORM | {"kind": "upload", "branch": "main"}
    text = admin.post(at, {**given, "do": "look"}).content.decode()

    assert admin.post(at, {**given, "do": "save", "looked_at": looked_at(text)}).status_code == 302

    made = CatalogSource.objects.get()
    assert (made.url, made.branch, made.every, made.secret) == ("", "", 0, "")


def test_an_edit_keeps_the_secret_and_is_taken_back(organisation, sign_in):
    admin = sign_in("admin")
    text = admin.post(reverse("backstage-new"), {**FORM, "do": "look"}).content.decode()
    admin.post(reverse("backstage-new"), {**FORM, "do": "save", "looked_at": looked_at(text)})
    before = CatalogSource.objects.get()
    given = FORM | {"every": "15", "secret": ""}
    text = admin.post(reverse("backstage-edit", args=["git"]), {**given, "do": "look"}).content.decode()
    admin.post(reverse("backstage-edit", args=["git"]), {**given, "do": "save", "looked_at": looked_at(text)})
    edited = CatalogSource.objects.get()
    assert (edited.every, edited.secret) == (15, before.secret)

    admin.post(reverse("backstage-act", args=["git", "take-back"]))

    assert CatalogSource.objects.get().every == 60


def test_files_are_uploaded_looked_at_and_imported(organisation, sign_in):
    admin = sign_in("admin")
    source("by-hand")
    files = [SimpleUploadedFile("a.yaml", SHOP.encode()), SimpleUploadedFile("b.yaml", b"kind: [\n")]
    looked = admin.post(reverse("backstage-upload"), {"source": "by-hand", "documents": files})
    waiting = admin.get(looked["Location"]).content.decode()
    assert "Waits for a worker" in waiting
    assert "hx-get" in waiting
    import_carry_out(CatalogImport.objects.get().pk, now=NOW)
    text = admin.get(looked["Location"]).content.decode()
    assert "system:default/web.shop" in text
    assert "b.yaml:2" in text
    assert "Import this" in text
    assert not Entity.objects.exists()

    done = admin.post(reverse("backstage-import-apply", args=[CatalogImport.objects.get().pk]))
    import_carry_out(CatalogImport.objects.latest("pk").pk, now=NOW)

    assert System.objects.filter(slug="web-shop").exists()
    assert "Import this" not in admin.get(done["Location"]).content.decode()


def test_an_upload_without_files_says_so(organisation, sign_in):
    source("by-hand")

    refused = sign_in("admin").post(reverse("backstage-upload"), {"source": "by-hand"})

    assert refused.status_code == 422
    assert "Choose one or more files." in refused.content.decode()


def test_the_secret_for_pushes_is_shown_once(organisation, sign_in):
    admin = sign_in("admin")
    source("repo", kind="git", url="https://git.example/a.git")
    shown = admin.post(reverse("backstage-act", args=["repo", "hook"])).content.decode()
    assert "/api/v1/backstage/sources/repo/push/" in shown
    secret = shown.partition('id="push-secret"')[2].partition(">")[2].partition("<")[0]
    assert len(secret) > 30
    assert secret not in admin.get(reverse("backstage-source", args=["repo"])).content.decode()


def test_a_source_is_removed_by_its_name_once_it_has_no_entities(organisation, sign_in):
    admin, at = sign_in("admin"), reverse("backstage-act", args=["by-hand", "remove"])
    where = source("by-hand")
    refused = admin.post(at, {"confirm_name": "by-foot"})
    assert (refused.status_code, CatalogSource.objects.count()) == (422, 1)
    assert "Type by-hand to remove it." in refused.content.decode()
    entities_import(organisation.actor("admin"), source=where, gathered=gather([file(SHOP)]), now=NOW)
    shown = admin.get(reverse("backstage-source", args=["by-hand"])).content.decode()
    assert "It can be removed once" in shown
    assert "confirm_name" not in shown
    Entity.objects.all().delete()

    assert admin.post(at, {"confirm_name": "by-hand"})["Location"] == reverse("backstage")
    assert not CatalogSource.objects.exists()


def test_entities_are_read_by_who_may_see_them(organisation, sign_in):
    text = f"{SYSTEM.format(name='vault', owner='payments')}---\n{GROUP.format(name='payments', title='Payments')}"
    entities_import(organisation.actor("admin"), source=source(), gathered=gather([file(text)]), now=NOW)
    at = reverse("backstage-entity", args=["group:default/payments"])

    assert "system:default/vault" in sign_in("viewer").get(at).content.decode()
    assert "vault" not in sign_in("stranger").get(at).content.decode()
    assert "vault" not in sign_in("stranger").get(reverse("backstage-entities")).content.decode()
    assert "vault" in sign_in("admin").get(reverse("backstage-entities")).content.decode()
    hidden = reverse("backstage-entity", args=["system:default/vault"])
    assert (sign_in("stranger").get(hidden).status_code, sign_in("viewer").get(hidden).status_code) == (404, 200)


@pytest.mark.parametrize("page", ["backstage", "backstage-source", "backstage-entities", "backstage-entity"])
def test_pages_ask_the_same_however_much_there_is(organisation, sign_in, page):
    admin = sign_in("admin")
    where = source()
    given = {"backstage-source": [where.name], "backstage-entity": ["system:default/system_0"]}.get(page, [])
    counted = []
    for size in (2, 12):
        gathered = gather([large(size)])
        entities_import(organisation.actor("admin"), source=where, gathered=gathered, now=NOW)
        Entity.objects.exclude(kind="system").update(note="Not linked.")
        CatalogImport.objects.create(source=where, mode="import", state="done", asked_name="admin", asked_at=NOW)
        admin.get(reverse(page, args=given))
        with CaptureQueriesContext(connection) as asked:
            assert admin.get(reverse(page, args=given)).status_code == 200
        counted.append(len(asked))

    assert counted[0] == counted[1] <= CEILING
