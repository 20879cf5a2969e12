"""One environment's whole life on a real API server: made, changed, promoted, drifted, adopted, asleep, awake, rolled
back, expired. After each step: state, revision, what is in the cluster, conditions, quota and the audit log.

Everything goes through the gate, runs and a controller that watches, as in production; only the clock is moved.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from governance.models import Notice, Reservation
from governance.selectors.quota import quota_state
from governance.services.audit import audit_verify
from governance.services.policies import policy_save
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from provisioning.domain.driver import Scope
from provisioning.drivers.kubernetes import KubernetesDriver
from provisioning.models import Change, Cluster, Drift, Environment, Orphan, Run, Stage
from provisioning.orchestrator import advance
from provisioning.reconciler.session import WatchSession
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.decisions import change_approve
from provisioning.services.drift import drift_adopt
from provisioning.services.expiry import environments_expire
from provisioning.services.expiry_notices import expiries_tell
from provisioning.services.orphans import orphans_sweep
from tests.kubernetes.server import KubernetesServer
from tests.kubernetes.test_whole_way import cluster  # noqa: F401 - a fixture
from tests.personas import Organisation
from tests.provisioning.organisation import spec
from tests.provisioning.reconciler.watching import session_of
from tests.provisioning.services.test_nothing_left import owned

pytestmark = [pytest.mark.kubernetes, pytest.mark.django_db]

ENDED = ("succeeded", "failed", "cancelled")
SPACES = ("checkout-dev", "checkout-staging")
NEW_IMAGE = "registry.example/checkout-api:1.9.0"
OLD_IMAGE = "registry.example/checkout-api:1.8.3"
SOAK, LIFE = timedelta(minutes=30), timedelta(days=20)
PROMOTIONS_NEED_A_MAINTAINER = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "promotions-need-a-maintainer"},
    "spec": {
        "title": "A maintainer agrees on promotions",
        "mode": "enforce",
        "when": "change.kind == 'promote'",
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer", "count": 1}],
        "message": "Promotions need a maintainer of the team.",
        "tests": [{"name": "updates are free", "facts": {"change": {"kind": "update"}}, "expect": "pass"}],
    },
}


@dataclass
class Later:
    """The clock of the whole process: real time, moved on when told."""

    real: Callable[[], datetime]
    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return self.real() + self.ahead

    def forward(self, span: timedelta) -> None:
        self.ahead += span


@dataclass
class Life:
    """What people do, and what is then there."""

    organisation: Organisation
    server: KubernetesServer
    session: WatchSession
    clock: Later
    driver: KubernetesDriver

    def ask(self, kind: str, environment: str, **asked: Any) -> Change:
        request = ChangeRequest(kind, "checkout", environment, reason="It is time.", **asked)
        return change_submit(self.organisation.actor("developer"), request, now=self.clock())

    def carried_out(self, change: Change) -> Change:
        """The change once its run has ended, with workers and the controller side by side as in production."""
        run = Run.objects.get(change=change)
        ends = time.monotonic() + 90
        while run.state not in ENDED and time.monotonic() < ends:
            advance(run.pk, now=self.clock)
            self.session.turn()
            run.refresh_from_db()
            time.sleep(0.1)
        assert run.state == "succeeded", (run.state, run.error, list(run.steps.values_list("key", "state", "message")))
        change.refresh_from_db()
        assert change.state == "succeeded"
        return change

    def until(self, reached: Callable[[], bool], *, seconds: float = 20) -> None:
        ends = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < ends, f"not reached within {seconds} s"
            self.session.turn()
            time.sleep(0.05)

    def environment(self, name: str) -> Environment:
        rows = Environment.objects.select_related("system__team", "stage", "cluster", "observed", "desired")
        return rows.get(name=name)

    def stands(self, name: str, *, state: str, revision: int, replicas: int, image: str) -> Environment:
        """All that must hold between two steps; the controller has seen what the run made."""
        self.until(lambda: (self.environment(name).state, self.session.cache.backlog().environments) == (state, 0))
        environment = self.environment(name)
        assert environment.observed is not None
        assert (environment.observed_id, environment.observed.number) == (environment.desired_id, revision)
        deployment = self.live(environment, "deploy/api")["spec"]
        assert (deployment["replicas"], deployment["template"]["spec"]["containers"][0]["image"]) == (replicas, image)
        assert set(self.driver.list_managed(self.scope(name), environment.namespace)) == owned(environment)
        assert not Drift.objects.filter(environment=environment, state__in=("open", "snoozed")).exists()
        self.sound()
        return environment

    def sound(self) -> None:
        """Quota is what desired revisions use and nothing is held; the audit log has no gap."""
        used, living = quota_state(self.organisation.payments.pk).used, Environment.objects.filter(deleted_at=None)
        wanted = [sum(getattr(one, key) for one in living) for key in ("cpu", "memory_gib", "storage_gib")]
        assert [used.cpu, used.memory_gib, used.storage_gib, used.environments] == [*wanted, living.count()]
        assert not Reservation.objects.filter(state="held").exists()
        assert audit_verify() == []

    def live(self, environment: Environment, what: str) -> dict[str, Any]:
        return dict(json.loads(self.server.kubectl("get", what, "-n", environment.namespace, "-o", "json")))

    def scope(self, name: str) -> Scope:
        return Scope("checkout", name)

    def conditions(self, name: str) -> dict[str, tuple[str, str]]:
        return {one["type"]: (one["status"], one["reason"]) for one in self.environment(name).conditions}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    made = Later(clock.now)
    monkeypatch.setattr(clock, "now", made)
    return made


@pytest.fixture
def life(
    cluster: Cluster,  # noqa: F811
    organisation: Organisation,
    kubernetes_account: dict[str, Any],
    kubernetes_server: KubernetesServer,
    later: Later,
) -> Iterator[Life]:
    stages = Stage.objects.filter(name="staging")
    stages.update(cluster=cluster, soak_minutes=SOAK.total_seconds() // 60, default_days=LIFE.days)
    Cluster.objects.filter(pk=cluster.pk).update(price_cpu=18, price_memory_gib=3, price_storage_gib=1)
    policy_save(PLATFORM, document=PROMOTIONS_NEED_A_MAINTAINER, now=later())
    driver = KubernetesDriver(kubernetes_account)
    with session_of(cluster, driver) as session:
        yield Life(organisation, kubernetes_server, session, later, driver)
    for namespace in SPACES:
        kubernetes_server.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def test_it_lives_from_the_first_ask_to_the_last_day(life: Life) -> None:
    _is_made_and_changed(life)
    _is_promoted_once_it_has_proven_itself(life)
    _drifts_and_that_is_adopted(life)
    _sleeps_and_wakes(life)
    _goes_back(life)
    _ends_with_its_time(life)


def _is_made_and_changed(life: Life) -> None:
    life.carried_out(life.ask("create", "dev", spec=spec()))
    made = life.stands("dev", state="ready", revision=1, replicas=2, image=OLD_IMAGE)
    assert life.conditions("dev")["Ready"] == ("True", "AsAgreed")
    assert made.expires_at is not None
    life.carried_out(life.ask("update", "dev", spec=spec(api={"image": NEW_IMAGE})))
    life.stands("dev", state="ready", revision=2, replicas=2, image=NEW_IMAGE)


def _is_promoted_once_it_has_proven_itself(life: Life) -> None:
    host = {"resources": {"shop": {"inputs": {"host": "shop.staging.example"}}}}
    asked = ChangeRequest("promote", "checkout", "staging", reason="It is time.", source="dev", spec=host)
    early = change_plan(life.organisation.actor("developer"), asked, now=life.clock())
    assert [(one.policy, "30 minutes are asked for" in one.message) for one in early.denials] == [
        ("only-tested-sets", True)
    ]
    life.clock.forward(SOAK + timedelta(minutes=1))
    change = life.ask("promote", "staging", source="dev", spec=host)
    assert (change.state, Run.objects.filter(change=change).exists()) == ("pending", False)
    agreed = change_approve(
        life.organisation.actor("maintainer"), change.pk, plan_digest=change.plan_digest, now=life.clock()
    )
    life.carried_out(agreed)
    made = life.stands("staging", state="ready", revision=1, replicas=2, image=NEW_IMAGE)
    assert life.live(made, "ingress")["items"][0]["spec"]["rules"][0]["host"] == "shop.staging.example"


def _drifts_and_that_is_adopted(life: Life) -> None:
    space = life.environment("staging").namespace
    life.server.kubectl("scale", "deploy/api", "-n", space, "--replicas=3")
    life.until(lambda: Drift.objects.filter(state="open").exists())
    drift = Drift.objects.get(state="open")
    assert (drift.kind, drift.name, drift.managers) == ("Deployment", "api", "kubectl")
    assert life.conditions("staging")["Drifted"] == ("True", "ChangedOutside")
    assert life.environment("staging").drifted == 1
    place = {"system": "checkout", "environment": "staging"}
    life.carried_out(
        drift_adopt(life.organisation.actor("developer"), **place, reason="It needs three.", now=life.clock())
    )
    adopted = life.stands("staging", state="ready", revision=2, replicas=3, image=NEW_IMAGE)
    assert adopted.observed.document["resources"]["api"]["inputs"]["replicas"] == 3
    assert (Drift.objects.get().state, adopted.drifted) == ("adopted", 0)
    assert "Drifted" not in life.conditions("staging")


def _sleeps_and_wakes(life: Life) -> None:
    awake = life.environment("staging")
    life.carried_out(life.ask("sleep", "staging"))
    asleep = life.stands("staging", state="asleep", revision=3, replicas=0, image=NEW_IMAGE)
    assert life.conditions("staging")["Asleep"] == ("True", "SentToSleep")
    assert asleep.cpu < awake.cpu
    assert asleep.monthly_cost < awake.monthly_cost
    assert asleep.storage_gib == awake.storage_gib
    life.carried_out(life.ask("wake", "staging"))
    woken = life.stands("staging", state="ready", revision=4, replicas=3, image=NEW_IMAGE)
    assert (woken.cpu, woken.monthly_cost) == (awake.cpu, awake.monthly_cost)
    assert "Asleep" not in life.conditions("staging")


def _goes_back(life: Life) -> None:
    life.carried_out(life.ask("rollback", "staging", revision=1))
    back = life.stands("staging", state="ready", revision=5, replicas=2, image=NEW_IMAGE)
    first = back.revisions.get(number=1)
    assert back.observed.document["resources"] == first.document["resources"]


def _ends_with_its_time(life: Life) -> None:
    ends = life.environment("staging").expires_at
    assert ends is not None
    life.clock.forward(ends - timedelta(hours=23) - life.clock())
    expiries_tell(now=life.clock())
    assert life.conditions("staging")["Expiring"] == ("True", "TimeRunsOut")
    told = Notice.objects.filter(kind="environment-expires", title__startswith="checkout / staging")
    assert {one.title for one in told} == {"checkout / staging goes away in a day"}
    assert "staging" not in [one.environment_name for one in environments_expire(now=life.clock())]
    life.clock.forward(timedelta(hours=24))
    over = environments_expire(now=life.clock())
    for change in [*Change.objects.filter(kind="delete", state="running")]:
        life.carried_out(change)
    assert [(one.environment_name, one.requester.username) for one in over] == [("staging", "slipway")]
    for name in ("dev", "staging"):
        environment = life.environment(name)
        assert (environment.state, environment.deleted_at is None) == ("gone", False)
        assert life.driver.list_managed(life.scope(name), environment.namespace) == []
    spaces = life.server.kubectl("get", "namespaces", "-o", "name").split()
    assert not {f"namespace/{one}" for one in SPACES} & set(spaces)
    life.sound()
    assert quota_state(life.organisation.payments.pk).used.environments == 0
    # The server is shared: what other tests made is known to nobody here, and nothing that this life had may be.
    orphans_sweep(now=life.clock())
    assert not Orphan.objects.filter(system="checkout", environment__in=("dev", "staging")).exists()
