"""The form by which an admin gives a host to a team."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from portal.forms.plain import PlainForm
from provisioning.services.hosts import NOTE_LENGTH


class HostForm(PlainForm):
    """``teams`` are slugs; the service knows whether the host is one, and whether the system is the team's."""

    host = forms.CharField(
        label="Host",
        max_length=253,
        help_text="A name, or *.shop.example.com for every name below it.",
        widget=forms.TextInput(
            attrs={"placeholder": "*.shop.example.com", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    team = forms.ChoiceField(label="Team")
    system = forms.CharField(
        label="Only for the system", max_length=63, required=False, help_text="Leave it empty for all of the team's."
    )
    note = forms.CharField(label="Note", max_length=NOTE_LENGTH, required=False)

    def __init__(self, *args: Any, teams: Iterable[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"].choices = [("", "Choose a team"), *((one, one) for one in teams)]  # type: ignore[attr-defined]
