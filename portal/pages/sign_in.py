"""Signing in and out: Django's own views in our look. Knows no roles; those are asked on each request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from governance.domain.local_sign_in import EVERYBODY
from governance.selectors.local_sign_in import local_rule
from governance.services.local_sign_in import local_sign_in_require
from governance.services.open_sessions import session_gone
from governance.services.sign_ins import refusal_note, session_ended, sign_in_failed
from idp.kernel import clock
from idp.kernel.errors import Forbidden, RateLimited
from portal.middleware import actor_of_session
from portal.pages import attempts, half_way, problems
from portal.pages.session_begin import begin_session
from portal.reading.sign_in import ways_in
from provisioning.demo.organisation import PEOPLE

DEMO_FILE = "demo-password"


class Form(AuthenticationForm):
    """The same sentence for a wrong name and a wrong password, so that names cannot be guessed."""

    error_messages = {
        "invalid_login": "That name and password do not fit together.",
        "inactive": "That name and password do not fit together.",
    }


class SignIn(LoginView):
    template_name = "login.html"
    authentication_form = Form
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            attempts.require_room(request, request.POST.get("username", ""))
        except RateLimited as error:
            what = f"{request.method} {request.path}"
            refusal_note(actor_of_session(request), what=what, code=error.code, why=error.message, now=clock.now())
            return problems.answer_alone(request, error)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        attempts.forget(self.request, self.request.POST.get("username", ""))
        user, back = form.get_user(), self.get_success_url()
        try:
            local_sign_in_require(user)
        except Forbidden as error:
            return self._closed(error)
        step = half_way.step_after_password(user)
        if step:
            return half_way.hold(self.request, user, step=step, back=back)
        begin_session(self.request, user, way={"way": "password"})
        return HttpResponseRedirect(back)

    def _closed(self, error: Forbidden) -> HttpResponse:
        """The right password of somebody who is to come through a provider."""
        self.request.refusal = error  # type: ignore[attr-defined]  # read by portal.middleware.Refusals
        return self.render_to_response(self.get_context_data(form=Form(self.request), problem=error), status=403)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        username = self.request.POST.get("username", "")
        attempts.note(self.request, username)
        sign_in_failed(actor_of_session(self.request), username=username, now=clock.now())
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(**context) | door()


class SignOut(LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        actor, key = actor_of_session(request), request.session.session_key
        with transaction.atomic():
            answer = super().post(request, *args, **kwargs)
            if not actor.is_anonymous:
                session_ended(actor, now=clock.now())
                session_gone(key or "")
        return answer


def door() -> dict[str, Any]:
    """What the page offers besides the fields of name and password."""
    return {"ways": ways_in(), "local": local_rule().open_to == EVERYBODY} | (demo_people() if settings.DEMO else {})


def demo_people() -> dict[str, Any]:
    """Who is in the demo organisation, and the password that all of them share. Only ever shown in a demo."""
    kept = Path(settings.DATA_DIR) / DEMO_FILE
    return {
        "demo_names": [person.username for person in PEOPLE],
        "demo_password": kept.read_text(encoding="utf-8").strip() if kept.exists() else "",
    }


sign_in = require_http_methods(["GET", "HEAD", "POST"])(SignIn.as_view())
sign_out = require_POST(SignOut.as_view())
