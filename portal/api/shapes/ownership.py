"""Shapes of who owns a system, and of systems that change hands."""

from __future__ import annotations

from portal.api.shapes.words import flag, link, listed, maybe, moment, page_of, record, shape, text, whole
from provisioning.selectors.ownership import NEEDS

OWNED = shape(
    "SystemOwnership",
    record(
        {
            "system": text(),
            "team": text("The owning team."),
            "needs": listed(
                text(one_of=NEEDS),
                "owner: nobody is left in the team; maintainer: nobody in it approves; confirmation: nobody confirmed "
                "or worked on it for half a year.",
            ),
            "people": whole("Active developers and maintainers of the team."),
            "maintainers": whole("Active maintainers of the team."),
            "successor": maybe(text("The first team above with people, which takes over; null: platform admins.")),
            "confirmed_at": maybe(moment()),
            "confirmed_by": maybe(text("User name.")),
            "worked_at": maybe(moment("When a person last asked for a change of it.")),
            "due_at": moment("When somebody of the team has to confirm it."),
            "alone_since": maybe(moment("When the team was found without people.")),
            "sleeps_at": maybe(moment("When all outside production falls asleep, if nobody takes it over.")),
            "ends_at": maybe(moment("When all outside production gets an end, if nobody takes it over.")),
            "may_confirm": flag(),
            "url": link(),
        }
    ),
)
OWNED_PAGE = page_of(OWNED)
TRANSFER = shape(
    "Transfer",
    record(
        {
            "id": whole(least=1),
            "system": text(),
            "giver": text("The team that owned it when it was asked for."),
            "taker": text("The team that gets it."),
            "state": text(one_of=("open", "done", "refused", "withdrawn")),
            "reason": text(),
            "asked_by": text("User name."),
            "asked_at": moment(),
            "given_by": maybe(text("Who agreed for the giver; null while that waits.")),
            "taken_by": maybe(text("Who agreed for the taker; null while that waits.")),
            "ended_at": maybe(moment()),
            "may_agree": flag("Whether you may agree for a side that has not."),
            "url": link(),
        }
    ),
)
TRANSFER_PAGE = page_of(TRANSFER)
TRANSFER_ASK = shape(
    "TransferAsk",
    record(
        {
            "system": text(most=63),
            "team": text("Slug of the team that gets it.", most=63),
            "reason": text(least=1, most=400),
        },
        closed=True,
        examples=({"system": "checkout", "team": "storefront", "reason": "They build on it."},),
    ),
)
