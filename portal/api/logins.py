"""Signing in from a command line: ask, come back for the token, end it. A person answers in the portal meanwhile.

The flow is RFC 8628's in the form of this API. Asking needs no identity; the answer that holds a token is never kept
for a repeat.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from governance.domain.login_code import code_shown
from governance.services.device_logins import POLL_SECONDS, login_ask, login_take
from governance.services.tokens import token_end
from idp.kernel import clock
from portal.api.answers import answer, created, empty, moment
from portal.api.endpoint import Endpoint, PublicEndpoint
from portal.api.operation import operation
from portal.api.shapes import logins as shapes
from portal.api.shapes.changes import NOTHING
from portal.origin import origin_of

AREA = "Start"


class Login(PublicEndpoint):
    @operation(
        "login_ask",
        "Ask to act for somebody",
        area=AREA,
        answers={201: shapes.LOGIN},
        body=shapes.LOGIN_ASK,
        scope=None,
        problems=(429,),
        kept=False,
        about="Needs no identity. Show the person `code` and the address of `page`; then ask `login/token/` every "
        "`interval` seconds. It is over after ten minutes.",
    )
    def post(self, request: Request) -> HttpResponse:
        login, device_code = login_ask(
            client=self.sent["client"],
            scopes=self.sent.get("scopes", ["read"]),
            address=origin_of(request._request),
            now=clock.now(),
        )
        page, code = reverse("command-line"), code_shown(login.code)
        return created(
            {
                "device_code": device_code,
                "code": code,
                "page": page,
                "page_with_code": f"{page}?code={code}",
                "interval": POLL_SECONDS,
                "expires_at": moment(login.expires_at),
            },
            reverse("api:login-token"),
        )


class LoginToken(PublicEndpoint):
    @operation(
        "login_take",
        "Take the token",
        area=AREA,
        answers={200: shapes.LOGIN_TOKEN, 202: shapes.LOGIN_WAITS},
        body=shapes.LOGIN_TAKE,
        scope=None,
        problems=(403, 404),
        kept=False,
        about="Needs no identity but the `device_code`. 202 while nobody has answered, 200 once with the token, 403 "
        "when the person refused, 404 when it is over.",
    )
    def post(self, request: Request) -> HttpResponse:
        taken = login_take(self.sent["device_code"], now=clock.now(), asker=self.actor)
        if taken is None:
            return created({"state": "waiting", "interval": POLL_SECONDS}, reverse("api:login-token"), status=202)
        token, plaintext = taken
        shown: dict[str, Any] = {
            "token": plaintext,
            "username": token.owner.username,
            "scopes": token.scopes,
            "systems": token.systems,
            "expires_at": moment(token.expires_at),
        }
        return answer(shown, headers={"Cache-Control": "no-store"})


class LoginEnd(Endpoint):
    @operation(
        "login_end",
        "End the token that asks",
        area=AREA,
        answers={204: None},
        body=NOTHING,
        scope=None,
        problems=(409,),
        about="Signs a program out. A session ends in the portal.",
    )
    def post(self, request: Request) -> HttpResponse:
        token_end(self.actor, now=clock.now())
        return empty()
