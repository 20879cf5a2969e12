"""The form that makes a token of SCIM."""

from __future__ import annotations

from django import forms

from governance.services.scim_tokens import LASTS
from portal.forms.plain import PlainForm


class ScimTokenForm(PlainForm):
    days = forms.TypedChoiceField(
        label="The token ends after",
        choices=[(str(days), f"{days} days") for days in LASTS],
        coerce=int,
        initial=str(LASTS[-1]),
        help_text="Directories do not renew it by themselves: make another one here before it ends.",
    )
