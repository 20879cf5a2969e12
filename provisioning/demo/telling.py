"""How the demo's history is told: a clock in the past, and people who ask, decide and wait as they do in life.

Each step calls the service that a person's click would call, with the moment at which it happened; runs are carried
out here, as a worker would, with the same clock. So nothing that is shown was written by hand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar, cast

from governance.services.loans import loan_accept, loan_propose
from governance.services.tokens import token_authenticate, token_create
from idp.catalog.models import Team, User
from idp.kernel.actor import Actor
from idp.kernel.errors import PolicyDenied, QuotaExceeded
from provisioning.demo.specs import Spec
from provisioning.domain.driver import ObjectRef
from provisioning.drivers import open_driver
from provisioning.drivers.sandbox import SandboxDriver
from provisioning.models import Campaign, Change, Environment, Run
from provisioning.orchestrator import advance
from provisioning.selectors.clusters import driver_settings
from provisioning.services.campaign_items import campaign_postpone
from provisioning.services.campaign_sweep import campaigns_advance_due
from provisioning.services.campaigns import CampaignSettings, campaign_draft, campaign_start
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import (
    change_approve,
    change_cancel,
    change_comment,
    change_reject,
    change_request_info,
)
from provisioning.services.glass import glass_break
from provisioning.services.preview_environments import PreviewWish, preview_put
from provisioning.services.sleep import sleep_plan_save

_T = TypeVar("_T")
ROUNDS = 100
"""More looks at a run than any needs; a run that takes more is a fault of ours."""


class Approved(NamedTuple):
    """Who agreed to a change, how many minutes after it was asked for, and with what words."""

    who: str
    minutes: float
    comment: str


class StoryClock:
    """Goes on a little with every reading, as work takes time, and never back. Tells the same story every time."""

    def __init__(self, anchor: datetime) -> None:
        self.anchor = anchor
        self.at = anchor - timedelta(days=366)
        self._chance = random.Random(7)  # noqa: S311 - how long steps took, not a secret

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=self._chance.uniform(0.02, 0.4))
        return self.at

    def seconds(self) -> float:
        """The moment as the sandbox asks for it; looking does not move it."""
        return self.at.timestamp()

    def workday(self, back: int, time: str) -> None:
        """Go to a time (``09:40``) of the working day that lies ``back`` working days before today."""
        day = self.anchor
        while back:
            day -= timedelta(days=1)
            back -= day.weekday() < 5
        hour, minute = time.split(":")
        self.reach(day.replace(hour=int(hour), minute=int(minute), second=self._chance.randrange(60)))

    def ago(self, **span: float) -> None:
        """Go to a moment counted back from the visitor's now: ``ago(minutes=38)``."""
        self.reach(self.anchor - timedelta(**span))

    def later(self, minutes: float) -> None:
        self.reach(self.at + timedelta(minutes=minutes))

    def reach(self, moment: datetime) -> None:
        if moment < self.at:
            raise ValueError(f"The story would go back from {self.at} to {moment}.")
        self.at = moment

    def midnight(self, days: int) -> datetime:
        """The beginning of a day after the visitor's today."""
        return (self.anchor + timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)

    def ahead(self, **span: float) -> str:
        """A moment counted from the visitor's now, as a document writes it."""
        return (self.anchor + timedelta(**span)).isoformat()


class Storyteller:
    """Asks and decides for the people of the demo, and remembers what each environment is made of."""

    def __init__(self, people: Mapping[str, Actor], clock: StoryClock) -> None:
        self.people = dict(people)
        self.clock = clock
        self._specs: dict[str, Spec] = {}

    def pipeline(self, name: str, owner: str, system: str) -> None:
        """From now on ``name`` asks for changes with a token of ``owner`` for one system."""
        _, plaintext = token_create(
            self.people[owner],
            owner=User.objects.get(username=owner),
            name=name,
            scopes=["read", "change"],
            systems=[system],
            expires_at=self.clock.at + timedelta(days=90),
            now=self.clock(),
        )
        self.people[name] = replace(token_authenticate(plaintext, self.clock()), via="api")

    def does(self, who: str, service: Callable[..., _T], *given: Any, **fields: Any) -> _T:
        """``who`` calls a service that takes an actor and the moment; for what makes no change of an environment."""
        return service(self.people[who], *given, **fields, now=self.clock())

    def lend(self, lender: Approved, borrower: str, terms: Mapping[str, Any]) -> None:
        """``borrower`` asks for a loan on ``terms``, which ``lender`` accepts some minutes later."""
        loan = self.does(borrower, loan_propose, side="borrower", **terms)
        self.clock.later(lender.minutes)
        self.does(lender.who, loan_accept, loan.pk)

    def team(self, slug: str) -> Team:
        return Team.objects.get(slug=slug)

    def create(self, who: str, where: str, spec: Spec, reason: str, *, approved: Approved | None = None) -> Change:
        """Make the environment ``where`` (``system/name``) and let its run go to the end."""
        return self._through(self.ask(who, "create", where, spec, reason), where, spec, approved)

    def update(
        self, who: str, where: str, reason: str, *, approved: Approved | None = None, **inputs: dict[str, Any]
    ) -> Change:
        """Change inputs of resources: ``update(…, api={"replicas": 3})``, to the end of its run."""
        spec = self.edited(where, **inputs)
        return self._through(self.ask(who, "update", where, spec, reason), where, spec, approved)

    def agreed_in_stages(self, where: str, spec: Spec, change: Change, *approved: Approved) -> None:
        """Let a change that waits be agreed to by one after the other, and its run go to the end."""
        for one in approved[:-1]:
            self.approve(change, one)
        self._through(change, where, spec, approved[-1])

    def delete(self, who: str, where: str, reason: str) -> Change:
        return self._through(self.ask(who, "delete", where, None, reason), where, None, None)

    def sleep(self, who: str, where: str, reason: str) -> Change:
        return self._through(self.ask(who, "sleep", where, None, reason), where, None, None)

    def schedule(self, who: str, where: str, windows: Sequence[Mapping[str, Any]], zone: str) -> None:
        """Say when the environment sleeps."""
        system, _, environment = where.partition("/")
        sleep_plan_save(
            self.people[who],
            system=system,
            environment=environment,
            windows=windows,
            time_zone=zone,
            now=self.clock(),
        )

    def preview(self, who: str, wish: PreviewWish) -> Change:
        """Make the preview of a key, or bring it up to date, to the end of its run."""
        change = preview_put(self.people[who], wish, now=self.clock())
        return self._through(change, f"{wish.system}/{change.environment_name}", None, None)

    def ask(self, who: str, kind: str, where: str, spec: Spec | None, reason: str) -> Change:
        """Ask for a change, and no more."""
        system, _, environment = where.partition("/")
        confirm = environment if kind == "delete" else ""
        request = ChangeRequest(kind, system, environment, spec=spec, reason=reason, confirm=confirm)
        return change_submit(self.people[who], request, now=self.clock())

    def denied(self, who: str, where: str, spec: Spec, reason: str) -> None:
        """Ask for an environment that the gate must refuse."""
        try:
            self.ask(who, "create", where, spec, reason)
        except (PolicyDenied, QuotaExceeded):
            return
        raise ValueError(f"The gate let {where} pass, which the story says it refuses.")

    def edited(self, where: str, **inputs: dict[str, Any]) -> Spec:
        """The environment's spec as it is now, with inputs of resources changed."""
        kept = self._specs[where]
        resources = {
            name: {**one, "inputs": {**one["inputs"], **inputs.get(name, {})}}
            for name, one in kept["resources"].items()
        }
        return {"stage": kept["stage"], "resources": resources}

    def approve(self, change: Change, approved: Approved) -> None:
        self.clock.later(approved.minutes)
        change_approve(
            self.people[approved.who],
            change.pk,
            plan_digest=change.plan_digest,
            comment=approved.comment,
            now=self.clock(),
        )

    def break_glass(self, who: str, change: Change, reason: str) -> None:
        """Let a change that is agreed to go on in spite of a freeze, to the end of its run."""
        glass_break(self.people[who], change.pk, reason=reason, now=self.clock())
        self._carry_out(Run.objects.get(change=change))

    def reject(self, who: str, change: Change, comment: str) -> None:
        change_reject(self.people[who], change.pk, plan_digest=change.plan_digest, comment=comment, now=self.clock())

    def question(self, who: str, change: Change, comment: str) -> None:
        change_request_info(self.people[who], change.pk, comment=comment, now=self.clock())

    def comment(self, who: str, change: Change, comment: str) -> None:
        change_comment(self.people[who], change.pk, comment=comment, now=self.clock())

    def cancel(self, who: str, change: Change) -> None:
        change_cancel(self.people[who], change.pk, now=self.clock())

    def campaign(self, who: str, settings: CampaignSettings, *, minutes: float) -> Campaign:
        """Draft a campaign, look at its waves for some minutes, start it, and let what is due then happen."""
        draft = campaign_draft(self.people[who], settings, now=self.clock())
        self.clock.later(minutes)
        campaign_start(self.people[who], draft.pk, now=self.clock())
        for _ in range(ROUNDS):
            campaigns_advance_due(now=self.clock())
            busy = list(Run.objects.filter(state__in=("queued", "running")))
            if not busy:
                return draft
            for run in busy:
                self._carry_out(run)
            self.clock.later(0.2)
        raise RuntimeError("The campaign does not come to rest.")

    def postpone(self, who: str, campaign: Campaign, where: str, until: datetime) -> None:
        """Choose another moment for an environment of a campaign."""
        system, _, name = where.partition("/")
        item = campaign.items.get(environment__system__slug=system, environment__name=name)
        campaign_postpone(self.people[who], item.pk, until=until, now=self.clock())

    def meddle(self, where: str, kind: str, name: str, fields: Mapping[str, Any], *, manager: str) -> None:
        """Somebody changes an object in the cluster, beside Slipway; whoever watches the cluster will see it."""
        system, _, environment = where.partition("/")
        place = Environment.objects.select_related("cluster").get(system__slug=system, name=environment)
        driver = cast(SandboxDriver, open_driver(place.cluster.driver, driver_settings(place.cluster)))
        driver.edit(ObjectRef("apps/v1", kind, place.namespace, name), fields, manager=manager)

    def _through(self, change: Change, where: str, spec: Spec | None, approved: Approved | None) -> Change:
        """Approve where the story says so, and carry the change's run to its end."""
        if approved is not None:
            self.approve(change, approved)
        self._carry_out(Run.objects.get(change=change))
        change.refresh_from_db()
        if spec is not None:
            self._specs[where] = spec
        return change

    def _carry_out(self, run: Run) -> None:
        """What workers would do; the clock goes on as long as they wait between two looks."""
        for _ in range(ROUNDS):
            advance(run.pk, now=self.clock)
            run.refresh_from_db()
            if run.due_at is None:
                return
            self.clock.reach(max(self.clock.at, run.due_at))
        raise RuntimeError(f"Run {run.pk} did not end.")
