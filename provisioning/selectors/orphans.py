"""Orphans as admins read them."""

from __future__ import annotations

from django.db.models import QuerySet

from governance.access import Rights
from idp.kernel.errors import NotFound
from provisioning.models import Orphan


def orphan_list(rights: Rights, *, cluster: str = "") -> QuerySet[Orphan]:
    """Those that are open, last found first. Admins only: they may be of systems that are nobody's any more."""
    rights.require_admin()
    rows = Orphan.objects.filter(state="open").select_related("cluster").defer("cluster__credentials")
    return rows.filter(cluster__name=cluster) if cluster else rows


def orphan_get(rights: Rights, orphan_id: int) -> Orphan:
    found = orphan_list(rights).filter(pk=orphan_id).first()
    if found is None:
        raise NotFound("There is no such orphan any more.")
    return found
