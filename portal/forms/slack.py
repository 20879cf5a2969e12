"""The form by which an admin says which app of Slack is believed."""

from __future__ import annotations

from django import forms

from portal.forms.plain import PlainForm


class SlackAppForm(PlainForm):
    """What a secret looks like is the service's to say; it is never shown again."""

    signing_secret = forms.CharField(
        label="Signing secret",
        max_length=200,
        help_text="Under “Basic Information” of your app in Slack. Kept encrypted and never shown again.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
