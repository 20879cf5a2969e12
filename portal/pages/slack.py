"""Slack: which app is believed, who one is there, and what Slack itself sends.

The last two addresses are for Slack and know no session: what allows them is the request's signature.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from governance.domain import slack as domain
from governance.models import SlackApp, SlackLink, SlackRequest
from governance.services import slack as services
from idp.kernel import clock
from idp.kernel.errors import InvalidInput, NotSignedIn, UserFault
from portal.forms.slack import SlackAppForm
from portal.origin import origin_of
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from provisioning.services.slack_decisions import slack_decide


@page("administration", methods=FORM)
def slack_app(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    form = SlackAppForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.slack_app_set(request.actor, now=clock.now(), **form.cleaned_data)
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, "The Slack app is set up\nPeople link themselves on their account page.")
            return redirect("slack-app")
    context = {
        "form": form,
        "app": SlackApp.objects.first(),
        "linked": SlackLink.objects.count(),
        "actions": f"{settings.BASE_URL}/chat/slack/actions",
        "commands": f"{settings.BASE_URL}/chat/slack/commands",
    }
    return render(request, "slack/app.html", context, status=422 if form.errors else 200)


@page("administration", methods=POST)
def slack_app_remove(request: PageRequest) -> HttpResponse:
    services.slack_app_remove(request.actor, now=clock.now())
    messages.success(request, "The Slack app is removed\nLinks of people stay for the next app.")
    return redirect("slack-app")


@page("account")
def account_slack(request: PageRequest) -> HttpResponse:
    return _account(request)


@page("account", methods=POST)
def account_slack_code(request: PageRequest) -> HttpResponse:
    answer = _account(request, services.slack_code_make(request.actor, now=clock.now()))
    answer["Cache-Control"] = "no-store"
    return answer


@page("account", methods=POST)
def account_slack_unlink(request: PageRequest) -> HttpResponse:
    services.slack_unlink(request.actor, now=clock.now())
    messages.success(request, "You are no longer linked\nNobody decides from Slack in your name.")
    return redirect("account-slack")


def _account(request: PageRequest, code: str = "") -> HttpResponse:
    context = {
        "link": SlackLink.objects.filter(person=request.user.pk).first(),
        "app": SlackApp.objects.exists(),
        "code": code,
    }
    return render(request, "account/slack.html", context)


@csrf_exempt
@require_POST
def slack_actions(request: HttpRequest) -> HttpResponse:
    """A button was pressed. Slack is answered at once; what came of it follows as an answer to the message."""
    try:
        taken = _taken(request)
        press = domain.pressed(request.body)
        if press is not None:
            slack_decide(taken, press, address=origin_of(request), now=clock.now())
    except NotSignedIn as error:
        return _refused(error, 401)
    except domain.NotUnderstood as error:
        return JsonResponse({"detail": str(error)}, status=400)
    return HttpResponse(status=200)


@csrf_exempt
@require_POST
def slack_commands(request: HttpRequest) -> HttpResponse:
    """``/slipway link CODE`` was typed; the answer is seen by who typed it only."""
    try:
        _taken(request)
        typed = domain.typed(request.body)
    except NotSignedIn as error:
        return _refused(error, 401)
    except domain.NotUnderstood as error:
        return JsonResponse({"detail": str(error)}, status=400)
    return JsonResponse(domain.only_to_you(_linked(typed)))


def _linked(typed: domain.Typed) -> str:
    if len(typed.words) != 2 or typed.words[0] != "link":
        return f"Type “/slipway link CODE” with a code from {settings.BASE_URL}/account/slack."
    try:
        person = services.slack_link(typed.who, typed.words[1], now=clock.now())
    except UserFault as error:
        return error.message
    return f"You are {person.username} in Slipway from now on. Buttons that you press here count as yours."


def _taken(request: HttpRequest) -> SlackRequest:
    return services.slack_request_take(
        timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
        signature=request.headers.get("X-Slack-Signature", ""),
        body=_body(request),
        address=origin_of(request),
        now=clock.now(),
    )


def _body(request: HttpRequest) -> bytes:
    """What is signed. A form of several parts is read as it comes and leaves none; Slack never sends one."""
    try:
        return request.body
    except RawPostDataException:
        return b""


def _refused(error: UserFault, status: int) -> HttpResponse:
    return JsonResponse({"detail": error.message}, status=status)
