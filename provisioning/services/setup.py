"""What a new installation begins with: the built-in contracts, and on request a sandbox cluster with four stages.

Called by ``manage.py slipway_setup`` and the demo. May be repeated: what is there stays as it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from idp.kernel.actor import PLATFORM, Actor
from provisioning.contracts import builtin_documents, builtin_readme
from provisioning.models import Cluster, Contract, Stage
from provisioning.services.clusters import cluster_register
from provisioning.services.contracts import contract_publish
from provisioning.services.stages import stage_save

PRICES = {"cpu": 18, "memory_gib": 3.2, "storage_gib": 0.12}
STAGES: tuple[tuple[str, str, str, int, str | None, dict[str, Any]], ...] = (
    ("preview", "Preview", "One for each pull request, made and deleted by CI.", 5, None,
     {"default_days": 3, "max_days": 14, "idle_hours": 8}),
    ("dev", "Development", "For trying things out. Starts at once.", 10, None, {"default_days": 14, "max_days": 90}),
    ("staging", "Staging", "The last stop before production.", 20, "dev", {}),
    ("prod", "Production", "What customers use. Never expires.", 30, "staging", {"production": True}),
)  # fmt: skip


def contracts_install(actor: Actor = PLATFORM, *, now: datetime) -> list[Contract]:
    """Publish every built-in contract that is not published yet."""
    return [
        contract_publish(
            actor,
            document=document.data,
            readme=builtin_readme(path.partition("/")[0]),
            ask_clusters=False,
            now=now,
        )
        for path, document in builtin_documents()
    ]


@transaction.atomic
def sandbox_install(actor: Actor = PLATFORM, *, now: datetime) -> Cluster:
    """A sandbox cluster with the stages preview, dev, staging and prod on it, where no stage exists yet."""
    cluster = Cluster.objects.filter(name="sandbox").first() or cluster_register(
        actor, name="sandbox", title="Sandbox", driver="sandbox", prices=PRICES, now=now
    )
    if Stage.objects.exists():
        return cluster
    made: dict[str | None, Stage] = {}
    for name, title, summary, order, source, rules in STAGES:
        made[name] = stage_save(
            actor,
            name=name,
            title=title,
            summary=summary,
            order=order,
            cluster=cluster,
            promotes_from=made.get(source),
            now=now,
            **rules,
        )
    return cluster
