"""Forms of people, groups, and the place of a team."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from idp.catalog.models import Team
from portal.forms.catalog import SlugField
from portal.forms.plain import PlainForm


class PersonForm(PlainForm):
    display_name = forms.CharField(label="Name", max_length=120, required=False)
    email = forms.CharField(label="Mail address", max_length=254, required=False, help_text="Notices go there.")
    active = forms.BooleanField(
        label="May sign in",
        required=False,
        help_text="Switched off, everything they may ends at once; roles stay, for when it is switched on again.",
    )


class GroupForm(PlainForm):
    name = SlugField(label="Name")


class GroupMemberForm(PlainForm):
    user = forms.CharField(label="Name", max_length=150, help_text="The name the person signs in with.")


class PlaceForm(PlainForm):
    """Where a team stands: the team above it, and whether it still is one."""

    parent = forms.ChoiceField(
        label="Team above",
        required=False,
        help_text="Takes over what this one owns when nobody is left in it.",
    )
    archived = forms.BooleanField(
        label="Archived", required=False, help_text="It takes no members and no systems any more. Its history stays."
    )

    def __init__(self, *args: Any, teams: Iterable[Team] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [("", "None"), *((team.slug, team.name) for team in teams)]
        self.fields["parent"].choices = choices  # type: ignore[attr-defined]


class TransferForm(PlainForm):
    team = forms.ChoiceField(label="To team", help_text="One of its maintainers has to agree.")
    reason = forms.CharField(label="Why", max_length=400, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, teams: Iterable[Team] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"].choices = [("", "Choose a team"), *((team.slug, team.name) for team in teams)]  # type: ignore[attr-defined]
