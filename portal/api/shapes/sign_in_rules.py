"""Shapes of the rules of signing in."""

from __future__ import annotations

from governance.domain.local_sign_in import MOST_KEEPERS, OPEN_TO
from governance.domain.second_factor import REQUIRED_OF
from portal.api.shapes.words import flag, listed, record, shape, text, whole

_REQUIRED = {"required_of": text("Of whom a code or a passkey is asked beside the password.", one_of=REQUIRED_OF)}
SECOND_FACTOR_RULE_EDIT = shape(
    "SecondFactorRuleEdit", record(_REQUIRED, closed=True, examples=({"required_of": "nobody"},))
)
SECOND_FACTOR_RULE = shape(
    "SecondFactorRule",
    record(
        {
            **_REQUIRED,
            "asked": whole("People with a password of here whom it asks."),
            "without_factor": whole("Those of them who have none yet."),
        }
    ),
)
_OPEN_TO = {"open_to": text("To whom passwords and passkeys of here are open.", one_of=OPEN_TO)}
_KEEPERS = {
    "keepers": listed(
        text(least=1, most=150), f"With keepers only: names of 1 to {MOST_KEEPERS} platform admins with a password."
    )
}
LOCAL_SIGN_IN_EDIT = shape(
    "LocalSignInEdit", record(_OPEN_TO, _KEEPERS, closed=True, examples=({"open_to": "everybody"},))
)
LOCAL_SIGN_IN = shape(
    "LocalSignIn",
    record(
        {
            **_OPEN_TO,
            **_KEEPERS,
            "provider_works": flag("Whether somebody has come in through a provider that is switched on."),
            "closed_to": whole("People whose password opens nothing."),
            "without_way": whole("Those of them who have never come through a provider that is switched on."),
        }
    ),
)
