"""Deploying images: one line of an environment changes, and a repeated pipeline asks for nothing new."""

from __future__ import annotations

import pytest

from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from provisioning.models import Change, Environment, Run
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.deploying import images_deploy
from tests.personas import NOW
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = pytest.mark.django_db
NEXT = {"checkout-api": "registry.example/checkout-api:1.9.0"}


def made(organisation, name: str = "try", stage: str = "dev") -> Environment:
    wanted = spec(stage)
    wanted["resources"]["api"]["component"] = "checkout-api"
    change = change_submit(organisation.actor("developer"), ChangeRequest("create", "checkout", name, wanted), now=NOW)
    carry_out(Run.objects.get(change=change))
    return Environment.objects.get(pk=change.environment_id)


@pytest.fixture
def place(organisation):
    equip(organisation, policies=())
    return made(organisation)


def deploy(organisation, images=NEXT, who="developer", system="checkout", name="try", **more) -> Change:
    return images_deploy(organisation.actor(who, **more), system=system, environment=name, images=images, now=NOW)


def test_it_changes_the_image_and_nothing_else(organisation, place):
    before = place.desired.document
    change = deploy(organisation)
    carry_out(Run.objects.get(change=change))
    after = Environment.objects.get().desired.document
    assert after["resources"]["api"]["inputs"] == {
        **before["resources"]["api"]["inputs"],
        "image": NEXT["checkout-api"],
    }
    assert {**after, "resources": 0} == {**before, "resources": 0}
    assert after["resources"]["db"] == before["resources"]["db"]
    assert change.reason == "Deploy registry.example/checkout-api:1.9.0."


def test_the_same_again_answers_with_the_same_change(organisation, place):
    first = deploy(organisation)
    assert deploy(organisation).pk == first.pk
    carry_out(Run.objects.get(change=first))
    assert deploy(organisation).pk == first.pk
    assert Change.objects.filter(kind="update").count() == 1


@pytest.mark.parametrize(
    ("images", "said"),
    [
        pytest.param({"shop-web": "x:1"}, "Nothing in try runs an image of it", id="a component that is not there"),
        pytest.param({}, "Name at least one component", id="nothing"),
    ],
)
def test_it_says_what_can_be_deployed(organisation, place, images, said):
    with pytest.raises(InvalidInput) as caught:
        deploy(organisation, images)
    assert said in caught.value.errors[0].message


@pytest.mark.parametrize(
    ("who", "more", "error"),
    [
        ("viewer", {}, Forbidden),
        ("stranger", {}, Forbidden),
        ("developer", {"scopes": ("read",)}, Forbidden),
        ("developer", {"scopes": ("read", "change"), "systems": ("vault",)}, NotFound),
    ],
)
def test_it_needs_the_right_to_ask_for_changes(organisation, place, who, more, error):
    with pytest.raises(error):
        deploy(organisation, who=who, **more)
    assert Change.objects.filter(kind="update").count() == 0


def test_what_is_not_made_yet_takes_no_image(organisation):
    equip(organisation)
    create(organisation, "live", stage="prod")
    with pytest.raises(Conflict):
        deploy(organisation, name="live")
    with pytest.raises(NotFound):
        deploy(organisation, name="nowhere")


def test_a_change_that_came_between_is_not_undone(organisation, place, monkeypatch):
    """The plan is made of what is wanted at the moment of the submit, not of what was read before it."""
    from provisioning.services import deploying

    usual, raced = deploying.change_submit, []

    def submit(actor, request, *, now):
        if not raced:
            raced.append(True)
            other = spec(api={"replicas": 3})
            other["resources"]["api"]["component"] = "checkout-api"
            usual(actor, ChangeRequest("update", "checkout", "try", other), now=now)
            carry_out(Run.objects.latest("id"))
        return usual(actor, request, now=now)

    monkeypatch.setattr(deploying, "change_submit", submit)
    change = deploy(organisation)
    inputs = change.target["resources"]["api"]["inputs"]
    assert (inputs["replicas"], inputs["image"]) == (3, NEXT["checkout-api"])
