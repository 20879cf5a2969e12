"""Work off a report of a blast radius: claim it, render a chunk of what lives, store the chunk, go on.

A worker that dies in the middle loses one chunk at most; the next one goes on behind the last that is stored. Gives the
report back after some seconds, so that a long one keeps no worker, and lets other threads run between two resources.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from idp.kernel import clock
from idp.kernel.wake import wake
from provisioning.domain.blast_radius import Impact, impact_on, majors_reached
from provisioning.domain.contract import Contract, parse_contract
from provisioning.models import BlastReport, Revision
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.living import living_in, revisions_of, whole_catalogue
from provisioning.services import blast_reports as services
from provisioning.services import report_leases as leases
from provisioning.services.runs import LeaseLost

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]

CHUNK = 20
"""Environments between two writes."""
SLICE_SECONDS = 10.0


def blast_advance(report_id: int, *, now: Clock = clock.now) -> None:
    """Take the report as far as a slice goes. Safe to call twice, late, never, or from many workers at once."""
    owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(6)}"
    claim = services.blast_claim(report_id, owner=owner, lease=timedelta(seconds=settings.LEASE_SECONDS), now=now())
    if claim is None:
        return
    try:
        _work(claim, now)
    except LeaseLost:
        log.warning("lease_lost", report=report_id, epoch=claim.epoch)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # whoever waits for the report is told; it would stay open else
        log.exception("blast_fault", report=report_id)
        message = f"Slipway itself failed ({type(error).__name__}). Ask again; what is worked out so far is kept."
        leases.report_fail(claim, message=message, now=now())


def blast_sweep(*, now: Clock = clock.now) -> int:
    """Wake whatever is due or lost its lease; how many."""
    due = services.blasts_due(now())
    for report_id in due:
        if not wake("blast", report_id):
            break
    return len(due)


def _work(claim: leases.ReportClaim, now: Clock) -> None:
    report = BlastReport.objects.get(pk=claim.report_id)
    target, catalogue = parse_contract(report.document), whole_catalogue()
    done, end = report.done, time.monotonic() + SLICE_SECONDS
    while done < report.total:
        if time.monotonic() > end:
            leases.report_release(claim, now=now())
            wake("blast", claim.report_id)
            return
        ids = report.fleet[done : done + CHUNK]
        impacts = [one for revision in revisions_of(ids) for one in _struck(revision, target, catalogue)]
        done += len(ids)
        services.blast_settle(claim, done=done, impacts=impacts, now=now())
    leases.report_finish(claim, now=now())


def _struck(revision: Revision, target: Contract, catalogue: Catalogue) -> list[Impact]:
    impacts = []
    for living in living_in(revision, target.capability, majors=majors_reached(target), catalogue=catalogue):
        impacts.append(impact_on(living, target))
        time.sleep(0)  # rendering holds the interpreter; a page of the same process may go first
    return impacts
