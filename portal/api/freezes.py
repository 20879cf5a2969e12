"""Freezes: declared, edited, lifted; and the glass that is broken in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api import paths
from portal.api.answers import answer, created, listing, moment, versioned
from portal.api.changes import CHANGES_JOINED, UNSHOWN, change_row
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import changes as change_shapes
from portal.api.shapes import freezes as shapes
from portal.api.shapes.words import text
from provisioning.domain.freeze import begins, in_force
from provisioning.models import Change, Freeze, GlassBreak
from provisioning.selectors import freezes as selectors
from provisioning.services import freezes as services
from provisioning.services.glass import glass_break, glass_review

AREA = "Freezes"
ADMINS = "Platform admins only."
RENAMED = {"timezone": "zone", "break_glass": "glass"}


class Freezes(Endpoint):
    @operation(
        "freezes_list",
        "List freezes",
        area=AREA,
        answers={200: shapes.FREEZE_PAGE},
        query=(Query("standing", text("Only those that are not lifted.", one_of=("true",))), *PAGED),
        about="Newest first.",
    )
    def get(self, request: Request) -> HttpResponse:
        rows = selectors.freeze_list(over="standing" not in self.query)
        return listing(request, self.query, rows, ("-id",), freeze_row)

    @operation(
        "freezes_declare",
        "Declare a freeze",
        area=AREA,
        answers={201: shapes.FREEZE},
        body=shapes.NEW_FREEZE,
        scope="admin",
        about=f"{ADMINS} It holds changes, promotions, upgrades, expiry and falling asleep; runs go on to their end, "
        "and rollbacks pass. It thaws by itself.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        row = services.freeze_declare(self.actor, now=clock.now(), **_asked(self.sent))
        return created(freeze_row(row), paths.freeze(row.pk), version=row.version)


class OneFreeze(Endpoint):
    @operation("freezes_read", "Read a freeze", area=AREA, answers={200: shapes.FREEZE}, versioned=True)
    def get(self, request: Request, freeze_id: int) -> HttpResponse:
        row = selectors.freeze_get(freeze_id)
        return versioned(freeze_row(row), row.version)

    @operation(
        "freezes_edit",
        "Edit a freeze",
        area=AREA,
        answers={200: shapes.FREEZE},
        body=shapes.FREEZE_EDIT,
        scope="admin",
        versioned=True,
        problems=(409,),
        about=ADMINS,
    )
    def patch(self, request: Request, freeze_id: int) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, selectors.freeze_get(freeze_id).version)
        row = services.freeze_update(
            self.actor, freeze_id, expected_version=expected, now=clock.now(), **_asked(self.sent)
        )
        return versioned(freeze_row(row), row.version)


class FreezeLift(Endpoint):
    @operation(
        "freezes_lift",
        "Lift a freeze",
        area=AREA,
        answers={200: shapes.FREEZE},
        body=change_shapes.NOTHING,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} What was held starts by itself.",
    )
    def post(self, request: Request, freeze_id: int) -> HttpResponse:
        return answer(freeze_row(services.freeze_lift(self.actor, freeze_id, now=clock.now())))


class FreezeTakeBack(Endpoint):
    @operation(
        "freezes_take_back",
        "Take the last step of a freeze back",
        area=AREA,
        answers={200: shapes.FREEZE},
        body=change_shapes.NOTHING,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} A lifted freeze holds again; an edited one is as it was before.",
    )
    def post(self, request: Request, freeze_id: int) -> HttpResponse:
        return answer(freeze_row(services.freeze_take_back(self.actor, freeze_id, now=clock.now())))


class ChangeBreakGlass(Endpoint):
    @operation(
        "changes_break_glass",
        "Break the glass for a change",
        area=AREA,
        answers={202: change_shapes.CHANGE},
        body=shapes.BREAK_GLASS,
        scope="change",
        problems=(409,),
        about="A change that a freeze denied is asked for again, and answered; one that waits for the thaw starts. "
        "Platform admins, and maintainers of the team where the freeze lets them. An admin who did not break it "
        "answers within 3 days.",
    )
    def post(self, request: Request, change_id: int) -> HttpResponse:
        change = glass_break(self.actor, change_id, now=clock.now(), **self.sent)
        row = Change.objects.select_related(*CHANGES_JOINED).defer(*UNSHOWN).get(pk=change.pk)
        return answer(change_row(row), 202)


class GlassBreaks(Endpoint):
    @operation(
        "glass_breaks_list",
        "List broken glass",
        area=AREA,
        answers={200: shapes.GLASS_PAGE},
        query=(Query("open", text("Only what nobody has answered yet.", one_of=("true",))), *PAGED),
        about="Of systems that you may see, newest first.",
    )
    def get(self, request: Request) -> HttpResponse:
        rows = GlassBreak.objects.filter(verdict="") if "open" in self.query else None
        return listing(request, self.query, selectors.breaks_visible(self.rights, rows), ("-id",), glass_row)


class GlassReview(Endpoint):
    @operation(
        "glass_breaks_review",
        "Answer broken glass",
        area=AREA,
        answers={200: shapes.GLASS_BREAK},
        body=shapes.GLASS_REVIEW,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} Never who broke it.",
    )
    def post(self, request: Request, break_id: int) -> HttpResponse:
        return answer(glass_row(glass_review(self.actor, break_id, now=clock.now(), **self.sent)))


def freeze_row(row: Freeze) -> dict[str, Any]:
    """Needs ``declared_by`` and ``lifted_by`` joined."""
    freeze, now = selectors.freeze_of(row), clock.now()
    hold = None if row.lifted_at else in_force(freeze, now)
    state = "lifted" if row.lifted_at else "frozen" if hold else "scheduled" if begins(freeze, now) else "over"
    return {
        "id": row.pk,
        "title": row.title,
        "reason": row.reason,
        "state": state,
        "until": moment(hold.until) if hold else None,
        "scope": row.scope,
        "covers": row.covers,
        "starts_at": moment(row.starts_at),
        "ends_at": moment(row.ends_at),
        "windows": row.windows,
        "timezone": row.zone,
        "break_glass": row.glass,
        "declared_by": row.declared_by.username,
        "declared_at": moment(row.declared_at),
        "lifted_by": row.lifted_by.username if row.lifted_by else None,
        "lifted_at": moment(row.lifted_at),
        "version": row.version,
        "url": paths.freeze(row.pk),
    }


def glass_row(row: GlassBreak) -> dict[str, Any]:
    """As ``selectors.freezes.breaks_visible`` joins it."""
    return {
        "id": row.pk,
        "change": row.change_id,
        "title": row.change.title,
        "freeze": row.freeze_id,
        "freezes": row.freezes,
        "reason": row.reason,
        "broken_by": row.broken_by.username,
        "broken_at": moment(row.broken_at),
        "due_at": moment(row.due_at),
        "verdict": row.verdict,
        "comment": row.comment,
        "reviewed_by": row.reviewed_by.username if row.reviewed_by else None,
        "reviewed_at": moment(row.reviewed_at),
    }


def _asked(sent: dict[str, Any]) -> dict[str, Any]:
    """The members of the body as the service takes them."""
    asked = {RENAMED.get(name, name): value for name, value in sent.items()}
    for name in ("starts_at", "ends_at"):
        if asked.get(name) is not None:
            asked[name] = _moment(asked[name], name)
    return asked


def _moment(written: str, name: str) -> datetime:
    try:
        read = datetime.fromisoformat(written)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        told = "Write a moment such as 2026-11-22T09:30:00Z."
        raise InvalidInput("The freeze was not stored.", errors=[FieldError(name, told)]) from None
