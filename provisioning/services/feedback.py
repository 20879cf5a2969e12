"""“Was this easy?”: an answer for each run, by the person who asked for it.

Nobody must answer, nobody is asked twice, and an answer may be changed or taken back to “rather not say”.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from provisioning.domain.feedback import answer_problems, subjects
from provisioning.domain.run import TERMINAL_RUN_STATES
from provisioning.models import Contract, Feedback, FeedbackSubject, Run


@transaction.atomic
def feedback_give(actor: Actor, run_id: int, *, answer: str, words: str = "", now: datetime) -> Feedback:
    """Store or change the answer of a run. Only whoever asked for its change; locks the run.

    Raises NotFound for a run that the actor may not see, Forbidden for one that somebody else asked for, Conflict
    ``illegal-state`` while it is under way. The same again is no change and leaves no entry.
    """
    run = _locked(run_id)
    rights = rights_of(actor)
    if run is None or not rights.may_see(run.environment.system):
        rights.require_scope("read")
        raise NotFound(f"There is no run {run_id}.")
    rights.require_scope("change")
    if run.change.requester_id != actor.user_id:
        raise Forbidden(f"Only {run.change.requester.username}, who asked for it, may say how run {run_id} was.")
    if run.state not in TERMINAL_RUN_STATES:
        raise Conflict(f"Run {run_id} is under way.", code="illegal-state", remedy="Say how it was when it is over.")
    words = words.strip()
    if problems := list(answer_problems(answer, words)):
        raise InvalidInput("The answer was not stored.", errors=problems)
    return _store(actor, run, answer, words, now=now)


def _locked(run_id: int) -> Run | None:
    rows = Run.objects.select_for_update(of=("self",)).select_related("environment__system__team", "change__requester")
    return rows.filter(pk=run_id).first()


def _store(actor: Actor, run: Run, answer: str, words: str, *, now: datetime) -> Feedback:
    row = Feedback.objects.filter(run=run).first()
    if row is not None and (row.answer, row.words) == (answer, words):
        return row
    before = row.answer if row else None
    if row is None:
        row = Feedback.objects.create(
            run=run, person_id=run.change.requester_id, answer=answer, words=words, created_at=now, changed_at=now
        )
        _tell_subjects(row, run)
    else:
        row.answer, row.words, row.changed_at = answer, words, now
        row.save(update_fields=["answer", "words", "changed_at"])
    system = run.environment.system
    audit_append(
        actor,
        action="feedback.give",
        object_type="run",
        object_id=run.pk,
        object_label=f"{system.slug}/{run.environment.name} run {run.pk}",
        team_slug=system.team.slug,
        data={"before": before, "after": answer, "with_words": bool(words)},
        now=now,
    )
    return row


def _tell_subjects(row: Feedback, run: Run) -> None:
    wanted = set(subjects(run.change.plan))
    found = Contract.objects.filter(
        capability__name__in={name for name, _ in wanted}, version__in={version for _, version in wanted}
    ).values_list("pk", "capability__name", "version")
    FeedbackSubject.objects.bulk_create(
        FeedbackSubject(feedback=row, contract_id=key) for key, name, version in found if (name, version) in wanted
    )
