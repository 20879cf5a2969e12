"""Who owns what, whether that is still true, and systems that go from one team to another."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from rest_framework.request import Request

from governance.access import Rights
from governance.domain.ownership import ENDS_AFTER, SLEEPS_AFTER
from governance.models import Transfer
from idp.catalog.models import System
from idp.catalog.selectors import system_get
from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, created, listing, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import ownership as shapes
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import text
from provisioning.selectors import ownership as selectors
from provisioning.services import transfers as services
from provisioning.services.ownership import ownership_confirm

AREA = "Catalog"
STATES = ("open", "done", "refused", "withdrawn")


class OwnershipDue(Endpoint):
    @operation(
        "ownership_list",
        "List systems that need their owners",
        area=AREA,
        answers={200: shapes.OWNED_PAGE},
        query=(Query("needs", text("Only those that need this.", one_of=selectors.NEEDS)), *PAGED),
        about="Of systems that you may see: nobody is left, nobody approves, or nobody has confirmed for half a year.",
    )
    def get(self, request: Request) -> HttpResponse:
        teams, now = selectors.team_views(), clock.now()
        rows = selectors.needing(self.rights, teams, needs=self.query.get("needs", ""), now=now)
        return listing(
            request,
            self.query,
            rows,
            ("slug",),
            lambda system: owned_row(selectors.standing(system, teams, now=now), self.rights),
        )


class SystemOwnership(Endpoint):
    @operation(
        "ownership_read",
        "Read who owns a system",
        area=AREA,
        answers={200: shapes.OWNED},
        about="Whether it needs its owners, and who takes over where nobody is left.",
    )
    def get(self, request: Request, system: str) -> HttpResponse:
        return answer(_owned(self.rights, system_get(self.rights, system)))


class SystemConfirm(Endpoint):
    @operation(
        "ownership_confirm",
        "Confirm that a system is still owned",
        area=AREA,
        answers={200: shapes.OWNED},
        body=NOTHING,
        scope="change",
        about="Developers and maintainers of the owning team, and platform admins.",
    )
    def post(self, request: Request, system: str) -> HttpResponse:
        found = system_get(self.rights, system)
        ownership_confirm(self.actor, system=found, now=clock.now())
        return answer(_owned(self.rights, found))


class Transfers(Endpoint):
    @operation(
        "transfers_list",
        "List transfers",
        area=AREA,
        answers={200: shapes.TRANSFER_PAGE},
        query=(
            Query("system", text("Only of this system.", most=63)),
            Query("team", text("Only from or to this team.", most=63)),
            Query("state", text("Only those in this state.", one_of=STATES)),
            *PAGED,
        ),
        about="Of systems that you may see, newest first.",
    )
    def get(self, request: Request) -> HttpResponse:
        asked, rows = self.query, selectors.transfer_rows().filter(self.rights.sees("system"))
        if team := asked.get("team"):
            rows = rows.filter(Q(giver__slug=team) | Q(taker__slug=team))
        if system := asked.get("system"):
            rows = rows.filter(system__slug=system)
        if state := asked.get("state"):
            rows = rows.filter(state=state)
        return listing(request, asked, rows, ("-id",), lambda row: transfer_row(row, self.rights))

    @operation(
        "transfers_ask",
        "Ask for a transfer",
        area=AREA,
        answers={201: shapes.TRANSFER},
        body=shapes.TRANSFER_ASK,
        scope="admin",
        problems=(409,),
        about="Maintainers of either team, and platform admins. Whoever asks has agreed for the sides that are theirs; "
        "it changes hands, with its quota, when both have.",
    )
    def post(self, request: Request) -> HttpResponse:
        system = system_get(self.rights, self.sent["system"])
        row = services.transfer_ask(
            self.actor, system=system, taker=self.sent["team"], reason=self.sent["reason"], now=clock.now()
        )
        return created(transfer_row(row, self.rights), paths.transfer(row.pk))


class OneTransfer(Endpoint):
    @operation("transfers_read", "Read a transfer", area=AREA, answers={200: shapes.TRANSFER})
    def get(self, request: Request, transfer_id: int) -> HttpResponse:
        return answer(transfer_row(selectors.transfer_get(self.rights, transfer_id), self.rights))


class TransferAgree(Endpoint):
    @operation(
        "transfers_agree",
        "Agree to a transfer",
        area=AREA,
        answers={200: shapes.TRANSFER},
        body=NOTHING,
        scope="admin",
        problems=(409,),
        about="Maintainers for their side, platform admins for either. Refused while changes of the system are open, "
        "and where the taker's quota has no room.",
    )
    def post(self, request: Request, transfer_id: int) -> HttpResponse:
        return answer(transfer_row(services.transfer_agree(self.actor, transfer_id, now=clock.now()), self.rights))


class TransferDecline(Endpoint):
    @operation(
        "transfers_decline",
        "Decline or withdraw a transfer",
        area=AREA,
        answers={200: shapes.TRANSFER},
        body=NOTHING,
        scope="admin",
        problems=(409,),
        about="Whoever asked withdraws it; maintainers of either team decline it.",
    )
    def post(self, request: Request, transfer_id: int) -> HttpResponse:
        return answer(transfer_row(services.transfer_end(self.actor, transfer_id, now=clock.now()), self.rights))


def owned_row(one: selectors.Standing, rights: Rights) -> dict[str, Any]:
    since = one.alone_since
    return {
        "system": one.system.slug,
        "team": one.system.team.slug,
        "needs": list(one.needs),
        "people": one.team.people,
        "maintainers": one.team.maintainers,
        "successor": one.successor or None,
        "confirmed_at": moment(one.confirmed_at),
        "confirmed_by": one.confirmed_by or None,
        "worked_at": moment(one.worked_at),
        "due_at": moment(one.due_at),
        "alone_since": moment(since),
        "sleeps_at": moment(since + SLEEPS_AFTER) if since else None,
        "ends_at": moment(since + ENDS_AFTER) if since else None,
        "may_confirm": rights.may_request(one.system),
        "url": paths.ownership(one.system.slug),
    }


def transfer_row(row: Transfer, rights: Rights) -> dict[str, Any]:
    """As ``selectors.transfer_rows`` joins it."""
    waits = [team for team, by in ((row.giver, row.given_by), (row.taker, row.taken_by)) if by is None]
    return {
        "id": row.pk,
        "system": row.system.slug,
        "giver": row.giver.slug,
        "taker": row.taker.slug,
        "state": row.state,
        "reason": row.reason,
        "asked_by": row.asked_by.username,
        "asked_at": moment(row.asked_at),
        "given_by": row.given_by.username if row.given_by else None,
        "taken_by": row.taken_by.username if row.taken_by else None,
        "ended_at": moment(row.ended_at),
        "may_agree": row.state == "open" and any(rights.may_manage(team) for team in waits),
        "url": paths.transfer(row.pk),
    }


def _owned(rights: Rights, system: System) -> dict[str, Any]:
    found = selectors.owned_systems(rights).get(pk=system.pk)
    return owned_row(selectors.standing(found, selectors.team_views(), now=clock.now()), rights)
