"""Shapes of notices and of how one wants to be told."""

from __future__ import annotations

from governance.domain.notice import DELIVERIES, KINDS
from portal.api.shapes.words import link, listed, mapped, maybe, moment, page_of, record, shape, text, whole

_WAY = text("mail: at once, digest: once a day, portal: only there, none: not at all.", one_of=DELIVERIES)
_HOUR = whole("The full hour of the person's day at which the digest comes.", least=0, most=23)
_ZONE = text("Name of a time zone, such as Europe/Berlin.", most=60, example="Europe/Berlin")

NOTICE = shape(
    "Notice",
    record(
        {
            "id": whole(),
            "kind": text("One of those in /me/notices."),
            "title": text(),
            "text": text(),
            "page": link("The portal's page that answers it."),
            "at": moment(),
            "read_at": maybe(moment()),
        }
    ),
)
NOTICE_PAGE = page_of(NOTICE)
NOTICES_READ = shape(
    "NoticesRead",
    record(
        {},
        {
            "ids": listed(whole(least=1), "These notices.", least=1, most=200),
            "until": whole("All notices up to this id; what came later stays unread.", least=1),
        },
        closed=True,
        examples=({"ids": [12, 13]}, {"until": 40}),
    ),
)
NOTICES_READ_ANSWER = shape("NoticesReadAnswer", record({"read": whole("How many were unread.")}))
NOTICE_SETTINGS = shape(
    "NoticeSettings",
    record(
        {
            "deliveries": mapped(_WAY, "How each kind reaches the person."),
            "kinds": mapped(text(), "What each kind tells."),
            "digest_hour": _HOUR,
            "time_zone": _ZONE,
        }
    ),
)
NOTICE_SETTINGS_EDIT = shape(
    "NoticeSettingsEdit",
    record(
        {},
        {
            "deliveries": record({}, dict.fromkeys(KINDS, _WAY), closed=True),
            "digest_hour": _HOUR,
            "time_zone": _ZONE,
        },
        closed=True,
        examples=({"deliveries": {"change-succeeded": "digest"}, "digest_hour": 17, "time_zone": "Europe/Berlin"},),
    ),
)
