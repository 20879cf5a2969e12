"""Shapes of the catalog: me, teams, members, systems, components."""

from __future__ import annotations

from idp.catalog.names import COMPONENT_TYPES, ROLES
from portal.api.shapes.words import (
    flag,
    link,
    listed,
    maybe,
    moment,
    page_of,
    record,
    ref,
    shape,
    slug,
    text,
    whole,
)

_NAME = text("For people.", least=1, most=80, example="Payments")
_DESCRIPTION = text("What it is for; plain text.", most=4000)
_VERSION = whole("Counts edits; the ETag is made from it.", least=1)

ROLE = text("Role in the team.", one_of=ROLES)
ME = shape(
    "Me",
    record(
        {
            "username": text(),
            "via": text("How this request came in."),
            "scopes": maybe(listed(text(), "What the token may; null for a session.")),
            "systems": listed(text(), "Systems the token is narrowed to; empty for all."),
            "is_admin": flag("Platform admin."),
            "is_auditor": flag(),
            "groups": listed(text()),
            "teams": listed(
                record(
                    {
                        "slug": text(),
                        "name": text(),
                        "role": maybe(ROLE),
                        "may": listed(text(), "Permissions in this team."),
                        "quota": maybe(ref("Quota")),
                    }
                )
            ),
            "waiting_on_me": whole("Changes that wait for a decision of mine."),
        }
    ),
)
TEAM = shape(
    "Team",
    record(
        {
            "slug": text(),
            "name": text(),
            "description": text(),
            "version": _VERSION,
            "created_at": moment(),
            "url": link(),
        }
    ),
)
TEAM_PAGE = page_of(TEAM)
TEAM_CREATE = shape(
    "TeamCreate",
    record(
        {"slug": slug("Names the team for ever.", "payments"), "name": _NAME},
        {"description": _DESCRIPTION},
        closed=True,
        examples=({"slug": "search", "name": "Search", "description": "Finds things."},),
    ),
)
TEAM_EDIT = shape(
    "TeamEdit",
    record({}, {"name": _NAME, "description": _DESCRIPTION}, closed=True, examples=({"name": "Search and browse"},)),
)
MEMBER = shape(
    "Member",
    record({"username": text(), "name": text(), "role": ROLE, "since": moment(), "url": link()}),
)
MEMBER_PAGE = page_of(MEMBER)
MEMBER_EDIT = shape("MemberEdit", record({"role": ROLE}, closed=True, examples=({"role": "developer"},)))

SYSTEM = shape(
    "System",
    record(
        {
            "slug": text(),
            "name": text(),
            "description": text(),
            "team": text("The owning team."),
            "restricted": flag("Only the team, admins and auditors see it."),
            "version": _VERSION,
            "created_at": moment(),
            "url": link(),
        }
    ),
)
SYSTEM_PAGE = page_of(SYSTEM)
SYSTEM_CREATE = shape(
    "SystemCreate",
    record(
        {"slug": slug("Names the system for ever.", "checkout"), "name": _NAME, "team": slug("The owning team.")},
        {"description": _DESCRIPTION, "restricted": flag("Hide it from other teams.")},
        closed=True,
        examples=({"slug": "basket", "name": "Basket", "team": "payments", "restricted": False},),
    ),
)
SYSTEM_EDIT = shape(
    "SystemEdit",
    record(
        {},
        {
            "name": _NAME,
            "description": _DESCRIPTION,
            "restricted": flag("Hide it from other teams."),
        },
        closed=True,
        examples=({"description": "Takes orders."},),
    ),
)

_LINKS = listed(
    record(
        {"title": text(least=1, most=80), "url": text("An http or https address.", most=500, pattern="^https?://")},
        closed=True,
    ),
    "Where to read on.",
    most=20,
)
_NEEDS = listed(slug("Another component."), "Components that it needs.", most=100)
_REPOSITORY = text("Address of its source; may be empty.", most=200, example="https://git.example/checkout-api")
COMPONENT = shape(
    "Component",
    record(
        {
            "slug": text(),
            "name": text(),
            "description": text(),
            "system": text(),
            "type": text(one_of=COMPONENT_TYPES),
            "repository": text(),
            "links": listed(record({"title": text(), "url": text()})),
            "depends_on": listed(text()),
            "version": _VERSION,
            "created_at": moment(),
            "url": link(),
        }
    ),
)
COMPONENT_PAGE = page_of(COMPONENT)
COMPONENT_CREATE = shape(
    "ComponentCreate",
    record(
        {
            "slug": slug("Names the component for ever.", "checkout-api"),
            "name": _NAME,
            "system": slug("The system it belongs to."),
            "type": text(one_of=COMPONENT_TYPES),
        },
        {"description": _DESCRIPTION, "repository": _REPOSITORY, "links": _LINKS, "depends_on": _NEEDS},
        closed=True,
        examples=({"slug": "basket-api", "name": "Basket API", "system": "checkout", "type": "service"},),
    ),
)
COMPONENT_EDIT = shape(
    "ComponentEdit",
    record(
        {},
        {
            "name": _NAME,
            "type": text(one_of=COMPONENT_TYPES),
            "description": _DESCRIPTION,
            "repository": _REPOSITORY,
            "links": _LINKS,
            "depends_on": _NEEDS,
        },
        closed=True,
        examples=({"repository": "https://git.example/basket-api"},),
    ),
)
