"""A fleet on the sandbox: four systems in three stages on web-service 1.0.0, and a 1.3.0 to move to.

``Fleet.settle`` plays the workers: the tasks that beat would send, with a clock that goes on.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from governance.services.quota import quota_set
from governance.services.systems import system_create
from idp.kernel.actor import PLATFORM
from provisioning.domain.campaign_layout import Pace
from provisioning.models import Campaign, CampaignItem, Change, Contract, Environment, Run
from provisioning.orchestrator import advance, sweep
from provisioning.services.campaign_sweep import campaigns_advance_due
from provisioning.services.campaigns import CampaignSettings, campaign_draft, campaign_start
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.contracts import contract_publish
from provisioning.services.decisions import change_approve
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, equip

STAGES = ("dev", "staging", "prod")
SYSTEMS = {"checkout": "payments", "ledger": "payments", "shop": "storefront", "search": "storefront"}
HOUR = timedelta(hours=1)
PACE = Pace(interval=HOUR, soak=HOUR / 2, patience=2 * HOUR, threshold=30, postpone_days=7, at_once=3)


def next_version(version: str = "1.3.0") -> Contract:
    """web-service ``version``: its pods say so. A 2.x knows no command any more."""
    document = deepcopy(Contract.objects.get(capability__name="web-service", version="1.2.0").document)
    document["metadata"]["version"] = version
    pods = document["spec"]["objects"]["server"]["manifest"]["spec"]["template"]
    pods["metadata"]["annotations"] = {"example.dev/contract": version}
    if version.startswith("2."):
        del document["spec"]["inputs"]["properties"]["command"]
        del pods["spec"]["containers"][0]["command"]
        document["spec"]["upgrade"] = {"1": {}}
    return contract_publish(PLATFORM, document=document, now=NOW)


@dataclass
class Fleet:
    organisation: Organisation
    clock: Clock = field(default_factory=Clock)

    @classmethod
    def sail(cls, organisation: Organisation, *, stages: tuple[str, ...] = STAGES, policies: tuple = ()) -> Fleet:
        """Everything made and ready, twelve environments with three stages."""
        equip(organisation, policies=policies)
        for team in organisation.teams.values():
            quota_set(PLATFORM, team=team, cpu=100, memory_gib=200, storage_gib=500, environments=50, now=NOW)
        fleet = cls(organisation)
        for slug, team in SYSTEMS.items():
            if slug not in organisation.systems:
                organisation.systems[slug] = system_create(
                    PLATFORM, slug=slug, name=slug, description="", team=organisation.teams[team], now=NOW
                )
            for stage in stages:
                fleet.make(slug, stage)
        return fleet

    def make(self, system: str, stage: str, *, name: str = "", **inputs: Any) -> Environment:
        resource = {"image": f"registry.example/{system}:1.0.0", "replicas": 1, **inputs}
        spec = {"stage": stage, "resources": {"api": {"capability": "web-service@1.0.0", "inputs": resource}}}
        change = change_submit(PLATFORM, ChangeRequest("create", system, name or stage, spec=spec), now=self.clock())
        if change.state == "pending":
            maintainer = self.organisation.actor("maintainer")
            change_approve(maintainer, change.pk, plan_digest=change.plan_digest, now=self.clock())
        carry_out(Run.objects.get(change=change), self.clock)
        return Environment.objects.get(system__slug=system, name=name or stage)

    def draft(self, who: str = "admin", **asked: Any) -> Campaign:
        settings = {"capability": "web-service", "target": "1.3.0", "starts_at": self.clock() + HOUR, "pace": PACE}
        settings |= asked
        return campaign_draft(self.organisation.actor(who), CampaignSettings(**settings), now=self.clock())

    def start(self, who: str = "admin", **asked: Any) -> Campaign:
        return campaign_start(self.organisation.actor(who), self.draft(who, **asked).pk, now=self.clock())

    def settle(self, *, hours: float = 0, rounds: int = 30) -> None:
        """Let ``hours`` go by, then let workers do all that is due."""
        self.clock.forward(hours * 3600)
        for _ in range(rounds):
            campaigns_advance_due(now=self.clock())
            sweep(now=self.clock)
            busy = list(Run.objects.filter(state__in=("queued", "running")))
            for run in busy:
                advance(run.pk, now=self.clock)
            self.clock.forward(6)
            if not busy and not CampaignItem.objects.filter(state__in=("running", "reverting")).exists():
                campaigns_advance_due(now=self.clock())
                if not Run.objects.filter(state__in=("queued", "running")).exists():
                    return

    def states(self, campaign: Campaign) -> dict[str, str]:
        """By ``system/environment``."""
        rows = CampaignItem.objects.filter(campaign=campaign).order_by("id")
        return {
            f"{system}/{name}": state
            for system, name, state in rows.values_list("environment__system__slug", "environment__name", "state")
        }

    def versions(self) -> dict[str, str]:
        """What is wanted of each environment's api."""
        rows = Environment.objects.filter(deleted_at=None).select_related("system", "desired")
        return {f"{one.system.slug}/{one.name}": one.desired.document["resources"]["api"]["contract"] for one in rows}

    def item(self, campaign: Campaign, label: str) -> CampaignItem:
        system, name = label.split("/")
        return CampaignItem.objects.get(campaign=campaign, environment__system__slug=system, environment__name=name)


def upgrades() -> int:
    return Change.objects.filter(kind="upgrade").count()
