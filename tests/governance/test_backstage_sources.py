"""Sources and imports as rows: who may, what is kept secret, what workers do with them, where nothing is read."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from governance.domain.backstage.places import is_signed, matcher, raw_address
from governance.models import AuditEntry, CatalogImport, CatalogSource, Entity
from governance.services import backstage_fetch, backstage_runs
from governance.services.backstage_fetch import source_read
from governance.services.backstage_runs import import_apply, import_ask, import_carry_out, import_pushed, imports_sweep
from governance.services.backstage_sources import (
    orphans_remove,
    source_hook,
    source_remove,
    source_save,
    source_take_back,
)
from idp.kernel import git_reader, outbound
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from tests import names
from tests.governance.backstage_catalogs import API, SYSTEM
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db
URL = "https://git.example/catalog-info.yaml"
SHOP = SYSTEM.format(name="shop-2", owner="payments")


ENTITY = {"apiVersion": "backstage.io/v1alpha1", "kind": "System", "metadata": {"name": "one"}}
ENTITY |= {"spec": {"owner": "payments"}}


@pytest.fixture
def organisation() -> Organisation:
    return Organisation.found()


@pytest.fixture
def admin(organisation: Organisation) -> Any:
    return organisation.actor("admin")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answers by address; what is asked for is kept under ``calls``."""
    answers: dict[str, Any] = {"calls": []}

    def call(method: str, url: str, *, headers: dict[str, str], **_: Any) -> outbound.Answer:
        answers["calls"].append((url, headers))
        found = answers.get(url.partition("&cursor")[0] if "&cursor" not in url else url)
        if found is None:
            return outbound.Answer(404, {}, b"", url)
        body, etag = found
        if etag and headers.get("if-none-match") == etag:
            return outbound.Answer(304, {}, b"", url)
        return outbound.Answer(200, {"etag": etag}, body, url)

    monkeypatch.setattr(backstage_fetch.outbound, "call", call)
    return answers


def carried(made: CatalogImport) -> CatalogImport:
    import_carry_out(made.pk, now=NOW)
    made.refresh_from_db()
    return made


def upload(admin: Any, *texts: str, preview: bool = False) -> CatalogImport:
    files = [(f"{number}.yaml", text.encode()) for number, text in enumerate(texts)]
    return import_ask(admin, source="ours", files=files, preview=preview, now=NOW)


@pytest.mark.parametrize("who", ["developer", "maintainer", "auditor", "stranger"])
def test_only_admins_keep_sources_and_ask_for_imports(organisation: Organisation, who: str) -> None:
    actor = organisation.actor(who)
    asks: list[Callable[[], Any]] = [
        lambda: source_save(actor, name="ours", kind="upload", now=NOW),
        lambda: source_hook(actor, name="ours", now=NOW),
        lambda: source_remove(actor, name="ours", now=NOW),
        lambda: orphans_remove(actor, name="ours", now=NOW),
        lambda: import_ask(actor, source="ours", now=NOW),
        lambda: import_apply(actor, import_id=1, now=NOW),
        lambda: source_take_back(actor, name="ours", now=NOW),
    ]
    for ask in asks:
        with pytest.raises(Forbidden):
            ask()


WRONG = {
    "loopback": {"kind": "url", "url": "http://127.0.0.1/x"},
    "metadata": {"kind": "url", "url": "http://169.254.169.254/latest"},
    "a-file": {"kind": "url", "url": "file:///etc/passwd"},
    "inner-git": {"kind": "git", "url": "ssh://git@10.0.0.1/x.git"},
    "git-file": {"kind": "git", "url": "file:///srv/x.git"},
    "inner-backstage": {"kind": "backstage", "url": "http://[::1]:7007"},
    "token-over-http": {"kind": "url", "url": "http://git.example/x", "secret": "s"},
    "no-address": {"kind": "url", "url": ""},
    "upload-with-address": {"kind": "upload", "url": URL},
    "too-often": {"kind": "url", "url": URL, "every": 1},
    "unknown-team": {"kind": "upload", "owner": "nobody"},
    "unknown-kind": {"kind": "carrier-pigeon", "url": URL},
    "unknown-rule": {"kind": "url", "url": URL, "groups": "all"},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
def test_it_refuses_sources_that_cannot_be_read(admin: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        source_save(admin, name="ours", now=NOW, **fields)
    assert not CatalogSource.objects.exists()


def test_a_secret_is_kept_encrypted_and_out_of_the_log(admin: Any) -> None:
    row = source_save(admin, name="ours", kind="url", url=URL, secret="very-secret", now=NOW)

    assert "very-secret" not in row.secret
    assert "very-secret" not in json.dumps(list(AuditEntry.objects.values_list("data", flat=True)))


def test_an_edit_is_taken_back(admin: Any) -> None:
    source_save(admin, name="ours", kind="url", url=URL, every=60, now=NOW)
    row = source_save(admin, name="ours", every=30, groups="create", owner="payments", now=NOW)

    source_take_back(admin, name="ours", expected_version=row.version, now=NOW)

    row = CatalogSource.objects.get()
    assert (row.every, row.groups, row.owner, row.version) == (60, "link", None, 3)


def test_an_upload_is_looked_at_and_then_imported_once(admin: Any) -> None:
    source_save(admin, name="ours", kind="upload", owner="payments", now=NOW)
    looked = carried(upload(admin, SHOP, "kind: [", preview=True))
    assert (looked.state, looked.counts["created"], looked.counts["refused"]) == ("done", 1, 1)
    assert not Entity.objects.exists()

    done = carried(import_apply(admin, import_id=looked.pk, now=NOW))

    assert (done.state, done.report["created"], done.payload) == ("done", ["system:default/shop-2"], None)
    assert done.report["refused"][0]["file"] == "1.yaml"
    assert Entity.objects.get().system.slug == "shop-2"
    with pytest.raises(Conflict):
        import_apply(admin, import_id=looked.pk, now=NOW)
    with pytest.raises(Conflict):
        import_apply(admin, import_id=done.pk, now=NOW)


def test_what_an_address_has_is_read_again_only_when_it_changed(admin: Any, web: dict[str, Any]) -> None:
    source_save(admin, name="ours", kind="url", url=URL, secret="t0ken", owner="payments", every=60, now=NOW)
    web[URL] = (SHOP.encode(), '"1"')
    assert carried(import_ask(admin, source="ours", now=NOW)).counts["created"] == 1
    assert web["calls"][0][1]["authorization"] == "Bearer t0ken"

    later = NOW + timedelta(hours=1)
    imports_sweep(now=later)
    scheduled = CatalogImport.objects.first()
    done = carried(scheduled)

    assert (done.state, done.message) == ("done", "Nothing has changed there since the import before.")
    assert CatalogSource.objects.get().due_at == later + timedelta(hours=1)


def test_locations_and_files_are_followed_without_the_token_elsewhere(admin: Any, web: dict[str, Any]) -> None:
    location = """apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: all}
spec: {targets: [./shop.yaml, https://other.example/api.yaml, ./gone.yaml, "file:///etc/passwd", "http://["]}
"""
    api = API.format(name="a", owner="payments", system="shop-2").replace('"openapi: 3.0.0"', "{$text: ./spec.yaml}")
    web[URL] = (location.encode(), '"1"')
    web["https://git.example/shop.yaml"] = (SHOP.encode(), "")
    web["https://other.example/api.yaml"] = (api.encode(), "")
    web["https://other.example/spec.yaml"] = (b"openapi: 3.1.0", "")
    source_save(admin, name="ours", kind="url", url=URL, secret="t0ken", owner="payments", now=NOW)

    done = carried(import_ask(admin, source="ours", now=NOW))

    assert done.report["created"] == ["api:default/a", "location:default/all", "system:default/shop-2"]
    assert [one["code"] for one in done.report["refused"]] == ["location"] * 3
    assert Entity.objects.get(kind="api").data["spec"]["definition"] == "openapi: 3.1.0"
    assert {url for url, sent in web["calls"] if "authorization" in sent} == {
        URL,
        "https://git.example/shop.yaml",
        "https://git.example/gone.yaml",
    }


def test_a_running_backstage_is_read_page_by_page(admin: Any, web: dict[str, Any]) -> None:
    base = "https://backstage.example/api/catalog/entities/by-query?limit=1000"
    one = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "System",
        "metadata": {"name": "one", "uid": "u", "etag": "e"},
    }
    one |= {"spec": {"owner": "payments"}, "relations": [{"type": "ownedBy", "targetRef": "group:default/payments"}]}
    two = {**one, "metadata": {"name": "two"}}
    web[base] = (json.dumps({"items": [one], "pageInfo": {"nextCursor": "n"}}).encode(), '"1"')
    web[f"{base}&cursor=n"] = (json.dumps({"items": [two, {"kind": "System"}], "pageInfo": {}}).encode(), "")
    source_save(admin, name="ours", kind="backstage", url="https://backstage.example/", owner="payments", now=NOW)

    done = carried(import_ask(admin, source="ours", now=NOW))

    assert done.report["created"] == ["system:default/one", "system:default/two"]
    assert len(done.report["refused"]) == 2
    assert Entity.objects.get(name="one").data == {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "System",
        "metadata": {"name": "one"},
        "spec": {"owner": "payments"},
    }


def test_what_a_running_backstage_has_from_here_is_left_out(admin: Any, web: dict[str, Any], settings: Any) -> None:
    settings.BASE_URL = "https://slipway.example"
    one = {"apiVersion": "backstage.io/v1alpha1", "kind": "System", "spec": {"owner": "payments"}}
    notes = {
        "written": {"slipway.dev/from": "https://slipway.example"},
        "read": {"backstage.io/managed-by-origin-location": "url:https://slipway.example/api/v1/backstage/a.yaml"},
        "another": {"slipway.dev/from": "https://slipway.example.org"},
        "near": {"backstage.io/managed-by-origin-location": "url:https://slipway.example.org/a.yaml"},
        "plain": {},
    }
    items = [{**one, "metadata": {"name": name, "annotations": found}} for name, found in notes.items()]
    page = json.dumps({"items": [*items, "no entity"], "pageInfo": {}}).encode()
    web["https://backstage.example/api/catalog/entities/by-query?limit=1000"] = (page, "")
    source_save(admin, name="ours", kind="backstage", url="https://backstage.example/", owner="payments", now=NOW)
    done = carried(import_ask(admin, source="ours", now=NOW))
    assert done.report["created"] == [f"system:default/{name}" for name in ("another", "near", "plain")]
    assert len(done.report["refused"]) == 1


def test_pages_of_a_running_backstage_are_not_read_again_while_none_changes(admin: Any, web: dict[str, Any]) -> None:
    first = "https://backstage.example/api/catalog/entities/by-query?limit=1000"
    second = f"{first}&cursor=n"

    def serve(etag: str, *names: str) -> None:
        items = [{**ENTITY, "metadata": {"name": name}} for name in names]
        web[second] = (json.dumps({"items": items, "pageInfo": {}}).encode(), etag)

    web[first] = (json.dumps({"items": [ENTITY], "pageInfo": {"nextCursor": "n"}}).encode(), 'W/"1"')
    serve('W/"2"', "two")
    source_save(admin, name="ours", kind="backstage", url="https://backstage.example", owner="payments", now=NOW)
    row = CatalogSource.objects.get(name="ours")
    row.known = source_read(row, None).known

    assert source_read(row, None).gathered is None
    assert [headers.get("if-none-match") for _, headers in web["calls"][2:]] == ['W/"1"', 'W/"2"']
    serve('W/"3"', "two", "three")
    changed = source_read(row, None)
    assert changed.gathered is not None
    assert list(changed.gathered.items) == [f"system:default/{name}" for name in ("one", "two", "three")]
    serve("", "two")
    assert source_read(row, None).known == ""


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"items": 3}', b"[" * 100_000])
def test_what_is_no_backstage_is_said(admin: Any, web: dict[str, Any], body: bytes) -> None:
    web["https://backstage.example/api/catalog/entities/by-query?limit=1000"] = (body, "")
    source_save(admin, name="ours", kind="backstage", url="https://backstage.example", now=NOW)

    done = carried(import_ask(admin, source="ours", now=NOW))

    assert done.state == "failed"
    assert "not the catalog of a Backstage" in done.message


def test_a_repository_is_scanned_by_pattern(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api = API.format(name="a", owner="payments", system="shop-2").replace('"openapi: 3.0.0"', "{$text: ../spec.yaml}")
    files = {"catalog-info.yaml": SHOP, "a/catalog-info.yml": api, "spec.yaml": "openapi: 3.1.0", "x/skip.yaml": "a"}

    def fetch(url: str, branch: str, secret: Any, known: str) -> Any:
        assert (url, branch, secret.token) == ("https://git.example/a/b.git", "main", "t0ken")
        if known == "c0ffee":
            return None
        commit = git_reader.Commit("c0ffee", "A", "a@b", "s", datetime(2026, 1, 1, tzinfo=UTC))
        return git_reader.Fetched(
            commit,
            "",
            lambda wanted: (
                git_reader.File(path, len(text), text.encode()) for path, text in files.items() if wanted(path)
            ),
        )

    monkeypatch.setattr(backstage_fetch.git_reader, "fetch", fetch)
    fields = {"kind": "git", "url": "https://git.example/a/b.git", "branch": "main", "secret": "t0ken"}
    row = source_save(admin, name="ours", owner="payments", now=NOW, **fields)

    done = carried(import_ask(admin, source="ours", now=NOW))
    assert done.report["created"] == ["api:default/a", "system:default/shop-2"]
    assert done.counts["refused"] == 0
    assert Entity.objects.get(kind="api").data["spec"]["definition"] == "openapi: 3.1.0"

    row.refresh_from_db()
    pushed = import_pushed(row, now=NOW)
    assert import_pushed(row, now=NOW) is None
    assert carried(pushed).message.startswith("Nothing has changed")


def test_an_address_that_leads_inside_is_refused_when_it_is_called(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names.leads_to(monkeypatch, "10.0.0.7")
    source_save(admin, name="ours", kind="url", url=URL, now=NOW)

    done = carried(import_ask(admin, source="ours", now=NOW))

    assert (done.state, done.counts) == ("failed", {})
    assert done.message


def test_a_worker_that_died_is_followed_by_another_three_times(admin: Any) -> None:
    source_save(admin, name="ours", kind="upload", owner="payments", now=NOW)
    made = upload(admin, SHOP)
    CatalogImport.objects.filter(pk=made.pk).update(state="running", lease_until=NOW + timedelta(minutes=1), attempts=1)
    assert carried(made).state == "running"

    CatalogImport.objects.filter(pk=made.pk).update(lease_until=NOW - timedelta(seconds=1))
    assert carried(made).state == "done"
    made = upload(admin, SHOP)
    CatalogImport.objects.filter(pk=made.pk).update(attempts=3)
    assert carried(made).state == "failed"


def test_a_source_is_imported_once_at_a_time(admin: Any) -> None:
    source_save(admin, name="ours", kind="upload", now=NOW)
    first, second = upload(admin, SHOP), upload(admin, SHOP)
    CatalogImport.objects.filter(pk=first.pk).update(state="running", lease_until=NOW + timedelta(minutes=1))

    assert carried(second).state == "queued"


def test_a_fault_of_ours_ends_the_import_with_a_message(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(backstage_runs, "source_read", fall)
    source_save(admin, name="ours", kind="upload", now=NOW)

    done = carried(upload(admin, SHOP))

    assert (done.state, "ZeroDivisionError" in done.message) == ("failed", True)


def test_orphans_are_removed_by_an_admin_only_and_then_the_source(admin: Any) -> None:
    source_save(admin, name="ours", kind="upload", owner="payments", now=NOW)
    carried(upload(admin, SHOP))
    with pytest.raises(Conflict):
        source_remove(admin, name="ours", now=NOW)
    carried(upload(admin, "# nothing any more"))
    assert Entity.objects.get().orphaned_at == NOW

    assert orphans_remove(admin, name="ours", now=NOW) == 1
    source_remove(admin, name="ours", now=NOW)

    assert not CatalogSource.objects.exists()


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("**/catalog-info.y*ml", "catalog-info.yaml", True),
        ("**/catalog-info.y*ml", "a/b/catalog-info.yml", True),
        ("*.yaml", "a/b.yaml", False),
        ("org/*.yaml, **/x.yml", "org/a.yaml", True),
        ("org/*.yaml, **/x.yml", "deep/x.yml", True),
        ("a?.yaml", "ab.yaml", True),
        ("", "a.yaml", False),
    ],
)
def test_patterns_choose_files(pattern: str, path: str, fits: bool) -> None:
    assert matcher(pattern)(path) is fits


@pytest.mark.parametrize(
    ("url", "raw"),
    [
        ("https://github.com/a/b/blob/main/c.yaml", "https://raw.githubusercontent.com/a/b/main/c.yaml"),
        ("https://gitlab.example/a/b/-/blob/main/c.yaml", "https://gitlab.example/a/b/-/raw/main/c.yaml"),
        ("https://gitea.example/a/b/src/branch/main/c.yaml", "https://gitea.example/a/b/raw/branch/main/c.yaml"),
        ("https://x.example/c.yaml", "https://x.example/c.yaml"),
    ],
)
def test_pages_of_git_hosts_lead_to_their_files(url: str, raw: str) -> None:
    assert raw_address(url) == raw


def test_only_who_knows_the_secret_may_tell_of_a_push() -> None:
    made = hmac.new(b"secret", b"body", sha256).hexdigest()

    assert is_signed({"x-hub-signature-256": f"sha256={made}"}, b"body", "secret")
    assert is_signed({"x-gitea-signature": made}, b"body", "secret")
    assert is_signed({"x-gitlab-token": "secret"}, b"body", "secret")
    assert not is_signed({"x-hub-signature-256": f"sha256={made}"}, b"other", "secret")
    assert not is_signed({"x-gitlab-token": "é"}, b"body", "secret")
    assert not is_signed({}, b"body", "secret")
