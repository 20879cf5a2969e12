"""Shapes of signing in from a command line."""

from __future__ import annotations

from governance.access import SCOPES
from portal.api.shapes.words import link, listed, moment, record, shape, text, whole

LOGIN_ASK = shape(
    "LoginAsk",
    record(
        {"client": text("The machine that asks, as its person knows it.", least=1, most=60, example="ann's laptop")},
        {"scopes": listed(text(one_of=SCOPES), "What the program wishes; the person decides.", most=4)},
        closed=True,
        examples=({"client": "ann's laptop", "scopes": ["read", "change"]},),
    ),
)
LOGIN = shape(
    "Login",
    record(
        {
            "device_code": text("The program's secret; never shown to anybody."),
            "code": text("What the person compares.", example="BCDF-GHJK"),
            "page": link("In the portal, where the person answers."),
            "page_with_code": link("The same with the code filled in."),
            "interval": whole("Seconds to wait between two questions."),
            "expires_at": moment(),
        }
    ),
)
LOGIN_TAKE = shape(
    "LoginTake",
    record({"device_code": text(least=20, most=100)}, closed=True, examples=({"device_code": "x" * 43},)),
)
LOGIN_TOKEN = shape(
    "LoginToken",
    record(
        {
            "token": text("Given this once; only a hash of it is kept."),
            "username": text(),
            "scopes": listed(text(one_of=SCOPES)),
            "systems": listed(text(), "Those it is bound to; empty for all."),
            "expires_at": moment(),
        }
    ),
)
LOGIN_WAITS = shape("LoginWaits", record({"state": text(one_of=("waiting",)), "interval": whole("Seconds.")}))
