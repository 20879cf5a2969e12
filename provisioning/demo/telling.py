"""How the demo's history is told: a clock in the past, and people who ask, decide and wait as they do in life.

Each step calls the service that a person's click would call, with the moment at which it happened; runs are carried
out here, as a worker would, with the same clock. So nothing that is shown was written by hand.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from idp.kernel.actor import Actor
from idp.kernel.errors import PolicyDenied, QuotaExceeded
from provisioning.models import Change, Run
from provisioning.orchestrator import advance
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve, change_cancel, change_comment, change_reject
from provisioning.services.decisions import change_request_info as request_info

ROUNDS = 100
"""More looks at a run than any needs; a run that takes more is a fault of ours."""


class StoryClock:
    """Goes on a little with every reading, as work takes time, and never back. The same story every time."""

    def __init__(self, anchor: datetime) -> None:
        self.anchor = anchor
        self.at = anchor
        self._chance = random.Random(7)  # noqa: S311 - how long steps took, not a secret

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=self._chance.uniform(0.1, 1.9))
        return self.at

    def begin(self, moment: datetime) -> None:
        self.at = moment

    def workday(self, back: int, time: str) -> None:
        """Go to a time (``09:40``) of the working day that lies ``back`` working days before today."""
        day = self.anchor
        while back:
            day -= timedelta(days=1)
            back -= day.weekday() < 5
        hour, minute = time.split(":")
        self._reach(day.replace(hour=int(hour), minute=int(minute), second=self._chance.randrange(60)))

    def minutes_ago(self, minutes: float) -> None:
        self._reach(self.anchor - timedelta(minutes=minutes))

    def later(self, minutes: float) -> None:
        self._reach(self.at + timedelta(minutes=minutes))

    def from_now(self, **span: float) -> str:
        """A moment counted from the visitor's now, as a document writes it."""
        return (self.anchor + timedelta(**span)).isoformat()

    def _reach(self, moment: datetime) -> None:
        if moment < self.at:
            raise ValueError(f"The story goes back from {self.at} to {moment}.")
        self.at = moment


class Storyteller:
    """Asks and decides for the people of the demo, and remembers what each environment is made of."""

    def __init__(self, people: Mapping[str, Actor], clock: StoryClock) -> None:
        self.people = people
        self.clock = clock
        self._specs: dict[str, dict[str, Any]] = {}

    def create(
        self, who: str, where: str, spec: dict[str, Any], reason: str, *, decided: tuple[str, float, str] | None = None
    ) -> Change:
        """``where`` is ``system/environment``; ``decided`` names who approves, after how many minutes, with what words."""
        return self._ask(who, "create", where, spec, reason, decided)

    def update(
        self,
        who: str,
        where: str,
        reason: str,
        *,
        decided: tuple[str, float, str] | None = None,
        remove: tuple[str, ...] = (),
        **inputs: dict[str, Any],
    ) -> Change:
        """Change inputs of resources: ``update(…, api={"replicas": 3})``; a resource that is not there is added."""
        return self._ask(who, "update", where, self._edited(where, inputs, remove), reason, decided)

    def delete(self, who: str, where: str, reason: str, *, decided: tuple[str, float, str] | None = None) -> Change:
        return self._ask(who, "delete", where, None, reason, decided)

    def denied(self, who: str, kind: str, where: str, spec: dict[str, Any], reason: str) -> None:
        """Ask for what the gate must refuse."""
        try:
            self._submit(who, kind, where, spec, reason)
        except (PolicyDenied, QuotaExceeded):
            return
        raise ValueError(f"The gate let {where} pass, which the story says it refuses.")

    def edited(self, where: str, **inputs: dict[str, Any]) -> dict[str, Any]:
        """The environment's spec with inputs changed, for ``denied``."""
        return self._edited(where, inputs, ())

    def approve(self, who: str, change: Change, comment: str = "") -> None:
        change_approve(self.people[who], change.pk, plan_digest=change.plan_digest, comment=comment, now=self.clock())
        self._carry_out(change)

    def reject(self, who: str, change: Change, comment: str) -> None:
        change_reject(self.people[who], change.pk, plan_digest=change.plan_digest, comment=comment, now=self.clock())

    def ask_back(self, who: str, change: Change, comment: str) -> None:
        request_info(self.people[who], change.pk, comment=comment, now=self.clock())

    def comment(self, who: str, change: Change, comment: str) -> None:
        change_comment(self.people[who], change.pk, comment=comment, now=self.clock())

    def cancel(self, who: str, change: Change) -> None:
        change_cancel(self.people[who], change.pk, now=self.clock())

    def _ask(
        self,
        who: str,
        kind: str,
        where: str,
        spec: dict[str, Any] | None,
        reason: str,
        decided: tuple[str, float, str] | None,
    ) -> Change:
        change = self._submit(who, kind, where, spec, reason)
        if decided is None:
            self._carry_out(change)
        else:
            decider, minutes, comment = decided
            self.clock.later(minutes)
            self.approve(decider, change, comment)
        change.refresh_from_db()
        if spec is not None and change.state in ("succeeded", "failed"):
            self._specs[where] = spec
        return change

    def _submit(self, who: str, kind: str, where: str, spec: dict[str, Any] | None, reason: str) -> Change:
        system, _, environment = where.partition("/")
        confirm = environment if kind == "delete" else ""
        request = ChangeRequest(kind, system, environment, spec=spec, reason=reason, confirm=confirm)
        return change_submit(self.people[who], request, now=self.clock())

    def _edited(self, where: str, inputs: Mapping[str, dict[str, Any]], remove: tuple[str, ...]) -> dict[str, Any]:
        spec = {name: value for name, value in self._specs[where].items() if name != "expires"}
        resources = {name: one for name, one in spec["resources"].items() if name not in remove}
        for name, changed in inputs.items():
            kept = resources.get(name)
            resources[name] = changed if kept is None else {**kept, "inputs": {**kept["inputs"], **changed}}
        return {**spec, "resources": resources}

    def _carry_out(self, change: Change) -> None:
        """What workers would do; the clock goes on as long as a worker waits between two looks."""
        run = Run.objects.filter(change=change, state="queued").first()
        if run is None:
            return
        for _ in range(ROUNDS):
            advance(run.pk, now=self.clock)
            run.refresh_from_db()
            if run.due_at is None:
                return
            self.clock.at = max(self.clock.at, run.due_at)
        raise RuntimeError(f"The run of “{change.title}” did not end.")
