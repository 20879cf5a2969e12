"""Shapes of second factors: what somebody has, and nothing by which it could be used."""

from __future__ import annotations

from portal.api.shapes.words import flag, listed, maybe, moment, record, shape, text, whole

_PASSKEY = record({"name": text("As the person calls it."), "added_at": moment(), "used_at": maybe(moment())})
SECOND_FACTOR = shape(
    "SecondFactor",
    record(
        {
            "app": flag("Whether there is an authenticator app."),
            "passkeys": listed(_PASSKEY),
            "recovery_codes_left": whole("How many of the ten were not used yet."),
            "required": flag("Whether the installation asks this person for one at sign-in."),
        },
        about="Added and removed on the account page only, where the person proves first who they are.",
    ),
)
