"""Shapes of agents: what each may, its token's end, and the sessions in which it called."""

from __future__ import annotations

from portal.api.shapes.words import (
    anything,
    flag,
    link,
    listed,
    maybe,
    moment,
    number,
    page_of,
    record,
    ref,
    shape,
    slug,
    text,
    whole,
)
from provisioning.domain.agent import KINDS
from provisioning.services.agent_sessions import OUTCOMES

_NAME = text("Lower-case letters, digits and dashes.", least=1, most=40, example="triage")
_PURPOSE = text("What it is for.", most=300, example="Looks after branches.")
_SYSTEMS = listed(
    slug("", "checkout"), "Slugs of the only systems that it works on; none for all of the team.", most=50
)
_STAGES = listed(slug("", "dev"), "Names of the only stages at which it may change something; none for all.", most=50)
_KINDS = listed(text(one_of=KINDS), "Kinds of changes that it may ask for.", least=1, most=len(KINDS))
_CAP = number("What its changes together may add to the cost of a month.", least=0, most=1_000_000, example=250)
_DAYS = whole("How long its token lasts.", least=1, most=366, example=30)
_TEAM = slug("The team whose systems it works on.", "payments")

_AGENT = {
    "name": text(),
    "purpose": text(),
    "owner": text("Username of the person for whom it acts."),
    "team": text(),
    "systems": listed(text(), "Empty for all of the team."),
    "stages": listed(text(), "Empty for all."),
    "kinds": listed(text()),
    "monthly_cap": number("What its changes together may add to the cost of a month."),
    "currency": text(),
    "state": text("Whether somebody paused it.", one_of=("active", "paused")),
    "may_call": flag("Whether its token opens /mcp now."),
    "token": record(
        {
            "prefix": text("How its token begins, after slw_."),
            "expires_at": maybe(moment()),
            "last_used_at": maybe(moment("To the minute.")),
        }
    ),
    "created_at": moment(),
    "updated_at": moment(),
    "url": link(),
}
AGENT = shape("Agent", record(_AGENT))
AGENT_PAGE = page_of(AGENT)
AGENT_DETAIL = shape(
    "AgentDetail",
    record(
        {
            **_AGENT,
            "spent": number("What its changes add to the cost of a month now."),
            "sessions": link("What it called."),
        }
    ),
)
AGENT_CREATE = shape(
    "AgentCreate",
    record(
        {"name": _NAME, "team": _TEAM, "kinds": _KINDS, "monthly_cap": _CAP},
        {"purpose": _PURPOSE, "systems": _SYSTEMS, "stages": _STAGES, "days": _DAYS},
        closed=True,
        examples=(
            {
                "name": "triage",
                "purpose": "Looks after branches.",
                "team": "payments",
                "systems": ["checkout"],
                "stages": ["dev"],
                "kinds": ["create", "update", "sleep", "wake"],
                "monthly_cap": 250,
                "days": 30,
            },
        ),
    ),
)
AGENT_EDIT = shape(
    "AgentEdit",
    record(
        {},
        {
            "purpose": _PURPOSE,
            "team": _TEAM,
            "systems": _SYSTEMS,
            "stages": _STAGES,
            "kinds": _KINDS,
            "monthly_cap": _CAP,
        },
        closed=True,
        examples=({"monthly_cap": 100},),
    ),
)
AGENT_TOKEN = shape("AgentToken", record({}, {"days": _DAYS}, closed=True, examples=({"days": 30},)))
AGENT_MADE = shape(
    "AgentMade",
    record({"agent": ref(AGENT_DETAIL), "token": text("Given this once; only a hash of it is kept.")}),
)
AGENT_SESSION = shape(
    "AgentSession",
    record(
        {
            "id": whole(),
            "client": text("What the program said that it is; may be empty."),
            "address": text("Where it came from, as far as that is known."),
            "began_at": moment(),
            "seen_at": moment("Its last call."),
            "calls": whole(),
            "refused": whole("How many of them were refused or failed."),
            "url": link(),
        }
    ),
)
AGENT_SESSION_PAGE = page_of(AGENT_SESSION)
AGENT_CALL = shape(
    "AgentCall",
    record(
        {
            "id": whole(),
            "at": moment(),
            "tool": text(),
            "arguments": anything("What it sent, with secrets hidden and long texts cut."),
            "outcome": text(one_of=OUTCOMES),
            "code": text("The problem's code where it was refused."),
            "text": text("What came of it, in words."),
            "change": maybe(link("The change that it led to.")),
        }
    ),
)
AGENT_CALL_PAGE = page_of(AGENT_CALL)
