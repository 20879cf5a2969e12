"""The audit log as people read it: admins and auditors all of it, members their own teams' part."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from governance.access import Rights
from governance.models import AuditEntry
from idp.kernel.errors import Forbidden

ORDER = ("-sequence",)


def audit_list(
    rights: Rights,
    *,
    team: str = "",
    object_type: str = "",
    object_id: str = "",
    actor: str = "",
    action: str = "",
) -> QuerySet[AuditEntry]:
    """Entries that the person may read, newest first; page it with ``keyset`` by ``ORDER``.

    Raises Forbidden for somebody who may read none (or none of ``team``).
    """
    rights.require_scope("read")
    everything = rights.may_read_audit(None)
    own = rights.audited_teams()
    if not everything and (rights.actor.systems or not own or (team and team not in own)):
        raise Forbidden("Only admins, auditors and developers of a team may read its audit log.")
    chosen = Q() if everything else Q(team_slug__in=sorted(own))
    filters = {"team_slug": team, "object_type": object_type, "object_id": object_id, "actor_name": actor}
    for name, value in filters.items():
        chosen &= Q(**{name: value}) if value else Q()
    if action:
        chosen &= Q(action__startswith=action)
    return AuditEntry.objects.filter(chosen).order_by(*ORDER)
