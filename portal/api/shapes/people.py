"""Shapes of people, groups, and edits of them that can be taken back."""

from __future__ import annotations

from idp.catalog.names import ROLES
from portal.api.shapes.words import flag, link, listed, maybe, moment, page_of, record, ref, shape, slug, text, whole

_NAMED = listed(record({"name": text(), "title": text()}))
PERSON = shape(
    "Person",
    record(
        {
            "username": text(),
            "display_name": text(),
            "email": text(),
            "active": flag("Whether they may sign in, and may anything at all."),
            "managed_by_scim": flag("Whether a directory manages the account through SCIM: it is edited there."),
            "url": link(),
        }
    ),
)
PERSON_PAGE = page_of(PERSON)
PERSON_DETAIL = shape(
    "PersonDetail",
    {
        "allOf": [
            ref(PERSON),
            record(
                {
                    "teams": listed(record({"team": text(), "role": text(one_of=ROLES)})),
                    "groups": listed(text()),
                    "leaves": record(
                        {
                            "tokens": whole("Tokens that end with the account."),
                            "open_changes": whole("Changes that they asked for and that are under way."),
                            "teams_alone": listed(text(), "Teams in which nobody else may ask for changes."),
                            "systems": listed(
                                record(
                                    {
                                        "system": text(),
                                        "team": text(),
                                        "successor": maybe(text("The team that takes over; null: platform admins.")),
                                    }
                                ),
                                "What those teams own, with who takes over.",
                            ),
                        },
                        about="What switching the account off leaves behind, or has left behind.",
                    ),
                }
            ),
        ]
    },
)
PERSON_EDIT = shape(
    "PersonEdit",
    record(
        {},
        {
            "display_name": text(most=120),
            "email": text("Notices go there; empty for none.", most=254),
        },
        closed=True,
        examples=({"display_name": "Ada Lovelace", "email": "ada@example.com"},),
    ),
)
GROUP = shape("Group", record({"name": text(), "people": whole("Active people in it."), "url": link()}))
GROUP_PAGE = page_of(GROUP)
GROUP_DETAIL = shape(
    "GroupDetail",
    {
        "allOf": [
            ref(GROUP),
            record(
                {
                    "members": listed(text("User name.")),
                    "asked_by": record(
                        {
                            "policies": _NAMED,
                            "routes": _NAMED,
                            "waiting": whole("Open decisions that wait for the group, or will."),
                        },
                        about="Where it is named; it is not deleted while it is.",
                    ),
                }
            ),
        ]
    },
)
NEW_GROUP = shape(
    "NewGroup",
    record({"name": slug("Names the group for ever.", "security")}, closed=True, examples=({"name": "security"},)),
)
GROUP_MEMBER = shape(
    "GroupMember",
    record(
        {"username": text(least=1, most=150)},
        closed=True,
        examples=({"username": "ada"},),
    ),
)
PEOPLE_EDIT = shape(
    "PeopleEdit",
    record(
        {
            "id": whole(least=1),
            "what": text("The edit in words."),
            "by": text("User name."),
            "at": moment(),
            "taken_back_by": maybe(text("User name.")),
            "taken_back_at": maybe(moment()),
        }
    ),
)
PEOPLE_EDIT_PAGE = page_of(PEOPLE_EDIT)
