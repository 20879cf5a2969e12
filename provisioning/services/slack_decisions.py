"""Decisions from Slack: the press of a button becomes the same decision as one in the portal, with the same rights.

Only translates: who pressed is the person who linked themselves, the plan is the one whose digest the button carries,
and ``change_approve`` and ``change_reject`` decide whether it counts. What is refused is said in words to who pressed,
and is in the audit log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

from governance.domain.chat import message_of
from governance.domain.slack import Pressed, decided, only_to_you
from governance.models import SlackRequest
from governance.services.slack import actor_for, person_of, slack_answer, slack_refusal_note
from idp.kernel.actor import Actor
from idp.kernel.errors import UserFault
from provisioning.models import Change
from provisioning.services.decisions import change_approve, change_reject
from provisioning.services.event_lines import change_data

DONE = {"approve": "agreed to it", "reject": "rejected it"}


def slack_decide(request: SlackRequest, press: Pressed, *, address: str, now: datetime) -> str:
    """Carry out what was pressed, and have Slack told what came of it; answers the sentence that it is told."""
    person = person_of(press.who)
    if person is None:
        nobody = Actor(None, f"slack:{press.who.member}", via="slack", address=address)
        slack_refusal_note(nobody, why="not-linked", change_id=press.change_id, now=now)
        told = f"Slipway does not know you here yet. Link yourself on {settings.BASE_URL}/account/slack, once."
        slack_answer(request, only_to_you(told), press.answer_url, now=now)
        return told
    actor = actor_for(person, address)
    try:
        change = _decided(actor, press, now)
    except UserFault as error:
        slack_refusal_note(actor, why=error.code, change_id=press.change_id, now=now)
        told = f"{error.message} {error.remedy}".strip()
        slack_answer(request, only_to_you(told), press.answer_url, now=now)
        return told
    told = _outcome(change, actor.username, press.verdict)
    slack_answer(request, _message(change, told), press.answer_url, now=now)
    return told


def _decided(actor: Actor, press: Pressed, now: datetime) -> Change:
    if press.verdict == "approve":
        return change_approve(actor, press.change_id, plan_digest=press.digest, comment=press.reason, now=now)
    return change_reject(actor, press.change_id, plan_digest=press.digest, comment=press.reason, now=now)


def _outcome(change: Change, who: str, verdict: str) -> str:
    then = {
        "pending": "It waits for somebody else to agree.",
        "approved": "It has every approval and starts when its turn comes.",
        "running": "It has every approval and is running.",
    }
    return f"{who} {DONE[verdict]}. {then.get(change.state, '')}".strip()


def _message(change: Change, told: str) -> dict[str, Any]:
    data = {**change_data(change), "page": f"/changes/{change.pk}/"}
    waits = change.state == "pending"
    key = "change.submitted" if waits or change.state != "rejected" else "change.rejected"
    return decided(message_of(key, data, settings.BASE_URL), told, waits=waits)
