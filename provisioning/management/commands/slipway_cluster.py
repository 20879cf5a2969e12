"""``manage.py slipway_cluster``: register a Kubernetes cluster from a kubeconfig, or give it new credentials.

A thin face over ``provisioning.services.clusters``; the same can be done with ``POST /api/v1/clusters/``.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import Actor
from idp.kernel.errors import SlipwayError
from provisioning.models import Cluster, Stage
from provisioning.services.clusters import cluster_register, cluster_update
from provisioning.services.stages import stage_save


class Command(BaseCommand):
    help = "Register a Kubernetes cluster from a kubeconfig, or give a registered one new credentials."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name, such as eu-west")
        parser.add_argument("--as", dest="admin", required=True, help="sign-in name of the admin who does it")
        parser.add_argument("--kubeconfig", required=True, help="path of the kubeconfig, or - for standard input")
        parser.add_argument("--title", default="", help="what people read; the name if left out")
        parser.add_argument("--price-cpu", type=float, help="of a core, a month")
        parser.add_argument("--price-memory", type=float, help="of a GiB of memory, a month")
        parser.add_argument("--price-storage", type=float, help="of a GiB of storage, a month")
        parser.add_argument("--stages", nargs="*", default=[], help="stages whose new environments go there")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            cluster = self._store(_actor(options["admin"]), options)
        except SlipwayError as error:
            told = "".join(f"\n  {one.path}: {one.message}" for one in error.errors)
            raise CommandError(f"{error.message}{told}\n{error.remedy}".strip()) from None
        self.stdout.write(f"{cluster.name} answers: {cluster.kubernetes_version} at {cluster.server}.")

    def _store(self, actor: Actor, options: dict[str, Any]) -> Cluster:
        kubeconfig = _read(options["kubeconfig"])
        now = clock.now()
        asked = {
            "cpu": options["price_cpu"],
            "memory_gib": options["price_memory"],
            "storage_gib": options["price_storage"],
        }
        prices = {key: price for key, price in asked.items() if price is not None}
        name = options["name"]
        if Cluster.objects.filter(name=name).exists():
            cluster = cluster_update(
                actor,
                name=name,
                title=options["title"] or None,
                kubeconfig=kubeconfig,
                prices=prices,
                now=now,
            )
        else:
            title = options["title"] or name
            cluster = cluster_register(
                actor, name=name, title=title, driver="kubernetes", kubeconfig=kubeconfig, prices=prices, now=now
            )
        for stage_name in options["stages"]:
            self._move(actor, stage_name, cluster)
        return cluster

    def _move(self, actor: Actor, stage_name: str, cluster: Cluster) -> None:
        stage = Stage.objects.filter(name=stage_name).first()
        if stage is None:
            raise CommandError(f"There is no stage {stage_name}; there are {', '.join(_stages()) or 'none yet'}.")
        stage_save(
            actor,
            name=stage.name,
            title=stage.title,
            summary=stage.summary,
            order=stage.order,
            cluster=cluster,
            promotes_from=stage.promotes_from,
            production=stage.production,
            default_days=stage.default_days,
            max_days=stage.max_days,
            soak_minutes=stage.soak_minutes,
            idle_hours=stage.idle_hours,
            drift_mode=stage.drift_mode,
            now=clock.now(),
        )
        self.stdout.write(f"New environments of stage {stage.name} go to {cluster.name}.")


def _stages() -> list[str]:
    return list(Stage.objects.order_by("order").values_list("name", flat=True))


def _actor(username: str) -> Actor:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no account {username}.")
    return Actor(user_id=user.pk, username=user.username, via="cli")


def _read(path: str) -> str:
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
