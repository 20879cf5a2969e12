"""Setting up an app or a passkey: what the account's pages and the first sign-in under a rule have in common.

The seed that an app is to share waits in the session, encrypted, until a code proves that the app has it.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from governance.domain import second_factor as domain
from governance.services import passkeys, second_factors
from idp.catalog.models import User
from idp.kernel import clock, vault, webauthn
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, InvalidInput
from portal.drawing.qr import qr_symbol
from portal.forms.second_factor import CodeForm, PasskeyForm
from portal.pages import passkey_questions
from portal.pages.problems import add_errors

ADD: Final = "add"
_SEED: Final = "app_seed"


def app_context(request: HttpRequest, user: User, form: CodeForm) -> dict[str, Any]:
    """What the page shows of an app that is being added: the code to scan, and the key to type."""
    seed = _waiting_seed(request)
    host = urlsplit(settings.BASE_URL).netloc
    address = domain.app_address(seed, person=user.username, issuer=f"Slipway {host}")
    return {"qr": qr_symbol(address), "key": domain.key_shown(seed), "form": form}


def app_added(request: HttpRequest, actor: Actor, form: CodeForm) -> list[str] | None:
    """The recovery codes (none when there are some) once the code fits; None with the error on the form."""
    if not form.is_valid():
        return None
    seed = _waiting_seed(request)
    try:
        codes = second_factors.app_add(actor, seed=seed, code=form.cleaned_data["code"], now=clock.now())
    except InvalidInput as error:
        add_errors(form, error)
        return None
    request.session.pop(_SEED, None)
    return codes


def passkey_context(request: HttpRequest, user: User, form: PasskeyForm) -> dict[str, Any]:
    question = passkey_questions.making(request, ADD, user, passkeys.passkey_handle(user))
    return {"question": question, "form": form}


def passkey_added(request: HttpRequest, actor: Actor, form: PasskeyForm) -> list[str] | None:
    """The recovery codes (none when there are some) once the passkey is kept; None with the error on the form."""
    if not form.is_valid():
        return None
    try:
        state = dict(passkey_questions.taken(request, ADD))
        handle = state.pop("handle")
        made = webauthn.registered(passkey_questions.party_here(), state, request.POST.get("answer", ""))
        _, codes = passkeys.passkey_add(
            actor, name=form.cleaned_data["name"], handle=handle, made=made, now=clock.now()
        )
    except (InvalidInput, Conflict, webauthn.Refused) as error:
        add_errors(form, error)
        return None
    return codes


def _waiting_seed(request: HttpRequest) -> bytes:
    """The seed that waits in this session, else a new one that waits from here on."""
    kept = request.session.get(_SEED)
    if kept is None:
        kept = request.session[_SEED] = vault.encrypt(domain.key_of(domain.new_seed()))
    return domain.seed_of(vault.decrypt(kept))
