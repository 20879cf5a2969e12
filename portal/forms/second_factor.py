"""Forms of the second factor: codes, names of passkeys, and of whom one is required."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.domain.second_factor import ADMINS, EVERYBODY, NOBODY
from governance.services.passkeys import LONGEST_NAME
from portal.forms.plain import PlainForm

RULES = (
    (NOBODY, "Nobody", "Everybody chooses for themselves."),
    (ADMINS, "Platform admins", "Whoever administers the platform."),
    (EVERYBODY, "Everybody", "Everybody who signs in with a password of here."),
)


class CodeForm(PlainForm):
    """A code of an app."""

    code = forms.CharField(
        label="Code from your app",
        max_length=20,
        widget=forms.NumberInput(attrs={"autocomplete": "one-time-code"}),
        error_messages={"required": "Type the six digits that your app shows now."},
    )


class RecoveryForm(PlainForm):
    recovery = forms.CharField(
        label="Recovery code",
        max_length=60,
        help_text="One of the ten that you kept. It works once.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )


class PasskeyForm(PlainForm):
    """A name for a passkey; ``answer`` is what the browser says, put there by the page's script."""

    name = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        help_text="By what you know the device, such as Work laptop.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class RequiredForm(PlainForm):
    required_of = forms.ChoiceField(label="Required of", choices=[(key, title) for key, title, _ in RULES])

    @property
    def options(self) -> list[dict[str, Any]]:
        chosen = self["required_of"].value()
        return [{"value": key, "label": title, "hint": hint, "selected": key == chosen} for key, title, hint in RULES]
