"""Previews by a key: one call makes one or brings it up to date, another takes it away. Stage and quota hold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.models import OutgoingEvent
from governance.services.quota import quota_set
from governance.services.webhooks import webhook_create
from idp.kernel.errors import Forbidden, InvalidInput, NotFound, QuotaExceeded
from provisioning.domain.preview import key_problem, overlay, preview_name
from provisioning.models import Change, Environment, Preview, Run
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.expiry import environments_expire
from provisioning.services.preview_environments import PreviewWish, preview_end, preview_put
from tests.personas import NOW
from tests.provisioning.organisation import Clock, carry_out, equip, spec

HOST = {"shop": {"inputs": {"host": "pr-1.dev.example"}}}
IMAGE = "registry.example/checkout-api:"


@pytest.fixture
def template(organisation) -> Environment:
    """``checkout/try``, whose api belongs to a component."""
    equip(organisation)
    made = spec()
    made["resources"]["api"]["component"] = "checkout-api"
    change = change_submit(organisation.actor("developer"), ChangeRequest("create", "checkout", "try", made), now=NOW)
    carry_out(Run.objects.get(change=change))
    return Environment.objects.get()


def put(organisation, image: str = "pr-1", *, key: str = "PR/1", who: str = "developer", now=NOW, **more) -> Change:
    wish = PreviewWish(
        "checkout",
        key,
        **{"template": "try", "images": {"checkout-api": IMAGE + image}, "spec": {"resources": HOST}, **more},
    )
    return preview_put(organisation.actor(who), wish, now=now)


def settled(change: Change, now=NOW) -> Environment:
    assert carry_out(Run.objects.get(change=change), Clock(now)).state == "succeeded"
    return Environment.objects.select_related("stage", "observed").get(pk=change.environment_id)


@pytest.mark.django_db
def test_one_call_makes_a_preview_of_its_template(organisation, template):
    change = put(organisation, link="https://git.example/pull/1")
    made = settled(change)
    assert (change.kind, made.stage.name, made.name) == ("create", "preview", preview_name("PR/1"))
    assert made.expires_at - NOW == timedelta(days=3) - timedelta(seconds=NOW.second, microseconds=NOW.microsecond)
    inputs = made.observed.document["resources"]["api"]["inputs"]
    assert inputs["image"] == IMAGE + "pr-1"
    assert inputs["replicas"] == 2
    preview = Preview.objects.get()
    assert (preview.key, preview.environment_id, preview.link) == ("PR/1", made.pk, "https://git.example/pull/1")


@pytest.mark.django_db
def test_what_happens_to_it_is_told_with_its_pull_request(organisation, template):
    webhook_create(organisation.actor("admin"), name="CI", url="https://a.example/", team=None, now=NOW)
    settled(put(organisation, link="https://git.example/pull/1"))
    told = OutgoingEvent.objects.filter(type__in=["run.started", "run.succeeded", "environment.ready"])
    assert {(one.type, one.data["preview"]["key"], one.data["preview"]["link"]) for one in told} == {
        ("run.started", "PR/1", "https://git.example/pull/1"),
        ("run.succeeded", "PR/1", "https://git.example/pull/1"),
        ("environment.ready", "PR/1", "https://git.example/pull/1"),
    }


@pytest.mark.django_db
def test_the_same_key_brings_it_up_to_date_and_keeps_what_is_its_own(organisation, template):
    first = settled(put(organisation))
    change = put(organisation, "pr-1-b", spec={})
    assert (change.kind, change.environment_id) == ("update", first.pk)
    inputs = settled(change).observed.document["resources"]
    assert inputs["api"]["inputs"]["image"] == IMAGE + "pr-1-b"
    assert inputs["shop"]["inputs"]["host"] == "pr-1.dev.example"
    assert Preview.objects.count() == 1


@pytest.mark.django_db
def test_what_changed_in_the_template_comes_along(organisation, template):
    settled(put(organisation))
    newer = spec()
    newer["resources"]["api"]["component"] = "checkout-api"
    newer["resources"].pop("shop")
    request = ChangeRequest("update", "checkout", "try", newer)
    carry_out(Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=NOW)))
    made = settled(put(organisation, spec={}))
    assert sorted(made.observed.document["resources"]) == ["api", "db"]


@pytest.mark.django_db
def test_the_same_call_again_answers_with_what_made_it_so(organisation, template):
    change = put(organisation)
    settled(change)
    assert put(organisation).pk == change.pk
    assert Change.objects.filter(environment_name=change.environment_name).count() == 1


@pytest.mark.django_db
def test_it_is_deleted_when_told_and_the_key_may_be_used_again(organisation, template):
    first = settled(put(organisation))
    change = preview_end(organisation.actor("developer"), system="checkout", key="PR/1", now=NOW)
    assert preview_end(organisation.actor("developer"), system="checkout", key="PR/1", now=NOW).pk == change.pk
    carry_out(Run.objects.get(change=change))
    with pytest.raises(NotFound, match="no preview"):
        preview_end(organisation.actor("developer"), system="checkout", key="PR/1", now=NOW)
    again = settled(put(organisation))
    assert (again.name, again.pk == first.pk) == (first.name, False)


@pytest.mark.django_db
def test_it_expires_like_any_other(organisation, template):
    made = settled(put(organisation, spec={"expires": "1d", "resources": HOST}))
    later = NOW + timedelta(days=1, minutes=1)
    assert [one.environment_id for one in environments_expire(now=later)] == [made.pk]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("more", "path"),
    [
        pytest.param({"template": "nowhere"}, "from", id="no template"),
        pytest.param({"template": ""}, "from", id="template not named"),
        pytest.param({"key": "pr 1"}, "labels", id="no key"),
        pytest.param({"images": {"other": "x"}}, "images.other", id="no such component"),
        pytest.param({"spec": {"resources": {"nope": {"inputs": {}}}}}, "spec.resources.nope", id="no such resource"),
        pytest.param({"spec": {"resources": {"shop": []}}}, "spec.resources.shop", id="no inputs"),
        pytest.param({"spec": {}}, "spec.resources.shop.inputs.host", id="a host that leads to the template"),
        pytest.param({"spec": {"expires": "15d", "resources": HOST}}, "spec.expires", id="a life too long"),
    ],
)
def test_it_says_what_is_wrong(organisation, template, more, path):
    with pytest.raises(InvalidInput) as refused:
        put(organisation, **more)
    assert path in {one.path for one in refused.value.errors}
    assert Environment.objects.count() == 1


@pytest.mark.django_db
def test_only_who_may_ask_for_changes_may(organisation, template):
    with pytest.raises(Forbidden):
        put(organisation, who="viewer")


@pytest.mark.django_db
def test_quota_holds_and_the_denied_change_is_kept(organisation, template):
    quota_set(
        organisation.actor("admin"), team=organisation.payments, cpu=100, memory_gib=100, storage_gib=100,
        environments=1, now=NOW,
    )  # fmt: skip
    with pytest.raises(QuotaExceeded):
        put(organisation)
    assert Change.objects.get(state="denied").kind == "create"
    assert not Preview.objects.exists()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        pytest.param("pr-123", "pr-123", id="a name already"),
        pytest.param("PR/1", "pr-1-2b6b6", id="slashes and capitals"),
        pytest.param("123", "p-123-", id="digits only"),
        pytest.param("feature/a-very-long-branch-name-of-somebody", "feature-a-very-long-bran-", id="too long"),
    ],
)
def test_a_key_becomes_a_name(key, name):
    made = preview_name(key)
    assert made.startswith(name[:-5] if name.endswith("2b6b6") else name)
    assert len(made) <= 30
    assert made == made.strip("-")


def test_two_keys_never_share_a_name():
    keys = ["pr-1", "PR-1", "pr/1", "pr.1", "pr_1", "pr--1"]
    valid = [key for key in keys if not key_problem(key)]
    assert len({preview_name(key) for key in valid}) == len(valid)


def test_inputs_win_over_images():
    template = {"resources": {"api": {"component": "checkout-api", "inputs": {"image": "a", "replicas": 1}}}}
    laid, problems = overlay(template, "dev", given={"api": {"inputs": {"image": "c"}}}, images={"checkout-api": "b"})
    assert (laid, problems) == ({"api": {"inputs": {"image": "c"}}}, [])
