"""Standing in: who decides for the reader while they are away, and for whom the reader does."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.services.delegations import delegation_create, delegation_withdraw, delegations_of, stand_ins_for
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page

MOST = 100


@page("account", methods=FORM)
def stand_ins(request: PageRequest) -> HttpResponse:
    now = clock.now()
    given = {name: request.POST.get(name, "").strip()[:200] for name in ("stand_in", "from", "until", "reason")}
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            row = _lent(request, given, now)
            messages.success(request, f"{row.stand_in.username} stands in for you\nTake it back whenever you like.")
            return redirect("stand-ins")
        except InvalidInput as error:
            errors = {one.path: one.message for one in error.errors}
    me = User.objects.get(pk=request.user.pk)
    context = {
        "lines": [_line(row, me, now) for row in delegations_of(me.pk, now=now)[:MOST]],
        "people": list(stand_ins_for(me).values_list("username", flat=True)[:MOST]),
        "given": given if request.method == "POST" else {"from": f"{now:%Y-%m-%d}"},
        "errors": errors,
    }
    return render(request, "account/stand_ins.html", context, status=422 if errors else 200)


@page("account", methods=POST)
def stand_in_withdraw(request: PageRequest, delegation: int) -> HttpResponse:
    row = delegation_withdraw(request.actor, delegation_id=delegation, now=clock.now())
    messages.success(request, f"{row.stand_in.username} no longer stands in for {row.person.username}")
    return redirect("stand-ins")


def _lent(request: PageRequest, given: dict[str, str], now: datetime) -> Any:
    """From the beginning of the first day, or at once when that is today, until the end of the last; days in UTC."""
    first, last = _day(given["from"], "starts_at"), _day(given["until"], "ends_at")
    starts = now if first == now.date() else datetime.combine(first, time.min, tzinfo=UTC)
    ends = datetime.combine(last, time.min, tzinfo=UTC) + timedelta(days=1)
    return delegation_create(
        request.actor,
        stand_in=given["stand_in"],
        starts_at=starts,
        ends_at=ends,
        reason=given["reason"],
        now=now,
    )


def _day(text: str, path: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if 2000 <= found.year <= 9000:
        return found
    message = "Write a day, as 2026-12-24."
    raise InvalidInput(message, errors=[FieldError(path, message)])


def _line(row: Any, me: User, now: datetime) -> dict[str, Any]:
    over = row.withdrawn_at is not None or row.ends_at <= now
    word = "Taken back" if row.withdrawn_at else "Over" if over else "Now" if row.starts_at <= now else "To come"
    return {
        "row": row,
        "title": f"{row.stand_in.username} for you" if row.person_id == me.pk else f"You for {row.person.username}",
        "last": row.ends_at - timedelta(seconds=1),
        "word": word,
        "state": "gone" if over else "ready" if word == "Now" else "waiting",
        "may_withdraw": not over,
    }
