"""Pages of teams: members, quota and what uses it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from governance.domain.quota import Amounts
from governance.domain.quota_state import QuotaState
from governance.models import Quota, Reservation
from idp.catalog.models import Membership, Team
from portal.reading.quotas import OWNERS, bars, near, owners
from portal.reading.teams import HIDDEN, Use
from tests.personas import NOW, Organisation
from tests.portal.pages import estate

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation():
    return Organisation.found()


@pytest.fixture
def signed_in(client, organisation):
    def sign_in(persona):
        client.force_login(organisation.people[persona])
        return client

    return sign_in


def test_everyone_reads_teams_and_sees_their_own_first(signed_in, organisation):
    answer = signed_in("stranger").get(reverse("teams"))
    assert [team.slug for team in answer.context["teams"]] == ["storefront", "payments"]


def test_it_turns_pages_without_losing_or_repeating_teams(signed_in, organisation):
    Team.objects.bulk_create(Team(slug=f"t{n:02}", name=f"T {n % 7}", created_at=NOW) for n in range(45))
    client, seen, cursor = signed_in("stranger"), [], None
    for _ in range(4):
        answer = client.get(reverse("teams"), {"cursor": cursor} if cursor else {})
        seen += [team.slug for team in answer.context["teams"]]
        cursor = answer.context["next"]
        if not cursor:
            break
    assert seen[0] == "storefront"
    assert sorted(seen) == sorted(Team.objects.values_list("slug", flat=True))


def test_counts_leave_out_what_may_not_be_seen(signed_in, organisation):
    seen = {
        persona: {team.slug: team.systems_count for team in signed_in(persona).get(reverse("teams")).context["teams"]}
        for persona in ("viewer", "stranger")
    }
    assert seen == {"viewer": {"payments": 2, "storefront": 1}, "stranger": {"payments": 1, "storefront": 1}}


def test_it_splits_the_quota_by_system_and_hides_restricted_names(signed_in, organisation):
    stages = estate.install()
    for system in (organisation.checkout, organisation.vault):
        estate.environment(system, stages["dev"], organisation.developer)
    own = signed_in("viewer").get(reverse("team", args=["payments"]))
    assert {use.label for use in own.context["uses"]} == {"checkout / dev", "vault / dev"}
    other = signed_in("stranger").get(reverse("team", args=["payments"]))
    assert b"vault" not in other.content
    assert {use.system for use in other.context["uses"]} == {"checkout", HIDDEN}
    assert [bar.used for bar in other.context["bars"]] == [bar.used for bar in own.context["bars"]]
    assert other.context["totals"]["cost"] == Decimal("10.50")


def test_what_is_held_counts_as_near(signed_in, organisation):
    Reservation.objects.create(
        team=organisation.payments, environment_id=1, change_id=1, label="x", state="held",
        cpu=16, memory_gib=0, storage_gib=0, environments=0, created_at=NOW,
    )  # fmt: skip
    text = signed_in("viewer").get(reverse("team", args=["payments"])).content.decode()
    assert "Near limit" in text
    assert "4 free, 16 held" in text


ROLES = {"new": ("stranger", "viewer"), "changed": ("viewer", "maintainer")}


@pytest.mark.parametrize(("user", "role"), ROLES.values(), ids=ROLES.keys())
def test_a_maintainer_sets_a_role(signed_in, organisation, user, role):
    client, url = signed_in("maintainer"), reverse("team-member-set", args=["payments"])
    before = list(Membership.objects.filter(user__username=user).values_list("role", flat=True))
    assert client.post(url, {"user": user, "role": role, "do": "save"}).status_code == 200
    looked = client.post(url, {"user": user, "role": role})
    assert list(Membership.objects.filter(user__username=user).values_list("role", flat=True)) == before
    sent = {"user": user, "role": role, "do": "save", "looked_at": looked.context["looked_at"]}
    assert client.post(url, {**sent, "role": "developer"}).status_code == 200
    assert client.post(url, sent).status_code == 302
    assert Membership.objects.get(team=organisation.payments, user__username=user).role == role


def test_an_unknown_name_is_said_at_the_field(signed_in, organisation):
    answer = signed_in("maintainer").post(
        reverse("team-member-set", args=["payments"]), {"user": "nobody", "role": "viewer"}
    )
    assert answer.status_code == 422
    assert "There is no account nobody" in answer.content.decode()


def test_a_maintainer_removes_a_member(signed_in, organisation):
    url = reverse("team-member-remove", args=["payments"])
    looked = signed_in("maintainer").post(url, {"user": "viewer"})
    assert Membership.objects.filter(user__username="viewer").exists()
    assert "See its restricted systems" in looked.content.decode()
    sent = {"user": "viewer", "do": "save", "looked_at": looked.context["looked_at"]}
    assert signed_in("maintainer").post(url, sent).status_code == 302
    assert not Membership.objects.filter(user__username="viewer").exists()
    assert signed_in("maintainer").post(url, {"user": "nobody"}).status_code == 404


@pytest.mark.parametrize("persona", ["developer", "viewer", "stranger", "storefront_maintainer", "auditor"])
def test_others_manage_nothing(signed_in, organisation, persona):
    client = signed_in(persona)
    before = list(Membership.objects.order_by("pk").values_list("team", "user", "role"))
    posts = {
        "team-member-set": {"user": "stranger", "role": "maintainer"},
        "team-member-remove": {"user": "viewer"},
        "team-edit": {"name": "Mine"},
        "team-quota": {"cpu": 1, "memory_gib": 1, "storage_gib": 1, "environments": 1},
    }
    for name, data in posts.items():
        assert client.post(reverse(name, args=["payments"]), data).status_code == 403, name
    assert list(Membership.objects.order_by("pk").values_list("team", "user", "role")) == before
    assert b"Add the member" not in client.get(reverse("team", args=["payments"])).content


def test_an_admin_makes_a_team_and_sets_its_quota(signed_in, organisation):
    client = signed_in("admin")
    assert client.post(reverse("team-new"), {"slug": "data", "name": "Data"}).status_code == 302
    limits = {"cpu": "3.5", "memory_gib": "7", "storage_gib": "0", "environments": "2"}
    url = reverse("team-quota", args=["data"])
    looked_at = client.post(url, limits | {"do": "look"}).context["looked_at"]
    assert client.post(url, limits | {"do": "save", "looked_at": looked_at}).status_code == 302
    quota = Quota.objects.get(team__slug="data")
    assert (quota.cpu, quota.storage_gib, quota.environments) == (Decimal("3.5"), 0, 2)


LIMITS = {
    "below zero": {"cpu": "-1"},
    "no number": {"cpu": "many"},
    "half an environment": {"environments": "1.5"},
    "nothing": {"memory_gib": ""},
}


@pytest.mark.parametrize("typed", LIMITS.values(), ids=LIMITS.keys())
def test_a_wrong_limit_is_refused_at_its_field(signed_in, organisation, typed):
    data = {"cpu": "1", "memory_gib": "1", "storage_gib": "1", "environments": "1", "do": "save"} | typed
    answer = signed_in("admin").post(reverse("team-quota", args=["payments"]), data)
    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content
    assert Quota.objects.get(team=organisation.payments).cpu == 20


def test_a_maintainer_does_not_set_the_quota(signed_in, organisation):
    assert signed_in("maintainer").get(reverse("team-quota", args=["payments"])).status_code == 403


def test_an_unknown_team_is_not_found(signed_in, organisation):
    assert signed_in("developer").get(reverse("team", args=["nobody"])).status_code == 404


def use(system, cpu):
    return Use(f"{system} / dev", system, None, Decimal(cpu), Decimal(0), Decimal(0), 1)


def test_the_bar_names_the_largest_and_sums_the_rest():
    uses = [use(f"s{number}", number) for number in range(1, 7)]
    names = owners(uses)
    assert names == ["s6", "s5", "s4", "Others"]
    assert len(names) == OWNERS
    cpu = bars(QuotaState(Amounts(cpu=Decimal(40)), Amounts(cpu=Decimal(21)), Amounts()), uses, names)[0]
    assert dict(cpu.parts) == {"s6": 6, "s5": 5, "s4": 4, "Others": 6}


STATES = {
    "free": (10, 3, 0, []),
    "used to three quarters": (8, 6, 0, ["near"]),
    "held to three quarters": (8, 3, 3, ["near"]),
    "over the limit": (8, 9, 0, ["over"]),
    "no limit and no use": (0, 0, 0, []),
}


@pytest.mark.parametrize(("limit", "used", "held", "expected"), STATES.values(), ids=STATES.keys())
def test_it_says_when_a_quota_is_tight(limit, used, held, expected):
    team = Team(pk=1, slug="payments", name="Payments")
    state = QuotaState(*(Amounts(cpu=Decimal(each)) for each in (limit, used, held)))
    assert [one.state for one in near([team], {1: state})] == expected
