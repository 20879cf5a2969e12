"""Shapes of sharing: grants by which an environment lends a resource to others, and who uses it."""

from __future__ import annotations

from portal.api.shapes.words import flag, link, listed, maybe, moment, record, ref, shape, slug, text, whole
from provisioning.domain.document_schemas import NAME_PATTERN

_USER = record(
    {"system": slug("Whose environment uses it."), "environment": text(), "resource": text(), "since": moment()}
)
_TO = {
    "to_system": text("Which system may use it; empty where it is all of the team's.", most=30),
    "to_environment": text("Only this environment of it; all of them when empty.", most=30),
    "to_team": flag("All systems of the owner's own team may use it."),
}
_SAID = {
    "beyond": flag("What is in production may be used outside of production."),
    "score_id": text("The identity by which Score files find it.", most=200, example="postgres.default#orders"),
    "note": text(most=200),
}
GRANT = shape(
    "Grant",
    record(
        {
            "id": whole(),
            "system": slug("Whose resource it is."),
            "environment": text(),
            "resource": text(),
            **_TO,
            **_SAID,
            "ends_at": maybe(moment("After that nobody begins to use it; who uses it then goes on.")),
            "in_force": flag("Whether somebody may begin to use it."),
            "users": listed(_USER, "Who uses it, as far as the reader may see them."),
            "hidden_users": whole("How many more use it.", least=0),
            "given_by": maybe(text()),
            "given_at": moment(),
            "version": whole(),
            "url": link("Where it is."),
        }
    ),
)
GRANTS = shape("GrantList", record({"items": listed(ref(GRANT), "By resource.")}))
NEW_GRANT = shape(
    "NewGrant",
    record(
        {"resource": text("The resource to share.", most=31, pattern=NAME_PATTERN)},
        {
            "to_system": slug("Which system may use it."),
            "to_environment": text("Only this environment of it.", most=30),
            "to_team": flag("All systems of the owner's own team, instead of one system."),
            **_SAID,
            "ends_at": maybe(moment("After that nobody begins to use it.")),
        },
        closed=True,
        examples=({"resource": "db", "to_system": "reports", "score_id": "postgres.default#orders"},),
    ),
)
GRANT_EDIT = shape(
    "GrantEdit",
    record(
        {"ends_at": maybe(moment("After that nobody begins to use it; null for never."))},
        closed=True,
        examples=({"ends_at": "2027-01-31T18:00:00Z"},),
    ),
)
_OFFER = record(
    {
        "from": record({"system": text(), "environment": text(), "resource": text()}),
        "to_environment": text("Only this environment may use it; all of the system when empty."),
        "score_id": text(),
        "note": text(),
        "ends_at": maybe(moment()),
    }
)
OFFERS = shape("GrantOffers", record({"items": listed(_OFFER, "What the system may begin to use.")}))
