"""Keeps who had a part in asking for a change, so that none of them agrees to it.

The authors of a change are its requester; who made the token that asked, when it is a service account's, for they hold
it; and whom the request names: the people who conduct the campaign that asks. Called while a change is submitted.
"""

from __future__ import annotations

from idp.kernel.actor import Actor
from provisioning.models import Change, ChangeAuthor
from provisioning.services.requests import ChangeRequest


def authors_keep(change: Change, actor: Actor, request: ChangeRequest) -> None:
    """Inside the transaction that made ``change``. No query where the requester alone asks."""
    parts = dict.fromkeys(request.authors, "conducts what asks for it")
    if actor.holder_id is not None:
        parts[actor.holder_id] = "holds the token that asked for it"
    parts.pop(change.requester_id, None)
    if parts:
        ChangeAuthor.objects.bulk_create(
            ChangeAuthor(change=change, user_id=user_id, part=part) for user_id, part in parts.items()
        )
