"""Stages, in the order in which pages show them."""

from __future__ import annotations

from django.db.models import QuerySet

from idp.kernel.errors import NotFound
from provisioning.models import Stage


def stage_list() -> QuerySet[Stage]:
    return Stage.objects.select_related("cluster", "promotes_from").defer("cluster__credentials").order_by("order")


def stage_get(name: str) -> Stage:
    stage = stage_list().filter(name=name).first()
    if stage is None:
        raise NotFound(f"There is no stage “{name}”.")
    return stage
