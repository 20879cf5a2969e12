"""Shapes of the secrets that people fill. Only the request has values."""

from __future__ import annotations

from portal.api.shapes.words import flag, listed, mapped, maybe, moment, record, ref, shape, text
from provisioning.domain.secret_slot import LONGEST_VALUE

SECRET = shape(
    "SecretToFill",
    record(
        {
            "resource": text("The resource whose secret it is."),
            "secret": text("Name of the Secret in the environment's namespace."),
            "made": flag("A run has made the Secret; until then nothing can be filled."),
            "filled_by": text("Who fills it.", one_of=("people", "outside")),
            "missing": listed(text(), "Required keys that are not there."),
            "keys": listed(
                record(
                    {
                        "key": text(example="API_KEY"),
                        "help": text("Where its value is found."),
                        "required": flag(),
                        "filled": flag("The cluster has a value."),
                        "filled_at": maybe(moment("When it was set last.")),
                        "manager": maybe(text("The field manager that set it; slipway-secrets for this API.")),
                    }
                )
            ),
        }
    ),
)
SECRET_LIST = shape("SecretToFillList", record({"items": listed(ref(SECRET), "In dependency order.")}))
SECRET_VALUES = shape(
    "SecretValues",
    record(
        {"values": mapped(text("Sent to the cluster, never kept.", most=LONGEST_VALUE), "By key.")},
        closed=True,
        examples=({"values": {"API_KEY": "…"}},),
    ),
)
