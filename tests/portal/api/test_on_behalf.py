"""A token that asks for people: whom it may name, whose rights apply, and what the audit log says."""

from __future__ import annotations

import pytest

from governance.models import ApiToken, AuditEntry
from governance.services.service_accounts import service_account_create
from governance.services.tokens import token_create
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, InvalidInput
from provisioning.models import Change
from tests.portal.api.client import Api, token_for
from tests.provisioning.organisation import spec

pytestmark = pytest.mark.django_db
NEW = {"kind": "create", "system": "checkout", "environment": "new", "spec": spec()}


@pytest.fixture
def robot(organisation):
    return service_account_create(PLATFORM, team=organisation.payments, username="backstage", now=clock.now())


@pytest.fixture
def backstage(robot):
    """``backstage("developer")`` asks as that person does; ``systems`` and ``scopes`` narrow its token."""

    def calls(scopes: tuple[str, ...] = ("read", "change"), systems: tuple[str, ...] = ()) -> Api:
        token = token_create(
            PLATFORM, owner=robot, name="bs", scopes=scopes, systems=systems, for_people=True, now=clock.now()
        )
        return Api(token=token[1])

    return calls


def test_the_person_is_the_requester_and_both_stand_in_the_audit_log(backstage, organisation, robot):
    answer = backstage().post("changes/", NEW, Slipway_On_Behalf_Of="user:default/developer")
    assert answer.status_code == 202
    change = Change.objects.get()
    assert change.requester == organisation.developer
    entry = AuditEntry.objects.get(action="change.submit")
    assert (entry.actor_name, entry.actor_id, entry.behalf) == ("backstage", robot.pk, "developer")
    assert entry.token_id == ApiToken.objects.get().pk


@pytest.mark.parametrize(
    ("who", "status"),
    [
        pytest.param("developer", 202, id="a person who may"),
        pytest.param("viewer", 403, id="a person with fewer rights than the account"),
        pytest.param("stranger", 403, id="a person of another team"),
    ],
)
def test_the_persons_own_rights_apply(backstage, who, status):
    assert backstage().post("changes/", NEW, Slipway_On_Behalf_Of=who).status_code == status


def test_the_token_narrows_even_an_admin(backstage):
    assert backstage(("read",)).post("changes/", NEW, Slipway_On_Behalf_Of="admin").status_code == 403
    narrow = backstage(systems=("shop",))
    assert narrow.get("systems/checkout/", Slipway_On_Behalf_Of="admin").status_code == 404
    assert backstage().post("teams/", {"slug": "x", "name": "X"}, Slipway_On_Behalf_Of="admin").status_code == 403


def test_nobody_decides_through_it_on_what_they_asked_for(backstage, organisation, api):
    made = backstage().post("changes/", {**NEW, "spec": spec("prod")}, Slipway_On_Behalf_Of="maintainer").json()
    decide = {"plan_digest": made["plan_digest"]}
    assert api("maintainer").post(f"changes/{made['id']}/approve/", decide).status_code == 403
    assert (
        backstage().post(f"changes/{made['id']}/approve/", decide, Slipway_On_Behalf_Of="maintainer").status_code == 403
    )
    assert api("second_maintainer").post(f"changes/{made['id']}/approve/", decide).status_code == 202


@pytest.mark.parametrize(
    "named", ["user:default/developer", "user:developer", "User:Default/DEVELOPER", "developer", " developer "]
)
def test_a_person_is_named_as_here_or_as_in_backstage(backstage, named):
    mine = backstage().get("me", Slipway_On_Behalf_Of=named)
    assert (mine.status_code, mine.json()["username"]) == (200, "developer")


def test_a_reference_that_fits_two_usernames_names_neither(backstage, organisation):
    User.objects.create(username="Developer", is_active=True)
    refused = backstage().get("systems/", Slipway_On_Behalf_Of="user:default/developer")
    assert refused.json()["code"] == "not-on-behalf"
    assert backstage().get("systems/", Slipway_On_Behalf_Of="developer").status_code == 200


def test_a_program_that_names_nobody_only_reads(backstage, organisation):
    calls = backstage()
    assert calls.get("backstage/entities").status_code == 200
    refused = calls.post("changes/", NEW)
    assert refused.status_code == 403
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    "named",
    [
        *("nobody", "", " ", "?", "user:default/", "backstage", "developer,admin", "*", "x" * 300),
        *("user:partners/developer", "group:default/developer", "default/developer", "user:default/backstage", "user:"),
    ],
)
def test_whoever_cannot_sign_in_is_refused(backstage, named):
    refused = backstage().get("systems/", Slipway_On_Behalf_Of=named)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-on-behalf")
    assert AuditEntry.objects.filter(action="access.denied", actor_name="backstage").exists()


def test_a_person_who_is_switched_off_is_refused(backstage, organisation):
    organisation.developer.is_active = False
    organisation.developer.save()
    assert backstage().get("systems/", Slipway_On_Behalf_Of="developer").status_code == 403


def test_a_token_without_the_right_is_refused_and_not_taken_for_its_owner(organisation, robot):
    token = token_for(organisation.admin, "read", "change")
    for plain in (token, token_for(robot, "read")):
        refused = Api(token=plain).get("systems/", Slipway_On_Behalf_Of="developer")
        assert (refused.status_code, refused.json()["code"]) == (403, "not-on-behalf")


def test_a_forged_token_or_a_session_names_nobody(organisation, backstage):
    backstage()
    prefix = ApiToken.objects.get().prefix
    forged = Api(token=f"slw_{prefix}_{'a' * 40}")
    assert forged.get("systems/", Slipway_On_Behalf_Of="developer").status_code == 401
    session = Api(user=organisation.admin)
    assert session.get("systems/", Slipway_On_Behalf_Of="developer").status_code == 403
    assert Api().get("systems/", Slipway_On_Behalf_Of="developer").status_code == 403


def test_only_admins_make_one_for_a_service_account_and_never_to_decide(organisation, robot):
    def make(who: str, **more):
        wanted = {"owner": robot, "name": "bs", "scopes": ["read"], "for_people": True, "now": clock.now()} | more
        return token_create(organisation.actor(who), **wanted)

    with pytest.raises(Forbidden):
        make("maintainer")
    with pytest.raises(InvalidInput):
        make("admin", owner=organisation.admin)
    for scope in ("approve", "admin"):
        with pytest.raises(InvalidInput):
            token_create(PLATFORM, owner=robot, name="x", scopes=["read", scope], for_people=True, now=clock.now())
    token_create(PLATFORM, owner=robot, name="bs", scopes=["read"], for_people=True, now=clock.now())
    assert AuditEntry.objects.filter(action="token.create").latest("sequence").data["for_people"] is True


def test_the_command_makes_the_account_and_the_token(organisation, capsys):
    from django.core.management import call_command

    asked = ["backstage", "--service-of", "payments", "--for-people", "--scope", "read,change"]
    call_command("slipway_token", *asked)
    call_command("slipway_token", *asked)
    plain = capsys.readouterr().out.split()[0]
    assert Api(token=plain).get("systems/", Slipway_On_Behalf_Of="developer").status_code == 200
    assert set(ApiToken.objects.values_list("owner__service_of__slug", "for_people")) == {("payments", True)}
