"""Hosts have owners: who asks first holds one, admins give and take back, and nobody routes another's."""

from __future__ import annotations

from typing import Any

import pytest

from governance.models import AuditEntry
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from provisioning.models import HostClaim, Run
from provisioning.selectors.hosts import host_claims
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.hosts import host_give, host_take_back, hosts_record
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, equip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]

ROUTES = ("route@1", "route@2", "public-api@1")


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def ask(
    system: str, host: str, *, capability: str = "route@1", name: str = "try", kind: str = "create"
) -> ChangeRequest:
    inputs = {"host": host, "to": {"name": "api", "port": 8080}}
    resources = {"shop": {"capability": capability, "inputs": inputs}}
    return ChangeRequest(kind, system, name, spec={"stage": "dev", "resources": resources})


def submit(organisation: Organisation, who: str, request: ChangeRequest) -> Run:
    change = change_submit(organisation.actor(who), request, now=NOW)
    return carry_out(Run.objects.get(change=change), Clock(NOW))


def problems(organisation: Organisation, who: str, request: ChangeRequest) -> list[Any]:
    return list(change_plan(organisation.actor(who), request, now=NOW).problems)


@pytest.mark.parametrize("mine", ROUTES)
@pytest.mark.parametrize("theirs", ROUTES)
def test_nobody_takes_anothers_host_by_any_kind_of_route(organisation: Organisation, mine: str, theirs: str) -> None:
    submit(organisation, "developer", ask("checkout", "shop.example", capability=mine))
    assert HostClaim.objects.get().team == organisation.payments
    [problem] = problems(organisation, "stranger", ask("shop", "shop.example", capability=theirs))
    assert problem.path == "spec.resources.shop.inputs.host"
    assert "shop.example belongs to team payments (system checkout)" in problem.message
    with pytest.raises(InvalidInput):
        change_submit(organisation.actor("stranger"), ask("shop", "shop.example", capability=theirs), now=NOW)


def test_it_does_not_name_a_restricted_system(organisation: Organisation) -> None:
    submit(organisation, "developer", ask("vault", "shop.example"))
    [problem] = problems(organisation, "stranger", ask("shop", "shop.example"))
    assert "a system that you may not see" in problem.message
    assert "vault" not in problem.message
    assert "payments" not in problem.message


def test_a_team_uses_its_host_wherever_it_likes(organisation: Organisation) -> None:
    submit(organisation, "developer", ask("checkout", "shop.example"))
    assert problems(organisation, "developer", ask("vault", "shop.example")) == []
    assert problems(organisation, "developer", ask("checkout", "shop.example", name="again")) == []


@pytest.mark.parametrize(
    ("claim", "host", "refused"),
    [
        pytest.param("*.example", "shop.example", True, id="below it"),
        pytest.param("*.example", "a.shop.example", True, id="far below it"),
        pytest.param("*.shop.example", "shop.example", False, id="not the domain itself"),
        pytest.param("shop.example", "shop.example", True, id="the name"),
        pytest.param("shop.example", "a.shop.example", False, id="not below a name"),
    ],
)
def test_a_given_host_covers_what_it_says(organisation: Organisation, claim: str, host: str, refused: bool) -> None:
    host_give(organisation.actor("admin"), host=claim, team=organisation.payments, now=NOW)
    assert bool(problems(organisation, "stranger", ask("shop", host))) is refused
    assert problems(organisation, "developer", ask("checkout", host)) == []


def test_the_most_specific_claim_decides(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    host_give(admin, host="*.example", team=organisation.payments, now=NOW)
    host_give(admin, host="shop.example", team=organisation.storefront, now=NOW)
    assert problems(organisation, "stranger", ask("shop", "shop.example")) == []
    assert problems(organisation, "developer", ask("checkout", "shop.example")) != []


def test_a_host_given_to_one_system_is_refused_to_the_teams_others(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    host_give(admin, host="shop.example", team=organisation.payments, system=organisation.vault, now=NOW)
    assert problems(organisation, "developer", ask("vault", "shop.example")) == []
    assert problems(organisation, "developer", ask("checkout", "shop.example")) != []
    with pytest.raises(InvalidInput, match="not given"):
        host_give(admin, host="a.example", team=organisation.payments, system=organisation.systems["shop"], now=NOW)


def test_a_host_that_nobody_uses_any_more_passes_to_who_asks(organisation: Organisation) -> None:
    clock = Clock(NOW)
    submit(organisation, "developer", ask("checkout", "shop.example"))
    assert problems(organisation, "stranger", ask("shop", "shop.example")) != []
    request = ChangeRequest("delete", "checkout", "try", confirm="try", reason="Done with it.")
    gone = change_submit(organisation.actor("developer"), request, now=NOW)
    carry_out(Run.objects.get(change=gone), clock)
    submit(organisation, "stranger", ask("shop", "shop.example"))
    assert HostClaim.objects.get().team == organisation.storefront


def test_what_is_routed_stays_when_the_host_is_given_away(organisation: Organisation) -> None:
    submit(organisation, "developer", ask("checkout", "shop.example"))
    host_give(organisation.actor("admin"), host="shop.example", team=organisation.storefront, now=NOW)
    grown = ask("checkout", "shop.example", kind="update")
    assert grown.spec is not None
    grown.spec["resources"]["shop"]["inputs"]["path"] = "/v2"
    submit(organisation, "developer", grown)
    assert HostClaim.objects.get().team == organisation.storefront
    moved = ask("checkout", "other.example", kind="update")
    submit(organisation, "developer", moved)
    assert problems(organisation, "developer", ask("checkout", "shop.example", kind="update")) != []


def test_only_admins_give_and_take_back_and_all_is_written_down(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    with pytest.raises(Forbidden):
        host_give(organisation.actor("maintainer"), host="a.example", team=organisation.payments, now=NOW)
    host_give(admin, host="A.Example ", team=organisation.payments, now=NOW)
    with pytest.raises(Conflict):
        host_give(admin, host="a.example", team=organisation.storefront, now=NOW)
    with pytest.raises(Forbidden):
        host_take_back(organisation.actor("maintainer"), host="a.example", now=NOW)
    host_take_back(admin, host="a.example", now=NOW)
    assert not HostClaim.objects.exists()
    told = AuditEntry.objects.filter(object_type="host").values_list("action", "object_label").order_by("pk")
    assert list(told) == [("host.give", "a.example"), ("host.take-back", "a.example")]


@pytest.mark.parametrize("host", ["shop", "a b.example", "*.*.example", "-a.example", "https://a.example", ""])
def test_it_gives_hosts_only(organisation: Organisation, host: str) -> None:
    with pytest.raises(InvalidInput):
        host_give(organisation.actor("admin"), host=host, team=organisation.payments, now=NOW)


def test_hosts_of_older_environments_are_recorded_once(organisation: Organisation) -> None:
    submit(organisation, "developer", ask("checkout", "shop.example"))
    HostClaim.objects.all().delete()
    assert hosts_record(now=NOW) == 1
    assert hosts_record(now=NOW) == 0
    assert problems(organisation, "stranger", ask("shop", "shop.example")) != []


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        ("admin", ["a.example", "safe.example", "shop.example"]),
        ("auditor", ["a.example", "safe.example", "shop.example"]),
        ("developer", ["a.example", "safe.example", "shop.example"]),
        ("stranger", ["a.example", "shop.example"]),
    ],
)
def test_the_list_leaves_out_hosts_of_systems_that_are_not_seen(
    organisation: Organisation, who: str, shown: list[str]
) -> None:
    host_give(organisation.actor("admin"), host="a.example", team=organisation.payments, now=NOW)
    submit(organisation, "developer", ask("checkout", "shop.example"))
    submit(organisation, "developer", ask("vault", "safe.example"))
    assert [one.host for one in host_claims(organisation.rights(who))] == shown
    assert [one.host for one in host_claims(organisation.rights(who), query="a.ex", team="payments")] == ["a.example"]
