"""What one was told, and how one wants to be told. Only ever one's own."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.domain.notice import KINDS
from governance.models import Notice
from governance.selectors.notices import ORDER, Wishes, notice_list, wishes_of
from governance.services import notices as services
from governance.services.notice_settings import notice_settings_save
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput, NotSignedIn
from portal.api.answers import answer, content_tag, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import notices as shapes
from portal.api.shapes.words import flag, text

AREA = "Notices"
OWN = "One's own only; not for tokens that are bound to systems."


class Notices(Endpoint):
    @operation(
        "notices_list",
        "List my notices",
        area=AREA,
        answers={200: shapes.NOTICE_PAGE},
        query=(
            Query("unread", flag("Only those that are not read.")),
            Query("kind", text("Only of this kind.", one_of=tuple(KINDS))),
            *PAGED,
        ),
        about=f"Newest first. {OWN}",
    )
    def get(self, request: Request) -> HttpResponse:
        kinds = [self.query["kind"]] if "kind" in self.query else []
        rows = notice_list(self.rights, unread=self.query.get("unread", False), kinds=kinds)
        return listing(request, self.query, rows, ORDER, notice_row)


class NoticesRead(Endpoint):
    @operation(
        "notices_read",
        "Mark notices as read",
        area=AREA,
        answers={200: shapes.NOTICES_READ_ANSWER},
        body=shapes.NOTICES_READ,
        scope="change",
        about=f"Those named in ids, or all up to until. {OWN}",
    )
    def post(self, request: Request) -> HttpResponse:
        if ("ids" in self.sent) == ("until" in self.sent):
            message = "Send ids or until, one of the two."
            raise InvalidInput(message, errors=[FieldError("ids", message)])
        if "ids" in self.sent:
            read = services.notices_read(self.actor, ids=self.sent["ids"], now=clock.now())
        else:
            read = services.notices_read_all(self.actor, until=self.sent["until"], now=clock.now())
        return answer({"read": read})


class MyNotices(Endpoint):
    @operation(
        "notice_settings_read",
        "How I am told",
        area=AREA,
        answers={200: shapes.NOTICE_SETTINGS},
        versioned=True,
        about="One's own only.",
    )
    def get(self, request: Request) -> HttpResponse:
        if self.actor.user_id is None:
            raise NotSignedIn("Nobody is signed in.")
        shown = _settings(wishes_of(self.actor.user_id))
        return versioned(shown, content_tag(shown))

    @operation(
        "notice_settings_edit",
        "Choose how I am told",
        area=AREA,
        answers={200: shapes.NOTICE_SETTINGS},
        body=shapes.NOTICE_SETTINGS_EDIT,
        scope="change",
        versioned=True,
        about=f"What is left out stays as it is. {OWN}",
    )
    def patch(self, request: Request) -> HttpResponse:
        if self.actor.user_id is None:
            raise NotSignedIn("Nobody is signed in.")
        require_if_match(request, content_tag(_settings(wishes_of(self.actor.user_id))))
        saved = notice_settings_save(
            self.actor,
            deliveries=self.sent.get("deliveries", {}),
            digest_hour=self.sent.get("digest_hour"),
            time_zone=self.sent.get("time_zone"),
            now=clock.now(),
        )
        shown = _settings(saved)
        return versioned(shown, content_tag(shown))


def notice_row(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.pk,
        "kind": notice.kind,
        "title": notice.title,
        "text": notice.text,
        "page": notice.url,
        "at": moment(notice.at),
        "read_at": moment(notice.read_at),
    }


def _settings(wishes: Wishes) -> dict[str, Any]:
    return {
        "deliveries": wishes.deliveries,
        "kinds": {key: kind.title for key, kind in KINDS.items()},
        "digest_hour": wishes.digest_hour,
        "time_zone": wishes.time_zone,
    }
