"""Decisions: what is waiting, and what was said. Who may decide is asked in ``governance.services.approvals``."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from governance.models import Approval, Decision


def approvals_of(change_id: int, plan_digest: str | None = None) -> QuerySet[Approval]:
    """A change's approvals in order, with their teams; of one plan, or of all plans it had."""
    rows = Approval.objects.filter(change_id=change_id).select_related("team").order_by("id")
    return rows if plan_digest is None else rows.filter(plan_digest=plan_digest)


def decisions_of(change_id: int) -> QuerySet[Decision]:
    """Everything that was said to a change, oldest first, with who said it."""
    return Decision.objects.filter(change_id=change_id).select_related("user", "on_behalf_of").order_by("id")


def waiting_changes(change_ids: Iterable[int]) -> dict[int, list[Approval]]:
    """Waiting approvals by change, for a page of changes. One query."""
    found: dict[int, list[Approval]] = {}
    rows = Approval.objects.filter(change_id__in=list(change_ids), state="waiting").select_related("team")
    for approval in rows.order_by("change_id", "position"):
        found.setdefault(approval.change_id, []).append(approval)
    return found
