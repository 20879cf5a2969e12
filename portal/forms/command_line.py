"""The form with which a person answers a command line: what it may, where, how long."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.access import SCOPES
from portal.forms.account import DAYS, SCOPE_WORDS
from portal.forms.plain import PlainForm


class AllowForm(PlainForm):
    """Bound to what the program wishes until the person sends it."""

    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(one, SCOPE_WORDS[one][0]) for one in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    systems = forms.CharField(
        label="Only in these systems",
        required=False,
        help_text="Names separated by commas. Empty means every system you may see.",
    )
    days = forms.TypedChoiceField(label="For", choices=DAYS, coerce=int, initial=30)

    def clean_systems(self) -> list[str]:
        return list(dict.fromkeys(self.cleaned_data["systems"].replace(",", " ").split()))

    @property
    def scope_options(self) -> list[dict[str, Any]]:
        """The scopes as the template draws them."""
        chosen = self["scopes"].value() or []
        return [
            {"value": one, "label": SCOPE_WORDS[one][0], "hint": SCOPE_WORDS[one][1], "selected": one in chosen}
            for one in SCOPES
        ]
