"""Reports of a blast radius: asked for by people, worked out in chunks by whoever claims them, kept by their digest.

The question is the document, the revisions that live and the rules by which they are judged; the same question has the
same report. Nothing but the report is written, so asking leaves no audit entry. A worker that lost its lease meets
``LeaseLost`` at its next write, and nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from governance.access import rights_of
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical, digest
from idp.kernel.errors import InvalidInput, NotFound, RateLimited
from idp.kernel.wake import wake_after_commit
from provisioning.domain.blast_radius import RULES, Impact, majors_reached
from provisioning.domain.blast_totals import by_team, counted
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import parse_contract
from provisioning.models import BlastItem, BlastReport
from provisioning.selectors.blast import require_judge
from provisioning.selectors.capabilities import contract_get, parsed
from provisioning.selectors.living import fleet_of, versions_beyond
from provisioning.services.contracts import contract_read
from provisioning.services.report_leases import (
    LONGEST,
    OPEN,
    ReportClaim,
    report_claim,
    report_hold,
    reports_due,
    reports_forget,
)

MOST_OPEN: Final = 5


def blast_of_version(actor: Actor, *, capability: str, version: str, now: datetime) -> BlastReport:
    """The report of a published version over what lives now: the one that is there, or a new one."""
    require_judge(rights_of(actor), capability)
    return _ask(actor, parsed(contract_get(capability, version)), published=True, now=now)


def blast_of_draft(
    actor: Actor,
    *,
    text: str | bytes | None = None,
    document: Mapping[str, Any] | None = None,
    now: datetime,
) -> BlastReport:
    """The report of a draft. InvalidInput with its findings when it does not pass the checks of publishing."""
    contract, problems = contract_read(text, document=document)
    require_judge(rights_of(actor), contract.capability)
    if problems:
        raise InvalidInput(
            f"{contract.reference} does not pass its checks yet, so nothing was rendered.",
            code="contract-refused",
            remedy="Mend what is listed and ask again; nothing was stored.",
            errors=problems,
        )
    return _ask(actor, contract, published=False, now=now)


def blast_again(actor: Actor, report_id: int, *, now: datetime) -> BlastReport:
    """The same document over what lives now: the same report as long as nothing moved."""
    report = BlastReport.objects.defer("fleet").filter(pk=report_id).first()
    if report is None:
        raise NotFound("There is no such report.", remedy="It may have been forgotten; ask for it anew.")
    require_judge(rights_of(actor), report.capability)
    return _ask(actor, parse_contract(report.document), published=report.published, now=now)


@transaction.atomic
def _ask(actor: Actor, contract: ParsedContract, *, published: bool, now: datetime) -> BlastReport:
    majors = majors_reached(contract)
    fleet = fleet_of(contract.capability, majors)
    document = canonical(contract.document)
    of_document = digest(document)
    question = digest({"document": of_document, "fleet": fleet.digest, "rules": RULES})
    report = BlastReport.objects.filter(question=question).defer("document", "fleet").first()
    if report is None:
        _require_room(actor)
        report, _ = BlastReport.objects.get_or_create(
            question=question,
            defaults={
                "capability": contract.capability,
                "version": contract.version,
                "published": published,
                "document": document,
                "document_digest": of_document,
                "fleet": list(fleet.revisions),
                "fleet_digest": fleet.digest,
                "total": len(fleet.revisions),
                "left_out": versions_beyond(contract.capability, majors),
                "state": "queued",
                "due_at": now,
                "asked_by_id": actor.user_id,
                "created_at": now,
            },
        )
        wake_after_commit("blast", report.pk)
    elif report.state == "failed":
        BlastReport.objects.filter(pk=report.pk, state="failed").update(state="queued", due_at=now, error="")
        report.state, report.error = "queued", ""
        wake_after_commit("blast", report.pk)
    return report


def _require_room(actor: Actor) -> None:
    """Each report may render thousands of resources, so one person has only a few under way."""
    if BlastReport.objects.filter(asked_by_id=actor.user_id, state__in=OPEN).count() >= MOST_OPEN:
        raise RateLimited(
            f"{MOST_OPEN} of your reports are still being worked out.", remedy="Ask again when one of them is done."
        )


def blast_claim(report_id: int, *, owner: str, lease: timedelta, now: datetime) -> ReportClaim | None:
    """Claim a report that is due and free; None when it is neither."""
    return report_claim(BlastReport, report_id, owner=owner, lease=lease, now=now)


@transaction.atomic
def blast_settle(claim: ReportClaim, *, done: int, impacts: Sequence[Impact], now: datetime) -> None:
    """Store one chunk and that the first ``done`` revisions are worked off; both or neither."""
    report_hold(claim, lease_until=now + claim.lease, done=done)
    report = BlastReport.objects.only("resources", "counts", "teams").get(pk=claim.report_id)
    BlastItem.objects.bulk_create(
        _item(claim.report_id, position, one) for position, one in enumerate(impacts, report.resources)
    )
    BlastReport.objects.filter(pk=claim.report_id).update(
        resources=report.resources + len(impacts),
        counts=counted(report.counts, impacts),
        teams=by_team(report.teams, impacts),
    )


def blasts_due(now: datetime) -> list[int]:
    return reports_due(BlastReport, now)


def blasts_forget(now: datetime) -> int:
    """Delete the reports that were over a month ago; how many."""
    return reports_forget(BlastReport, now)


def _item(report_id: int, position: int, one: Impact) -> BlastItem:
    living, more = one.living, one.more_usage
    return BlastItem(
        report_id=report_id,
        position=position,
        team_id=living.team_id,
        system_id=living.system_id,
        environment_id=living.environment_id,
        stage=living.stage,
        resource=living.name,
        version=living.contract.version,
        outcome=one.outcome,
        reason=one.reason[:LONGEST],
        objects_changed=[each.as_dict() for each in one.objects],
        problems=[problem.as_dict() for problem in one.problems],
        cpu=more.cpu,
        memory_gib=more.memory_gib,
        storage_gib=more.storage_gib,
        cost=one.more_cost,
    )
