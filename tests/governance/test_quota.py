"""The quota ledger as a change lives through it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from governance.models import AuditEntry, Reservation
from governance.selectors.quota import quota_holders, quota_state, quota_states
from governance.services.quota import (
    Amounts,
    quota_hold,
    quota_release,
    quota_release_hold,
    quota_set,
    quota_settle,
    quota_use,
)
from idp.kernel.errors import Forbidden, InvalidInput, PlatformFault, PreconditionFailed, QuotaExceeded
from tests.personas import NOW, Organisation


def amounts(cpu: float = 0, memory: float = 0, storage: float = 0, environments: int = 0) -> Amounts:
    return Amounts.of({"cpu": cpu, "memory_gib": memory, "storage_gib": storage, "environments": environments})


def hold(organisation: Organisation, before: Amounts, after: Amounts, number: int = 1) -> Reservation | None:
    return quota_hold(
        team=organisation.payments,
        environment_id=number,
        change_id=number,
        label=f"checkout/env-{number}",
        before=before,
        after=after,
        now=NOW,
    )


def use(organisation: Organisation, given: Amounts, number: int = 1) -> Reservation:
    return quota_use(
        change_id=number,
        environment_id=number,
        team=organisation.payments,
        label=f"checkout/env-{number}",
        amounts=given,
        now=NOW,
    )


def taken(organisation: Organisation) -> tuple[Decimal, Decimal]:
    state = quota_state(organisation.payments.pk)
    return state.used.cpu, state.held.cpu


def test_it_follows_an_environment_from_hold_to_release(organisation: Organisation) -> None:
    hold(organisation, amounts(), amounts(4, 8, environments=1))
    assert taken(organisation) == (0, 4)
    use(organisation, amounts(4, 8, environments=1))
    assert taken(organisation) == (4, 0)
    hold(organisation, amounts(4, 8, environments=1), amounts(6, 4, environments=1), number=1)
    assert taken(organisation) == (4, 2)
    assert quota_state(organisation.payments.pk).held.memory_gib == 0
    use(organisation, amounts(6, 8, environments=1))
    quota_settle(environment_id=1, amounts=amounts(6, 4, environments=1), now=NOW)
    state = quota_state(organisation.payments.pk)
    assert (state.used, state.held) == (amounts(6, 4, environments=1), amounts())
    quota_release(environment_id=1, now=NOW)
    quota_release(environment_id=1, now=NOW)
    assert quota_state(organisation.payments.pk).left == quota_state(organisation.payments.pk).limits


def test_it_gives_a_hold_back_once(organisation: Organisation) -> None:
    hold(organisation, amounts(), amounts(4))
    quota_release_hold(change_id=1, now=NOW)
    quota_release_hold(change_id=1, now=NOW)
    assert taken(organisation) == (0, 0)
    assert hold(organisation, amounts(), amounts(5)) is not None


def test_it_holds_nothing_for_less(organisation: Organisation) -> None:
    assert hold(organisation, amounts(4), amounts(3)) is None
    assert not Reservation.objects.exists()


def test_it_refuses_with_every_number_and_the_biggest_holders(organisation: Organisation) -> None:
    for number, cpu in ((1, 9.5), (2, 1), (3, 2), (4, 3)):
        use(organisation, amounts(cpu), number)
    with pytest.raises(QuotaExceeded) as caught:
        hold(organisation, amounts(), amounts(5, 41), number=9)
    assert caught.value.message == (
        "Team payments does not have enough CPU and memory left. "
        "CPU: 5 cores asked, 4.5 of 20 left (15.5 used, 0 held), 0.5 too few. "
        "Most is with checkout/env-1 (9.5), checkout/env-4 (3), checkout/env-3 (2). "
        "Memory: 41 GiB asked, 40 of 40 left (0 used, 0 held), 1 too few."
    )
    assert [error.path for error in caught.value.errors] == ["quota.cpu", "quota.memory_gib"]
    assert not Reservation.objects.filter(state="held").exists()


def test_it_costs_as_many_queries_however_many_environments(
    organisation: Organisation, django_assert_num_queries: Any
) -> None:
    for number in range(2, 30):
        use(organisation, amounts(0.1), number)
    with django_assert_num_queries(3):
        hold(organisation, amounts(), amounts(1))
    with django_assert_num_queries(1):
        quota_states([organisation.payments.pk, organisation.storefront.pk])


def test_it_sums_thousandths_exactly(organisation: Organisation) -> None:
    for number in range(1, 11):
        use(organisation, amounts(0.1), number)
    assert quota_state(organisation.payments.pk).used.cpu == Decimal(1)
    assert hold(organisation, amounts(), amounts(19), number=99) is not None


def test_it_leaves_running_things_when_a_limit_is_lowered(organisation: Organisation) -> None:
    use(organisation, amounts(10))
    quota_set(
        organisation.actor("admin"),
        team=organisation.payments,
        cpu=5,
        memory_gib=40,
        storage_gib=500,
        environments=10,
        now=NOW,
    )
    assert quota_state(organisation.payments.pk).left.cpu == -5
    with pytest.raises(QuotaExceeded):
        hold(organisation, amounts(10), amounts(11), number=2)
    assert hold(organisation, amounts(10), amounts(10, 1), number=3) is not None


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"cpu": -1}, "cpu"),
        ({"memory_gib": "4"}, "memory_gib"),
        ({"storage_gib": float("nan")}, "storage_gib"),
        ({"environments": 1.5}, "environments"),
        ({"environments": True}, "environments"),
        ({"cpu": 10**9}, "cpu"),
    ],
    ids=["negative", "text", "not a number", "half an environment", "truth value", "too large"],
)
def test_it_refuses_wrong_limits(organisation: Organisation, given: dict[str, Any], path: str) -> None:
    limits: dict[str, Any] = {"cpu": 1, "memory_gib": 1, "storage_gib": 1, "environments": 1} | given
    with pytest.raises(InvalidInput) as caught:
        quota_set(organisation.actor("admin"), team=organisation.payments, now=NOW, **limits)
    assert [error.path for error in caught.value.errors] == [path]


def test_it_lets_only_admins_set_limits_at_the_version_they_read(organisation: Organisation) -> None:
    limits: dict[str, Any] = {"cpu": 1, "memory_gib": 1, "storage_gib": 1, "environments": 1}
    with pytest.raises(Forbidden):
        quota_set(organisation.actor("maintainer"), team=organisation.payments, now=NOW, **limits)
    admin = organisation.actor("admin")
    version = organisation.payments.quota.version
    quota_set(admin, team=organisation.payments, now=NOW, expected_version=version + 1, **limits)
    with pytest.raises(PreconditionFailed):
        quota_set(admin, team=organisation.payments, now=NOW, expected_version=version, **limits | {"cpu": 2})
    assert AuditEntry.objects.filter(action="quota.set", actor_name="admin").count() == 1


def test_it_shows_what_takes_the_quota(organisation: Organisation) -> None:
    use(organisation, amounts(1), 1)
    use(organisation, amounts(3), 2)
    hold(organisation, amounts(), amounts(9), number=3)
    assert [row.label for row in quota_holders(organisation.payments.pk)] == [
        "checkout/env-2",
        "checkout/env-1",
        "checkout/env-3",
    ]


@pytest.mark.django_db(transaction=True)
def test_it_insists_on_a_transaction() -> None:
    assert not transaction.get_connection().in_atomic_block
    with pytest.raises(PlatformFault):
        quota_release(environment_id=1, now=NOW)
