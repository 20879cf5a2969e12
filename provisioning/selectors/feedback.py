"""What people said of their runs: for who is asked, and for who answers for a capability."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from governance.access import Rights, visible
from idp.kernel.errors import Forbidden
from provisioning.domain.feedback import DISMISSED, EASY, HARD, Tally
from provisioning.domain.run import TERMINAL_RUN_STATES
from provisioning.models import Capability, Feedback, FeedbackSubject, Run


def feedback_of(run: Run) -> Feedback | None:
    """What was said of a run; no query with ``feedback`` joined."""
    return getattr(run, "feedback", None)


def may_answer(rights: Rights, run: Run) -> bool:
    """Whether the reader is the one who is asked about it. Needs ``change`` joined; no query."""
    return (
        run.state in TERMINAL_RUN_STATES
        and run.change.requester_id == rights.actor.user_id
        and rights.has_scope("change")
    )


def feedback_tally(capability: Capability) -> Tally:
    """How many found runs with any version of it easy or hard; a count that names nobody and no place. One query."""
    found = _about(capability).aggregate(
        easy=Count("pk", filter=Q(answer=EASY)), hard=Count("pk", filter=Q(answer=HARD))
    )
    return Tally(found["easy"], found["hard"])


def may_read_words(rights: Rights, capability: Capability) -> bool:
    """What people wrote is for the owning team and platform admins. No query."""
    return rights.has_scope("read") and (
        rights.is_admin or (capability.owner_id is not None and bool(rights.teams.get(capability.owner_id)))
    )


def require_words(rights: Rights, capability: Capability) -> None:
    """Forbidden for who may not read what people wrote."""
    rights.require_scope("read")
    if not may_read_words(rights, capability):
        raise Forbidden(f"Only the owners of {capability.name} and platform admins read what people wrote about it.")


def feedback_list(rights: Rights, capability: Capability) -> QuerySet[Feedback]:
    """Answers about a capability, latest change first, in systems that the reader may see. Ask ``may_read_words``."""
    rows = visible(_about(capability), rights, "run__environment__system").exclude(answer=DISMISSED)
    return rows.select_related("person", "run__environment__system").order_by("-changed_at", "-id")


def _about(capability: Capability) -> QuerySet[Feedback]:
    about = FeedbackSubject.objects.filter(feedback=OuterRef("pk"), contract__capability=capability)
    return Feedback.objects.filter(Exists(about))
