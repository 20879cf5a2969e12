"""Work off a replay: claim it, judge a chunk of recorded changes, store the chunk, go on.

A worker that dies in the middle loses one chunk at most; the next one goes on behind the last that is stored. Gives the
report back after some seconds, so that a long one keeps no worker, and lets other threads run in between.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q

from idp.kernel import clock
from idp.kernel.wake import wake
from provisioning.domain.replay import Replayed
from provisioning.models import PolicyReplay
from provisioning.orchestrator.replay_judges import Judge, judge_of
from provisioning.selectors.policy_replays import changes_judged
from provisioning.services import policy_replays as services
from provisioning.services import report_leases as leases
from provisioning.services.runs import LeaseLost

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]

CHUNK: Final = 500
"""Changes between two writes."""
BREATH: Final = 25
"""Changes between two moments at which another thread may go first."""
SLICE_SECONDS: Final = 10.0


def replay_advance(replay_id: int, *, now: Clock = clock.now) -> None:
    """Take the report as far as a slice goes. Safe to call twice, late, never, or from many workers at once."""
    owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(6)}"
    lease = timedelta(seconds=settings.LEASE_SECONDS)
    claim = leases.report_claim(PolicyReplay, replay_id, owner=owner, lease=lease, now=now())
    if claim is None:
        return
    try:
        _work(claim, now)
    except LeaseLost:
        log.warning("lease_lost", report=replay_id, epoch=claim.epoch)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # whoever waits for it is told; it would stay open else
        log.exception("replay_fault", report=replay_id)
        message = f"Slipway itself failed ({type(error).__name__}). Ask again; what is worked out so far is kept."
        leases.report_fail(claim, message=message, now=now())


def replay_sweep(*, now: Clock = clock.now) -> int:
    """Wake whatever is due or lost its lease; how many."""
    due = leases.reports_due(PolicyReplay, now())
    for replay_id in due:
        if not wake("replay", replay_id):
            break
    return len(due)


def _work(claim: leases.ReportClaim, now: Clock) -> None:
    report = PolicyReplay.objects.get(pk=claim.report_id)
    judge, cursor = judge_of(report), _read_cursor(report.cursor)
    end = time.monotonic() + SLICE_SECONDS
    while rows := _chunk(report, judge, cursor):
        if time.monotonic() > end:
            leases.report_release(claim, now=now())
            wake("replay", claim.report_id)
            return
        cursor = (rows[-1][1], rows[-1][0])
        reached = (cursor[0].isoformat(), cursor[1])
        services.replay_settle(claim, found=_judged(judge, rows), cursor=reached, now=now())
    leases.report_finish(claim, now=now(), peaks=judge.peaks())


def _chunk(report: PolicyReplay, judge: Judge, cursor: tuple[datetime, int] | None) -> list[tuple[Any, ...]]:
    """The next changes, from new to old: key and moment first, then what the judge reads."""
    rows = changes_judged(report.subject, report.document, since=report.since, last_id=report.last_id)
    if cursor is not None:
        at, pk = cursor
        # The first condition says nothing new; it lets the database begin in the middle of the index.
        rows = rows.filter(Q(created_at__lte=at), Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk))
    return list(rows.order_by("-created_at", "-pk").values_list("pk", "created_at", *judge.reads)[:CHUNK])


def _judged(judge: Judge, rows: Sequence[tuple[Any, ...]]) -> list[Replayed]:
    found = []
    for number, one in enumerate(judge.judged(rows)):
        found.append(one)
        if number % BREATH == 0:
            time.sleep(0)
    return found


def _read_cursor(stored: Any) -> tuple[datetime, int] | None:
    return None if stored is None else (datetime.fromisoformat(stored[0]), int(stored[1]))
