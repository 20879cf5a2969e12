"""Forms of the account page."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.access import SCOPES
from portal.forms.plain import PlainForm

SCOPE_WORDS = {
    "read": ("Read", "See what you may see."),
    "change": ("Change", "Ask for changes in your name."),
    "approve": ("Approve", "Decide on changes in your name."),
    "admin": ("Admin", "Manage teams, systems and the platform as far as you may."),
}
DAYS = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))


class TokenForm(PlainForm):
    """A new token: always a name, a purpose and an end."""

    name = forms.CharField(label="Name", max_length=80, help_text="What will use it, for example payments-ci.")
    scopes = forms.MultipleChoiceField(
        label="May",
        choices=[(one, SCOPE_WORDS[one][0]) for one in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    systems = forms.CharField(
        label="Only these systems",
        required=False,
        help_text="Names separated by commas. Empty means every system you may see.",
    )
    days = forms.TypedChoiceField(label="Valid for", choices=DAYS, coerce=int, initial=90)

    def clean_systems(self) -> list[str]:
        return list(dict.fromkeys(self.cleaned_data["systems"].replace(",", " ").split()))

    @property
    def scope_options(self) -> list[dict[str, Any]]:
        """The scopes as the template draws them; reading is offered first and ticked on a new form."""
        chosen = self["scopes"].value() or ([] if self.is_bound else ["read"])
        return [
            {"value": one, "label": SCOPE_WORDS[one][0], "hint": SCOPE_WORDS[one][1], "selected": one in chosen}
            for one in SCOPES
        ]


class PasswordForm(PlainForm):
    password = forms.CharField(
        label="Your password", max_length=128, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
