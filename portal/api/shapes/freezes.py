"""Shapes of freezes and of the glass that is broken in them."""

from __future__ import annotations

from portal.api.shapes.words import link, listed, maybe, moment, page_of, record, shape, text, whole
from provisioning.domain.freeze import COVERS, GLASS, LONGEST_REASON, LONGEST_TITLE
from provisioning.domain.sleep_schedule import DAYS, MAX_WINDOWS

STATES = ("frozen", "scheduled", "over", "lifted")
_WINDOW = record(
    {
        "days": listed(text(one_of=DAYS), "Days on which it begins.", most=7),
        "from": text("Time of day.", most=5, example="18:00"),
        "to": text("The next such time of day ends it.", most=5, example="08:00"),
    },
    closed=True,
)
_NAMES = listed(text(most=64), "All where it is left out.", most=500)
_SCOPE = record(
    {},
    {"teams": _NAMES, "systems": _NAMES, "stages": _NAMES, "capabilities": _NAMES},
    about="What it holds has to lie in every part that is named; without any it is the whole organisation.",
    closed=True,
)
_COVERS = listed(
    text(one_of=tuple(COVERS)), "What it holds; all of it where it is left out.", most=len(COVERS), least=1
)
_GLASS = text("Who may break the glass: maintainers of the team and admins, or admins only.", one_of=tuple(GLASS))
_ZONE = text("Of the windows, and of the words.", most=64, example="Europe/Berlin")
_EDITED = {
    "title": text(most=LONGEST_TITLE, least=1),
    "reason": text("Everybody who meets it reads it.", most=LONGEST_REASON, least=1),
}
_OPEN = {
    "scope": _SCOPE,
    "covers": _COVERS,
    "starts_at": moment("At once where it is left out."),
    "ends_at": maybe(moment("Null: until somebody lifts it.")),
    "windows": listed(_WINDOW, "With windows it holds inside of them only, week by week.", most=MAX_WINDOWS),
    "timezone": _ZONE,
    "break_glass": _GLASS,
}
FREEZE = shape(
    "Freeze",
    record(
        {
            "id": whole(least=1),
            "title": text(),
            "reason": text(),
            "state": text(one_of=STATES),
            "until": maybe(moment("When it thaws by itself; null while it does not hold, or until it is lifted.")),
            "scope": _SCOPE,
            "covers": listed(text(one_of=tuple(COVERS))),
            "starts_at": moment(),
            "ends_at": maybe(moment()),
            "windows": listed(_WINDOW),
            "timezone": _ZONE,
            "break_glass": _GLASS,
            "declared_by": text("User name."),
            "declared_at": moment(),
            "lifted_by": maybe(text("User name.")),
            "lifted_at": maybe(moment()),
            "version": whole(least=1),
            "url": link(),
        }
    ),
)
FREEZE_PAGE = page_of(FREEZE)
NEW_FREEZE = shape(
    "NewFreeze",
    record(
        _EDITED,
        _OPEN,
        closed=True,
        examples=(
            {
                "title": "Summer sale",
                "reason": "No change may disturb the sale.",
                "scope": {"stages": ["prod"]},
                "starts_at": "2030-06-01T08:00:00Z",
                "ends_at": "2030-06-03T20:00:00Z",
            },
        ),
    ),
)
FREEZE_EDIT = shape(
    "FreezeEdit",
    record(
        {},
        {**_EDITED, **_OPEN},
        about="What is left out stays.",
        closed=True,
        examples=({"ends_at": "2030-06-04T20:00:00Z"},),
    ),
)
BREAK_GLASS = shape(
    "BreakGlass",
    record(
        {"reason": text("Why it cannot wait.", most=LONGEST_REASON, least=1)},
        closed=True,
        examples=({"reason": "Customers cannot pay."},),
    ),
)
GLASS_BREAK = shape(
    "GlassBreak",
    record(
        {
            "id": whole(least=1),
            "change": whole(),
            "title": text("Of the change."),
            "freeze": whole("The one that lasts longest."),
            "freezes": listed(whole()),
            "reason": text(),
            "broken_by": text("User name."),
            "broken_at": moment(),
            "due_at": moment("When the agreement is late."),
            "verdict": text("Empty until somebody has answered.", one_of=("", "agreed", "objected")),
            "comment": text(),
            "reviewed_by": maybe(text("User name.")),
            "reviewed_at": maybe(moment()),
        }
    ),
)
GLASS_PAGE = page_of(GLASS_BREAK)
GLASS_REVIEW = shape(
    "GlassReview",
    record(
        {"verdict": text(one_of=("agreed", "objected"))},
        {"comment": text("Needed to object.", most=LONGEST_REASON)},
        closed=True,
        examples=({"verdict": "agreed"},),
    ),
)
