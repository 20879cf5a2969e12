"""Policies as people read them; every signed-in person may."""

from __future__ import annotations

from django.db.models import QuerySet

from governance.models import Policy
from idp.catalog.selectors import Sight
from idp.kernel.errors import NotFound


def policy_list(rights: Sight, *, retired: bool = False) -> QuerySet[Policy]:
    """Policies by name, the active ones unless ``retired``."""
    rights.require_scope("read")
    return Policy.objects.filter(active=not retired).order_by("name")


def policy_get(rights: Sight, name: str) -> Policy:
    rights.require_scope("read")
    policy = Policy.objects.filter(name=name).select_related("updated_by").first()
    if policy is None:
        raise NotFound(f"There is no policy “{name}”.")
    return policy
