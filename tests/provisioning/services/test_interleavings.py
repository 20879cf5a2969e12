"""Whatever people ask, agree to, refuse, cancel and resume, whatever fails, drifts and is observed, whatever quota is
lent and given back, in whatever order: known states, a ledger that adds up to use and holds within the limits at every
step, quota as the desired revisions use, and no observation that overwrites what a run says.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from governance.domain.quota import NAMES, Amounts
from governance.models import Loan, Reservation
from governance.selectors.quota import quota_state
from governance.selectors.quota_ledger import ledger_page
from governance.services.loans import loan_accept, loan_propose, loan_return, loans_due
from governance.services.quota import quota_set
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import UserFault
from provisioning.domain.driver import ObjectRef, PermanentError, Scope
from provisioning.domain.lifecycle import CHANGE_STATES, ENVIRONMENT_STATES, OPEN_CHANGE_STATES
from provisioning.domain.observation import JUDGED_STATES
from provisioning.drivers import open_driver
from provisioning.models import Change, Cluster, Drift, Environment, FormerPlace, Run, Stage
from provisioning.orchestrator import advance, sweep
from provisioning.selectors.clusters import driver_settings
from provisioning.services import runs, starts
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.clusters import cluster_register
from provisioning.services.decisions import change_approve, change_cancel, change_reject
from provisioning.services.expiry import environments_expire
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, create, equip, spec
from tests.provisioning.reconciler.watching import observe_once

pytestmark = pytest.mark.django_db

_numbers = count()
STEPS = st.one_of(
    st.tuples(
        st.just("ask"),
        st.sampled_from(["update-1", "update-6", "crash", "sleep", "wake", "extend", "rollback", "delete"]),
    ),
    st.sampled_from([("approve",), ("approve",), ("reject",), ("lend", "1"), ("lend", "3"), ("return",), ("due",)]),
    st.sampled_from([("advance",), ("advance",), ("cancel",), ("cancel-run",), ("resume",), ("sweep",), ("move",)]),
    st.sampled_from(
        [("expire",), ("drift", "7"), ("drift", "2"), ("vanish",), ("observe",), ("observe",), ("revert",)]
    ),
)


ASKS = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "some-need-a-maintainer"},
    "spec": {
        "title": "A maintainer agrees to some",
        "mode": "enforce",
        "when": "change.kind in ['rollback', 'extend', 'delete'] && change.requester != 'slipway'",
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer", "count": 1}],
        "message": "A maintainer agrees.",
    },
}


class Life:
    """One environment, to which things are done; its team has quota for little more, and lends some of it."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.actor = organisation.actor("developer")
        self.name = f"life-{next(_numbers)}"
        self.clock = Clock(NOW)
        self._second_cluster()
        self.first = create(organisation, self.name)
        taken = quota_state(organisation.payments.pk).held.cpu + quota_state(organisation.payments.pk).used.cpu
        for team in (organisation.payments, organisation.storefront):
            quota_set(
                PLATFORM, team=team, cpu=taken * 2, memory_gib=99, storage_gib=500, environments=9, now=self.clock()
            )

    def _second_cluster(self) -> None:
        """A cluster to move to, as good as the first."""
        labels = {"region": "eu"}
        Cluster.objects.update(labels=labels)
        Stage.objects.filter(name="dev").update(cluster_labels=labels)
        name = f"{self.name}-too"
        cluster_register(
            self.organisation.actor("admin"), name=name, title=name, driver="sandbox", labels=labels, now=NOW
        )

    def driver_of(self, cluster: Cluster) -> Any:
        return open_driver("sandbox", driver_settings(cluster))

    @property
    def there(self) -> Any:
        """The driver of the cluster on which it is."""
        return self.driver_of(Environment.objects.get(name=self.name).cluster)

    def _move(self) -> None:
        wish = ChangeRequest("move", "checkout", self.name, confirm=self.name, reason="Why not.")
        change_submit(self.actor, wish, now=self.clock())

    def do(self, step: tuple[str, ...]) -> None:
        """One step; what is refused at that moment is refused, and nothing is left half done."""
        with suppress(UserFault), transaction.atomic():
            getattr(self, f"_{step[0].replace('-', '_')}")(*step[1:])

    def _ask(self, what: str) -> None:
        kind, _, replicas = what.partition("-")
        asked: dict[str, Any] = {"until": "20d"} if kind == "extend" else {"revision": 1} if kind == "rollback" else {}
        if kind == "update":
            asked = {"spec": spec(api={"replicas": int(replicas)})}
        if kind == "crash":
            kind, asked = "update", {"spec": spec(api={"image": "registry.example/checkout-api:crash"})}
        if kind == "delete":
            asked = {"confirm": self.name, "reason": "Nobody needs it."}
        change_submit(self.actor, ChangeRequest(kind, "checkout", self.name, **asked), now=self.clock())

    def _advance(self) -> None:
        for run_id in runs.runs_due(self.clock()):
            advance(run_id, now=self.clock)
        self.clock.forward(5)

    def _approve(self) -> None:
        for change in Change.objects.filter(state="pending").order_by("pk"):
            change.refresh_from_db()
            if change.state == "pending":
                maintainer = self.organisation.actor("maintainer")
                change_approve(maintainer, change.pk, plan_digest=change.plan_digest, now=self.clock())

    def _reject(self) -> None:
        for change in Change.objects.filter(state="pending"):
            change_reject(self.organisation.actor("maintainer"), change.pk, comment="No.", now=self.clock())

    def _lend(self, cores: str) -> None:
        """From either team to the other, in turn."""
        teams = [self.organisation.payments, self.organisation.storefront]
        lender, borrower = teams if Loan.objects.count() % 2 == 0 else reversed(teams)
        loan = loan_propose(
            PLATFORM, side="lender", lender=lender, borrower=borrower, amounts=Amounts(cpu=Decimal(cores) / 4),
            ends_at=self.clock() + timedelta(hours=1), reason="Why not.", now=self.clock(),
        )  # fmt: skip
        loan_accept(PLATFORM, loan.pk, now=self.clock())

    def _return(self) -> None:
        for loan in Loan.objects.filter(state="active")[:1]:
            loan_return(PLATFORM, loan.pk, now=self.clock())

    def _due(self) -> None:
        self.clock.forward(timedelta(hours=2).total_seconds())
        loans_due(now=self.clock())

    def _cancel(self) -> None:
        for change in Change.objects.filter(state="approved"):
            change_cancel(self.actor, change.pk, now=self.clock())

    def _cancel_run(self) -> None:
        for run in Run.objects.filter(state__in=("queued", "running")):
            runs.run_cancel(self.actor, run.pk, now=self.clock())

    def _resume(self) -> None:
        last = Change.objects.filter(state__in=("failed", "cancelled")).order_by("-id").first()
        if last is not None:
            starts.change_resume(self.actor, last.pk, now=self.clock())

    def _sweep(self) -> None:
        sweep(now=self.clock)

    def _expire(self) -> None:
        self.clock.forward(timedelta(days=15).total_seconds())
        environments_expire(now=self.clock())

    def _drift(self, replicas: str) -> None:
        with suppress(PermanentError):  # there is nothing yet
            self.there.edit(self._ref("Deployment"), {"spec": {"replicas": int(replicas)}}, manager="kubectl-edit")

    def _vanish(self) -> None:
        self.there.vanish(self._ref("Deployment"))

    def _ref(self, kind: str) -> ObjectRef:
        return ObjectRef("apps/v1", kind, f"checkout-{self.name}", "api")

    def _revert(self) -> None:
        change_submit(self.actor, ChangeRequest("revert", "checkout", self.name), now=self.clock())

    def _observe(self) -> None:
        """While a run is under way, what is observed changes nothing."""
        before = Environment.objects.get(name=self.name)
        busy = Run.objects.filter(environment=before, state__in=("queued", "running")).exists()
        observe_once(before.cluster, self.there)
        after = Environment.objects.get(name=self.name)
        if busy or before.state not in JUDGED_STATES:
            assert (after.state, after.conditions) == (before.state, before.conditions)
        assert after.drifted == Drift.objects.filter(environment=after, state="open").count()

    def settle(self) -> None:
        """Until nothing is under way or waits."""
        for _ in range(60):
            if not Change.objects.filter(state__in=OPEN_CHANGE_STATES).exists():
                return
            self._approve()
            self._sweep()
            self._advance()
        left = [(one.kind, one.state) for one in Change.objects.order_by("pk")]
        raise AssertionError(f"something is open for ever: {left}")


def check(life: Life) -> None:
    assert set(Change.objects.values_list("state", flat=True)) <= set(CHANGE_STATES)
    environment = Environment.objects.get(name=life.name)
    assert environment.state in ENVIRONMENT_STATES
    assert Run.objects.filter(state__in=("queued", "running")).count() <= 1
    check_places(life, environment)
    check_quota(life)
    assert not Reservation.objects.filter(state="held").exclude(change_id__in=open_changes()).exists()


def check_quota(life: Life) -> None:
    """What is used and held fits the limits of both teams, and every move since the first adds up to it."""
    for team in (life.organisation.payments, life.organisation.storefront):
        state = quota_state(team.pk)
        for name in NAMES:
            taken = getattr(state.used, name) + getattr(state.held, name)
            assert taken <= getattr(state.limits, name), (team.slug, name, state)
        moves = ledger_page(team.pk, size=1_000).entries
        newest, first = moves[0].after, moves[-1]
        assert (newest.limits, newest.used, newest.held) == (state.limits, state.used, state.held)
        assert first.after == first.by


def check_places(life: Life, environment: Environment) -> None:
    """Nothing of it is where it neither is nor is leaving."""
    known = {environment.cluster_id, *FormerPlace.objects.values_list("cluster", flat=True)}
    scope = Scope("checkout", life.name)
    for cluster in Cluster.objects.exclude(pk__in=known):
        assert not life.driver_of(cluster).list_managed(scope, environment.namespace)
    if environment.deleted_at is not None or environment.state in ("ready", "asleep"):
        assert not FormerPlace.objects.exists()


def open_changes() -> list[int]:
    return list(Change.objects.filter(state__in=("pending", "approved")).values_list("pk", flat=True))


@settings(
    max_examples=16, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(steps=st.lists(STEPS, min_size=2, max_size=9))
def test_every_interleaving_ends_in_a_known_state_with_the_quota_of_what_is_wanted(
    steps: list[tuple[str, ...]],
) -> None:
    with transaction.atomic():
        organisation = Organisation.found()
        equip(organisation, policies=(ASKS,))
        life = Life(organisation)
        for step in steps:
            life.do(step)
            check(life)
        life.settle()
        life.do(("observe",))
        check(life)
        environment = Environment.objects.get(name=life.name)
        used = quota_state(organisation.payments.pk).used
        if environment.deleted_at is not None:
            assert (environment.state, used.cpu, used.environments) == ("gone", Decimal(0), 0)
        elif environment.state in ("ready", "asleep"):
            assert environment.observed_id == environment.desired_id
            assert (used.cpu, used.storage_gib) == (environment.cpu, environment.storage_gib)
            assert (environment.state == "asleep") == (environment.desired.document["power"] == "asleep")
        else:
            assert environment.state in ("requested", "degraded", "failed")
            assert used.cpu >= environment.cpu
        transaction.set_rollback(True)
